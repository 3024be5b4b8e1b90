"""The whole cloud under load, killed at random moments: what it acknowledged is there, and every event it took has run."""

from __future__ import annotations

import asyncio
import io
import json
import random
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from bench.signing import capture
from tests.cloud import ACCOUNT, CloudUnderTest

KILLS = 4
CONNECTIONS = {"ssm": 8, "logs": 7, "s3": 8, "iam": 5, "lambda": 4}
PREPARED = {"ssm": 900, "logs": 700, "s3": 700, "iam": 500, "lambda": 40}
"""Requests a round, all different; a connection that has sent its share is done."""
CODE = """
import boto3
s3 = boto3.client("s3")

def handler(event, context):
    s3.put_object(Bucket="ran", Key=event["id"], Body=b"")
"""
OPERATIONS: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "ssm": ("PutParameter", lambda name: {"Name": f"/crash/{name}", "Value": f"value of {name}", "Type": "String"}),
    "logs": ("PutLogEvents", lambda name: {
        "logGroupName": "crash", "logStreamName": "all",
        "logEvents": [{"timestamp": int(time.time() * 1000), "message": name}]}),
    "s3": ("PutObject", lambda name: {"Bucket": "crash", "Key": name, "Body": f"body of {name}".encode() * 20}),
    "iam": ("CreateUser", lambda name: {"UserName": name}),
    "lambda": ("Invoke", lambda name: {
        "FunctionName": "record", "InvocationType": "Event", "Payload": json.dumps({"id": name}).encode()}),
}


class Load:
    """One round: every connection sends its requests one after the other until the cloud is gone."""

    def __init__(self, cloud: CloudUnderTest, number: int) -> None:
        self.port = cloud.port
        self.acknowledged: dict[str, set[str]] = {service: set() for service in OPERATIONS}
        self.refused: list[bytes] = []
        self.work: list[tuple[str, list[tuple[str, bytes]]]] = []
        for service, (operation, make) in OPERATIONS.items():
            names = [f"{service}-{number}-{n}" for n in range(PREPARED[service])]
            raw = capture(cloud.endpoint, service, operation, lambda n, m=make, k=names: m(k[n]), len(names))  # type: ignore[misc]
            share = list(zip(names, raw, strict=True))
            self.work += [(service, share[i :: CONNECTIONS[service]]) for i in range(CONNECTIONS[service])]

    async def run(self, kill: Callable[[], None], after: float) -> None:
        senders = [asyncio.create_task(self._send(service, share)) for service, share in self.work]
        await asyncio.sleep(after)
        await asyncio.to_thread(kill)
        await asyncio.wait_for(asyncio.gather(*senders), 20)

    async def _send(self, service: str, share: list[tuple[str, bytes]]) -> None:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            for name, request in share:
                writer.write(request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                               if line.startswith(b"content-length:")), 0)
                body = await reader.readexactly(length)
                if head.split(b" ", 2)[1] in (b"200", b"202"):
                    self.acknowledged[service].add(name)
                else:
                    self.refused.append(head + body)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the kill: what was on its way may or may not be there


def prepare(cloud: CloudUnderTest) -> None:
    s3, iam, function = cloud.client("s3"), cloud.client("iam"), cloud.client("lambda")
    s3.create_bucket(Bucket="crash")
    s3.create_bucket(Bucket="ran")
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="crash")
    logs.create_log_stream(logGroupName="crash", logStreamName="all")
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    allow = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::ran/*"}]}
    iam.create_role(RoleName="record", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(RoleName="record", PolicyName="write", PolicyDocument=json.dumps(allow))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    function.create_function(
        FunctionName="record", Runtime="python3.11", Handler="index.handler", Timeout=20,
        Role=f"arn:aws:iam::{ACCOUNT}:role/record", Code={"ZipFile": packed.getvalue()},
    )
    function.get_waiter("function_active_v2").wait(FunctionName="record", WaiterConfig={"Delay": 1})


def held(cloud: CloudUnderTest) -> dict[str, dict[str, Any]]:
    """What is there, by service and name."""
    def pages(service: str, operation: str, member: str, **params: Any) -> list[Any]:
        found = cloud.client(service).get_paginator(operation).paginate(**params)
        return [item for page in found for item in page.get(member, [])]

    s3 = cloud.client("s3")
    parameters = pages("ssm", "get_parameters_by_path", "Parameters", Path="/crash")
    return {
        "ssm": {p["Name"].rpartition("/")[2]: p["Value"] for p in parameters},
        "logs": {e["message"]: None for e in pages("logs", "filter_log_events", "events", logGroupName="crash")},
        "s3": {o["Key"]: s3.get_object(Bucket="crash", Key=o["Key"])["Body"].read()
               for o in pages("s3", "list_objects_v2", "Contents", Bucket="crash")},
        "iam": {u["UserName"]: None for u in pages("iam", "list_users", "Users")},
    }


def ran(cloud: CloudUnderTest, wanted: set[str]) -> set[str]:
    """The events that have run, after a while for those that have not."""
    s3 = cloud.client("s3")
    deadline = time.monotonic() + 60
    while True:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket="ran")
        found = {item["Key"] for page in pages for item in page.get("Contents", [])}
        if wanted <= found or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


@pytest.fixture
def seed(record_property: Callable[[str, object], None]) -> int:
    chosen = random.SystemRandom().randrange(1 << 32)
    record_property("seed", chosen)
    return chosen


def test_nothing_that_was_acknowledged_is_lost(fresh_cloud: CloudUnderTest, seed: int) -> None:
    chance = random.Random(seed)
    prepare(fresh_cloud)
    acknowledged: dict[str, set[str]] = {service: set() for service in OPERATIONS}
    for number in range(KILLS):
        load = Load(fresh_cloud, number)
        asyncio.run(load.run(fresh_cloud.kill, chance.uniform(0.2, 0.8)))
        assert not load.refused, load.refused[:1]
        for service, names in load.acknowledged.items():
            acknowledged[service] |= names
        fresh_cloud.start()
    assert all(acknowledged.values()), {name: len(found) for name, found in acknowledged.items()}
    there = held(fresh_cloud)
    for service in ("ssm", "logs", "s3", "iam"):
        missing = acknowledged[service] - there[service].keys()
        assert not missing, f"seed {seed}: {service} lost {len(missing)}: {sorted(missing)[:5]}"
    assert all(value == f"value of {name}" for name, value in there["ssm"].items())
    assert all(value == f"body of {name}".encode() * 20 for name, value in there["s3"].items())
    missing = acknowledged["lambda"] - ran(fresh_cloud, acknowledged["lambda"])
    assert not missing, f"seed {seed}: {len(missing)} events never ran: {sorted(missing)[:5]}"
