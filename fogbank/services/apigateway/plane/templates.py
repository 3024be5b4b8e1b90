"""What mapping templates see: `$input`, `$context`, `$stageVariables`, `$util`.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-mapping-template-reference.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.vtl import TemplateError, jsonpath, parsed, render
from fogbank.services.apigateway.vtl.methods import Bound

_ESCAPES = {"\\": "\\\\", '"': '\\"', "'": "\\'", "/": "\\/", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r",
            "\t": "\\t"}


def rendered(call: Call, template: str, body: str, *, override: str = "") -> str:
    """The template with the call's values; `override` names what it may set (`requestOverride`, `responseOverride`)."""
    context = context_of(call)
    if override:
        context[override] = call.overrides.setdefault(
            override, {"header": {}, "querystring": {}, "path": {}} if override == "requestOverride" else {"header": {}}
        )
    variables = {
        "input": _input(call, body),
        "context": context,
        "stageVariables": call.stage.variables,
        "util": _UTIL,
    }
    try:
        return render(parsed(template), variables)
    except TemplateError as error:
        raise failures.internal(f"Execution failed due to configuration error: Unable to transform: {error}") from error


def context_of(call: Call) -> dict[str, Any]:
    context = {name: value for name, value in call.request_context().items() if value is not None}
    context["identity"] = {name: value for name, value in context["identity"].items() if value is not None}
    context["xrayTraceId"] = call.trace
    context["error"] = call.error
    return context


def _input(call: Call, body: str) -> Bound:
    document = _Document(body)
    headers = {name: values[-1] for name, values in call.multi_headers.items()}
    query = {name: values[-1] for name, values in call.query_values.items()}

    def params(name: str | None = None) -> Any:
        if name is None:
            return {"path": dict(call.path_parameters), "querystring": query, "header": headers}
        for place in (call.path_parameters, query):
            if name in place:
                return place[name]
        return next((value for key, value in headers.items() if key.lower() == name.lower()), "")

    methods: dict[str, Callable[..., Any]] = {"json": document.json, "path": document.path, "params": params}
    return Bound(methods, {"body": body or "{}"})


class _Document:
    """A body, read as JSON when a template first asks."""

    def __init__(self, body: str) -> None:
        self._body = body
        self._value: Any = jsonpath.MISSING

    def _read(self) -> Any:
        if self._value is jsonpath.MISSING:
            try:
                self._value = json.loads(self._body) if self._body.strip() else None
            except (ValueError, RecursionError):
                self._value = self._body
        return self._value

    def path(self, path: str) -> Any:
        found = jsonpath.find(self._read(), path)
        return None if found is jsonpath.MISSING else found

    def json(self, path: str) -> str:
        found = jsonpath.find(self._read(), path)
        if found is jsonpath.MISSING:
            return '""'
        if found is None and not self._body.strip():
            return "{}"
        return json.dumps(found, separators=(",", ":"), ensure_ascii=False)


def _escape(text: Any) -> str:
    """As Apache Commons' escapeJavaScript."""
    return "".join(_ESCAPES.get(c) or (c if " " <= c <= "~" else _unicode(c)) for c in str(text))


def _unicode(character: str) -> str:
    return "".join(f"\\u{int.from_bytes(pair, 'big'):04X}" for pair in _pairs(character.encode("utf-16-be", "replace")))


def _pairs(raw: bytes) -> list[bytes]:
    return [raw[at : at + 2] for at in range(0, len(raw), 2)]


def _parse_json(text: Any) -> Any:
    return json.loads(text) if isinstance(text, str) else None


_UTIL = Bound(
    {
        "escapeJavaScript": _escape,
        "parseJson": _parse_json,
        "urlEncode": lambda text: quote_plus(str(text)),
        "urlDecode": lambda text: unquote_plus(str(text)),
        "base64Encode": lambda text: base64.b64encode(str(text).encode()).decode(),
        "base64Decode": lambda text: base64.b64decode(str(text)).decode("utf-8", "replace"),
    }
)
