"""AWS integrations: a Lambda function, or another service, behind mapping templates."""

from __future__ import annotations

from typing import Any

import msgspec

from fogbank.services.apigateway.plane import aws
from fogbank.services.apigateway.plane.answers import Answer
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.mapping import chosen_response, mapped_request, mapped_response, request_body
from fogbank.services.apigateway.plane.proxy import invoke


async def run(call: Call) -> Answer:
    if not call.method.function:
        return await aws.run(call)
    outgoing = mapped_request(call)
    body = request_body(call)
    headers = {name.lower(): values[-1] for name, values in outgoing.headers.items()}
    asynchronous = headers.get("x-amz-invocation-type") == "Event"
    outcome = await invoke(call, body or b"{}", asynchronous=asynchronous)
    payload = outcome.get("Payload") or b""
    trace = [("X-Amzn-Trace-Id", call.trace)]
    response = chosen_response(call, _error_message(payload) if outcome.get("FunctionError") else "")
    status, made, content = mapped_response(call, response, trace, payload)
    return Answer(status, [*made, *trace], content)


def _error_message(payload: bytes) -> str:
    """What selection patterns are matched against: the function's `errorMessage`."""
    described: Any = None
    try:
        described = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return ""
    message = described.get("errorMessage") if isinstance(described, dict) else None
    return message if isinstance(message, str) else ""
