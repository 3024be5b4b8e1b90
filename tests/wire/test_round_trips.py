"""Values through botocore and back: each operation's input and output, in every protocol of its service."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import botocore.loaders
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fogbank import wire
from fogbank.wire.compile.shapes import Shape
from fogbank.wire.model import read_model
from tests.wire import clients
from tests.wire.values import structures

SERVICES = (
    "apigateway", "cloudformation", "cloudwatch", "dynamodb", "ecr", "iam", "kinesis", "lambda", "logs", "s3", "sns",
    "sqs", "ssm", "stepfunctions", "sts",
)  # fmt: skip
EC2 = ("CreateVpc", "DescribeInstances", "DescribeVpcs", "RunInstances", "CreateTags", "DescribeSubnets")
RUN = settings(max_examples=3, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))


@lru_cache(maxsize=2)
def shapes(service: str) -> dict[str, Any]:
    """botocore's own model: without what our patches add."""
    model: dict[str, Any] = botocore.loaders.Loader().load_service_model(service, "service-2")
    return model


@pytest.fixture(scope="session")
def codecs(tmp_path_factory: pytest.TempPathFactory) -> wire.Codecs:
    return wire.Codecs(Path(tmp_path_factory.mktemp("codecs")), strict=True)


def operations() -> list[Any]:
    found = []
    for service in (*SERVICES, "ec2"):
        model = read_model(service)
        for name in EC2 if service == "ec2" else sorted(set(model["operations"]) & set(shapes(service)["operations"])):
            if model["operations"][name].get("unroutable") or model["operations"][name].get("deprecated"):
                continue
            protocols = model["metadata"].get("protocols") or [model["metadata"]["protocol"]]
            found.extend(pytest.param(service, name, protocol, id=f"{service}-{name}-{protocol}") for protocol in protocols)
    return found


def reference(service: str, operation: str, part: str) -> Shape | None:
    model = shapes(service)
    found = model["operations"][operation].get(part)
    return Shape(model["shapes"], found) if found else None


def for_client(shape: Shape, value: Any) -> Any:
    """The contract's values as botocore takes them."""
    if value is None or shape.is_document:
        return value
    if shape.type == "structure":
        members = dict(shape.members())
        return {name: for_client(members[name], item) for name, item in value.items()}
    if shape.type == "list":
        return [for_client(shape.member, item) for item in value]
    if shape.type == "map":
        return {key: for_client(shape.value, item) for key, item in value.items()}
    return datetime.fromtimestamp(value, UTC) if shape.type == "timestamp" else value


def pruned(value: Any) -> Any:
    """Without the empty lists, maps, structures and texts at which protocols differ."""
    if isinstance(value, dict):
        inner = {key: pruned(item) for key, item in value.items()}
        return {key: item for key, item in inner.items() if item not in ({}, [], None, "", b"")}
    if isinstance(value, list):
        return [item for item in map(pruned, value) if item not in ({}, [])]
    return value


@pytest.mark.parametrize(("service", "operation", "protocol"), operations())
def test_operation(codecs: wire.Codecs, service: str, operation: str, protocol: str) -> None:
    model = codecs.service(service)
    codec = model.operation(operation)
    taken, given_out = reference(service, operation, "input"), reference(service, operation, "output")

    @RUN
    @given(st.data())
    def there(data: st.DataObject) -> None:
        assert taken is not None
        params = data.draw(structures(taken))
        _add_discriminators(service, operation, taken, params, data)
        request = clients.request(service, operation, for_client(taken, params), protocol)
        assert isinstance(request.body, bytes)
        route = model.route(request)
        assert (route.operation, route.protocol) == (operation, protocol)
        if codec.streaming_input:
            params.pop(codec.streaming_input, None)
        assert pruned(codec.parse(route, request, request.body)) == pruned(params)

    @RUN
    @given(st.data())
    def back(data: st.DataObject) -> None:
        assert given_out is not None
        output = data.draw(structures(given_out))
        response = codec.serialise(protocol, output, "the-request")
        got = clients.plain(clients.read(service, operation, response, protocol))
        for name, member in given_out.members():
            if member["location"] == "statusCode":  # read even where the output does not give it
                output.setdefault(name, response.status)
            elif member.wire_name(name) == "Content-Type" and name not in output:
                got.pop(name, None)
        assert pruned(got) == pruned(output)

    if taken is not None:
        there()
    if given_out is not None and not any(member["eventstream"] for _, member in given_out.members()):
        back()


def _add_discriminators(service: str, operation: str, shape: Shape, params: dict[str, Any], data: st.DataObject) -> None:
    """What tells operations at one address apart: required members in the query and in headers."""
    required = set(shape["required"] or ())
    for name, member in shape.members():
        if name in required and member["location"] in ("querystring", "header") and not params.get(name):
            from tests.wire.values import values

            params[name] = data.draw(values(member).filter(lambda value: value not in ([], "")))
