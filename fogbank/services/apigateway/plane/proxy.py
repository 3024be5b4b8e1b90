"""Lambda proxy integrations: the event, the call, and reading what comes back.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from fogbank.api import AwsError
from fogbank.iam.principal import Principal
from fogbank.kit import ids
from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.answers import Answer
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.compiled import place_of
from fogbank.services.apigateway.plane.mapping import mapped_request

_MEMBERS = frozenset(("statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"))
MOST_ANSWER = 10 << 20
_encode = msgspec.json.Encoder().encode
_MALFORMED = "Execution failed due to configuration error: Malformed Lambda proxy response"


def event(call: Call) -> dict[str, Any]:
    """The documented proxy event, version 1.0, in its order."""
    headers = call.event_headers()
    query = call.query_values
    body, encoded = _body(call)
    return {
        "resource": call.method.path,
        "path": call.path,
        "httpMethod": call.request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": call.path_parameters or None,
        "stageVariables": call.stage.variables or None,
        "requestContext": call.request_context(),
        "body": body,
        "isBase64Encoded": encoded,
    }


def _body(call: Call) -> tuple[str | None, bool]:
    if not call.body:
        return None, False
    if (call.header("content-type") or "") in call.stage.binary:
        return base64.b64encode(call.body).decode(), True
    return call.body.decode("utf-8", "replace"), False


async def run(call: Call) -> Answer:
    payload = _encode(event(call))
    if call.method.integration.get("httpMethod", "POST") != "POST":
        # Lambda's Invoke is a POST; AWS finds out at the first request (recorded).
        raise failures.configuration("Lambda function does not answer to the integration's HTTP method")
    return read(call, await invoke(call, payload))


async def invoke(call: Call, payload: bytes, *, asynchronous: bool = False) -> dict[str, Any]:
    """Lambda's answer. Raises the gateway's failures where the function could not be called."""
    method = call.method
    account, region = place_of(method.function)
    if not account:
        raise failures.configuration("Invalid permissions on Lambda function")
    params = {"FunctionName": method.function, "Payload": payload, "TenantId": _tenant(call)}
    if asynchronous:
        params["InvocationType"] = "Event"
    call.note(f"Endpoint request URI: {method.integration.get('uri', '')}")
    try:
        principal: Principal | None = method.principal(call.stage, call.request.method)
        credentials = method.integration.get("credentials")
        if credentials:
            if credentials.endswith(":iam::*:user/*"):  # The caller's own permissions.
                principal = call.principal
            else:
                principal = call.ctx.assume(credentials, "BackplaneAssumeRoleSession", "apigateway.amazonaws.com")
        # The function's invocation has a request id of its own.
        ctx = call.ctx.acting(account=account, region=region)
        ctx.request_id = call.integration_id = ids.uuid4(ctx.random)
        return await ctx.call_async("lambda", "Invoke", params, principal=principal)
    except AwsError as error:
        raise _failure(error) from error


def _tenant(call: Call) -> str | None:
    """Of a function that keeps tenants apart: the header that the integration maps for it, whatever the client sent.
    https://docs.aws.amazon.com/lambda/latest/dg/tenant-isolation-invoke.html"""
    headers = mapped_request(call).headers
    return next((values[-1] for name, values in headers.items() if name.lower() == "x-amz-tenant-id"), None)


def _failure(error: AwsError) -> failures.Failure:
    if error.code in ("AccessDeniedException", "AccessDenied", "ResourceNotFoundException"):
        return failures.configuration("Invalid permissions on Lambda function")
    if error.code == "TooManyRequestsException":
        return failures.internal("Execution failed due to a function that is throttled: " + error.message)
    if error.code == "InvalidParameterValueException":  # A tenant is missing, or one too many (observed: 400 and the text).
        return failures.Failure("DEFAULT_4XX", error.message, "BadRequestException", status=400, log=error.message)
    return failures.internal(f"Lambda execution failed: {error.code}: {error.message}")


def read(call: Call, outcome: dict[str, Any]) -> Answer:
    """The response that the function describes. Raises 502 for what is no description of one."""
    payload = outcome.get("Payload") or b""
    if outcome.get("FunctionError"):
        call.note(f"Lambda execution failed with status 200 due to customer function error: {_short(payload)}.")
        raise failures.internal("Method completed with status: 502", status=502)
    try:
        described = msgspec.json.decode(payload) if payload else None
    except (msgspec.DecodeError, RecursionError) as error:
        raise failures.internal(_MALFORMED, status=502) from error
    if not isinstance(described, dict) or described.keys() - _MEMBERS:
        raise failures.internal(_MALFORMED, status=502)
    status = _status(described.get("statusCode", 200))
    body = described.get("body")
    encoded = described.get("isBase64Encoded") or False
    if not isinstance(encoded, bool) or not (body is None or isinstance(body, str)):
        raise failures.internal(_MALFORMED, status=502)
    headers = _headers(described)
    content = (body or "").encode("utf-8", "replace")
    if encoded and body and _wants_binary(call, headers):
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error as error:
            raise failures.internal(_MALFORMED, status=502) from error
    return Answer(status, [*headers, ("X-Amzn-Trace-Id", call.trace)], content)


def _status(given: Any) -> int:
    if isinstance(given, str) and given.isdecimal() and len(given) == 3:
        given = int(given)
    if not isinstance(given, int) or isinstance(given, bool) or not 100 <= given <= 599:
        raise failures.internal(_MALFORMED, status=502)
    return given


def _headers(described: dict[str, Any]) -> list[tuple[str, str]]:
    """`multiValueHeaders`, and of `headers` those that are not there. Values may be numbers or booleans."""
    single, multi = described.get("headers") or {}, described.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(multi, dict):
        raise failures.internal(_MALFORMED, status=502)
    headers: list[tuple[str, str]] = []
    named = set()
    for name, values in multi.items():
        if not isinstance(values, list):
            raise failures.internal(_MALFORMED, status=502)
        named.add(name.lower())
        headers += [(name, _value(value)) for value in values]
    headers += [(name, _value(value)) for name, value in single.items() if name.lower() not in named]
    return headers


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (str, int, float)):
        return str(value)
    raise failures.internal(_MALFORMED, status=502)


def _wants_binary(call: Call, headers: list[tuple[str, str]]) -> bool:
    """By the first type that the client accepts; of a client that does not say, by the response's own."""
    accept = (call.header("accept") or "").split(",", 1)[0]
    if accept and accept.split(";")[0].strip() != "*/*":
        return accept in call.stage.binary
    own = next((value for name, value in headers if name.lower() == "content-type"), "")
    return own in call.stage.binary


def _short(payload: bytes) -> str:
    return payload[:1000].decode("utf-8", "replace")
