"""botocore as the client of round trips: its serialiser makes requests, its parser reads responses."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import botocore.compat
import botocore.loaders
import botocore.model
import botocore.parsers
import botocore.serialize
from botocore.compat import HTTPHeaders, urlsplit

from fogbank import wire


@lru_cache
def description(service: str) -> botocore.model.ServiceModel:
    model = botocore.loaders.Loader().load_service_model(service, "service-2")
    for name, operation in model["operations"].items():
        if "awsQueryCompatible" in model["metadata"] and "output" in operation:  # botocore's form of it has lost these
            operation["output"].setdefault("resultWrapper", f"{name}Result")
    return botocore.model.ServiceModel(model, service)


def request(service: str, operation: str, params: dict[str, Any], protocol: str) -> wire.Request:
    """What botocore sends for a call, as the listener would hand it on."""
    serialiser = botocore.serialize.create_serializer(protocol, include_validation=False)
    made = serialiser.serialize_to_request(params, description(service).operation_model(operation))
    body = made["body"]
    if isinstance(body, dict):
        body = urlencode({name: value for name, value in body.items()}, doseq=True).encode()
    elif isinstance(body, str):
        body = body.encode()
    elif hasattr(body, "read"):
        body = body.read()
    path, _, query = made["url_path"].partition("?")
    pairs = []
    for name, value in dict(made["query_string"] or {}).items():
        pairs.extend((name, item) for item in (value if isinstance(value, list) else [value]))
    more = "&".join(f"{quote(str(name), safe='-._~')}={quote(str(value), safe='-._~')}" for name, value in pairs)
    query = "&".join(part for part in (query, more) if part)
    headers = {str(name).lower(): _header(value) for name, value in made["headers"].items()}
    return wire.Request(made["method"], urlsplit(path).path, query, headers, body)


def _header(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def read(service: str, operation: str, response: wire.Response, protocol: str) -> dict[str, Any]:
    """What botocore makes of a response."""
    shape = description(service).operation_model(operation).output_shape
    parser = botocore.parsers.create_parser(protocol)
    body: Any = response.body
    if shape is not None and shape.serialization.get("payload"):
        payload = shape.members[shape.serialization["payload"]]
        if payload.type_name == "blob":
            body = io.BytesIO(body)
    headers = HTTPHeaders.from_pairs(response.headers)
    given = {"status_code": response.status, "headers": headers, "body": body, "context": {"operation_name": operation}}
    parsed: dict[str, Any] = parser.parse(given, shape)
    if (service, operation) == ("s3", "GetBucketLocation"):  # botocore reads this one in a handler of its own
        parsed["LocationConstraint"] = botocore.compat.ETree.fromstring(response.body).text
    return parsed


def plain(value: Any) -> Any:
    """botocore's values as the contract's: timestamps as epoch seconds, streams as bytes."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "ResponseMetadata"}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if hasattr(value, "read"):
        return value.read()
    return value
