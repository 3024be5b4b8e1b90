"""The spine: start-up, idle memory, a small authorised read, a small durable write; beside moto's server and ministack.

The reads are signed by an IAM user with a policy of its own, made through each peer's own IAM.
`BENCH_PEERS=fogbank` measures one of them alone.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.load import Result, run
from bench.peers import Peer, available
from bench.signing import capture

SECONDS = 4.0
ROUNDS = 3


@dataclass
class Figures:
    start_ms: list[float] = field(default_factory=list)
    idle_mb: list[float] = field(default_factory=list)
    loads: dict[str, list[Result]] = field(default_factory=dict)
    cpu_us: dict[str, list[float]] = field(default_factory=dict)


def measure(peer: Peer, into: Figures, work: Path) -> None:
    """One start, and each load on it."""
    began = time.perf_counter()
    process = subprocess.Popen(peer.command(work), env={**os.environ, **peer.environment(work)},
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _answered(peer.health)
        into.start_ms.append((time.perf_counter() - began) * 1000)
        time.sleep(1)
        into.idle_mb.append(_memory(process.pid))
        for name, (operation, make, connections) in LOADS.items():
            signer = _prepare(peer) if operation == "GetParameter" else {}
            requests = capture(peer.endpoint, "ssm", operation, make, 200, **signer)
            before = _cpu(process.pid)
            result = run("127.0.0.1", peer.port, requests, connections=connections, seconds=SECONDS, work=work)
            if result.failures:
                raise SystemExit(f"{peer.name} {name}: {result.failures} failures: {result.first_failure}")
            into.loads.setdefault(name, []).append(result)
            into.cpu_us.setdefault(name, []).append((_cpu(process.pid) - before) / result.requests * 1e6)
    finally:
        process.terminate()
        process.wait(20)


LOADS: dict[str, tuple[str, Callable[[int], dict[str, Any]], int]] = {
    "read, 32 connections": ("GetParameter", lambda n: {"Name": f"/bench/{n % 50}"}, 32),
    "durable write, 32 connections": (
        "PutParameter", lambda n: {"Name": f"/bench/{n % 50}", "Value": str(n), "Type": "String", "Overwrite": True}, 32),
    "durable write, 1 connection": (
        "PutParameter", lambda n: {"Name": f"/bench/{n % 50}", "Value": str(n), "Type": "String", "Overwrite": True}, 1),
}


POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:GetParameters"], "Resource": "arn:aws:ssm:*:*:parameter/bench/*"},
]}


def _prepare(peer: Peer) -> dict[str, str]:
    """The parameters, and the credentials of a user who may read them."""
    import boto3

    def client(service: str) -> Any:
        return boto3.client(service, endpoint_url=peer.endpoint, region_name="us-east-1", aws_access_key_id="test",
                            aws_secret_access_key="test")

    ssm = client("ssm")
    for number in range(50):
        ssm.put_parameter(Name=f"/bench/{number}", Value="x", Type="String", Overwrite=True)
    iam = client("iam")
    iam.create_user(UserName="bench")
    iam.put_user_policy(UserName="bench", PolicyName="read", PolicyDocument=json.dumps(POLICY))
    key = iam.create_access_key(UserName="bench")["AccessKey"]
    return {"key": key["AccessKeyId"], "secret": key["SecretAccessKey"]}


def _answered(address: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(address, timeout=5).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.002)
    raise SystemExit(f"{address} did not answer")


def _memory(pid: int) -> float:
    """Resident memory of the process and its children, MB."""
    pids = [pid, *map(int, _children(pid))]
    total = 0
    for one in pids:
        with open(f"/proc/{one}/status") as status:
            total += sum(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    return total / 1024


def _children(pid: int) -> list[str]:
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return children.read().split()


def _cpu(pid: int) -> float:
    total = 0.0
    for one in [pid, *map(int, _children(pid))]:
        with open(f"/proc/{one}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return total


def main() -> None:
    peers = available()
    figures = {peer.name: Figures() for peer in peers}
    for _ in range(ROUNDS):
        for peer in peers:
            with tempfile.TemporaryDirectory() as work:
                measure(peer, figures[peer.name], Path(work))
    _print(figures)


def _print(figures: dict[str, Figures]) -> None:
    ours = figures["fogbank"]
    print(f"median of {ROUNDS} rounds, in turn; {os.cpu_count()} cores; Python {sys.version.split()[0]}\n")
    print(f"| figure | {' | '.join(figures)} | ratio to ours |")
    print(f"|---|{'---|' * (len(figures) + 1)}")
    _row("start-up to first answer, ms", {n: statistics.median(f.start_ms) for n, f in figures.items()}, lower=True)
    _row("idle memory, MB", {n: statistics.median(f.idle_mb) for n, f in figures.items()}, lower=True)
    for name in ours.loads:
        _row(f"{name}, requests/s",
             {n: statistics.median(r.per_second for r in f.loads[name]) for n, f in figures.items()}, lower=False)
        _row(f"{name}, p99 ms", {n: statistics.median(r.p99_ms for r in f.loads[name]) for n, f in figures.items()}, lower=True)
        _row(f"{name}, CPU us a request", {n: statistics.median(f.cpu_us[name]) for n, f in figures.items()}, lower=True)


def _row(name: str, values: dict[str, float], *, lower: bool) -> None:
    ours = values["fogbank"]
    ratios = [f"{n} {(v / ours if lower else ours / v):.1f}x" for n, v in values.items() if n != "fogbank"]
    print(f"| {name} | {' | '.join(f'{v:,.1f}' for v in values.values())} | {', '.join(ratios)} |")


if __name__ == "__main__":
    main()
