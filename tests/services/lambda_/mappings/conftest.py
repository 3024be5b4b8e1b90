"""A cloud with the tests' queue and stream in it, and functions that write down what they are given."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.lambda_.helpers import create

HERE = "tests.services.lambda_.mappings"
READS = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sqs:*", "kinesis:*", "s3:*"], "Resource": "*"}]}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudUnderTest]:
    root = str(Path(__file__).parents[4])
    variables = {"FOGBANK_SERVICES": f"sqs={HERE}.queue,kinesis={HERE}.stream", "PYTHONPATH": root}
    under_test = CloudUnderTest(tmp_path_factory.mktemp("cloud") / "data", variables=variables).start()
    try:
        yield under_test
    finally:
        under_test.stop()


def function(cloud: CloudUnderTest, name: str, source: str, **settings: Any) -> None:
    """A function whose role may read every source."""
    create(cloud, name, source, **settings)
    cloud.client("iam").put_role_policy(RoleName=f"{name}-role", PolicyName="reads", PolicyDocument=json.dumps(READS))


def queue(cloud: CloudUnderTest, name: str, visibility: int = 30) -> tuple[str, str]:
    """Its address and its ARN."""
    made = cloud.client("sqs").create_queue(QueueName=name, Attributes={"VisibilityTimeout": str(visibility)})
    return made["QueueUrl"], f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"


def stream(cloud: CloudUnderTest, name: str, shards: int = 1) -> str:
    cloud.client("kinesis").create_stream(StreamName=name, ShardCount=shards)
    return f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/{name}"


def put(cloud: CloudUnderTest, arn: str, *records: tuple[str, str]) -> None:
    """Records, as pairs of a partition key and a text."""
    entries = [{"PartitionKey": key, "Data": data.encode()} for key, data in records]
    cloud.client("kinesis").put_records(StreamARN=arn, Records=entries)


def said(cloud: CloudUnderTest, name: str) -> list[Any]:
    """What a function printed as `said JSON`, in order."""
    logs = cloud.client("logs")
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}", filterPattern="said")
        events = [event for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []
    events.sort(key=lambda event: event["timestamp"])
    return [json.loads(event["message"].split("said ", 1)[1]) for event in events]


def kept(cloud: CloudUnderTest, bucket: str) -> list[str]:
    """The keys in a bucket."""
    return [found["Key"] for found in cloud.client("s3").list_objects_v2(Bucket=bucket).get("Contents", [])]


def until(read: Callable[[], Any], seconds: float = 30) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := read()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found
