"""Errors in each protocol's form, with the model's code, status and members."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Response
from fogbank.wire.runtime.jsontypes import cbor_encode, json_encode
from fogbank.wire.runtime.locations import header_text, host_id
from fogbank.wire.runtime.xmltext import xml_encode, xml_escape, xml_head

# Codes that every service may answer and few models name: https://docs.aws.amazon.com/general/latest/gr/CommonErrors.html
COMMON = {
    "AccessDenied": 403,
    "AuthFailure": 401,
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalServerError": 500,
    "InternalServiceError": 500,
    "InternalServerException": 500,
    "InvalidClientTokenId": 403,
    "IncompleteSignature": 400,
    "MissingAuthenticationToken": 403,
    "OptInRequired": 403,
    "RequestEntityTooLarge": 413,
    "RequestExpired": 400,
    "ServiceException": 500,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "SignatureDoesNotMatch": 403,
    "UnknownOperationException": 404,
}
REST_COMMON = {
    "AccessDeniedException": 403,
    "ExpiredTokenException": 403,
    "IncompleteSignatureException": 403,
    "InvalidSignatureException": 403,
    "MissingAuthenticationTokenException": 403,
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
    "UnrecognizedClientException": 403,
}


_COMPLEX = ("structure", "list", "map", "timestamp", "blob")
_XML = ("query", "ec2", "rest-xml")


def error_table(model: dict[str, Any]) -> dict[str, Any]:
    """Every error of the model by its shape's name and by its code: what serialising it takes."""
    table: dict[str, Any] = {}
    for name, shape in model["shapes"].items():
        if not shape.get("exception"):
            continue
        trait = shape.get("error", {})
        fault = shape.get("fault", False) or trait.get("senderFault") is False
        described = {
            "shape": name,
            "code": trait.get("code", name),
            "status": trait.get("httpStatusCode") or (500 if fault else 400),
            "fault": bool(fault),
            "members": {
                member: (reference.get("locationName", member), reference.get("location") == "header")
                for member, reference in shape.get("members", {}).items()
            },
            "nested": any(model["shapes"][r["shape"]]["type"] in _COMPLEX for r in shape.get("members", {}).values()),
        }
        table[name] = described
        table.setdefault(described["code"], described)
    return table


