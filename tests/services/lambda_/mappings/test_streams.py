"""A stream as the event source of real functions."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from typing import Any

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.lambda_.mappings.conftest import function, kept, put, said, stream, until

TEXTS = """
import base64, json
def texts(event):
    return [base64.b64decode(record["kinesis"]["data"]).decode() for record in event["Records"]]
def handler(event, context):
    print("said", json.dumps(texts(event)))
"""
FAILING = TEXTS + """
def handler(event, context):
    found = texts(event)
    print("said", json.dumps(found))
    if "bad" in found:
        raise ValueError("bad")
"""
REPORTING = TEXTS + """
def handler(event, context):
    found = texts(event)
    print("said", json.dumps(found))
    bad = [r["kinesis"]["sequenceNumber"] for r, text in zip(event["Records"], found) if text == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in bad]}
"""
KEYED = TEXTS + """
import time
def handler(event, context):
    began = time.time()
    time.sleep(0.1)
    for record, text in zip(event["Records"], texts(event)):
        print("said", json.dumps([record["kinesis"]["partitionKey"], text, began]))
"""
KEEPING = """
import boto3
s3 = boto3.client("s3")
def handler(event, context):
    for text in texts(event):
        s3.put_object(Bucket="survived", Key=text)
"""
WINDOWED = TEXTS + """
def handler(event, context):
    count = event["state"].get("count", 0) + len(event["Records"])
    print("said", json.dumps([event["window"], event["isFinalInvokeForWindow"], count]))
    return {"state": {"count": count}}
