"""Signature Version 2, which only S3 still takes: boto3 makes it for presigned URLs unless told otherwise.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTAuthentication.html
"""

from __future__ import annotations

import base64
import hmac
import re
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from fogbank.gateway import refusals
from fogbank.gateway.claims import LATE, SignedRequest
from fogbank.gateway.routing import bucket_of_host
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request

_AUTHORIZATION = re.compile(r"AWS ([^: ]{1,128}):([A-Za-z0-9+/=]{1,64})")
_SUBRESOURCES = re.compile(
    "accelerate|acl|analytics|cors|defaultObjectAcl|delete|inventory|lifecycle|location|logging|metrics|notification|"
    "object-lock|partNumber|policy|replication|requestPayment|restore|select|select-type|storageClass|tagging|torrent|"
    "uploadId|uploads|versionId|versioning|versions|website|"
    "response-(?:cache-control|content-disposition|content-encoding|content-language|content-type|expires)"
)
"""The query parameters that are part of what version 2 signs."""


def of_header(request: Request, authorization: str) -> SignedRequest:
    """The claim in `Authorization: AWS KEY:SIGNATURE`. Raises AwsError for any other scheme."""
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None:
        raise AwsError(
            "InvalidArgument", "Unsupported Authorization Type", status=400, ArgumentName="Authorization",
            ArgumentValue=authorization[:256],
        )
    signed = SignedRequest("AWS", "header", match[1], match[2])
    signed.token = request.headers.get("x-amz-security-token", "")
    signed.timestamp = request.headers.get("x-amz-date") or request.headers.get("date", "")
    signed.payload = "UNSIGNED-PAYLOAD"
    return signed


def of_query(request: Request) -> SignedRequest:
    given = _parameters(request)
    signature, expires, key = given.get("Signature"), given.get("Expires"), given.get("AWSAccessKeyId")
    if not signature or not expires or not key:
        text = "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"
        raise AwsError("AccessDenied", text, status=403)
    if not re.fullmatch("[0-9]{1,15}", expires):
        text = f"Invalid date (should be seconds since epoch): {expires[:64]}"
        raise AwsError("AccessDenied", text, status=403)
    signed = SignedRequest("AWS", "query", key, signature)
    signed.token = given.get("x-amz-security-token", "") or request.headers.get("x-amz-security-token", "")
    signed.timestamp = expires
    signed.expires = int(expires)
    signed.payload = "UNSIGNED-PAYLOAD"
    return signed


def verify(signed: SignedRequest, request: Request, secret: str, now: float) -> None:
    """Raises AwsError unless the claim holds at the time `now`."""
    if signed.expires is not None:
        if now > signed.expires:
            raise refusals.s3_expired(min(signed.expires, 253402300799), now, None)
    else:
        _check_date(signed, now)
    text = string_to_sign(signed, request)
    computed = base64.b64encode(hmac.digest(secret.encode(), text.encode("latin-1"), "sha1")).decode()
    if not hmac.compare_digest(computed.encode(), signed.signature.encode()):
        raise refusals.s3_mismatch(signed.access_key, signed.signature, text)


def string_to_sign(signed: SignedRequest, request: Request) -> str:
    headers = request.headers
    given = _parameters(request)
    amz = {name: value for name, value in headers.items() if name.startswith("x-amz-")}
    if signed.kind == "query":
        for name, value in given.items():
            if name.startswith("x-amz-"):
                amz.setdefault(name, value.encode("utf-8").decode("latin-1"))
        when = signed.timestamp
    else:
        when = "" if "x-amz-date" in headers else headers.get("date", "")
    lines = "".join(f"{name}:{value}\n" for name, value in sorted(amz.items()))
    bucket = bucket_of_host(headers.get("host", ""))
    resource = (f"/{bucket}" if bucket else "") + request.path
    interesting = sorted(
        (name, value) for name, value in _raw_parameters(request) if _SUBRESOURCES.fullmatch(name)
    )
    if interesting:
        resource += "?" + "&".join(name if value is None else f"{name}={unquote(value)}" for name, value in interesting)
    return (
        f"{request.method}\n{headers.get('content-md5', '')}\n{headers.get('content-type', '')}\n{when}\n"
        f"{lines}{resource}"
    )


def _check_date(signed: SignedRequest, now: float) -> None:
    try:
        at = parsedate_to_datetime(signed.timestamp).timestamp()
    except (ValueError, OverflowError, TypeError):
        text = "AWS authentication requires a valid Date or x-amz-date header"
        raise AwsError("AccessDenied", text, status=403) from None
    if abs(now - at) > LATE:
        raise refusals.s3_skewed(signed.timestamp, now, LATE)


def _raw_parameters(request: Request) -> list[tuple[str, str | None]]:
    pairs: list[tuple[str, str | None]] = []
    for item in request.query.split("&"):
        name, equals, value = item.partition("=")
        if name:
            pairs.append((name, value if equals else None))
    return pairs


def _parameters(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _raw_parameters(request):
        found.setdefault(name, unquote(value.replace("+", " ")) if value else "")
    return found
