"""Who claims to have sent this request, and is the claim true? AWS Signature Version 4, in headers and in queries.

`parse` reads the claim, so that the key's secret can be looked up; `verify` proves it. Versions 4a and 2 have modules
of their own; they are reached from here.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from functools import lru_cache

from fogbank.gateway import canonical, refusals
from fogbank.gateway.claims import EARLY, LATE, V4A, SignedRequest, epoch, parse
from fogbank.gateway.refusals import expired_token, invalid_token, missing, unknown_key, wrong_region
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request

__all__ = [
    "SignedRequest", "expired_token", "invalid_token", "missing", "parse", "signing_key", "unknown_key", "verify",
    "wrong_region",
]

_ROOT = (("/", ""),)
_STEERING = (("x-amz-target", "X-Amz-Target"), ("x-amz-date", "X-Amz-Date"))


def verify(signed: SignedRequest, request: Request, secret: str, now: float, dialect: str) -> None:
    """Proves the claim with the key's secret, at the time `now`. Raises AwsError as AWS would.

    A gathered body is checked against what was signed for it; a streamed one is checked as it is read, through
    `chunked.decoded`. Services that sign no hash of the body in a header need it gathered.
    """
    if signed.version == "AWS":
        from fogbank.gateway import sigv2

        sigv2.verify(signed, request, secret, now)
        return
    _check_time(signed, now, dialect)
    names = _names(signed.signed_headers)
    _check_signed_headers(signed, request, names, dialect)
    payload = signed.payload
    if not payload:
        if not isinstance(request.body, bytes):
            raise RuntimeError("the body must be gathered before a signature over it is verified")
        payload = hashlib.sha256(request.body).hexdigest()
    elif len(payload) == 64 and isinstance(request.body, bytes):
        _check_payload(payload, request.body, dialect)
    if signed.version == V4A:
        from fogbank.gateway import sigv4a

        signed.matches = sigv4a.matcher(signed.access_key, secret)
    else:
        signed.matches = _Matcher(signing_key(secret, signed.date, signed.region, signed.service))
    headers = canonical.headers(request, names)
    shown = ""
    for path, query in _renderings(signed, request, dialect):
        whole = canonical.request(request.method, path, query, headers, signed.signed_headers, payload)
        if signed.matches(_string_to_sign(signed, whole), signed.signature):
            return
        shown = shown or whole
    if dialect == "s3":
        raise refusals.s3_mismatch(signed.access_key, signed.signature, _string_to_sign(signed, shown), shown)
    raise refusals.mismatch(dialect)


def _string_to_sign(signed: SignedRequest, whole: str) -> str:
    digest = hashlib.sha256(whole.encode("latin-1")).hexdigest()
    return f"{signed.version}\n{signed.timestamp}\n{signed.scope}\n{digest}"


@lru_cache(1024)
def _names(signed_headers: str) -> tuple[str, ...]:
    """A client signs the same headers again and again."""
    return tuple(signed_headers.split(";"))


@lru_cache(2048)
def signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """The key of one day, region and service."""
    key = hmac.digest(b"AWS4" + secret.encode(), date.encode(), "sha256")
    key = hmac.digest(key, region.encode(), "sha256")
    key = hmac.digest(key, service.encode(), "sha256")
    return hmac.digest(key, b"aws4_request", "sha256")


class _Matcher:
    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = key

    def __call__(self, text: str, signature: str) -> bool:
        return hmac.compare_digest(hmac.digest(self._key, text.encode("latin-1"), "sha256").hex(), signature)


def _renderings(signed: SignedRequest, request: Request, dialect: str) -> tuple[tuple[str, str], ...]:
    """Path and query in their canonical form, then, where it differs, in the form some signers leave them in.

    Both name the same resource, so accepting either gives nothing away.
    """
    if request.path == "/" and not request.query:
        return _ROOT
    without = "X-Amz-Signature" if signed.kind == "query" else None
    path = canonical.path_s3(request.path) if dialect == "s3" else canonical.path_other(request.path)
    query = canonical.query(request.query, without)
    if (dialect == "s3" and path != request.path) or "%" in request.query or "+" in request.query:
        plain = request.path if dialect == "s3" else path
        return (path, query), (plain, canonical.query_as_sent(request.query, without))
    return ((path, query),)


def _check_time(signed: SignedRequest, now: float, dialect: str) -> None:
    at = epoch(signed.timestamp) or 0
    if dialect == "s3":
        if signed.expires is not None:
            if at > now + LATE:
                raise AwsError("AccessDenied", "Request is not yet valid", status=403)
            if now > at + signed.expires:
                raise refusals.s3_expired(at + signed.expires, now, signed.expires)
        elif abs(now - at) > LATE:
            raise refusals.s3_skewed(signed.timestamp, now, LATE)
        return
    if now > at + (LATE if signed.expires is None else signed.expires):
        span = LATE if signed.expires is None else signed.expires
        limit, current = _basic(now - span), _basic(now)
        text = f"Signature expired: {signed.timestamp} is now earlier than {limit} ({current} - {_minutes(span)})"
        raise refusals.mismatch(dialect, text)
    if at > now + EARLY:
        limit, current = _basic(now + EARLY), _basic(now)
        text = f"Signature not yet current: {signed.timestamp} is still later than {limit} ({current} + 5 min.)"
        raise refusals.mismatch(dialect, text)


def _minutes(seconds: int) -> str:
    return f"{seconds // 60} min." if seconds % 60 == 0 else f"{seconds} sec."


def _basic(at: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))


def _check_signed_headers(signed: SignedRequest, request: Request, names: tuple[str, ...], dialect: str) -> None:
    """What steers a request must be signed, or whoever carries it could turn it into another."""
    if dialect == "s3":
        loose = [name for name in request.headers if name.startswith("x-amz-") and name not in names]
        if signed.kind == "query" and "x-amz-content-sha256" in loose:
            loose.remove("x-amz-content-sha256")  # it stands in the canonical request all the same
        if "host" not in names:
            loose.insert(0, "host")
        if loose:
            raise refusals.headers_not_signed(loose)
        return
    if "host" not in names:
        text = "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        raise refusals.mismatch(dialect, text)
    for name, spelling in _STEERING:
        if name not in names and name in request.headers:
            raise refusals.mismatch(dialect, f"'{spelling}' must be a 'SignedHeader' in the AWS Authorization.")


def _check_payload(stated: str, body: bytes, dialect: str) -> None:
    computed = hashlib.sha256(body).hexdigest()
    if not hmac.compare_digest(computed, stated):
        raise refusals.payload_mismatch(stated, computed) if dialect == "s3" else refusals.mismatch(dialect)
