"""The website endpoint of a bucket: `http://BUCKET.s3-website.localhost:4566/` or AWS's own host names.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/WebsiteEndpoints.html
"""

from __future__ import annotations

from email.utils import formatdate
from typing import Any
from urllib.parse import quote, unquote

from fogbank.api import AwsError, Context, Request, Response
from fogbank.iam.principal import ANONYMOUS
from fogbank.services.s3 import s3, settings
from fogbank.services.s3.access import find_bucket
from fogbank.services.s3.errors import s3_error
from fogbank.services.s3.records import Bucket
from fogbank.services.s3.rules import cors, website

_HEADERS = {
    "ContentType": "content-type",
    "CacheControl": "cache-control",
    "ContentDisposition": "content-disposition",
    "ContentEncoding": "content-encoding",
    "ContentLanguage": "content-language",
    "ContentRange": "content-range",
    "ETag": "etag",
    "Expires": "expires",
    "VersionId": "x-amz-version-id",
}
_CONDITIONS = {"range": "Range", "if-match": "IfMatch", "if-none-match": "IfNoneMatch"}


@s3.endpoint("s3-website")
async def serve(ctx: Context, request: Request) -> Response:
    """Visitors are anonymous: the bucket's policy and its objects' lists say what they see."""
    visitor = ctx.acting(principal=ANONYMOUS)
    try:
        return await visitor.transact(lambda inner: _visit(inner, request))
    except AwsError as error:
        return _failed(ctx, error)


def _visit(ctx: Context, request: Request) -> Response:
    bucket = find_bucket(ctx, ctx.address.endpoint_id)
    site = settings.require(ctx, bucket, "website", "NoSuchWebsiteConfiguration")
    if request.method not in ("GET", "HEAD"):
        raise s3_error("MethodNotAllowed", Method=request.method, ResourceType="OBJECT")
    try:
        path = unquote(request.path, errors="strict")
    except UnicodeDecodeError:
        raise s3_error("InvalidURI", URI=request.path) from None
    host = request.headers.get("host", "")
    everything = site.get("RedirectAllRequestsTo")
    if everything is not None:
        scheme = everything.get("Protocol") or request.scheme
        return _redirect(301, f"{scheme}://{everything['HostName']}{quote(path)}")
    rules = site.get("RoutingRules") or []
    key = path.removeprefix("/")
    rule = website.matching_rule(rules, key, None)
    if rule is not None:
        return _redirect(*website.target(rule, key, request.scheme, host))
    suffix = site["IndexDocument"]["Suffix"]
    try:
        return _object(ctx, bucket, website.key_of(path, suffix), request)
    except AwsError as error:
        if error.status == 304:
            return Response(304, error.headers)
        if not path.endswith("/") and _is_there(ctx, bucket, f"{key}/{suffix}"):
            return _redirect(302, f"{quote(path)}/")
        rule = website.matching_rule(rules, key, error.status)
        if rule is not None:
            return _redirect(*website.target(rule, key, request.scheme, host))
        return _custom(ctx, bucket, site, request, error)


def _object(ctx: Context, bucket: Bucket, key: str, request: Request, *, plain: bool = False) -> Response:
    """The object as an answer. `plain` leaves the visitor's conditions and ranges aside."""
    params: dict[str, Any] = {"Bucket": bucket.name, "Key": key}
    if not plain:
        params |= {member: request.headers[name] for name, member in _CONDITIONS.items() if name in request.headers}
    found = ctx.call("s3", "GetObject", params, account=bucket.account)
    if found.get("WebsiteRedirectLocation"):
        return _redirect(301, found["WebsiteRedirectLocation"])
    headers = [(name, str(found[member])) for member, name in _HEADERS.items() if found.get(member) is not None]
    headers.append(("last-modified", formatdate(found["LastModified"], usegmt=True)))
    headers.append(("content-length", str(found["ContentLength"])))
    headers += _cors(ctx, bucket, request)
    body = b"" if request.method == "HEAD" else found["Body"]
    return Response(found.get("StatusCode", 200), headers, body)


def _cors(ctx: Context, bucket: Bucket, request: Request) -> list[tuple[str, str]]:
    origin = request.headers.get("origin")
    configuration = settings.find(ctx, bucket, "cors") if origin else None
    if origin is None or configuration is None:
        return []
    return cors.response_headers(configuration["CORSRules"], origin, request.method) or []


def _is_there(ctx: Context, bucket: Bucket, key: str) -> bool:
    try:
        ctx.call("s3", "HeadObject", {"Bucket": bucket.name, "Key": key}, account=bucket.account)
    except AwsError:
        return False
    return True


def _custom(ctx: Context, bucket: Bucket, site: dict[str, Any], request: Request, error: AwsError) -> Response:
    """The site's own error document with the error's status."""
    if site.get("ErrorDocument") is None:
        return _failed(ctx, error)
    try:
        answer = _object(ctx, bucket, site["ErrorDocument"]["Key"], request, plain=True)
    except AwsError as second:
        return _failed(ctx, error, second)
    if answer.status == 200:
        answer.status = error.status or 500
    return answer


def _redirect(status: int, address: str) -> Response:
    return Response(status, [("location", address), ("content-length", "0")])


def _failed(ctx: Context, error: AwsError, second: AwsError | None = None) -> Response:
    headers = [
        ("content-type", "text/html; charset=utf-8"), ("x-amz-error-code", error.code),
        ("x-amz-error-message", error.message), ("x-amz-request-id", ctx.request_id),
    ]  # fmt: skip
    return Response(error.status or 500, headers, website.page(error, ctx.request_id, second))
