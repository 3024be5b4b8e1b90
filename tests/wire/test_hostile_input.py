"""Bad input gets AWS's error: it never crashes, hangs, or takes memory without end."""

from __future__ import annotations

import gzip
import json
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank import wire
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request

CODECS = wire.Codecs(None)
CBOR = "smithy-rpc-v2-cbor"


def parse(service: str, request: Request) -> dict[str, Any]:
    model = CODECS.service(service)
    route = model.route(request)
    assert isinstance(request.body, bytes)
    return model.operation(route.operation).parse(route, request, request.body)


def dynamodb(body: bytes, operation: str = "PutItem") -> Request:
    return Request("POST", "/", "", {"x-amz-target": f"DynamoDB_20120810.{operation}"}, body)


def cloudwatch(body: bytes) -> Request:
    path = "/service/GraniteServiceVersion20100801/operation/PutMetricData"
    return Request("POST", path, "", {"smithy-protocol": "rpc-v2-cbor"}, body)


def nested(depth: int) -> bytes:
    return b'{"Item":{"a":' + b'{"L":[' * depth + b'{"S":"x"}' + b"]}" * depth + b"}}"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", ""),
        (b"[]", "Start of list found where not expected"),
        (b'{"TableName": 1}', "NUMBER_VALUE cannot be converted to String"),
        (b'{"TableName": true}', "TRUE_VALUE cannot be converted to String"),
        (b'{"TableName": {}}', "Start of structure or map found where not expected"),
        (b'{"TableName": []}', "Unrecognized collection type class java.lang.String"),
        (b'{"Item": "x"}', "Unexpected field type"),
        (b'{"Item": {"a": {"B": "abcde"}}}',
         '"abcde" can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes but found: 5'),
        (b'{"TableName": "\xff"}', ""),
        (nested(100_000), ""),
    ],
)  # fmt: skip
def test_json(body: bytes, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        parse("dynamodb", dynamodb(body))
    assert (caught.value.code, caught.value.message) == ("SerializationException", message)


def test_big_integers_keep_their_digits() -> None:
    request = Request(
        "POST", "/", "", {"x-amz-target": "Logs_20140328.PutLogEvents"},
        b'{"logEvents": [{"timestamp": 12345678901234567890123, "message": "m"}]}',
    )  # fmt: skip
    assert parse("logs", request)["logEvents"][0]["timestamp"] == 12345678901234567890123


XML_BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "' + b"x" * 1000 + b'">'
    + b"".join(b'<!ENTITY %c "&%c;&%c;&%c;">' % (c + 1, c, c, c) for c in range(97, 110))
    + b"]><Tagging><TagSet><Tag><Key>&n;</Key></Tag></TagSet></Tagging>"
)  # fmt: skip
XML_FILE = (
    b'<!DOCTYPE t [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    b"<Tagging><TagSet><Tag><Key>&f;</Key><Value/></Tag></TagSet></Tagging>"
)


@pytest.mark.parametrize(
    "body",
    [
        b"<Tagging>", b"no xml", b"\x00", XML_BOMB, XML_FILE, b"<Other/>", b"<!DOCTYPE x><Tagging/>",
        b"<Tagging>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</Tagging>",
    ],
)  # fmt: skip
def test_xml(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        parse("s3", Request("PUT", "/b", "tagging", {}, body))
    assert caught.value.code == "MalformedXML"


@pytest.mark.parametrize(
    "body",
    [
        b"Action=CreateRole&MaxSessionDuration=abc",
        b"Action=CreateRole&MaxSessionDuration=" + b"9" * 5000,
        b"Action=CreateRole&Tags.member.x.Key=k",
        b"Action=CreateRole&Tags." + b"a." * 5000 + b"x=1",
    ],
)
def test_forms(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        parse("iam", Request("POST", "/", "", {}, body))
    assert caught.value.code == "MalformedInput"


def test_too_many_form_fields() -> None:
    with pytest.raises(AwsError) as caught:
        parse("iam", Request("POST", "/", "", {}, b"Action=CreateRole" + b"&a=1" * 30_000))
    assert caught.value.code == "MalformedQueryString"


def _cyclic() -> bytes:
    return b"\xa1\x6aMetricData\xd8\x1c\x81\xd8\x1d\x00"  # an array that holds itself


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"\x81" * 100_000, b"\xbb" + b"\xff" * 8, b"\xa1\x69Namespace\x01", _cyclic(), cbor2.dumps({"MetricData": 1})],
)
def test_cbor(body: bytes) -> None:
    with pytest.raises(AwsError) as caught:
        parse("cloudwatch", cloudwatch(body))
    assert caught.value.code == "SerializationException"


def test_compressed_bodies() -> None:
    request = cloudwatch(gzip.compress(cbor2.dumps({"Namespace": "n", "MetricData": []})))
    request.headers["content-encoding"] = "gzip"
    assert parse("cloudwatch", request)["Namespace"] == "n"
    request.body = gzip.compress(b"\x00" * 200_000_000)
    with pytest.raises(AwsError):
        parse("cloudwatch", request)


@pytest.mark.parametrize(
    ("path", "query"), [("/b/%FF", ""), ("/b/k", "&".join(f"a{n}" for n in range(5000))), ("/b/" + "a/" * 100_000, "acl")]
)
def test_addresses(path: str, query: str) -> None:
    try:
        route = CODECS.service("s3").route(Request("GET", path, query, {}))
        assert route.operation == "GetObjectAcl"
    except AwsError as error:
        assert error.code in ("InvalidURI", "InvalidRequest", "MethodNotAllowed")


@settings(max_examples=200, deadline=None, database=None)
@given(st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["TableName", "Item", "a", "S", "N", "B", "L", "M", "Expected", "ReturnValues"]), inner, max_size=4),
    max_leaves=12,
))  # fmt: skip
def test_any_json_is_read_or_refused(value: Any) -> None:
    operation = CODECS.service("dynamodb").operation("PutItem")
    request = dynamodb(json.dumps(value).encode())
    try:
        params = parse("dynamodb", request)
        operation.validate(params)
    except AwsError as error:
        assert error.code in ("SerializationException", "ValidationException")
        assert error.status == 400


@settings(max_examples=200, deadline=None, database=None)
@given(st.binary(max_size=64))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for service, request in (
        ("dynamodb", dynamodb(body)),
        ("cloudwatch", cloudwatch(body)),
        ("s3", Request("PUT", "/b", "tagging", {}, body)),
        ("iam", Request("POST", "/", "", {}, b"Action=CreateRole&" + body)),
    ):
        try:
            parse(service, request)
        except AwsError as error:
            assert error.status in (400, 404)


def test_headers_cannot_be_forged() -> None:
    operation = CODECS.service("s3").operation("HeadObject")
    response = operation.serialise("rest-xml", {"Metadata": {"a\r\nb": "x\r\nset-cookie: y"}, "ETag": "e\n"}, "id")
    for name, value in response.headers:
        assert "\n" not in name + value
        assert "\r" not in name + value
