"""Execution logs and access logs, written to CloudWatch Logs once the answer is on its way."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.iam.principal import Principal
from fogbank.services.apigateway.plane.call import Call

log = logging.getLogger("fogbank.apigateway")
_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.-]*[A-Za-z0-9_])")
MOST_LINE = 1024


def begin(call: Call) -> None:
    """Starts the execution log, where the stage keeps one and the account's role can write it."""
    level = call.method.stage_settings.get("loggingLevel", "OFF")
    if level == "OFF" or not call.stage.log_role:
        return
    call.log = []
    if level != "INFO":
        return
    call.note(f"Extended Request Id: {call.extended_id}")
    call.note(f"Starting execution for request: {call.request_id}")
    call.note(f"HTTP Method: {call.request.method}, Resource Path: {call.path}")
    if call.method.stage_settings.get("dataTraceEnabled"):
        trace(call)


def trace(call: Call) -> None:
    """Notes all that came with the request."""
    call.note(f"Method request path: {java(call.path_parameters)}")
    call.note(f"Method request query string: {java({k: v[-1] for k, v in call.query_values.items()})}")
    call.note(f"Method request headers: {java({k: v[-1] for k, v in call.multi_headers.items()})}")
    call.note(f"Method request body before transformations: {call.body.decode('utf-8', 'replace')}")


def java(pairs: dict[str, str]) -> str:
    return "{" + ", ".join(f"{name}={value}" for name, value in pairs.items()) + "}"


async def write(call: Call, length: int) -> None:
    """Never raises: a log that cannot be written is no reason to fail, here as with AWS."""
    try:
        if not call.stage.log_role:
            return
        principal = call.ctx.assume(call.stage.log_role, "BackplaneAssumeRoleSession", "apigateway.amazonaws.com")
        if call.log is not None:
            await _write_execution(call, principal)
        settings = call.stage.stage_settings.get("accessLogSettings") or {}
        group = settings.get("destinationArn", "").partition(":log-group:")[2].removesuffix(":*")
        if group and settings.get("format"):
            line = access_line(call, settings["format"], length)
            await _put(call.ctx, principal, group, _stream(call, "access"), [line], call.started)
    except AwsError as error:
        log.warning("the logs of API %s could not be written: %s", call.stage.api, error)


async def _write_execution(call: Call, principal: Principal) -> None:
    if call.method.stage_settings.get("loggingLevel") == "INFO":
        if call.status < 500:
            call.note("Successfully completed execution")
        call.note(f"Method completed with status: {call.status}")
    lines = [f"({call.request_id}) {line}"[:MOST_LINE] for line in call.log or []]
    group = f"API-Gateway-Execution-Logs_{call.stage.api}/{call.stage.stage}"
    if lines:
        await _put(call.ctx, principal, group, _stream(call, "execution"), lines, call.started)


def _stream(call: Call, kind: str) -> str:
    return hashlib.md5(f"{kind}/{call.stage.api}/{call.stage.stage}".encode(), usedforsecurity=False).hexdigest()


async def _put(
    ctx: Context, principal: Principal, group: str, stream: str, lines: list[str], at: float
) -> None:
    """Writes; what is not there yet is made and the write done again."""
    where = {"logGroupName": group, "logStreamName": stream}
    events = [{"timestamp": int(at * 1000), "message": line or " "} for line in lines]
    for last in (False, True):
        try:
            await ctx.call_async("logs", "PutLogEvents", {**where, "logEvents": events}, principal=principal)
            return
        except AwsError as error:
            if last or error.code != "ResourceNotFoundException":
                raise
        for operation, params in (("CreateLogGroup", {"logGroupName": group}), ("CreateLogStream", where)):
            try:
                await ctx.call_async("logs", operation, params, principal=principal)
            except AwsError as error:
                if error.code != "ResourceAlreadyExistsException":
                    raise


def access_line(call: Call, form: str, length: int) -> str:
    """The access log's format with its `$context` variables; what is not there is a dash."""
    context: dict[str, Any] = {
        **call.request_context(),
        "status": call.status,
        "responseLength": length,
        "responseLatency": int((call.ctx.now - call.started) * 1000),
        "integrationLatency": call.integration_latency or None,
        "error": call.error,
        "xrayTraceId": call.trace,
        "integration": {"latency": call.integration_latency or None, "status": call.status},
        "integrationStatus": call.status,
        "awsEndpointRequestId": call.integration_id,
    }
    return _VARIABLE.sub(lambda match: _shown(context, match[1]), form)


def _shown(context: dict[str, Any], path: str) -> str:
    value: Any = context
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if value is None or value == "" or isinstance(value, dict):
        return "-"
    # A value that is quoted in a JSON format stays one value.
    return json.dumps(str(value))[1:-1] if isinstance(value, str) else str(value)