"""


def mapped(cloud: CloudUnderTest, name: str, arn: str, **settings: Any) -> str:
    settings = {"StartingPosition": "TRIM_HORIZON", **settings}
    made = cloud.client("lambda").create_event_source_mapping(FunctionName=name, EventSourceArn=arn, **settings)
    return str(made["UUID"])


def test_records_come_in_order_and_once_over_a_restart(cloud: CloudUnderTest) -> None:
    function(cloud, "reader", TEXTS)
    arn = stream(cloud, "plain")
    put(cloud, arn, *(("k", str(n)) for n in range(10)))
    uuid = mapped(cloud, "reader", arn, BatchSize=4)
    until(lambda: sum(said(cloud, "reader"), []) == [str(n) for n in range(10)])
    until(lambda: cloud.client("lambda").get_event_source_mapping(UUID=uuid)["LastProcessingResult"] == "OK")
    assert all(len(batch) <= 4 for batch in said(cloud, "reader"))
    cloud.restart()
    put(cloud, arn, ("k", "after"))
    until(lambda: "after" in sum(said(cloud, "reader"), []))
    assert sum(said(cloud, "reader"), []) == [*(str(n) for n in range(10)), "after"]


def test_the_latest_begins_with_the_mapping(cloud: CloudUnderTest) -> None:
    function(cloud, "latest", TEXTS)
    arn = stream(cloud, "latest", shards=2)
    put(cloud, arn, ("a", "before"), ("b", "before"))
    time.sleep(1.1)  # The stream tells whole seconds apart.
    mapped(cloud, "latest", arn, StartingPosition="LATEST")
    put(cloud, arn, ("a", "after a"), ("b", "after b"))
    until(lambda: sorted(sum(said(cloud, "latest"), [])) == ["after a", "after b"])


def test_a_filter_passes_over_the_rest(cloud: CloudUnderTest) -> None:
    function(cloud, "chosen", TEXTS)
    arn = stream(cloud, "chosen")
    pattern = json.dumps({"data": {"n": [{"numeric": [">", 1]}]}, "partitionKey": ["k"]})
    mapped(cloud, "chosen", arn, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    put(cloud, arn, *((key, json.dumps({"n": n})) for key in "kl" for n in range(4)))
    until(lambda: sum(said(cloud, "chosen"), []) == ['{"n": 2}', '{"n": 3}'])


def test_a_batch_that_fails_is_halved_until_what_is_bad_stands_alone(cloud: CloudUnderTest) -> None:
    function(cloud, "halves", FAILING)
    cloud.client("s3").create_bucket(Bucket="given-up")
    arn = stream(cloud, "halved")
    put(cloud, arn, *(("k", text) for text in ("a", "b", "bad", "d")))
    destination = {"OnFailure": {"Destination": "arn:aws:s3:::given-up"}}
    uuid = mapped(
        cloud, "halves", arn, BisectBatchOnFunctionError=True, MaximumRetryAttempts=1, DestinationConfig=destination
    )
    batches = until(lambda: found if (found := said(cloud, "halves"))[-1:] == [["d"]] else None)
    assert batches == [["a", "b", "bad", "d"], ["a", "b"], ["bad", "d"], ["bad"], ["bad"], ["d"]]

    s3 = cloud.client("s3")
    found = until(lambda: s3.list_objects_v2(Bucket="given-up").get("Contents"))
    assert found[0]["Key"].startswith(f"aws/lambda/{uuid}/shardId-000000000000/")
    record = json.load(s3.get_object(Bucket="given-up", Key=found[0]["Key"])["Body"])
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 2
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["KinesisBatchInfo"]["batchSize"] == 1
    assert record["KinesisBatchInfo"]["streamArn"] == arn
    assert len(record["payload"]["Records"]) == 1


def test_what_is_reported_as_failed_is_where_it_goes_on(cloud: CloudUnderTest) -> None:
    function(cloud, "reports", REPORTING)
    arn = stream(cloud, "reported")
    put(cloud, arn, *(("k", text) for text in ("a", "bad", "c")))
    mapped(cloud, "reports", arn, FunctionResponseTypes=["ReportBatchItemFailures"], MaximumRetryAttempts=1)
    until(lambda: len(said(cloud, "reports")) == 2)
    put(cloud, arn, ("k", "d"))
    until(lambda: len(said(cloud, "reports")) == 3)
    assert said(cloud, "reports") == [["a", "bad", "c"], ["bad", "c"], ["d"]]


def test_a_function_hears_of_what_was_given_up(cloud: CloudUnderTest) -> None:
    function(cloud, "gives", FAILING)
    function(cloud, "hears", "import json\ndef handler(event, context): print('said', json.dumps(event))\n")
    arn = stream(cloud, "given")
    heard = cloud.client("lambda").get_function(FunctionName="hears")["Configuration"]["FunctionArn"]
    cloud.client("iam").attach_role_policy(
        RoleName="gives-role", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaRole"
    )
    put(cloud, arn, ("k", "bad"))
    destination = {"OnFailure": {"Destination": heard}}
    mapped(cloud, "gives", arn, MaximumRecordAgeInSeconds=60, MaximumRetryAttempts=0, DestinationConfig=destination)
    record = until(lambda: said(cloud, "hears"))[0]
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert record["requestContext"]["functionArn"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:gives"
    assert "payload" not in record


def test_lanes_run_side_by_side_and_keep_each_keys_order(cloud: CloudUnderTest) -> None:
    function(cloud, "lanes", KEYED)
    arn = stream(cloud, "wide")
    records = [(key, f"{key}{n}") for n in range(6) for key in "abcdefgh"]
    put(cloud, arn, *records)
    mapped(cloud, "lanes", arn, ParallelizationFactor=4, BatchSize=4)
    found = until(lambda: got if len(got := said(cloud, "lanes")) >= len(records) else None)
    by_key: dict[str, list[tuple[float, str]]] = defaultdict(list)
    for key, text, began in found:
        by_key[key].append((began, text))
    for key, texts in by_key.items():
        assert [text for _, text in sorted(texts)] == [f"{key}{n}" for n in range(6)]
    assert len({began for _, _, began in found}) > 1


def test_a_tumbling_window_carries_its_state(cloud: CloudUnderTest) -> None:
    function(cloud, "windows", WINDOWED)
    arn = stream(cloud, "windowed")
    mapped(cloud, "windows", arn, TumblingWindowInSeconds=3, BatchSize=1)
    put(cloud, arn, ("k", "1"), ("k", "2"), ("k", "3"))

    def finals() -> list[int]:
        return [count for _, final, count in said(cloud, "windows") if final]

    until(lambda: sum(finals()) == 3)
    windows = [window for window, _, _ in said(cloud, "windows")]
    assert all(window["start"] < window["end"] for window in windows)
    if len(finals()) == 1:  # All three came within one window.
        assert [count for _, _, count in said(cloud, "windows")] == [1, 2, 3, 3]


def test_killed_in_the_middle_no_record_is_lost(cloud: CloudUnderTest) -> None:
    """What functions write into buckets is durable; their last log lines are not."""
    function(cloud, "survives", TEXTS + KEEPING)
    cloud.client("s3").create_bucket(Bucket="survived")
    arn = stream(cloud, "survived")
    wanted = [f"{n:03}" for n in range(60)]
    put(cloud, arn, *(("k", text) for text in wanted))
    mapped(cloud, "survives", arn, BatchSize=2)
    until(lambda: kept(cloud, "survived"))
    cloud.restart()
    until(lambda: kept(cloud, "survived") == wanted)
