"""Functions that go round in circles are stopped, through every way that an event takes here."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.lambda_ import lineage
from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.lambda_.helpers import create

POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["lambda:*", "s3:*"], "Resource": "*"}]}
ITSELF = """
import boto3, json, os
def handler(event, context):
    depth = event.get("depth", 0) + 1
    print("depth", depth)
    if depth > 25:
        return {"depth": depth}
    call = boto3.client("lambda").invoke(
        FunctionName=context.function_name, InvocationType=event["how"], Payload=json.dumps({**event, "depth": depth}))
    return json.load(call["Payload"]) if event["how"] == "RequestResponse" else None
"""
THROUGH_S3 = """
import boto3
def handler(event, context):
    key = event["Records"][0]["s3"]["object"]["key"] if "Records" in event else "0"
    print("depth", int(key) + 1)
    if int(key) < 25:
        boto3.client("s3").put_object(Bucket="circle", Key=str(int(key) + 1))
"""


def allowed(cloud: CloudUnderTest, name: str, source: str, **settings: Any) -> None:
    create(cloud, name, source, Timeout=60, **settings)
    cloud.client("iam").put_role_policy(RoleName=f"{name}-role", PolicyName="all", PolicyDocument=json.dumps(POLICY))


def depth(cloud: CloudUnderTest, name: str) -> int:
    logs = cloud.client("logs")
    try:
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="depth")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return 0
    return max((int(event["message"].split()[-1]) for event in events), default=0)


def settled(read: Callable[[], int]) -> int:
    """The value once it has not changed for a while."""
    last, since, deadline = read(), time.monotonic(), time.monotonic() + 60
    while time.monotonic() - since < 3 or not last:
        assert time.monotonic() < deadline
        time.sleep(0.2)
        if (now := read()) != last:
            last, since = now, time.monotonic()
    return last


def test_a_function_that_calls_itself(cloud: CloudUnderTest) -> None:
    allowed(cloud, "itself", ITSELF)
    answer = cloud.client("lambda").invoke(FunctionName="itself", Payload=b'{"how": "RequestResponse"}')
    assert "RecursiveInvocationException" in json.load(answer["Payload"])["errorMessage"]
    assert settled(lambda: depth(cloud, "itself")) == 16


def test_events_to_itself_end_in_the_destination(cloud: CloudUnderTest) -> None:
    allowed(cloud, "queues", ITSELF)
    cloud.client("s3").create_bucket(Bucket="stopped")
    destination = {"OnFailure": {"Destination": "arn:aws:s3:::stopped"}}
    cloud.client("lambda").put_function_event_invoke_config(FunctionName="queues", DestinationConfig=destination)
    cloud.client("lambda").invoke(FunctionName="queues", InvocationType="Event", Payload=b'{"how": "Event"}')
    assert settled(lambda: depth(cloud, "queues")) == 16
    s3 = cloud.client("s3")
    (kept,) = s3.list_objects_v2(Bucket="stopped")["Contents"]
    record = json.load(s3.get_object(Bucket="stopped", Key=kept["Key"])["Body"])
    assert record["requestPayload"] == {"how": "Event", "depth": 16}


def test_a_circle_through_a_bucket(cloud: CloudUnderTest) -> None:
    allowed(cloud, "circles", THROUGH_S3)
    s3, arn = cloud.client("s3"), f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:circles"
    s3.create_bucket(Bucket="circle")
    cloud.client("lambda").add_permission(
        FunctionName="circles", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com"
    )
    s3.put_bucket_notification_configuration(Bucket="circle", NotificationConfiguration={
        "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"]}]})  # fmt: skip
    s3.put_object(Bucket="circle", Key="0")
    assert settled(lambda: depth(cloud, "circles")) == 16


def test_a_circle_of_destinations(cloud: CloudUnderTest) -> None:
    counts = "def handler(event, context):\n    print('depth', 1)\n"
    names = ("ping", "pong")
    for name in names:
        allowed(cloud, name, counts)
    for name, other in (names, names[::-1]):
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{other}"
        cloud.client("lambda").put_function_event_invoke_config(
            FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": arn}}
        )
    cloud.client("lambda").invoke(FunctionName="ping", InvocationType="Event")

    def runs(name: str) -> int:
        if not depth(cloud, name):
            return 0
        return len(cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="depth")["events"])

    assert settled(lambda: runs("ping")) == 16
    assert runs("pong") == 16


def test_who_wants_a_loop_may_have_it(cloud: CloudUnderTest) -> None:
    allowed(cloud, "wanted", ITSELF)
    client = cloud.client("lambda")
    client.put_function_recursion_config(FunctionName="wanted", RecursiveLoop="Allow")
    client.invoke(FunctionName="wanted", InvocationType="Event", Payload=b'{"how": "Event"}')
    assert settled(lambda: depth(cloud, "wanted")) == 26


@given(st.lists(st.sampled_from("abc"), max_size=40))
def test_every_function_is_counted(chain: list[str]) -> None:
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    for function in chain:
        header = lineage.extended(header, function)
    assert [lineage.times(header, name) for name in "abc"] == [chain.count(name) for name in "abc"]
    assert header.startswith("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")


@given(st.text(max_size=200))
def test_any_header_is_borne(text: str) -> None:
    assert lineage.times(lineage.extended(text, "a"), "a") >= 1


@pytest.mark.parametrize("header", ["Lineage=" + "9" * 5000, "Lineage=:,::,a:b", "Lineage=" + "a:1," * 5000])
def test_hostile_headers_stay_small(header: str) -> None:
    assert len(lineage.extended(header, "f")) < 1000
