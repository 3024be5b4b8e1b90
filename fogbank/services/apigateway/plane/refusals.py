"""A failure becomes the API's gateway response of its kind."""

from __future__ import annotations

import json
from typing import Any

from fogbank.api import Response
from fogbank.services.apigateway.gateway_responses import DEFAULT_TEMPLATE, STATUS, effective
from fogbank.services.apigateway.plane.answers import Answer, response
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.failures import Failure
from fogbank.services.apigateway.plane.mapping import request_value
from fogbank.services.apigateway.plane.templates import rendered


def refused(call: Call, failure: Failure) -> Response:
    call.note(failure.log or f"{failure.message}")
    message = failure.message
    call.error = {
        "message": message or "",
        "messageString": json.dumps(message),
        "responseType": failure.kind,
        **failure.context,
    }
    shape = effective(call.stage.definition, failure.kind)
    customised = failure.kind in call.stage.definition.responses
    status = _status(failure, shape, customised)
    headers = [("x-amzn-ErrorType", failure.error_type)]
    for target, source in shape["responseParameters"].items():
        values = request_value(call, source)
        headers += [(target.removeprefix("gatewayresponse.header."), value) for value in values or []]
    kind, text = _body(call, failure, shape)
    return response(call, Answer(status, [*headers, ("Content-Type", kind)], text.encode()))


def _status(failure: Failure, shape: dict[str, Any], customised: bool) -> int:
    """A response's own status; else the failure's, where it is not its kind's usual one."""
    own = shape.get("statusCode")
    usual = STATUS.get(failure.kind)
    if own and (own != usual or failure.status is None or customised):
        return int(own)
    return failure.status or int(usual or 500)


def _body(call: Call, failure: Failure, shape: dict[str, Any]) -> tuple[str, str]:
    templates = shape["responseTemplates"]
    if templates == DEFAULT_TEMPLATE:
        return "application/json", plain(failure)
    accept = (call.header("accept") or "").split(",", 1)[0].strip()
    kind = next((k for k in (accept, "application/json") if k in templates), next(iter(templates)))
    return kind, rendered(call, templates[kind], call.body.decode("utf-8", "replace"))


def plain(failure: Failure) -> str:
    return json.dumps({"Message" if failure.capital else "message": failure.message}, separators=(",", ":"))


def bare(request_id: str, failure: Failure) -> Response:
    """Where there is no stage that could say how to answer."""
    headers = [
        ("x-amzn-RequestId", request_id),
        ("x-amzn-ErrorType", failure.error_type),
        ("Content-Type", "application/json"),
    ]
    return Response(failure.status or int(STATUS.get(failure.kind) or 500), headers, plain(failure).encode())
