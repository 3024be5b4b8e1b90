"""CloudWatch Logs through boto3, as `aws logs` and `sam logs` use it. Texts as recorded from AWS."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, REGION, CloudUnderTest

ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:"


@pytest.fixture(scope="module")
def logs(cloud: CloudUnderTest) -> Any:
    return cloud.client("logs")


@pytest.fixture
def group(logs: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"/test/{request.node.name[:80]}"
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    yield name
    logs.delete_log_group(logGroupName=name)


def refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def now() -> int:
    return int(time.time() * 1000)


def put(logs: Any, group: str, messages: list[tuple[int, str]], stream: str = "s") -> dict[str, Any]:
    events = [{"timestamp": at, "message": message} for at, message in messages]
    answer: dict[str, Any] = logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    return answer


def texts(answer: dict[str, Any]) -> list[str]:
    return [event["message"] for event in answer["events"]]


def test_group_as_described(logs: Any, group: str) -> None:
    [described] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    created = described.pop("creationTime")
    assert abs(created - now()) < 10_000
    assert described == {
        "logGroupName": group,
        "metricFilterCount": 0,
        "arn": f"{ARN}{group}:*",
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "logGroupArn": f"{ARN}{group}",
        "deletionProtectionEnabled": False,
    }


def test_errors_of_groups_and_streams(logs: Any, group: str) -> None:
    exists, missing = "ResourceAlreadyExistsException", "ResourceNotFoundException"
    assert refused(logs.create_log_group, logGroupName=group) == (exists, "The specified log group already exists")
    assert refused(logs.create_log_stream, logGroupName=group, logStreamName="s") == (
        exists, "The specified log stream already exists")
    no_group = (missing, "The specified log group does not exist.")
    assert refused(logs.delete_log_group, logGroupName="none") == no_group
    assert refused(logs.describe_log_streams, logGroupName="none") == no_group
    assert refused(logs.filter_log_events, logGroupName="none") == no_group
    no_stream = (missing, "The specified log stream does not exist.")
    assert refused(logs.get_log_events, logGroupName=group, logStreamName="none") == no_stream
    assert refused(logs.filter_log_events, logGroupName=group, logStreamNames=["none"]) == no_stream
    assert refused(put, logs=logs, group=group, messages=[(now(), "x")], stream="none") == no_stream
    long = refused(logs.create_log_group, logGroupName="x" * 513)
    assert long == ("InvalidParameterException", "Invalid LogGroup or LogStream, both must have length less than or "
                    "equal to 512.")
    assert refused(logs.describe_log_streams, logGroupName=group, logGroupIdentifier=group) == (
        "ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
    assert refused(logs.describe_log_groups, logGroupNamePrefix="a", logGroupNamePattern="b") == (
        "InvalidParameterException",
        "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")


def test_describe_groups_pages_by_prefix_and_pattern(logs: Any) -> None:
    names = [f"/page/{letter}" for letter in "abcde"]
    for name in [*names, "/pagf"]:
        logs.create_log_group(logGroupName=name)
    pages = logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix="/page/", PaginationConfig={"PageSize": 2})
    assert [[g["logGroupName"] for g in page["logGroups"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    found = logs.describe_log_groups(logGroupNamePattern="PAGE/C")["logGroups"]
    assert [g["logGroupName"] for g in found] == ["/page/c"]
    for name in [*names, "/pagf"]:
        logs.delete_log_group(logGroupName=name)


def test_describe_streams_in_both_orders(logs: Any, group: str) -> None:
    at = now()
    for name, moment in (("a1", at), ("a2", at - 5000), ("b", at - 1000)):
        logs.create_log_stream(logGroupName=group, logStreamName=name)
        put(logs, group, [(moment, "x")], name)

    def names(**params: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_streams").paginate(
            logGroupName=group, PaginationConfig={"PageSize": 2}, **params)
        return [s["logStreamName"] for page in pages for s in page["logStreams"]]

    assert names() == ["a1", "a2", "b", "s"]
    assert names(descending=True) == ["s", "b", "a2", "a1"]
    assert names(logStreamNamePrefix="a") == ["a1", "a2"]
    assert names(logStreamNamePrefix="a", descending=True) == ["a2", "a1"]
    assert names(orderBy="LastEventTime", descending=True) == ["a1", "b", "a2", "s"]
    assert names(orderBy="LastEventTime") == ["s", "a2", "b", "a1"]
    by_arn = logs.describe_log_streams(logGroupIdentifier=f"{ARN}{group}")["logStreams"]
    assert by_arn[0]["arn"] == f"{ARN}{group}:log-stream:a1"
    assert (by_arn[0]["firstEventTimestamp"], by_arn[0]["lastEventTimestamp"]) == (at, at)


def test_get_reads_forwards_and_backwards_by_token(logs: Any, group: str) -> None:
    at = now() - 60_000
    put(logs, group, [(at + 700 * i, str(i)) for i in range(10)])

    def get(**params: Any) -> dict[str, Any]:
        answer: dict[str, Any] = logs.get_log_events(logGroupName=group, logStreamName="s", limit=4, **params)
        return answer

    head = get(startFromHead=True)
    assert texts(head) == ["0", "1", "2", "3"]
    second = get(nextToken=head["nextForwardToken"])
    assert texts(second) == ["4", "5", "6", "7"]
    third = get(nextToken=second["nextForwardToken"])
    assert texts(third) == ["8", "9"]
    end = get(nextToken=third["nextForwardToken"])
    assert (texts(end), end["nextForwardToken"]) == ([], third["nextForwardToken"])
    assert texts(get(nextToken=second["nextBackwardToken"])) == ["0", "1", "2", "3"]
    assert texts(get(nextToken=third["nextBackwardToken"])) == ["4", "5", "6", "7"]
    tail = get()
    assert texts(tail) == ["6", "7", "8", "9"]
    assert texts(get(nextToken=tail["nextBackwardToken"])) == ["2", "3", "4", "5"]
    put(logs, group, [(at + 7_000, "10")])
    assert texts(get(nextToken=end["nextForwardToken"])) == ["10"]
    assert texts(get(startTime=at + 700, endTime=at + 2100)) == ["1", "2"]
    assert texts(get(startTime=at + 700, endTime=at + 2100, startFromHead=True)) == ["1", "2"]
    assert refused(get, nextToken="f/x") == ("InvalidParameterException", "The specified nextToken is invalid.")


def test_an_empty_streams_token_sees_what_comes_later(logs: Any, group: str) -> None:
    token = logs.get_log_events(logGroupName=group, logStreamName="s")["nextForwardToken"]
    put(logs, group, [(now(), "later")])
    assert texts(logs.get_log_events(logGroupName=group, logStreamName="s", nextToken=token)) == ["later"]


def test_filter_interleaves_streams_by_time_and_pages(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="t")
    at = now() - 30_000
    put(logs, group, [(at + 400 * i, f"s{i} ERROR" if i % 3 == 0 else f"s{i}") for i in range(0, 12, 2)])
    put(logs, group, [(at + 400 * i, f"t{i}") for i in range(1, 12, 2)], "t")
    pages = list(logs.get_paginator("filter_log_events").paginate(
        logGroupName=group, interleaved=True, PaginationConfig={"PageSize": 5}))
    assert [len(page["events"]) for page in pages] == [5, 5, 2]
    numbers = [int(event["message"].split()[0][1:]) for page in pages for event in page["events"]]
    assert numbers == list(range(12))
    assert len({event["eventId"] for page in pages for event in page["events"]}) == 12

    def found(**params: Any) -> list[str]:
        return texts(logs.filter_log_events(logGroupName=group, **params))

    assert found(filterPattern="ERROR") == ["s0 ERROR", "s6 ERROR"]
    assert found(logStreamNames=["t"], startTime=at + 400 * 3, endTime=at + 400 * 7) == ["t3", "t5", "t7"]
    assert found(logStreamNamePrefix="s", filterPattern="-ERROR") == ["s2", "s4", "s8", "s10"]
    assert found(logStreamNames=["s", "t"], startTime=at + 4000) == ["s10", "t11"]
    assert refused(logs.filter_log_events, logGroupName=group, nextToken="x") == (
        "InvalidParameterException", "The specified nextToken is invalid.")
    assert refused(logs.filter_log_events, logGroupName=group, filterPattern="{") == (
        "InvalidParameterException", "Invalid filter pattern")


def test_limits_are_validated_as_recorded(logs: Any, group: str) -> None:
    said = ("InvalidParameterException", "1 validation error detected: Value '10001' at 'limit' failed to satisfy "
            "constraint: Member must have value less than or equal to 10000")
    assert refused(logs.filter_log_events, logGroupName=group, limit=10001) == said
    assert refused(logs.get_log_events, logGroupName=group, logStreamName="s", limit=10001) == said


def test_put_refuses_disorder_and_excess(logs: Any, group: str) -> None:
    at = now()
    code = "InvalidParameterException"
    assert refused(put, logs=logs, group=group, messages=[(at, "b"), (at - 1, "a")]) == (
        code, "Log events in a single PutLogEvents request must be in chronological order.")
    assert refused(put, logs=logs, group=group, messages=[(at - 90_000_000, "b"), (at, "a")]) == (
        code, "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    assert refused(put, logs=logs, group=group, messages=[(at, "x" * 600_000), (at, "y" * 600_000)]) == (
        code, "Upload too large: 1200052 bytes exceeds limit of 1048576")
    too_many = refused(put, logs=logs, group=group, messages=[(at, "x")] * 10_001)
    assert too_many[0] == code
    assert "Member must have length less than or equal to 10000" in too_many[1]


def test_put_tells_what_is_too_old_or_too_new(logs: Any, group: str) -> None:
    at, day = now(), 86_400_000
    answer = put(logs, group, [(at - 15 * day, "old"), (at - 15 * day, "old")])
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 2}
    answer = put(logs, group, [(at, "fine"), (at + 3 * 3_600_000, "new")])
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    logs.put_retention_policy(logGroupName=group, retentionInDays=1)
    answer = put(logs, group, [(at - 3 * day // 2, "expired"), (at - day // 2 - 1000, "fine too")])
    assert answer["rejectedLogEventsInfo"] == {"expiredLogEventEndIndex": 1}
    assert texts(logs.filter_log_events(logGroupName=group)) == ["fine too", "fine"]
    assert "uploadSequenceToken" in logs.describe_log_streams(logGroupName=group)["logStreams"][0]


def test_any_text_comes_back(logs: Any, group: str) -> None:
    messages = ["tab\tand\x00nul", "Grüße 日本 🎉", '{"json": "yes"}', "line\nbreak\r\n"]
    put(logs, group, [(now(), message) for message in messages])
    assert texts(logs.filter_log_events(logGroupName=group)) == messages
    [described] = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    assert described["storedBytes"] == sum(len(message.encode()) + 26 for message in messages)


def test_retention_takes_only_the_listed_days(logs: Any, group: str) -> None:
    code, message = refused(logs.put_retention_policy, logGroupName=group, retentionInDays=2)
    assert code == "InvalidParameterException"
    assert message.startswith("1 validation error detected: Value '2' at 'retentionInDays' failed to satisfy")
    logs.put_retention_policy(logGroupName=group, retentionInDays=731)
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["retentionInDays"] == 731
    logs.delete_retention_policy(logGroupName=group)
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]


def test_a_group_made_again_is_empty(logs: Any) -> None:
    for _ in range(2):
        logs.create_log_group(logGroupName="again")
        logs.create_log_stream(logGroupName="again", logStreamName="s")
        assert texts(logs.filter_log_events(logGroupName="again")) == []
        put(logs, "again", [(now(), "x")])
        logs.delete_log_group(logGroupName="again")


def test_a_deleted_streams_events_are_gone(logs: Any, group: str) -> None:
    logs.create_log_stream(logGroupName=group, logStreamName="t")
    put(logs, group, [(now(), "kept")])
    put(logs, group, [(now(), "gone")], "t")
    logs.delete_log_stream(logGroupName=group, logStreamName="t")
    deadline = time.monotonic() + 5
    while texts(logs.filter_log_events(logGroupName=group)) != ["kept"]:
        assert time.monotonic() < deadline


def test_tags_by_both_families(logs: Any, group: str) -> None:
    arn = f"{ARN}{group}"
    logs.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    logs.tag_log_group(logGroupName=group, tags={"c": "3"})
    assert logs.list_tags_log_group(logGroupName=group)["tags"] == {"a": "1", "b": "2", "c": "3"}
    logs.untag_log_group(logGroupName=group, tags=["a"])
    logs.untag_resource(resourceArn=arn, tagKeys=["b"])
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"c": "3"}


def test_metric_filters(logs: Any, group: str) -> None:
    transformation = {"metricName": "m", "metricNamespace": "n", "metricValue": "1", "defaultValue": 0.0}
    logs.put_metric_filter(
        logGroupName=group, filterName="f", filterPattern=" ", metricTransformations=[transformation])
    [described] = logs.describe_metric_filters(metricName="m", metricNamespace="n")["metricFilters"]
    described.pop("creationTime")
    assert described == {
        "filterName": "f", "filterPattern": " ", "logGroupName": group, "applyOnTransformedLogs": False,
        "metricTransformations": [transformation],
    }
    assert logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["metricFilterCount"] == 1
    logs.delete_metric_filter(logGroupName=group, filterName="f")
    assert logs.describe_metric_filters(logGroupName=group)["metricFilters"] == []
    assert refused(logs.delete_metric_filter, logGroupName=group, filterName="f")[0] == "ResourceNotFoundException"
    found = logs.test_metric_filter(filterPattern="{ $.a = 1 }", logEventMessages=["x", '{"a": 1}'])["matches"]
    assert found == [{"eventNumber": 2, "eventMessage": '{"a": 1}', "extractedValues": {"$.a": "1"}}]


def test_subscription_filters_as_recorded(logs: Any, group: str, watcher: str) -> None:
    def subscribe(name: str, target: str) -> None:
        logs.put_subscription_filter(logGroupName=group, filterName=name, filterPattern="", destinationArn=target)

    function = watcher
    assert refused(subscribe, name="test", target=f"{function}-none") == (
        "InvalidParameterException", "Could not execute the lambda function. Make sure you have given CloudWatch Logs "
        "permission to execute your function.")
    subscribe("test", function)
    [described] = logs.describe_subscription_filters(logGroupName=group)["subscriptionFilters"]
    described.pop("creationTime")
    assert described == {
        "filterName": "test", "logGroupName": group, "filterPattern": "", "destinationArn": function,
        "distribution": "ByLogStream", "applyOnTransformedLogs": False,
    }
    subscribe("second", function)
    assert refused(subscribe, name="third", target=function) == ("LimitExceededException", "Resource limit exceeded.")
    code, _ = refused(subscribe, name="x", target=function.replace(ACCOUNT, "999999999999"))
    assert code == "AccessDeniedException"
    kinesis = refused(subscribe, name="x", target=f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/none")
    assert kinesis[1] == "destinationArn for vendor kinesis cannot be used without roleArn"
    logs.delete_subscription_filter(logGroupName=group, filterName="test")
    assert refused(logs.delete_subscription_filter, logGroupName=group, filterName="test") == (
        "ResourceNotFoundException", "The specified subscription filter does not exist.")


def test_resource_policies(logs: Any) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:*"}]})
    logs.put_resource_policy(policyName="p", policyDocument=document)
    [policy] = logs.describe_resource_policies()["resourcePolicies"]
    assert (policy["policyName"], policy["policyDocument"], policy["policyScope"]) == ("p", document, "ACCOUNT")
    logs.delete_resource_policy(policyName="p")
    assert refused(logs.delete_resource_policy, policyName="p") == (
        "ResourceNotFoundException", "Policy with name [p] does not exist.")


def test_a_function_may_write_by_the_usual_policy(cloud: CloudUnderTest, logs: Any, group: str) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="writer")
    key = iam.create_access_key(UserName="writer")["AccessKey"]
    statement = {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                 "Resource": f"{ARN}{group}:*"}
    iam.put_user_policy(UserName="writer", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [statement]}))
    writer = cloud.client("logs", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    writer.create_log_stream(logGroupName=group, logStreamName="theirs")
    put(writer, group, [(now(), "allowed")], "theirs")
    assert refused(writer.create_log_group, logGroupName="/other") == (
        "AccessDeniedException",
        f"User: arn:aws:iam::{ACCOUNT}:user/writer is not authorized to perform: logs:CreateLogGroup on resource: "
        f"{ARN}/other:log-stream: because no identity-based policy allows the logs:CreateLogGroup action")


def test_events_outlive_a_kill(cloud: CloudUnderTest, logs: Any, group: str) -> None:
    put(logs, group, [(now(), "before")])
    cloud.restart()
    assert texts(logs.filter_log_events(logGroupName=group)) == ["before"]




HANDLER = """
import base64, gzip, json
def handler(event, context):
    print("RECEIVED " + gzip.decompress(base64.b64decode(event["awslogs"]["data"])).decode())
