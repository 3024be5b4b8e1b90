"""CORS: preflight requests, and the headers that go with every answer to a browser's cross-origin request."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.s3 import s3, settings
from fogbank.services.s3.errors import s3_error
from fogbank.services.s3.records import Bucket
from fogbank.services.s3.rules import cors

_FORBIDDEN = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / "
    "Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
_MEMBERS = {
    "Access-Control-Allow-Origin": "AllowOrigin",
    "Access-Control-Allow-Methods": "AllowMethods",
    "Access-Control-Allow-Headers": "AllowHeaders",
    "Access-Control-Allow-Credentials": "AllowCredentials",
    "Access-Control-Expose-Headers": "ExposeHeaders",
    "Access-Control-Max-Age": "MaxAge",
    "Vary": "Vary",
}


@s3.operation(action="s3:GetObject", authorise=False, anonymous=True)
def preflight_bucket(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _preflight(ctx, req, "BUCKET")


@s3.operation(action="s3:GetObject", authorise=False, anonymous=True)
def preflight_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _preflight(ctx, req, "OBJECT")


def _preflight(ctx: Context, req: dict[str, Any], resource: str) -> dict[str, Any]:
    """Answered by the bucket's rules alone: a browser signs no preflight."""
    origin, method = req.get("Origin"), req.get("RequestMethod")
    if not origin:
        raise s3_error("BadRequest")
    shown = method or "OPTIONS"
    bucket = ctx.tx.get(Bucket, req["Bucket"])
    if bucket is None:
        raise s3_error("AccessForbidden", "CORSResponse: Bucket not found", Method=shown, ResourceType="BUCKET")
    configuration = settings.find(ctx, bucket, "cors")
    if configuration is None:
        raise s3_error("AccessForbidden", Method=shown, ResourceType="BUCKET")
    if not method:
        raise s3_error(
            "BadRequest", "Invalid Access-Control-Request-Method: null", Method=shown, ResourceType=resource
        )
    headers = cors.response_headers(configuration["CORSRules"], origin, method, req.get("RequestHeaders"))
    if headers is None:
        raise s3_error("AccessForbidden", _FORBIDDEN, Method=method, ResourceType=resource)
    return {_MEMBERS[name]: value for name, value in headers}


@s3.response_headers
def headers_for(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
    """The CORS headers of an answer that is no preflight's."""
    request = ctx.request
    origin = request.headers.get("origin") if request else None
    if request is None or not origin or request.method == "OPTIONS" or "Bucket" not in req:
        return []
    bucket = ctx.tx.get(Bucket, req["Bucket"])
    configuration = settings.find(ctx, bucket, "cors") if bucket else None
    if configuration is None:
        return []
    return cors.response_headers(configuration["CORSRules"], origin, request.method) or []
