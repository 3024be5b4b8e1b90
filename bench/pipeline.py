"""CPU time of one request in the pipeline, in this process: an IAM user with a policy reads and writes SSM parameters.

Nothing but CPU time is measured, so a machine with other work on it gives nearly the same figures. `--profile` shows
where the time goes.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from bench.signing import capture
from fogbank.api.cloud import Settings
from fogbank.app import Platform
from fogbank.gateway import head
from fogbank.gateway.front import Front
from fogbank.gateway.limits import Limits
from fogbank.iam.principal import root
from fogbank.store import Store
from fogbank.wire import Codecs
from fogbank.wire.messages import Request, Response

ENDPOINT = "http://localhost:4566"
REQUESTS = 2000
ROUNDS = 9
CONNECTIONS = 32
OPERATIONS: dict[str, Callable[[int], dict[str, Any]]] = {
    "GetParameter": lambda n: {"Name": f"/bench/{n % 50}"},
    "PutParameter": lambda n: {"Name": f"/bench/{n % 50}", "Value": str(n), "Type": "String", "Overwrite": True},
}
POLICY = {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": ["ssm:GetParameter", "ssm:PutParameter"],
     "Resource": "arn:aws:ssm:*:000000000000:parameter/bench/*",
     "Condition": {"StringEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}}},
    {"Effect": "Deny", "Action": "ssm:Delete*", "Resource": "*"},
]}


async def _prepare(platform: Platform) -> tuple[str, str]:
    """The parameters, and a user who may read them: its key and secret."""
    admin = platform.context("iam", "000000000000", "us-east-1", root("000000000000"))
    for number in range(50):
        await admin.call_async("ssm", "PutParameter", {"Name": f"/bench/{number}", "Value": "x", "Type": "String"})
    await admin.call_async("iam", "CreateUser", {"UserName": "bench"})
    await admin.call_async("iam", "PutUserPolicy", {
        "UserName": "bench", "PolicyName": "read", "PolicyDocument": json.dumps(POLICY)})
    key = (await admin.call_async("iam", "CreateAccessKey", {"UserName": "bench"}))["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def _request(raw: bytes) -> Request:
    start, _, body = raw.partition(head.END)
    request, _ = head.parse(start + head.END, Limits(), "http", "127.0.0.1", None)
    request.body = body
    return request


async def _run(profile: bool) -> None:
    with tempfile.TemporaryDirectory() as work:
        platform = Platform(Settings(Path(work)), await Store.open(Path(work)), Codecs(Path(work) / "cache"))
        try:
            await _measure(platform, profile)
        finally:
            await platform.store.close()


async def _measure(platform: Platform, profile: bool) -> None:
    key, secret = await _prepare(platform)
    for operation, make in OPERATIONS.items():
        await _one(platform, operation, capture(ENDPOINT, "ssm", operation, make, 200, key=key, secret=secret), profile)


async def _one(platform: Platform, operation: str, raw: list[bytes], profile: bool) -> None:
    front = Front(platform.pipeline.handle, local=True)
    answers: list[Response] = []
    figures = []
    profiler = cProfile.Profile() if profile else None
    for _ in range(ROUNDS):
        requests = [_request(raw[n % len(raw)]) for n in range(REQUESTS)]
        answers.clear()
        began = time.thread_time()
        if profiler:
            profiler.enable()
        for number, request in enumerate(requests):
            front.handle(request, answers.append)
            if number % CONNECTIONS == 0:
                await asyncio.sleep(0)  # a turn of the loop: what was written goes to the disk
        if profiler:
            profiler.disable()
        figures.append((time.thread_time() - began) / REQUESTS * 1e6)
        while platform.store.pending is not None:
            await platform.store.pending
        if len(answers) != REQUESTS or any(a.status != 200 for a in answers):
            raise SystemExit(f"{len(answers)} answers, {[a for a in answers if a.status != 200][:1]}")
    print(f"{operation} by an IAM user: {statistics.median(figures):.1f} us of CPU a request "
          f"(least {min(figures):.1f}; median of {ROUNDS} rounds of {REQUESTS})")
    if profiler:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(45)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--profile", action="store_true")
    uvloop.run(_run(parser.parse_args().profile))


if __name__ == "__main__":
    main()
