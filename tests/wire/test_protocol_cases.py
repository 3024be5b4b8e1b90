"""The published protocol cases, inverted: what a client must send is what we must read, what it must read we must write."""

from __future__ import annotations

import base64
import json
from datetime import datetime
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

# Cases that ask for what only clients do: filling in tokens, compressing, prefixing the path, a choice between two
# members for the same parameter; and a status that contradicts the case's own model.
CLIENTS_ONLY = ("IdempotencyTokenAutoFill", "SDKAppl", "SDKAppend", "HostWithPath", "QueryPrecedence")
CLIENTS_ONLY_OUTPUT = ("CustomCodeError",)


def cases(kind: str) -> list[Any]:
    found = []
    for path in sorted((RECORDED / kind).glob("*.json")) if RECORDED.is_dir() else []:
        for suite in json.loads(path.read_text()):
            for number, case in enumerate(suite["cases"]):
                if any(word in case["id"] for word in CLIENTS_ONLY):
                    continue
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
    if shape is None or value is None or shape.is_document:
        return value
    if shape["jsonvalue"]:
        return json.loads(value) if shape["location"] == "header" and isinstance(value, str) else value
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
    if isinstance(value, datetime):
        return value.timestamp()
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
    got = operation.parse(route, request, body)
    assert same(without_empty(got), without_empty(expected))


def without_empty(value: Any) -> Any:
    """Without what a client may leave out as well as send, and without what a query map says twice."""
    if isinstance(value, dict):
        pruned = {key: without_empty(item) for key, item in value.items() if key != "queryParamsMapOfStringList"}
        return {key: item for key, item in pruned.items() if item not in ({}, [], None)}
    return value


@pytest.mark.parametrize(("suite", "case"), [c for c in cases("output") if "result" in c.values[1]])
def test_writes_what_clients_read(suite: dict[str, Any], case: dict[str, Any]) -> None:
    from botocore.model import OperationModel, ServiceModel

    model = codecs_of(suite, case)
    shape = shape_of(suite, case["given"].get("output"))
    output = typed(shape, case["result"])
    protocol = suite["metadata"]["protocol"]
    response = model.operation(case["given"]["name"]).serialise(protocol, output, "the-request")
    expected = case["response"]
    assert response.status == expected["status_code"]
    described = OperationModel(case["given"], ServiceModel({**suite, "operations": {}}))
    want, got = (_read(protocol, described.output_shape, r) for r in (expected, response))
    odd = ("flattenedList", "flattenedList2", "flattenedStructureList")  # here botocore reads another name than the case has
    want, got = ({name: value for name, value in (read or {}).items() if name not in odd} for read in (want, got))
    if want:
        assert same(got, want)


def _read(protocol: str, shape: Any, response: Any) -> Any:
    """What botocore reads from a response, a case's or ours; None where it cannot read the case's."""
    from botocore.parsers import ResponseParserError, create_parser

    if isinstance(response, wire.Response):
        status, body, headers = response.status, response.body, dict(response.headers)
    else:
        raw = response.get("body", "")
        body = base64.b64decode(raw) if protocol == "smithy-rpc-v2-cbor" else raw.encode()
        status, headers = response["status_code"], response.get("headers", {})
    lowered = {name.lower(): value for name, value in headers.items()}
    parser = create_parser(protocol)
    try:
        parsed = parser.parse({"status_code": status, "headers": lowered, "body": body}, shape)
    except (ResponseParserError, TypeError):
        if isinstance(response, wire.Response) and body:
            raise
        return None
    parsed.pop("ResponseMetadata", None)
    for name in ("x-amzn-requestid", "content-type"):  # of ours, where a member takes every header
        parsed.get("prefixHeaders", {}).pop(name, None)
    return parsed


@pytest.mark.parametrize(("suite", "case"), [c for c in cases("output") if "error" in c.values[1]])
def test_writes_the_errors_that_clients_read(suite: dict[str, Any], case: dict[str, Any]) -> None:
    from botocore.parsers import create_parser

    model = codecs_of(suite, case)
    protocol = suite["metadata"]["protocol"]
    members = {name: value for name, value in case["error"].items() if name.lower() != "message"}
    error = AwsError(case["errorCode"], case.get("errorMessage") or "", **members)
    response = model.operation(case["given"]["name"]).serialise_error(protocol, error, "the-request")
    if not any(word in case["id"] for word in CLIENTS_ONLY_OUTPUT):
        assert response.status == case["response"]["status_code"]
    headers = {name.lower(): value for name, value in response.headers}
    parsed = create_parser(protocol).parse({"status_code": response.status, "headers": headers, "body": response.body}, None)
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
