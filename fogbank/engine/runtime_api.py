"""The Runtime API 2018-06-01: which request does what to its environment, and what wrong ones are told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fogbank.engine.api_http import Call
from fogbank.engine.invocation import MAX_RESPONSE, RESPONSE_TOO_LARGE
from fogbank.engine.lifecycle import Forbidden

if TYPE_CHECKING:
    from fogbank.engine.environment import Environment

PREFIX = "/2018-06-01/"
_MAX_ERROR_BODY = MAX_RESPONSE
_ACCEPTED = b'{"status":"OK"}\n'
_ACCEPTED_HEADERS = b"Content-Type: application/json\r\n"


def refuse(call: Call, status: int, kind: str, message: str) -> None:
    call.reply_json(status, {"errorMessage": message, "errorType": kind})


def refuse_transition(call: Call, agent: str, request: str, error: Forbidden) -> None:
    refuse(
        call, 403, "InvalidStateTransition",
        f"State transition from {error.source} to {request} failed for {agent}. Error: State transition is not allowed",
    )  # fmt: skip


class RuntimeApi:
    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def route(self, call: Call) -> int:
        """The limit of the body; sets up a stream where the response is one."""
        if call.path.endswith("/response") and call.path.startswith(PREFIX + "runtime/invocation/"):
            mode = call.headers.get("lambda-runtime-function-response-mode", "")
            if mode.lower() == "streaming" and self._identified(call) is None:
                self._environment.response_stream(call)
            return MAX_RESPONSE
        return _MAX_ERROR_BODY

    def handle(self, call: Call) -> None:
        path = call.path[len(PREFIX) :]
        method, action = self._action(path)
        if action is None:
            refuse(call, 404, "NotFound", "404 page not found")
        elif call.method != method:
            refuse(call, 405, "MethodNotAllowed", "Method Not Allowed")
        else:
            try:
                action(call)
            except Forbidden as error:
                refuse_transition(call, "runtime", _request_name(path), error)

    def _action(self, path: str) -> tuple[str, Callable[[Call], None] | None]:
        if path == "runtime/invocation/next":
            return "GET", self._environment.runtime_next
        if path == "runtime/restore/next":
            return "GET", self._environment.runtime_restore
        if path in ("runtime/init/error", "runtime/restore/error"):
            return "POST", self._init_error
        if path.startswith("runtime/invocation/") and path.endswith("/response"):
            return "POST", self._response
        if path.startswith("runtime/invocation/") and path.endswith("/error"):
            return "POST", self._error
        return "", None

    def _identified(self, call: Call) -> str | None:
        """None if the request id in the path is that of the invocation in progress, else what is wrong."""
        request_id = call.path.rsplit("/", 2)[1]
        invocation = self._environment.invocation
        if invocation is None or invocation.request_id != request_id:
            return "Invalid request ID"
        return None

    def _response(self, call: Call) -> None:
        problem = self._identified(call)
        if problem:
            refuse(call, 400, "InvalidRequestID", problem)
            return
        environment = self._environment
        if call.stream is not None:
            environment.runtime_stream_done(call)
        elif call.too_large:
            environment.runtime_error("Function.ResponseSizeTooLarge", RESPONSE_TOO_LARGE)
            refuse(
                call, 413, "RequestEntityTooLarge", f"Exceeded maximum allowed payload size ({MAX_RESPONSE} bytes)."
            )
            return
        else:
            environment.runtime_response(call.body, call.headers.get("content-type", ""))
        call.reply(202, _ACCEPTED, _ACCEPTED_HEADERS)

    def _error(self, call: Call) -> None:
        problem = self._identified(call)
        if problem:
            refuse(call, 400, "InvalidRequestID", problem)
            return
        kind, body = self._document(call)
        self._environment.runtime_error(kind, body)
        call.reply(202, _ACCEPTED, _ACCEPTED_HEADERS)

    def _init_error(self, call: Call) -> None:
        kind, body = self._document(call)
        call.reply(202, _ACCEPTED, _ACCEPTED_HEADERS)
        self._environment.runtime_init_error(kind, body)

    @staticmethod
    def _document(call: Call) -> tuple[str, bytes]:
        """The error's type (by header, then by the document) and its body."""
        kind = call.headers.get("lambda-runtime-function-error-type", "")
        body = b"" if call.too_large else call.body
        if not kind:
            try:
                parsed: Any = json.loads(body)
                kind = str(parsed.get("errorType") or "")
            except (ValueError, AttributeError):
                kind = ""
        return kind or "Runtime.Unknown", body


def _request_name(path: str) -> str:
    return {"next": "Ready", "response": "InvocationResponse", "error": "InvocationErrorResponse"}.get(
        path.rsplit("/", 1)[-1], path
    )