"""


@pytest.fixture(scope="module")
def watcher(cloud: CloudUnderTest) -> str:
    """A function that prints what it is sent, and that CloudWatch Logs may call."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("app.py", HANDLER)
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "logs:*", "Resource": "*"}
    iam.put_role_policy(RoleName="r", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [allowed]}))
    client = cloud.client("lambda")
    function = client.create_function(
        FunctionName="watcher", Runtime="python3.11", Role=role, Handler="app.handler", Timeout=20,
        Code={"ZipFile": archive.getvalue()})["FunctionArn"]
    client.add_permission(FunctionName="watcher", StatementId="s", Action="lambda:InvokeFunction",
                          Principal="logs.amazonaws.com", SourceArn=f"{ARN}/test/*:*")
    return str(function)


def test_a_subscription_filter_calls_its_function(logs: Any, group: str, watcher: str) -> None:
    logs.put_subscription_filter(
        logGroupName=group, filterName="errors", filterPattern="ERROR", destinationArn=watcher)
    put(logs, group, [(now(), "fine"), (now(), "an ERROR")])
    deadline = time.monotonic() + 15
    received: list[str] = []
    while not received:
        assert time.monotonic() < deadline
        if logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/watcher")["logGroups"]:
            received = texts(logs.filter_log_events(logGroupName="/aws/lambda/watcher", filterPattern="RECEIVED"))
    message = json.loads(received[0].removeprefix("RECEIVED "))
    [event] = message.pop("logEvents")
    assert message == {"messageType": "DATA_MESSAGE", "owner": ACCOUNT, "logGroup": group, "logStream": "s",
                       "subscriptionFilters": ["errors"]}
    assert event["message"] == "an ERROR"
    assert event["id"] == logs.filter_log_events(logGroupName=group, filterPattern="ERROR")["events"][0]["eventId"]
