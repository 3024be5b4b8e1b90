"""`Codecs`: the wire format of every AWS service, compiled when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import CodeType
from typing import Any

from fogbank.kit.errors import AwsError
from fogbank.wire import routing, runtime, strict
from fogbank.wire.cache import Cache
from fogbank.wire.compile.shapes import Shape, streaming_member
from fogbank.wire.errors import ErrorWriter, error_table
from fogbank.wire.messages import Request, Response
from fogbank.wire.model import Model, read_model
from fogbank.wire.routing import Route
from fogbank.wire.runtime.malformed import Malformed

_RPC = ("json", "query", "ec2", routing.CBOR)


class Codecs:
    """One per process. `cache_dir` holds compiled code between runs (None: none is kept).

    With `strict` (tests) serialising an output that the model does not allow raises strict.Undescribed.
    """

    def __init__(
        self,
        cache_dir: Path | str | None,
        *,
        strict: bool = False,
        read: Callable[[str], Model] = read_model,
    ) -> None:
        self._cache = Cache(Path(cache_dir) if cache_dir is not None else None)
        self._services: dict[str, ServiceModel] = {}
        self._strict = strict
        self._read_model = read
        self._models: dict[str, Model] = {}

    def service(self, name: str) -> ServiceModel:
        """The service by botocore's directory name (`lambda`, `s3`). Raises model.UnknownService."""
        found = self._services.get(name)
        if found is None:
            index = self._cache.load(f"{name}.index")
            if index is None:
                index = _index(self._read(name))
                self._cache.store(f"{name}.index", index)
            found = self._services[name] = ServiceModel(name, index, self._unit, self._strict, self._read)
        return found

    def _read(self, service: str) -> Model:
        """The whole model. Only the last is kept, but for strict checks, which ask for all of them again and again."""
        found = self._models.get(service)
        if found is None:
            if not self._strict:
                self._models.clear()
            found = self._models[service] = self._read_model(service)
        return found

    def _unit(self, service: str, operation: str, part: str) -> dict[str, Any]:
        """The global names of one compiled unit: `part` is a protocol, or `validate`;
        `error.` and a protocol for the members of the error shape that `operation` names then."""
        name = f"{service}.{operation}.{part}"
        code = self._cache.load(name)
        if not isinstance(code, CodeType):
            from fogbank.wire.compile import source_of  # a start with a warm cache never needs the compiler

            source = source_of(self._read(service), operation, part)
            code = compile(source, f"<{name}>", "exec", dont_inherit=True, optimize=2)
            self._cache.store(name, code)
        names = runtime.namespace()
        exec(code, names)
        return names


def _index(model: Model) -> dict[str, Any]:
    """What routing and errors need, without any shape."""
    metadata = model["metadata"]
    protocols = list(metadata.get("protocols") or [metadata["protocol"]])
    shapes = model["shapes"]
    operations = {}
    for name, operation in model["operations"].items():
        taken = Shape(shapes, operation["input"]) if "input" in operation else None
        given = Shape(shapes, operation["output"]) if "output" in operation else None
        operations[name] = {
            "method": operation.get("http", {}).get("method", "POST"),
            "streaming_input": streaming_member(taken),
            "compressed": "requestcompression" in operation,
            "streaming_output": streaming_member(given),
        }
    return {
        "metadata": metadata,
        "protocols": protocols,
        "operations": operations,
        "tree": routing.build_tree(model) if any(p.startswith("rest-") for p in protocols) else None,
        "errors": error_table(model),
        "settings": model.get("wire", {}),
    }


