"""Request and response data mappings: `integration.request.header.x` from `method.request.querystring.y`, and so on.

https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-parameter-mapping.html
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any

import regex

from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.templates import context_of, rendered
from fogbank.services.apigateway.vtl import jsonpath


@dataclass(slots=True)
class Outgoing:
    """What an integration is sent."""

    headers: dict[str, list[str]] = field(default_factory=dict)
    query: dict[str, list[str]] = field(default_factory=dict)
    path: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def mapped_request(call: Call) -> Outgoing:
    """The integration's request parameters, from the method's."""
    made = Outgoing()
    for target, source in (call.method.integration.get("requestParameters") or {}).items():
        value = request_value(call, source)
        if value is None:
            continue
        place, _, name = target.removeprefix("integration.request.").partition(".")
        if place == "header":
            made.headers[name] = value
        elif place == "querystring":
            made.query[name] = value
        elif place == "path":
            made.path[name] = value[-1]
    return made


def request_value(call: Call, source: str) -> list[str] | None:
    """The values of a mapping expression about the request; None for what is not there."""
    if source.startswith("'") and source.endswith("'") and len(source) > 1:
        return [source[1:-1]]
    place, _, name = source.removeprefix("method.request.").partition(".")
    if source.startswith("method.request."):
        if place in ("header", "multivalueheader"):
            found = next((v for key, v in call.multi_headers.items() if key.lower() == name.lower()), None)
            return found if place == "multivalueheader" or found is None else found[-1:]
        if place in ("querystring", "multivaluequerystring"):
            values = call.query_values.get(name)
            return values if place == "multivaluequerystring" or values is None else values[-1:]
        if place == "path":
            return [call.path_parameters[name]] if name in call.path_parameters else None
        if place == "body" or source == "method.request.body":
            return _from_json(call.body.decode("utf-8", "replace"), name)
        return None
    if source.startswith("context."):
        return _shown(_walk(context_of(call), source[8:]))
    if source.startswith("stageVariables."):
        return _shown(call.stage.variables.get(source[15:]))
    return None


def response_value(call: Call, source: str, headers: list[tuple[str, str]], body: str) -> list[str] | None:
    """The values of a mapping expression about an integration's response."""
    if not source.startswith("integration.response."):
        return request_value(call, source)
    place, _, name = source.removeprefix("integration.response.").partition(".")
    if place in ("header", "multivalueheader"):
        found = [value for key, value in headers if key.lower() == name.lower()]
        return (found if place == "multivalueheader" else found[-1:]) or None
    if place == "body":
        return _from_json(body, name)
    return None


def _from_json(body: str, path: str) -> list[str] | None:
    if not path:
        return [body]
    try:
        return _shown(jsonpath.find(json.loads(body or "null"), path))
    except (ValueError, RecursionError):
        return None


def _walk(value: Any, path: str) -> Any:
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _shown(value: Any) -> list[str] | None:
    if value is None or value is jsonpath.MISSING:
        return None
    return [value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))]


def request_body(call: Call) -> bytes:
    """The integration's body by the template for the request's content type, or as passthrough behaviour says.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/integration-passthrough-behaviors.html
    """
    templates = call.method.integration.get("requestTemplates") or {}
    behaviour = call.method.integration.get("passthroughBehavior", "WHEN_NO_MATCH")
    content_type = (call.header("content-type") or "application/json").split(";", 1)[0].strip().lower()
    template = next((text for kind, text in templates.items() if kind.lower() == content_type), None)
    if template is None and "$default" in templates:
        template = templates["$default"]
    body = _converted(call.method.integration.get("contentHandling"), call.body, content_type in call.stage.binary)
    if template:
        return rendered(call, template, body.decode("utf-8", "replace"), override="requestOverride").encode()
    if template is None and (behaviour == "NEVER" or (behaviour == "WHEN_NO_TEMPLATES" and templates)):
        raise failures.unsupported_media()
    return body


def _converted(handling: str | None, body: bytes, binary: bool) -> bytes:
    """`contentHandling`: between bytes and their base 64.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
    """
    if handling == "CONVERT_TO_TEXT" and binary:
        return base64.b64encode(body)
    if handling == "CONVERT_TO_BINARY" and not binary:
        try:
            return base64.b64decode(body, validate=True)
        except binascii.Error as error:
            raise failures.internal("Execution failed: the body is not base 64, and cannot become binary") from error
    return body


def chosen_response(call: Call, text: str) -> dict[str, Any]:
    """The integration response whose pattern matches `text` (an error message, a status), or the default one."""
    default: dict[str, Any] | None = None
    response: dict[str, Any]
    for response in (call.method.integration.get("integrationResponses") or {}).values():
        pattern = response.get("selectionPattern")
        if not pattern:
            default = default or response
        elif _matches(pattern, text):
            return response
    if default is None:
        raise failures.internal(f"Execution failed due to configuration error: No match for output mapping and no default "
                                f"endpoint response mapping configured. Endpoint Response Status Code: {text[:200]}")
    return default


def _matches(pattern: str, text: str) -> bool:
    try:
        return regex.fullmatch(pattern, text, flags=regex.DOTALL, timeout=0.05) is not None
    except (regex.error, TimeoutError):
        return False


def mapped_response(
    call: Call, response: dict[str, Any], headers: list[tuple[str, str]], body: bytes
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Status, headers and body that an integration response makes of what the integration answered."""
    kind_given = next((value for name, value in headers if name.lower() == "content-type"), "")
    body = _converted(response.get("contentHandling"), body, kind_given in call.stage.binary)
    text = body.decode("utf-8", "replace")
    made: list[tuple[str, str]] = []
    for target, source in (response.get("responseParameters") or {}).items():
        values = response_value(call, source, headers, text)
        name = target.removeprefix("method.response.header.")
        made += [(name, value) for value in values or []]
    templates = response.get("responseTemplates") or {}
    accept = (call.header("accept") or "application/json").split(",", 1)[0].split(";", 1)[0].strip().lower()
    kind = next((k for k in templates if k.lower() == accept), next(iter(templates), None))
    call.overrides.pop("responseOverride", None)
    if kind is not None and templates[kind]:
        body = rendered(call, templates[kind], text, override="responseOverride").encode()
        made = _with(made, "Content-Type", kind, keep=True)
    override = call.overrides.get("responseOverride") or {}
    status = int(response["statusCode"])
    if str(override.get("status", "")).isdecimal():
        status = int(override["status"])
    for name, value in (override.get("header") or {}).items():
        made = _with(made, str(name), str(value), keep=False)
    return status, made, body


def _with(headers: list[tuple[str, str]], name: str, value: str, *, keep: bool) -> list[tuple[str, str]]:
    """With the header set; one that is there stays if `keep`."""
    there = any(key.lower() == name.lower() for key, _ in headers)
    if there and keep:
        return headers
    return [*((k, v) for k, v in headers if k.lower() != name.lower()), (name, value)]
