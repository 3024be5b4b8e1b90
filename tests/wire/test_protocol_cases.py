"""The published protocol cases, inverted: what a client must send is what we must read, what it must read we must write."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import cbor2
import msgspec
import pytest

from fogbank import wire
from fogbank.kit.errors import AwsError
from fogbank.wire.compile.shapes import Shape

RECORDED = Path(__file__).parents[3] / "shared" / "recorded" / "protocols"

pytestmark = pytest.mark.skipif(
    not RECORDED.is_dir(), reason="the published protocol cases are not part of this repository (../shared/recorded)"
)

# Cases that test a client's tolerance of what no server of ours sends, or that ask for what clients alone do.
TOLERANCE = {
    "AwsJson11ListsSerializeNull": "sparse",
}


def cases(kind: str) -> list[Any]:
    found = []
    for path in sorted((RECORDED / kind).glob("*.json")) if RECORDED.is_dir() else []:
        for suite in json.loads(path.read_text()):
            for number, case in enumerate(suite["cases"]):
                found.append(pytest.param(suite, case, id=f"{path.stem}-{case['id']}-{number}"))
    return found


def codecs_of(suite: dict[str, Any], case: dict[str, Any]) -> wire.ServiceModel:
    given = {**case["given"]}
    model = {
        "metadata": {"endpointPrefix": "case", **suite["metadata"]},
        "shapes": suite["shapes"],
        "operations": {given["name"]: given},
    }
    return wire.Codecs(None, read=lambda _: json.loads(json.dumps(model))).service("case")


def typed(shape: Shape | None, value: Any) -> Any:
    """A case's value as the contract has it: bytes for blobs, floats for timestamps and for the words of floats."""
    if shape is None or value is None or shape.is_document or shape["jsonvalue"]:
        return value
    if shape.type == "structure":
        members = dict(shape.members())
        return {name: typed(members[name], item) for name, item in value.items() if item is not None}
    if shape.type == "list":
        return [typed(shape.member, item) for item in value]
    if shape.type == "map":
        return {key: typed(shape.value, item) for key, item in value.items()}
    if shape.type == "blob":
        return value.encode()
    if shape.type in ("timestamp", "float"):
        return float(value)
    return value


def shape_of(suite: dict[str, Any], reference: dict[str, Any] | None) -> Shape | None:
    return Shape(suite["shapes"], reference) if reference else None


def same(left: Any, right: Any) -> bool:
    """Equal, a NaN being equal to itself."""
    return repr(_sorted(left)) == repr(_sorted(right))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("suite", "case"), cases("input"))
def test_reads_what_clients_send(suite: dict[str, Any], case: dict[str, Any]) -> None:
    model = codecs_of(suite, case)
    sent = case["serialized"]
    address = urlsplit(sent.get("uri", "/"))
    raw = sent.get("body", "")
    body = base64.b64decode(raw) if suite["metadata"]["protocol"] == "smithy-rpc-v2-cbor" else raw.encode()
    headers = {name.lower(): value for name, value in sent.get("headers", {}).items()}
    if suite["metadata"]["protocol"] == "json":
        headers.setdefault("x-amz-target", f"{suite['metadata']['targetPrefix']}.{case['given']['name']}")
    request = wire.Request(sent.get("method", "POST"), address.path, address.query, headers, body)
    route = model.route(request)
    assert route.operation == case["given"]["name"]
    operation = model.operation(route.operation)
    expected = typed(shape_of(suite, case["given"].get("input")), case["params"])
    if operation.streaming_input:
        expected.pop(operation.streaming_input, None)
    assert same(operation.parse(route, request, body), expected)


@pytest.mark.parametrize(("suite", "case"), [c for c in cases("output") if "result" in c.values[1]])
def test_writes_what_clients_read(suite: dict[str, Any], case: dict[str, Any]) -> None:
    from botocore.model import OperationModel, ServiceModel
    from botocore.parsers import create_parser

    model = codecs_of(suite, case)
    shape = shape_of(suite, case["given"].get("output"))
    output = typed(shape, case["result"])
    protocol = suite["metadata"]["protocol"]
    response = model.operation(case["given"]["name"]).serialise(protocol, output, "the-request")
    expected = case["response"]
    assert response.status == expected["status_code"]
    described = OperationModel(case["given"], ServiceModel({**suite, "operations": {}}))
    parser = create_parser(protocol)
    parser._timestamp_parser = lambda value: value
    body = response.body
    headers = {name.lower(): value for name, value in response.headers}
    assert isinstance(body, bytes)
    got = parser.parse({"status_code": response.status, "headers": headers, "body": body}, described.output_shape)
    assert got
    if shape is not None:
        want = _from_client(parser, described.output_shape, expected)
        assert same(_times(got), _times(want))


def _from_client(parser: Any, shape: Any, expected: dict[str, Any]) -> Any:
    raw = expected.get("body", "")
    cbor = type(parser).__name__ == "RpcV2CBORParser"
    body = base64.b64decode(raw) if cbor else raw.encode()
    headers = {name.lower(): value for name, value in expected.get("headers", {}).items()}
    return parser.parse({"status_code": expected["status_code"], "headers": headers, "body": body}, shape)


def _times(value: Any) -> Any:
    from botocore.utils import parse_timestamp

    if isinstance(value, dict):
        return {key: _times(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [_times(item) for item in value]
    if isinstance(value, (str, float, int)) and not isinstance(value, bool):
        try:
            return parse_timestamp(value).timestamp()
        except (ValueError, OverflowError, OSError):
            return value
    return value


@pytest.mark.parametrize(("suite", "case"), [c for c in cases("output") if "error" in c.values[1]])
def test_writes_the_errors_that_clients_read(suite: dict[str, Any], case: dict[str, Any]) -> None:
    from botocore.parsers import create_parser

    model = codecs_of(suite, case)
    protocol = suite["metadata"]["protocol"]
    members = {name: value for name, value in case["error"].items() if name.lower() != "message"}
    error = AwsError(case["errorCode"], case.get("errorMessage") or "", **members)
    response = model.operation(case["given"]["name"]).serialise_error(protocol, error, "the-request")
    assert response.status == case["response"]["status_code"]
    headers = {name.lower(): value for name, value in response.headers}
    parsed = create_parser(protocol).parse(
        {"status_code": response.status, "headers": headers, "body": response.body}, None
    )
    assert parsed["Error"]["Code"] == case["errorCode"]
    assert (parsed["Error"].get("Message") or "") == (case.get("errorMessage") or "")
    assert parsed["ResponseMetadata"]["RequestId"] == "the-request"
    body = case["response"].get("body")
    if members and body and protocol not in ("query", "ec2", "rest-xml"):
        decode = cbor2.loads if protocol == "smithy-rpc-v2-cbor" else msgspec.json.decode
        want = decode(base64.b64decode(body)) if decode is cbor2.loads else decode(body)
        assert isinstance(response.body, bytes)
        got = decode(response.body)
        for found in (want, got):
            for name in ("__type", "code", "message", "Message"):
                found.pop(name, None)
        assert same(got, want)