class ServiceModel:
    """One service: its names, its routes, its operations."""

    def __init__(
        self,
        name: str,
        index: dict[str, Any],
        unit: Callable[[str, str, str], dict[str, Any]],
        strict: bool,
        read: Callable[[str], Model],
    ) -> None:
        self.name = name
        self.metadata: dict[str, Any] = index["metadata"]
        self.protocols: list[str] = index["protocols"]
        self.operation_names = frozenset(index["operations"])
        self.settings: dict[str, Any] = index["settings"]
        self.api_version: str = self.metadata.get("apiVersion", "")
        self.endpoint_prefix: str = self.metadata["endpointPrefix"]
        self.signing_name: str = self.metadata.get("signingName", self.endpoint_prefix)
        self.target_prefix: str | None = self.metadata.get("targetPrefix")
        self.json_version: str | None = self.metadata.get("jsonVersion")
        self._tree = index["tree"]
        self._described: dict[str, Any] = index["operations"]
        self._operations: dict[str, OperationCodec] = {}
        self._unit = unit
        self._strict = strict
        self._read = read
        self.errors = ErrorWriter(self.metadata, self.settings, index["errors"], self.unit)

    def operation(self, name: str) -> OperationCodec:
        """The codec of an operation. Raises KeyError where the model has none of that name."""
        found = self._operations.get(name)
        if found is None:
            found = self._operations[name] = OperationCodec(self, name, self._described[name])
        return found

    def protocol_of(self, request: Request) -> str:
        """The protocol in which the client wrote the request, and wants its answer, even where nothing routes."""
        return routing.protocol_of(request, self.protocols)

    def route(self, request: Request) -> Route:
        """The operation that is asked for. Raises AwsError with AWS's code for what is none."""
        protocol = routing.protocol_of(request, self.protocols)
        if protocol in _RPC:
            return routing.route_rpc(request, protocol, self._described, self.metadata)
        return routing.route_rest(request, protocol, self._tree, strict=bool(self.settings.get("strictRoutes")))

    def serialise_error(self, protocol: str, error: AwsError, request_id: str, method: str = "POST") -> Response:
        """As OperationCodec.serialise_error, where there is no operation."""
        return self.errors.write(protocol, error, request_id, head=method == "HEAD")

    def unit(self, operation: str, part: str) -> dict[str, Any]:
        return self._unit(self.name, operation, part)

    def check_output(self, operation: str, output: dict[str, Any]) -> None:
        """In strict mode: raises strict.Undescribed where the output is not what the model says."""
        if self._strict:
            strict.check(self._read(self.name), operation, output)


class OperationCodec:
    """One operation, in every protocol of its service."""

    def __init__(self, service: ServiceModel, name: str, described: dict[str, Any]) -> None:
        self.service = service
        self.name = name
        self.method: str = described["method"]
        self.streaming_input: str | None = described["streaming_input"]
        self.streaming_output: str | None = described["streaming_output"]
        self.compressed: bool = described["compressed"]
        self._parsers: dict[str, Callable[..., dict[str, Any]]] = {}
        self._writers: dict[str, Callable[[dict[str, Any], str], Response]] = {}

    def _load(self, protocol: str) -> None:
        names = self.service.unit(self.name, protocol)
        self._parsers[protocol] = names["parse"]
        self._writers[protocol] = names["serialise"]

    @cached_property
    def _validator(self) -> Callable[[dict[str, Any], list[str]], None]:
        found: Callable[[dict[str, Any], list[str]], None] = self.service.unit(self.name, "validate")["validate"]
        return found

    def parse(self, route: Route, request: Request, body: bytes) -> dict[str, Any]:
        """The request's members by their model names. Raises AwsError for what cannot be read."""
        protocol = route.protocol
        if protocol not in self._parsers:
            self._load(protocol)
        try:
            if self.compressed:
                body = routing.plain_body(request, body)
            return self._parsers[protocol](route, request, body)
        except Malformed as error:
            raise self._malformed(protocol, str(error)) from None
        except RecursionError:
            raise self._malformed(protocol, "") from None

    def _malformed(self, protocol: str, message: str) -> AwsError:
        settings = self.service.settings.get("malformed")
        if settings:
            code = self.service.settings.get("operationCodes", {}).get(self.name) or settings["code"]
            return AwsError(code, settings.get("message") or message, status=400)
        if protocol == "rest-xml":
            return AwsError("MalformedXML", message or "The XML you provided was not well-formed.", status=400)
        if protocol == "query":
            return AwsError("MalformedInput", message, status=400)
        if protocol == "ec2":
            return AwsError("InvalidParameterValue", message, status=400)
        return AwsError("SerializationException", message, status=400)

    def validate(self, params: dict[str, Any]) -> None:
        """Raises AwsError with all that the model's constraints refuse, in AWS's words."""
        errors: list[str] = []
        self._validator(params, errors)
        if errors:
            raise self._invalid(errors)

    def _invalid(self, errors: list[str]) -> AwsError:
        settings = self.service.settings
        if settings.get("validation") == "required":
            required = settings["requiredError"]
            return AwsError(required["code"], required["message"].format(member=errors[0]), status=400)
        code = settings.get("operationCodes", {}).get(self.name) or settings.get("validationCode")
        if code is None:
            code = "ValidationError" if self.service.protocols[-1] == "query" else "ValidationException"
        message = settings.get("validationMessage")
        if message is None:
            message = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''} detected: {'; '.join(errors)}"
        return AwsError(code, message, status=400)

    def serialise(self, protocol: str, output: dict[str, Any] | None, request_id: str) -> Response:
        """The response. A streaming member passes through as it is."""
        given = output if output is not None else {}
        self.service.check_output(self.name, given)
        if protocol not in self._writers:
            self._load(protocol)
        return self._writers[protocol](given, request_id)

    def serialise_error(self, protocol: str, error: AwsError, request_id: str) -> Response:
        return self.service.errors.write(protocol, error, request_id, head=self.method == "HEAD")