class ErrorWriter:
    """Serialises the errors of one service."""

    def __init__(
        self,
        metadata: dict[str, Any],
        settings: dict[str, Any],
        table: dict[str, Any],
        unit: Callable[[str, str], dict[str, Any]],
    ) -> None:
        self._metadata = metadata
        self._settings = settings
        self._table = table
        self._unit = unit

    def status(self, protocol: str, error: AwsError) -> int:
        if error.status is not None:
            return error.status
        known = self._table.get(error.code)
        configured = self._settings.get("errorStatus", {}).get(error.code)
        if configured is not None:
            return int(configured)
        if known is not None:
            return int(known["status"])
        if protocol.startswith("rest-") and error.code in REST_COMMON:
            return REST_COMMON[error.code]
        return COMMON.get(error.code, 400)

    def write(self, protocol: str, error: AwsError, request_id: str, *, head: bool = False) -> Response:
        """The response; a HEAD request's has no body."""
        status = self.status(protocol, error)
        known = self._table.get(error.code)
        if protocol == "ec2":
            response = self._ec2(error, status, request_id, known)
        elif protocol == "query":
            response = self._query(error, status, request_id, known)
        elif protocol == "rest-xml":
            response = self._rest_xml(error, status, request_id, known)
        elif protocol == "smithy-rpc-v2-cbor":
            response = self._cbor(protocol, error, status, request_id, known)
        else:
            response = self._json(protocol, error, status, request_id, known)
        if head:
            response.body = b""
            response.headers = [pair for pair in response.headers if pair[0] != "Content-Type"]
        return response

    def _sender(self, status: int, known: Any) -> bool:
        return status < 500 and not (known and known["fault"])

    def _members(
        self, protocol: str, error: AwsError, status: int, known: Any
    ) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """The members but the message, by wire name where they are simple, and the headers."""
        given = {name: value for name, value in error.members.items() if value is not None}
        if known is None:
            return given, []
        if "Type" in known["members"] and "Type" not in error.members:  # Lambda says whose fault it was
            given.setdefault("Type", "User" if self._sender(status, known) else "Service")
        headers = [
            (wire, header_text(given.pop(name)))
            for name, (wire, in_header) in known["members"].items()
            if in_header and name in given
        ]
        if known["nested"] and protocol not in _XML:
            return self._compiled(protocol, known, given), headers
        return {known["members"].get(name, (name,))[0]: value for name, value in given.items()}, headers

    def _compiled(self, protocol: str, known: Any, given: dict[str, Any]) -> Any:
        """Members with structures within, through code that knows their shapes."""
        return self._unit(known["shape"], f"error.{protocol}")["members"](given)

    def _xml_members(self, protocol: str, error: AwsError, status: int, known: Any) -> tuple[str, list[tuple[str, str]]]:
        body, headers = self._members(protocol, error, status, known)
        if known is not None and known["nested"]:
            names = {wire: name for name, (wire, _) in known["members"].items()}
            text: str = self._compiled(protocol, known, {names.get(wire, wire): value for wire, value in body.items()})
            return text, headers
        return xml_members(body), headers

    def _message_key(self, known: Any, fallback: str) -> str:
        for name, (wire, _) in known["members"].items() if known else ():
            if name.lower() == "message":
                return str(wire)
        return str(self._settings.get("messageKey", fallback))

    def _compatible(self, error: AwsError, status: int, known: Any) -> list[tuple[str, str]]:
        if "awsQueryCompatible" not in self._metadata:
            return []
        code = known["code"] if known else error.code
        return [("x-amzn-query-error", f"{code};{'Sender' if self._sender(status, known) else 'Receiver'}")]

    def _json(self, protocol: str, error: AwsError, status: int, request_id: str, known: Any) -> Response:
        body, headers = self._members(protocol, error, status, known)
        name = known["shape"] if known else error.code
        message = {self._message_key(known, "message"): error.message} if error.message else {}
        common = [("x-amzn-RequestId", request_id), *headers]
        if protocol == "rest-json":
            common += [("x-amzn-ErrorType", name), ("Content-Type", "application/json")]
            return Response(status, common, json_encode({**body, **message}))
        namespace = self._settings.get("errorNamespace", {})
        prefix = namespace.get("own" if known else "common", "")
        common += self._compatible(error, status, known)
        common.append(("Content-Type", f"application/x-amz-json-{self._metadata.get('jsonVersion', '1.0')}"))
        return Response(status, common, json_encode({"__type": prefix + name, **body, **message}))

    def _cbor(self, protocol: str, error: AwsError, status: int, request_id: str, known: Any) -> Response:
        body, headers = self._members(protocol, error, status, known)
        name = known["shape"] if known else error.code
        namespace = self._settings.get("errorNamespace", {}).get("own" if known else "common", "")
        content = {"__type": namespace + name, **body, self._message_key(known, "message"): error.message}
        common = [("x-amzn-RequestId", request_id), ("smithy-protocol", "rpc-v2-cbor"), ("Content-Type", "application/cbor")]
        return Response(status, [*common, *headers, *self._compatible(error, status, known)], cbor_encode(content))

    def _namespace(self) -> str:
        declared = self._metadata.get("xmlNamespace")
        uri = declared.get("uri") if isinstance(declared, dict) else declared
        return f' xmlns="{uri}"' if uri else ""

    def _query(self, error: AwsError, status: int, request_id: str, known: Any) -> Response:
        code = known["code"] if known else error.code
        kind = "Sender" if self._sender(status, known) else "Receiver"
        members, headers = self._xml_members("query", error, status, known)
        parts = [
            f"<ErrorResponse{self._namespace()}><Error><Type>{kind}</Type><Code>{xml_escape(code)}</Code>"
            f"<Message>{xml_escape(error.message)}</Message>{members}</Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        ]
        common = [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml")]
        return Response(status, [*common, *headers], xml_encode(parts))

    def _ec2(self, error: AwsError, status: int, request_id: str, known: Any) -> Response:
        members, _ = self._xml_members("ec2", error, status, known)
        parts = [
            f"{xml_head}<Response><Errors><Error><Code>{xml_escape(error.code)}</Code>"
            f"<Message>{xml_escape(error.message)}</Message>{members}</Error></Errors><RequestID>{request_id}</RequestID></Response>"
        ]
        return Response(
            status, [("x-amzn-RequestId", request_id), ("Content-Type", "text/xml;charset=UTF-8")], xml_encode(parts)
        )

    def _rest_xml(self, error: AwsError, status: int, request_id: str, known: Any) -> Response:
        code = known["code"] if known else error.code
        members, headers = self._xml_members("rest-xml", error, status, known)
        fields = f"<Code>{xml_escape(code)}</Code><Message>{xml_escape(error.message)}</Message>{members}"
        if self._settings.get("requestIds") == "s3":
            second = host_id(request_id)
            text = f"{xml_head}<Error>{fields}<RequestId>{request_id}</RequestId><HostId>{second}</HostId></Error>"
            common = [("x-amz-request-id", request_id), ("x-amz-id-2", second)]
        else:
            kind = "Sender" if self._sender(status, known) else "Receiver"
            text = (
                f"{xml_head}<ErrorResponse{self._namespace()}><Error><Type>{kind}</Type>{fields}</Error>"
                f"<RequestId>{request_id}</RequestId></ErrorResponse>"
            )
            common = [("x-amzn-RequestId", request_id)]
        return Response(status, [*common, *headers, ("Content-Type", "application/xml")], xml_encode([text]))


def xml_members(body: dict[str, Any]) -> str:
    """Further members of an error, as elements."""
    return "".join(f"<{name}>{_xml_value(value)}</{name}>" for name, value in body.items())


def _xml_value(value: Any) -> str:
    if isinstance(value, dict):
        return xml_members(value)
    if isinstance(value, (list, tuple)):
        return "".join(f"<member>{_xml_value(item)}</member>" for item in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return xml_escape(str(value))
