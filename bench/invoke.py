"""A warm invocation through the public API, signature, IAM and logs included; beside ministack."""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import boto3

from bench.load import Result, run
from bench.peers import Peer, available
from bench.signing import capture
from bench.spine import _answered

SECONDS = 4.0
ROUNDS = 3
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
TRUST = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}


def measure(peer: Peer, work: Path) -> dict[int, Result]:
    process = subprocess.Popen(peer.command(work), env={**os.environ, **peer.environment(work)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _answered(peer.health)
        _deploy(peer)
        requests = capture(peer.endpoint, "lambda", "Invoke", lambda n: {"FunctionName": "warm", "Payload": b"{}"}, 200)
        run("127.0.0.1", peer.port, requests, connections=4, seconds=1, work=work)
        return {c: run("127.0.0.1", peer.port, requests, connections=c, seconds=SECONDS, work=work) for c in (1, 10)}
    finally:
        process.terminate()
        process.wait(30)


def _deploy(peer: Peer) -> None:
    given = {"endpoint_url": peer.endpoint, "region_name": "us-east-1", "aws_access_key_id": "test",
             "aws_secret_access_key": "test"}
    iam, client = boto3.client("iam", **given), boto3.client("lambda", **given)
    role = iam.create_role(RoleName="warm", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName="warm", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", "def handler(event, context):\n    return event\n")
    client.create_function(FunctionName="warm", Runtime=PYTHON, Role=role, Handler="app.handler",
                           Code={"ZipFile": archive.getvalue()})
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            answer = client.invoke(FunctionName="warm", Payload=b"{}")
        except client.exceptions.ClientError:
            time.sleep(0.2)
            continue
        if answer["Payload"].read() == b"{}":
            return
        time.sleep(0.2)
    raise SystemExit(f"{peer.name} does not run the function")


def main() -> None:
    peers = [peer for peer in available() if peer.name != "moto"]  # moto runs functions in Docker only
    found: dict[str, list[dict[int, Result]]] = {peer.name: [] for peer in peers}
    for _ in range(ROUNDS):
        for peer in peers:
            with tempfile.TemporaryDirectory() as work:
                found[peer.name].append(measure(peer, Path(work)))
    print(f"median of {ROUNDS} rounds, in turn\n\n| figure | {' | '.join(found)} | ratio |\n|---|{'---|' * (len(found) + 1)}")
    for connections in (1, 10):
        for label, member in (("p50 ms", "p50_ms"), ("p99 ms", "p99_ms"), ("invocations/s", "per_second")):
            values = [statistics.median(getattr(r[connections], member) for r in rounds) for rounds in found.values()]
            ratio = f"{max(values) / min(values):.1f}x" if len(values) > 1 else ""
            name = f"{connections} connection{'s' if connections > 1 else ''}, {label}"
            print(f"| {name} | {' | '.join(f'{v:,.2f}' for v in values)} | {ratio} |")


if __name__ == "__main__":
    main()
