"""Responses in the forms that AWS gives them: errors, S3's oddities, event streams, strict mode."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import cbor2
import pytest
from botocore.eventstream import EventStreamBuffer

from fogbank import wire
from fogbank.kit.errors import AwsError
from fogbank.wire.strict import Undescribed

CODECS = wire.Codecs(None, strict=True)
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def error(service: str, operation: str, given: AwsError, protocol: str = "") -> tuple[int, dict[str, str], str]:
    model = CODECS.service(service)
    response = model.operation(operation).serialise_error(protocol or model.protocols[0], given, "rid")
    assert isinstance(response.body, bytes)
    return response.status, dict(response.headers), response.body.decode()


def test_json_error() -> None:
    status, headers, body = error("dynamodb", "GetItem", AwsError("ResourceNotFoundException", "gone"))
    assert status == 400
    assert headers == {"x-amzn-RequestId": "rid", "Content-Type": "application/x-amz-json-1.0"}
    assert json.loads(body) == {
        "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
        "message": "gone",
    }


def test_error_members_take_their_form() -> None:
    reasons = [{"Code": "ConditionalCheckFailed", "Item": {"a": {"B": b"\x00"}}}]
    given = AwsError("TransactionCanceledException", "no", CancellationReasons=reasons)
    _, _, body = error("dynamodb", "TransactWriteItems", given)
    assert json.loads(body)["CancellationReasons"] == [{"Code": "ConditionalCheckFailed", "Item": {"a": {"B": "AA=="}}}]
    assert json.loads(body)["Message"] == "no"


def test_query_compatible_error() -> None:
    # sqs: test_sqs, a queue that does not exist
    given = AwsError("QueueDoesNotExist", "The specified queue does not exist.")
    status, headers, body = error("sqs", "SendMessage", given)
    assert status == 400
    assert headers["x-amzn-query-error"] == "AWS.SimpleQueueService.NonExistentQueue;Sender"
    assert json.loads(body)["__type"] == "com.amazonaws.sqs#QueueDoesNotExist"
    _, _, body = error("sqs", "SendMessage", given, "query")
    assert "<Type>Sender</Type><Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in body


def test_rest_json_error() -> None:
    # lambda: the model's status, and whose fault it was
    status, headers, body = error("lambda", "GetFunction", AwsError("ResourceNotFoundException", "Function not found: x"))
    assert status == 404
    assert headers["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert json.loads(body) == {"Type": "User", "Message": "Function not found: x"}
    given = AwsError("TooManyRequestsException", "Rate", Reason="CallerRateLimitExceeded", retryAfterSeconds="1")
    status, headers, body = error("lambda", "Invoke", given)
    assert (status, headers["Retry-After"]) == (429, "1")
    assert json.loads(body)["Reason"] == "CallerRateLimitExceeded"


def test_query_error() -> None:
    status, headers, body = error("iam", "GetRole", AwsError("NoSuchEntity", "The role with name <x> cannot be found."))
    assert status == 404
    assert headers["Content-Type"] == "text/xml"
    assert body == (
        '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
        "<Code>NoSuchEntity</Code><Message>The role with name &lt;x&gt; cannot be found.</Message></Error>"
        "<RequestId>rid</RequestId></ErrorResponse>"
    )


def test_ec2_error() -> None:
    status, _, body = error("ec2", "DescribeVpcs", AwsError("InvalidVpcID.NotFound", "no vpc"))
    assert status == 400
    assert body == (
        HEAD + "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>no vpc</Message></Error></Errors>"
        "<RequestID>rid</RequestID></Response>"
    )


def test_s3_error() -> None:
    given = AwsError("NoSuchKey", "The specified key does not exist.", Key="a&b")
    status, headers, body = error("s3", "GetObject", given)
    assert status == 404
    assert headers["x-amz-request-id"] == "rid"
    assert body == (
        HEAD + "<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message><Key>a&amp;b</Key>"
        f"<RequestId>rid</RequestId><HostId>{headers['x-amz-id-2']}</HostId></Error>"
    )
    status, headers, body = error("s3", "HeadObject", given)
    assert (status, body) == (404, "")
    assert "Content-Type" not in headers


def test_cbor_error() -> None:
    model = CODECS.service("cloudwatch")
    response = model.operation("GetDashboard").serialise_error(
        "smithy-rpc-v2-cbor", AwsError("InvalidParameterInput", "x"), "r"
    )
    headers = dict(response.headers)
    assert headers["smithy-protocol"] == "rpc-v2-cbor"
    assert isinstance(response.body, bytes)
    assert cbor2.loads(response.body)["__type"].endswith("DashboardInvalidInputError")


@pytest.mark.parametrize(
    ("service", "protocol", "code", "status"),
    [
        ("lambda", "rest-json", "AccessDeniedException", 403),
        ("dynamodb", "json", "AccessDeniedException", 400),
        ("iam", "query", "AccessDenied", 403),
        ("s3", "rest-xml", "NoSuchBucketPolicy", 404),
        ("sts", "query", "InternalFailure", 500),
        ("dynamodb", "json", "SomethingElse", 400),
        ("dynamodb", "json", "InternalServerError", 500),
    ],
)
def test_status_of_errors(service: str, protocol: str, code: str, status: int) -> None:
    assert CODECS.service(service).serialise_error(protocol, AwsError(code, ""), "r").status == status
    assert CODECS.service(service).serialise_error(protocol, AwsError(code, "", status=418), "r").status == 418


def s3(operation: str, output: dict[str, Any]) -> str:
    response = CODECS.service("s3").operation(operation).serialise("rest-xml", output, "r")
    assert isinstance(response.body, bytes)
    return response.body.decode()


XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def test_s3_bodies() -> None:
    assert s3("GetBucketLocation", {"LocationConstraint": "eu-west-1"}) == (
        f"{HEAD}<LocationConstraint {XMLNS}>eu-west-1</LocationConstraint>"
    )
    assert s3("GetBucketLocation", {}) == f"{HEAD}<LocationConstraint {XMLNS}></LocationConstraint>"
    assert s3("ListObjectsV2", {"Contents": [{"Key": "a\x01", "Size": 1, "LastModified": 0.0}], "KeyCount": 1}) == (
        f"{HEAD}<ListBucketResult {XMLNS}><Contents><Key>a&#x1;</Key><LastModified>1970-01-01T00:00:00.000Z</LastModified>"
        "<Size>1</Size></Contents><KeyCount>1</KeyCount></ListBucketResult>"
    )
    assert s3("CopyObject", {"CopyObjectResult": {"ETag": '"e"'}}) == (
        f"{HEAD}<CopyObjectResult {XMLNS}><ETag>&quot;e&quot;</ETag></CopyObjectResult>"
    )
    grant = {"Grantee": {"ID": "i", "Type": "CanonicalUser"}, "Permission": "READ"}
    assert (
        '<Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>i</ID></Grantee>'
    ) in s3("GetBucketAcl", {"Grants": [grant]})


def test_streams_pass_through() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"x"

    body = chunks()
    response = CODECS.service("s3").operation("GetObject").serialise("rest-xml", {"Body": body, "Metadata": {"k": "v"}}, "r")
    assert response.body is body
    assert dict(response.headers)["x-amz-meta-k"] == "v"
    assert CODECS.service("s3").operation("PutObject").streaming_input == "Body"
    assert CODECS.service("lambda").operation("Invoke").streaming_input is None


async def frames(service: str, operation: str, output: dict[str, Any]) -> list[tuple[dict[str, Any], bytes]]:
    model = CODECS.service(service)
    response = model.operation(operation).serialise(model.protocols[0], output, "r")
    assert dict(response.headers)["Content-Type"] == "application/vnd.amazon.eventstream"
    buffer = EventStreamBuffer()
    assert not isinstance(response.body, (bytes, wire.FileBody))
    async for chunk in response.body:
        buffer.add_data(chunk)
    return [(event.headers, event.payload) for event in buffer]


async def events(*given: Any) -> AsyncIterator[dict[str, Any]]:
    for event in given:
        if isinstance(event, Exception):
            raise event
        yield event


async def test_event_stream_of_a_rest_service() -> None:
    got = await frames(
        "lambda",
        "InvokeWithResponseStream",
        {
            "StatusCode": 200,
            "EventStream": events(
                {"PayloadChunk": {"Payload": b"abc"}}, {"InvokeComplete": {"ErrorCode": "E", "LogResult": "l"}}
            ),
        },
    )
    assert got[0] == (
        {":message-type": "event", ":event-type": "PayloadChunk", ":content-type": "application/octet-stream"},
        b"abc",
    )
    assert json.loads(got[1][1]) == {"ErrorCode": "E", "LogResult": "l"}


async def test_event_stream_of_a_json_service() -> None:
    record = {"SequenceNumber": "1", "Data": b"\x00", "PartitionKey": "p", "ApproximateArrivalTimestamp": 1.5}
    happened = {"SubscribeToShardEvent": {"Records": [record], "ContinuationSequenceNumber": "1", "MillisBehindLatest": 0}}
    got = await frames(
        "kinesis", "SubscribeToShard", {"EventStream": events(happened, AwsError("ResourceNotFoundException", "gone"))}
    )
    assert got[0][0][":event-type"] == "initial-response"
    assert json.loads(got[1][1])["Records"][0]["Data"] == "AA=="
    assert got[2][0][":exception-type"] == "ResourceNotFoundException"
    assert json.loads(got[2][1]) == {"message": "gone"}


@pytest.mark.parametrize(
    "output",
    [{"Nope": 1}, {"FunctionName": 1}, {"Timeout": "3"}, {"Timeout": True}, {"Layers": [{"Nope": 1}]}, {"Layers": {}}],
)
def test_strict_mode_refuses_what_the_model_lacks(output: dict[str, Any]) -> None:
    with pytest.raises(Undescribed):
        CODECS.service("lambda").operation("GetFunctionConfiguration").serialise("rest-json", output, "r")


def test_none_is_left_out() -> None:
    response = CODECS.service("lambda").operation("GetFunctionConfiguration").serialise(
        "rest-json", {"FunctionName": "f", "Timeout": None, "VpcConfig": {"VpcId": None}}, "r"
    )  # fmt: skip
    assert response.body == b'{"FunctionName":"f","VpcConfig":{}}'
