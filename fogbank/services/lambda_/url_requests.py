"""A request to a function URL: the event that the function gets, and its answer as HTTP.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from fogbank.api import AwsError, Context, Request, Response
from fogbank.services.lambda_ import counting, lambda_
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import FunctionUrl

BODY_LIMIT = 6_291_456
_TEXT = ("text/", "application/json", "application/xml", "application/javascript", "application/x-www-form-urlencoded")


@lambda_.endpoint("lambda-url")
async def serve(ctx: Context, request: Request) -> Response:
    url = await ctx.transact(lambda c: next(iter(c.tx.find(FunctionUrl, "id", ctx.address.endpoint_id)), None))
    if url is None:
        return _message(404, "Not Found")
    ctx = ctx.acting(account=url.account, region=url.region)
    name, began = FunctionName(url.account, url.region, url.function, url.qualifier), ctx.now
    answer = await _answer(ctx, request, url, name)
    counting.address_asked(ctx, name, answer.status, (ctx.now - began) * 1000)
    return answer


async def _answer(ctx: Context, request: Request, url: FunctionUrl, name: FunctionName) -> Response:
    cors = _cors_headers(url, request)
    if request.method == "OPTIONS" and url.cors and request.headers.get("access-control-request-method"):
        return Response(200, cors)
    try:
        caller = await ctx.transact(lambda c: _authorise(c, url, name, request))
    except AwsError:
        return _message(403, "Forbidden", cors)
    body = request.body if isinstance(request.body, bytes) else await request.body.read(BODY_LIMIT)
    event = _event(ctx, url, request, body, caller)
    params = {"FunctionName": name.arn, "Payload": json.dumps(event).encode()}
    try:
        answer = await ctx.call_async("lambda", "Invoke", params, principal=_owner(ctx))
    except AwsError as error:
        return _message(429 if error.code == "TooManyRequestsException" else 502, "Internal Server Error", cors)
    if answer.get("FunctionError"):
        return _message(502, "Internal Server Error", cors)
    return _response(answer["Payload"], cors)


def _authorise(ctx: Context, url: FunctionUrl, name: FunctionName, request: Request) -> dict[str, Any] | None:
    """With AuthType NONE the resource policy must still let everyone in; that is what the SAM and the console add."""
    keys = {"lambda:FunctionUrlAuthType": url.auth_type, "lambda:InvokedViaFunctionUrl": "true"}
    if url.auth_type == "NONE":
        ctx.authorise("lambda:InvokeFunctionUrl", name.arn, keys)
        return None
    principal = ctx.cloud.signer(ctx, request)
    ctx.authorise("lambda:InvokeFunctionUrl", name.arn, keys, principal=principal)
    return {
        "iam": {
            "accessKey": principal.access_key_id,
            "accountId": principal.account,
            "callerId": principal.user_id,
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": principal.arn,
            "userId": principal.user_id,
        }
    }


def _owner(ctx: Context) -> Any:
    """Who asked was decided at the address; from here on Lambda itself runs the function."""
    from fogbank.iam.principal import root

    return root(ctx.account)


def _event(
    ctx: Context, url: FunctionUrl, request: Request, body: bytes, authorizer: dict[str, Any] | None
) -> dict[str, Any]:
    """Payload format 2.0."""
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    cookies = [c.strip() for c in request.headers.get("cookie", "").split(";") if c.strip()]
    domain = f"{url.url_id}.lambda-url.{url.region}.on.aws"
    now = datetime.fromtimestamp(ctx.now, UTC)
    encoded = bool(body) and not _is_text(request.headers.get("content-type", ""))
    query: dict[str, str] = {}
    for key, value in parse_qsl(request.query, keep_blank_values=True):
        query[key] = f"{query[key]},{value}" if key in query else value
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": unquote(ctx.address.path),
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": {
            "accountId": authorizer["iam"]["accountId"] if authorizer else "anonymous",
            "apiId": url.url_id,
            "domainName": domain,
            "domainPrefix": url.url_id,
            "http": {
                "method": request.method,
                "path": unquote(ctx.address.path),
                "protocol": "HTTP/1.1",
                "sourceIp": request.peer,
                "userAgent": request.headers.get("user-agent", ""),
            },
            "requestId": ctx.request_id,
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(ctx.now * 1000),
        },
        "isBase64Encoded": encoded,
    }
    if cookies:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = query
    if authorizer:
        event["requestContext"]["authorizer"] = authorizer
    if body:
        event["body"] = base64.b64encode(body).decode() if encoded else body.decode(errors="replace")
    return event


def _response(payload: bytes, cors: list[tuple[str, str]]) -> Response:
    """An answer with a `statusCode` is HTTP; any other value is a JSON body with status 200."""
    try:
        answer = json.loads(payload)
    except ValueError:
        return _message(502, "Internal Server Error", cors)
    if not isinstance(answer, dict) or "statusCode" not in answer:
        body = answer.encode() if isinstance(answer, str) else payload
        return Response(200, [("content-type", "application/json"), *cors], body)
    try:
        status = int(answer["statusCode"])
        headers = [(str(key).lower(), str(value)) for key, value in (answer.get("headers") or {}).items()]
        headers += [("set-cookie", str(cookie)) for cookie in answer.get("cookies") or []]
        text = answer.get("body") or ""
        text = text if isinstance(text, str) else json.dumps(text)
        body = base64.b64decode(text, validate=True) if answer.get("isBase64Encoded") else text.encode()
    except (TypeError, ValueError, AttributeError, binascii.Error):
        return _message(502, "Internal Server Error", cors)
    if not any(key == "content-type" for key, _ in headers):
        headers.append(("content-type", "application/json"))
    return Response(status, [*headers, *cors], body)


def _cors_headers(url: FunctionUrl, request: Request) -> list[tuple[str, str]]:
    origin = request.headers.get("origin")
    if not url.cors or not origin:
        return []
    allowed = url.cors.get("AllowOrigins") or []
    if "*" not in allowed and origin not in allowed:
        return []
    headers = [("access-control-allow-origin", "*" if "*" in allowed else origin)]
    names = {"AllowMethods": "allow-methods", "AllowHeaders": "allow-headers", "ExposeHeaders": "expose-headers"}
    for member, header in names.items():
        if url.cors.get(member):
            headers.append((f"access-control-{header}", ",".join(url.cors[member])))
    if url.cors.get("AllowCredentials"):
        headers.append(("access-control-allow-credentials", "true"))
    if url.cors.get("MaxAge"):
        headers.append(("access-control-max-age", str(url.cors["MaxAge"])))
    return headers


def _is_text(content_type: str) -> bool:
    return content_type.startswith(_TEXT) or not content_type


def _message(status: int, text: str, extra: list[tuple[str, str]] | None = None) -> Response:
    body = json.dumps({"Message": text}).encode()
    return Response(status, [("content-type", "application/json"), *(extra or [])], body)
