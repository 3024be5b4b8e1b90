"""A queue as the event source of real functions."""

from __future__ import annotations

import json
from typing import Any

from tests.cloud import CloudUnderTest
from tests.services.lambda_.mappings.conftest import function, kept, queue, said, until

BODIES = """
import json
def handler(event, context):
    print("said", json.dumps([record["body"] for record in event["Records"]]))
"""
PARTIAL = """
import json
def handler(event, context):
    records = event["Records"]
    print("said", json.dumps([[r["body"], r["attributes"]["ApproximateReceiveCount"]] for r in records]))
    bad = [r for r in records if r["body"] == "bad" and r["attributes"]["ApproximateReceiveCount"] == "1"]
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in bad]}
"""
FAILING = """
import json
def handler(event, context):
    count = event["Records"][0]["attributes"]["ApproximateReceiveCount"]
    print("said", json.dumps(count))
    if count == "1":
        raise ValueError("the first time")
"""
KEEPING = """
import boto3
s3 = boto3.client("s3")
def handler(event, context):
    for record in event["Records"]:
        s3.put_object(Bucket="steadily", Key=record["body"])
"""
SLOW = """
import json, time
def handler(event, context):
    began = time.time()
    time.sleep(0.4)
    print("said", json.dumps([began, time.time()]))
"""


def send(cloud: CloudUnderTest, url: str, *bodies: str) -> None:
    for body in bodies:
        cloud.client("sqs").send_message(QueueUrl=url, MessageBody=body)


def left(cloud: CloudUnderTest, url: str) -> int:
    attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(attributes["ApproximateNumberOfMessages"])


def mapped(cloud: CloudUnderTest, name: str, arn: str, **settings: Any) -> str:
    made = cloud.client("lambda").create_event_source_mapping(FunctionName=name, EventSourceArn=arn, **settings)
    return str(made["UUID"])


def test_messages_reach_the_function_and_leave_the_queue(cloud: CloudUnderTest) -> None:
    function(cloud, "reads", BODIES)
    url, arn = queue(cloud, "plain")
    mapped(cloud, "reads", arn)
    send(cloud, url, "one", "two")
    until(lambda: sorted(sum(said(cloud, "reads"), [])) == ["one", "two"])
    until(lambda: left(cloud, url) == 0)
    cloud.restart()
    send(cloud, url, "three")
    until(lambda: "three" in sum(said(cloud, "reads"), []))


def test_a_window_gathers_a_batch(cloud: CloudUnderTest) -> None:
    function(cloud, "gathers", BODIES)
    url, arn = queue(cloud, "gathered")
    mapped(cloud, "gathers", arn, BatchSize=30, MaximumBatchingWindowInSeconds=2)
    send(cloud, url, *(str(n) for n in range(12)))
    until(lambda: sum(said(cloud, "gathers"), []))
    assert [len(batch) for batch in said(cloud, "gathers")] == [12]


def test_what_a_filter_refuses_is_deleted_unseen(cloud: CloudUnderTest) -> None:
    function(cloud, "filters", BODIES)
    url, arn = queue(cloud, "filtered")
    pattern = json.dumps({"body": {"kind": ["good", {"prefix": "fine"}]}})
    mapped(cloud, "filters", arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    good = [json.dumps({"kind": kind}) for kind in ("good", "fine one")]
    send(cloud, url, json.dumps({"kind": "bad"}), "no JSON", *good)
    until(lambda: left(cloud, url) == 0)
    until(lambda: sorted(sum(said(cloud, "filters"), [])) == sorted(good))


def test_only_what_was_reported_comes_again(cloud: CloudUnderTest) -> None:
    function(cloud, "partial", PARTIAL, Timeout=1)
    url, arn = queue(cloud, "partially", visibility=2)
    mapped(cloud, "partial", arn, FunctionResponseTypes=["ReportBatchItemFailures"])
    send(cloud, url, "fine", "bad")
    until(lambda: left(cloud, url) == 0)
    seen = until(lambda: found if len(found := sum(said(cloud, "partial"), [])) >= 3 else None)
    assert sorted(seen) == [["bad", "1"], ["bad", "2"], ["fine", "1"]]


def test_what_failed_comes_again_when_it_is_visible(cloud: CloudUnderTest) -> None:
    function(cloud, "fails", FAILING, Timeout=1)
    url, arn = queue(cloud, "failing", visibility=1)
    mapped(cloud, "fails", arn)
    send(cloud, url, "x")
    until(lambda: said(cloud, "fails") == ["1", "2"])
    until(lambda: left(cloud, url) == 0)


def test_maximum_concurrency(cloud: CloudUnderTest) -> None:
    function(cloud, "slow", SLOW)
    url, arn = queue(cloud, "slowly")
    mapped(cloud, "slow", arn, BatchSize=1, ScalingConfig={"MaximumConcurrency": 2})
    send(cloud, url, *"abcdef")
    spans = until(lambda: found if len(found := said(cloud, "slow")) == 6 else None)
    for begin, _ in spans:
        assert sum(start <= begin < end for start, end in spans) <= 2
    assert any(sum(start <= begin < end for start, end in spans) == 2 for begin, _ in spans)


def test_throttled_batches_are_not_lost(cloud: CloudUnderTest) -> None:
    function(cloud, "narrow", SLOW)
    cloud.client("lambda").put_function_concurrency(FunctionName="narrow", ReservedConcurrentExecutions=1)
    url, arn = queue(cloud, "narrowly", visibility=60)
    mapped(cloud, "narrow", arn, BatchSize=1)
    send(cloud, url, *"abcd")
    until(lambda: len(said(cloud, "narrow")) == 4)
    until(lambda: left(cloud, url) == 0)


def test_a_disabled_mapping_reads_nothing_until_it_is_enabled(cloud: CloudUnderTest) -> None:
    function(cloud, "later", BODIES)
    url, arn = queue(cloud, "waiting")
    uuid = mapped(cloud, "later", arn, Enabled=False)
    send(cloud, url, "one")
    client = cloud.client("lambda")
    assert client.get_event_source_mapping(UUID=uuid)["State"] == "Disabled"
    assert left(cloud, url) == 1
    assert client.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    until(lambda: said(cloud, "later") == [["one"]])
    assert client.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    send(cloud, url, "two")
    assert client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    assert left(cloud, url) == 1


def test_killed_in_the_middle_every_message_is_handled(cloud: CloudUnderTest) -> None:
    """What functions write into buckets is durable; their last log lines are not."""
    function(cloud, "steady", KEEPING, Timeout=3)
    cloud.client("s3").create_bucket(Bucket="steadily")
    url, arn = queue(cloud, "steadily", visibility=3)
    mapped(cloud, "steady", arn, BatchSize=3)
    wanted = {f"{n:02}" for n in range(60)}
    send(cloud, url, *sorted(wanted))
    cloud.restart()
    until(lambda: left(cloud, url) == 0)
    assert set(kept(cloud, "steadily")) == wanted
