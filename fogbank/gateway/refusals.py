"""What AWS says to a request whose signature it does not accept: codes, statuses and texts by dialect.

A dialect is how a service speaks: `s3`, `json`, `rest-json`, `query` or `ec2`. JSON services answer most of these with
400 where their front end does not stand before them; the REST ones and the query ones answer 403.
"""

from __future__ import annotations

from datetime import UTC, datetime

from fogbank.kit.errors import AwsError

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
S3_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your key and signing method."
)
_EC2 = "AWS was not able to validate the provided access credentials"

_CODES: dict[str, dict[str, tuple[str, int]]] = {
    "mismatch": {
        "json": ("InvalidSignatureException", 400),
        "rest-json": ("InvalidSignatureException", 403),
        "query": ("SignatureDoesNotMatch", 403),
        "ec2": ("AuthFailure", 401),
    },
    "incomplete": {
        "json": ("IncompleteSignatureException", 400),
        "rest-json": ("IncompleteSignatureException", 403),
        "query": ("IncompleteSignature", 400),
        "ec2": ("AuthFailure", 401),
    },
    "unknown": {
        "json": ("UnrecognizedClientException", 400),
        "rest-json": ("UnrecognizedClientException", 403),
        "query": ("InvalidClientTokenId", 403),
        "ec2": ("AuthFailure", 401),
    },
    "expired": {
        "json": ("ExpiredTokenException", 400),
        "rest-json": ("ExpiredTokenException", 403),
        "query": ("ExpiredToken", 403),
        "ec2": ("RequestExpired", 400),
    },
    "missing": {
        "json": ("MissingAuthenticationTokenException", 400),
        "rest-json": ("MissingAuthenticationTokenException", 403),
        "query": ("MissingAuthenticationToken", 403),
        "ec2": ("AuthFailure", 401),
    },
}


def _error(kind: str, dialect: str, message: str) -> AwsError:
    code, status = _CODES[kind][dialect]
    return AwsError(code, _EC2 if code == "AuthFailure" else message, status=status)


def missing(dialect: str) -> AwsError:
    """Nobody signed the request."""
    if dialect == "s3":
        return AwsError("AccessDenied", "Access Denied", status=403)
    text = "Missing Authentication Token" if dialect == "rest-json" else "Request is missing Authentication Token"
    return _error("missing", dialect, text)


def unknown_key(access_key: str, dialect: str) -> AwsError:
    """No such access key, or one that is inactive."""
    if dialect == "s3":
        return AwsError(
            "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", status=403,
            AWSAccessKeyId=access_key,
        )
    return _error("unknown", dialect, "The security token included in the request is invalid.")


def invalid_token(token: str, dialect: str) -> AwsError:
    """A session token that we did not make, or that belongs to another access key."""
    if dialect == "s3":
        return AwsError(
            "InvalidToken", "The provided token is malformed or otherwise invalid.", status=400, **{"Token-0": token}
        )
    return _error("unknown", dialect, "The security token included in the request is invalid.")


def expired_token(token: str, dialect: str) -> AwsError:
    if dialect == "s3":
        return AwsError("ExpiredToken", "The provided token has expired.", status=400, **{"Token-0": token})
    return _error("expired", dialect, "The security token included in the request is expired")


def mismatch(dialect: str, message: str = MISMATCH) -> AwsError:
    """For services other than S3: the signature is not the one we calculated, or `message` says what is wrong."""
    return _error("mismatch", dialect, message)


def incomplete(dialect: str, message: str) -> AwsError:
    """For services other than S3: the signature cannot be read."""
    return _error("incomplete", dialect, message)


def s3_mismatch(access_key: str, signature: str, string_to_sign: str, canonical: str | None = None) -> AwsError:
    """S3 shows what it calculated from, so that the signer can compare."""
    members = {
        "AWSAccessKeyId": access_key,
        "StringToSign": string_to_sign,
        "SignatureProvided": signature,
        "StringToSignBytes": string_to_sign.encode("latin-1", "replace").hex(" "),
    }
    if canonical is not None:
        members["CanonicalRequest"] = canonical
        members["CanonicalRequestBytes"] = canonical.encode("latin-1", "replace").hex(" ")
    return AwsError("SignatureDoesNotMatch", S3_MISMATCH, status=403, **members)


def s3_expired(expires: float, now: float, seconds: int | None) -> AwsError:
    """`seconds`: what a presigned URL of version 4 says it lives."""
    members = {"Expires": iso(expires), "ServerTime": iso(now)}
    if seconds is not None:
        members = {"X-Amz-Expires": str(seconds), **members}
    return AwsError("AccessDenied", "Request has expired", status=403, **members)


def s3_skewed(requested: str, now: float, allowed: int) -> AwsError:
    return AwsError(
        "RequestTimeTooSkewed", "The difference between the request time and the current time is too large.",
        status=403, RequestTime=requested, ServerTime=iso(now), MaxAllowedSkewMilliseconds=str(allowed * 1000),
    )


def s3_malformed(kind: str, message: str, **members: str) -> AwsError:
    """A credential that S3 cannot use. `kind` is where it stood: `header` or `query`."""
    if kind == "query":
        text = f"Error parsing the X-Amz-Credential parameter; {message}"
        return AwsError("AuthorizationQueryParametersError", text, status=400, **members)
    text = f"The authorization header is malformed; {message}"
    return AwsError("AuthorizationHeaderMalformed", text, status=400, **members)


def wrong_region(kind: str, region: str, expected: str) -> AwsError:
    """A request to S3 that was signed for `region` where the bucket lives in `expected`."""
    return s3_malformed(kind, f"the region '{region}' is wrong; expecting '{expected}'", Region=expected)


def headers_not_signed(names: list[str]) -> AwsError:
    return AwsError(
        "AccessDenied", "There were headers present in the request which were not signed", status=403,
        HeadersNotSigned=", ".join(names),
    )


def payload_mismatch(stated: str, computed: str) -> AwsError:
    return AwsError(
        "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed.",
        status=400, ClientComputedContentSHA256=stated, S3ComputedContentSHA256=computed,
    )


def iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
