"""The Extensions API 2020-01-01, and the subscriptions of the Telemetry and Logs APIs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fogbank.engine.api_http import Call
from fogbank.engine.extensions import IDENTIFIER, Extension, RegistrationRefused
from fogbank.engine.lifecycle import Forbidden
from fogbank.engine.runtime_api import RuntimeApi, refuse, refuse_transition
from fogbank.engine.telemetry import SubscriptionRefused

if TYPE_CHECKING:
    from fogbank.engine.environment import Environment

_MAX_BODY = 1024 * 1024
_TELEMETRY = {"/2022-07-01/telemetry": "telemetry", "/2020-08-15/logs": "logs"}


class InsideApi:
    """Everything that is served on 127.0.0.1:9001 of a sandbox."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._runtime = RuntimeApi(environment)

    def route(self, call: Call) -> int:
        if call.path.startswith("/2018-06-01/"):
            return self._runtime.route(call)
        return _MAX_BODY

    def handle(self, call: Call) -> None:
        path = call.path
        if path.startswith("/2018-06-01/"):
            self._runtime.handle(call)
        elif path == "/2020-01-01/extension/register" and call.method == "POST":
            self._register(call)
        elif path == "/2020-01-01/extension/event/next" and call.method == "GET":
            self._next(call)
        elif path in ("/2020-01-01/extension/init/error", "/2020-01-01/extension/exit/error") and call.method == "POST":
            self._error(call, path.split("/")[3])
        elif path in _TELEMETRY and call.method == "PUT":
            self._subscribe(call, _TELEMETRY[path])
        else:
            refuse(call, 404, "NotFound", "404 page not found")

    def _register(self, call: Call) -> None:
        name = call.headers.get("lambda-extension-name", "")
        if not name:
            refuse(call, 403, "Extension.InvalidExtensionName", "Empty extension name")
            return
        body = _document(call)
        if body is None or not isinstance(body.get("events", []), list):
            refuse(call, 403, "InvalidRequestFormat", "the body is not a JSON object with a list of events")
            return
        if body.get("configurationKeys"):
            refuse(
                call, 403, "InvalidRequestFormat", "configurationKeys are deprecated; use environment variables instead"
            )
            return
        environment = self._environment
        try:
            extension = environment.extensions.register(name, body.get("events") or [])
        except RegistrationRefused as refusal:
            refuse(call, 403, refusal.kind, str(refusal))
            return
        except Forbidden as error:
            refuse_transition(call, f"extension {name}", "Registered", error)
            return
        spec = environment.spec
        answer = {"functionName": spec.name, "functionVersion": spec.version, "handler": spec.handler}
        if "accountid" in call.headers.get("lambda-extension-accept-feature", "").lower():
            answer["accountId"] = spec.account
        call.reply_json(200, answer, f"Lambda-Extension-Identifier: {extension.identifier}\r\n".encode())
        environment.extension_registered(extension)

    def _identify(self, call: Call) -> Extension | None:
        identifier = call.headers.get(IDENTIFIER, "")
        extension = self._environment.extensions.identified(identifier)
        if extension is None:
            kind = "Unknown" if identifier else "Missing"
            text = f"Unknown extension {identifier}" if identifier else "Missing Lambda-Extension-Identifier header"
            refuse(call, 403, f"Extension.{kind}ExtensionIdentifier", text)
        return extension

    def _next(self, call: Call) -> None:
        extension = self._identify(call)
        if extension is None:
            return
        try:
            extension.machine.to("ready")
        except Forbidden as error:
            refuse_transition(call, f"extension {extension.name}", "Ready", error)
            return
        extension.waiting = call
        self._environment.extension_ready(extension)

    def _error(self, call: Call, moment: str) -> None:
        extension = self._identify(call)
        if extension is None:
            return
        kind = call.headers.get("lambda-extension-function-error-type", "")
        if not kind:
            refuse(call, 403, "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found")
            return
        try:
            extension.machine.to(f"{moment}_error")
        except Forbidden as error:
            refuse_transition(call, f"extension {extension.name}", f"{moment.title()}Error", error)
            return
        extension.error_type = kind
        call.reply_json(202, {"status": "OK"})
        self._environment.extension_failed(extension, kind)

    def _subscribe(self, call: Call, api: str) -> None:
        extension = self._identify(call)
        if extension is None:
            return
        body = _document(call)
        if body is None:
            refuse(call, 400, "ValidationError", "the body is not a JSON object")
            return
        try:
            self._environment.subscribe(extension, api, body)
        except SubscriptionRefused as refusal:
            refuse(call, refusal.status, refusal.kind, str(refusal))
            return
        call.reply(200, b'"OK"', b"Content-Type: application/json\r\n")


def _document(call: Call) -> dict[str, Any] | None:
    if call.too_large:
        return None
    try:
        parsed = json.loads(call.body or b"{}")
    except ValueError:
        return None
    return parsed if isinstance(parsed, dict) else None
