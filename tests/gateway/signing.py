"""Requests signed by botocore and awscrt, as the gateway would receive them."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import awscrt.auth
import awscrt.http
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fogbank.wire.messages import Request

KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


_SIGNERS: dict[str, Any] = {
    "v4": botocore.auth.SigV4Auth, "v4-query": botocore.auth.SigV4QueryAuth, "s3v4": botocore.auth.S3SigV4Auth,
    "s3v4-query": botocore.auth.S3SigV4QueryAuth, "s3": botocore.auth.HmacV1Auth, "s3-query":
    botocore.auth.HmacV1QueryAuth,
}
"""In Python: its table of signers names awscrt's where that is installed."""


def received(method: str, url: str, headers: dict[str, str], body: Any = b"") -> Request:
    parts = urlsplit(url)
    lower = {name.lower(): value.strip() for name, value in headers.items()}
    lower.setdefault("host", parts.netloc)
    return Request(method, parts.path or "/", parts.query, lower, body)


def signed(
    method: str, url: str, *, signer: str = "v4", service: str = "sqs", region: str = "us-east-1", body: bytes = b"",
    headers: dict[str, str] | None = None, secret: str = SECRET, token: str | None = None, expires: int | None = None,
) -> Request:
    """`signer` is botocore's name: `v4`, `v4-query`, `s3v4`, `s3v4-query`, `s3`, `s3-query`."""
    request = AWSRequest(method, url, dict(headers or {}), body)
    credentials = Credentials(KEY, secret, token)
    kind = _SIGNERS[signer]
    more = {} if expires is None else {"expires": expires}
    if signer in ("s3", "s3-query"):
        kind(credentials, **more).add_auth(request)
    else:
        kind(credentials, service, region, **more).add_auth(request)
    prepared = request.prepare()
    given = {name: value.decode() if isinstance(value, bytes) else value for name, value in prepared.headers.items()}
    if "query" in signer:
        given = {name: value for name, value in given.items() if name.lower() in {n.lower() for n in headers or {}}}
    return received(method, prepared.url, given, body)


def signed_by_crt(
    method: str, url: str, *, algorithm: str = "V4_ASYMMETRIC", where: str = "HTTP_REQUEST_HEADERS",
    service: str = "s3", region: str = "us-east-1", headers: dict[str, str] | None = None, payload: str | None = None,
) -> Request:
    parts = urlsplit(url)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    message = awscrt.http.HttpRequest(
        method, path, awscrt.http.HttpHeaders([("host", parts.netloc), *(headers or {}).items()])
    )
    config = awscrt.auth.AwsSigningConfig(
        algorithm=getattr(awscrt.auth.AwsSigningAlgorithm, algorithm),
        signature_type=getattr(awscrt.auth.AwsSignatureType, where),
        credentials_provider=awscrt.auth.AwsCredentialsProvider.new_static(KEY, SECRET),
        region=region, service=service, use_double_uri_encode=service != "s3", should_normalize_uri_path=service != "s3",
        signed_body_value=payload,
        signed_body_header_type=awscrt.auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256
        if service == "s3" and where == "HTTP_REQUEST_HEADERS" else awscrt.auth.AwsSignedBodyHeaderType.NONE,
        expiration_in_seconds=60 if "QUERY" in where else None,
    )
    done = awscrt.auth.aws_sign_request(message, config).result(10)
    return received(method, f"{parts.scheme}://{parts.netloc}{done.path}", dict(done.headers))
