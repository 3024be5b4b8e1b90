"""What a request claims about its signer: read from the Authorization header or from a presigned query.

Nothing here is proved; `signature` does that, once the key's secret has been looked up.
"""

from __future__ import annotations

import base64
import calendar
import hashlib
import re
import time
from collections.abc import Callable
from functools import lru_cache
from urllib.parse import unquote

from fogbank.gateway import refusals
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request

V4 = "AWS4-HMAC-SHA256"
V4A = "AWS4-ECDSA-P256-SHA256"
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-"

LATE = 15 * 60
"""Seconds that a request may be on its way, or its sender's clock slow."""
EARLY = 5 * 60
"""Seconds that the sender's clock may be fast, for services other than S3, which allows `LATE`."""
WEEK = 7 * 24 * 3600

_AUTHORIZATION = re.compile(
    r"(AWS4-HMAC-SHA256|AWS4-ECDSA-P256-SHA256) +"
    r"Credential=([!-+\-.0-~]{1,128})/([0-9]{8})/(?:([A-Za-z0-9-]{1,64})/)?([A-Za-z0-9_.-]{1,64})/aws4_request"
    r" *,? *"
    r"SignedHeaders=([a-z0-9!#$%&'*+.^_`|~;-]{1,4096}) *,? *Signature=([0-9a-f]{2,256})"
)
_CREDENTIAL = re.compile(r"[!-.0-~]{1,128}/[0-9]{8}(?:/[A-Za-z0-9_.-]{1,64}){2,3}")
_NAMES = re.compile(r"[a-z0-9!#$%&'*+.^_`|~;-]{1,4096}")
_PAYLOAD = re.compile(
    "[0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-(?:UNSIGNED-PAYLOAD-TRAILER|"
    "AWS4-(?:HMAC|ECDSA-P256)-SHA256-(?:PAYLOAD|PAYLOAD-TRAILER|EVENTS))"
)
_TIMESTAMP = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_V4_PARAMETERS = ("Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires")


class SignedRequest:
    """A claim, and once verified the means to check what follows it (the chunks of a body)."""

    __slots__ = (
        "access_key", "date", "expires", "kind", "matches", "payload", "region", "scope", "service", "signature",
        "signed_headers", "timestamp", "token", "version",
    )

    def __init__(self, version: str, kind: str, access_key: str, signature: str) -> None:
        self.version = version
        """`V4`, `V4A`, or `AWS` for version 2."""
        self.kind = kind
        """Where the signature stood: `header` or `query`."""
        self.access_key = access_key
        self.signature = signature
        self.date = ""
        self.region = ""
        """Empty where the signature names none, or (4a) several."""
        self.service = ""
        """The signing name, as `monitoring`; empty in version 2."""
        self.scope = ""
        self.signed_headers = ""
        self.token = ""
        self.timestamp = ""
        self.expires: int | None = None
        """Of a presigned URL: in version 4 the seconds that it lives, in version 2 the epoch second of its end."""
        self.payload = ""
        """What was signed for the body: its SHA-256, or one of the names for a body that is not hashed as a whole."""
        self.matches: Callable[[str, str], bool] | None = None
        """(string to sign, signature): whether the same key made this one too. Set by `verify`."""


def parse(request: Request, dialect: str) -> SignedRequest | None:
    """The claim of a request, None for an anonymous one. Raises AwsError for a claim that cannot be read."""
    headers = request.headers
    authorization = headers.get("authorization")
    if authorization is not None:
        if authorization.startswith("AWS4-"):
            return _of_header(request, authorization, dialect)
        if dialect == "s3":
            from fogbank.gateway import sigv2

            return sigv2.of_header(request, authorization)
    query = request.query
    if query:
        if "X-Amz-Signature=" in query or "X-Amz-Algorithm=" in query or "X-Amz-Credential=" in query:
            return _of_query(request, dialect)
        if dialect == "s3" and ("Signature=" in query or "AWSAccessKeyId=" in query):
            from fogbank.gateway import sigv2

            return sigv2.of_query(request)
    return None


def _of_header(request: Request, authorization: str, dialect: str) -> SignedRequest:
    match = _AUTHORIZATION.fullmatch(authorization)
    if match is None or (match[4] is None) != (match[1] == V4A):
        raise _unreadable(authorization, dialect)
    version, key, date, region, service, names, signature = match.groups()
    headers = request.headers
    signed = SignedRequest(version, "header", key, signature)
    signed.date = date
    signed.service = service
    signed.signed_headers = names
    if region is None:
        signed.region = _one_region(headers.get("x-amz-region-set", ""))
        signed.scope = f"{date}/{service}/aws4_request"
    else:
        signed.region = region
        signed.scope = f"{date}/{region}/{service}/aws4_request"
    signed.token = headers.get("x-amz-security-token", "")
    signed.timestamp = _timestamp(headers.get("x-amz-date"), headers.get("date"), dialect, authorization)
    signed.payload = headers.get("x-amz-content-sha256", "")
    if dialect == "s3":
        _check_s3_scope(signed)
        if not signed.payload:
            text = "Missing required header for this request: x-amz-content-sha256"
            raise AwsError("InvalidRequest", text, status=400)
    if signed.payload:
        _check_payload_name(signed.payload)
    if date != signed.timestamp[:8]:
        raise _other_day(signed, dialect)
    return signed


def _of_query(request: Request, dialect: str) -> SignedRequest:
    given: dict[str, str] = {}
    for item in request.query.split("&"):
        name, _, value = item.partition("=")
        if name.startswith("X-Amz-"):
            given.setdefault(name[6:], unquote(value.replace("+", " ")))
    absent = [name for name in _V4_PARAMETERS if not given.get(name) and (name != "Expires" or dialect == "s3")]
    if absent:
        raise _incomplete_query(absent, dialect)
    version = given["Algorithm"]
    if version not in (V4, V4A):
        raise _bad_parameter('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"', dialect)
    parts = given["Credential"].split("/")
    if len(parts) != (4 if version == V4A else 5) or not _CREDENTIAL.fullmatch(given["Credential"]):
        if dialect == "s3":
            raise refusals.s3_malformed("query", _MALFORMED)
        raise refusals.incomplete(dialect, _slots(given["Credential"]))
    if not _NAMES.fullmatch(given["SignedHeaders"]) or not given["Signature"].isascii():
        raise _incomplete_query(["SignedHeaders", "Signature"], dialect)
    signed = SignedRequest(version, "query", parts[0], given["Signature"])
    signed.date = parts[1]
    signed.service = parts[-2]
    signed.scope = "/".join(parts[1:])
    signed.region = parts[2] if version == V4 else _one_region(given.get("Region-Set", ""))
    signed.signed_headers = given["SignedHeaders"]
    signed.token = given.get("Security-Token", "")
    signed.timestamp = given["Date"]
    if epoch(signed.timestamp) is None:
        if dialect == "s3":
            raise _bad_parameter('X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd\'T\'HHmmss\'Z\'"', dialect)
        raise refusals.incomplete(dialect, _not_a_date(signed.timestamp))
    signed.expires = _lifetime(given.get("Expires", str(LATE)), dialect)
    if dialect == "s3":
        _check_s3_scope(signed)
    if parts[-1] != "aws4_request":
        raise _wrong_terminal(signed, parts[-1], dialect)
    if signed.date != signed.timestamp[:8]:
        raise _other_day(signed, dialect)
    stated = given.get("Content-Sha256", "")
    if not stated and "x-amz-content-sha256" in signed.signed_headers.split(";"):
        stated = request.headers.get("x-amz-content-sha256", "")
    if stated:
        _check_payload_name(stated)
    signed.payload = stated or (UNSIGNED if dialect == "s3" else "")
    return signed


def _lifetime(text: str, dialect: str) -> int:
    if not re.fullmatch("-?[0-9]{1,18}", text):
        raise _bad_parameter("X-Amz-Expires should be a number", dialect)
    seconds = int(text)
    if seconds < 0:
        raise _bad_parameter("X-Amz-Expires must be non-negative", dialect)
    if seconds > WEEK:
        raise _bad_parameter(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            f"{WEEK} seconds",
            dialect,
        )
    return seconds


def _timestamp(amz_date: str | None, date: str | None, dialect: str, authorization: str) -> str:
    """The moment of signing as the string to sign spells it."""
    given = amz_date if amz_date is not None else date
    if given is None:
        if dialect == "s3":
            text = "AWS authentication requires a valid Date or x-amz-date header"
            raise AwsError("AccessDenied", text, status=403)
        text = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
        raise refusals.incomplete(dialect, text + _shown(authorization))
    if epoch(given) is not None:
        return given
    if amz_date is None:
        from email.utils import parsedate_to_datetime  # 10 ms to import, and few clients sign a Date

        try:
            return time.strftime("%Y%m%dT%H%M%SZ", parsedate_to_datetime(given).utctimetuple())
        except (ValueError, OverflowError):
            pass
    if dialect == "s3":
        text = "AWS authentication requires a valid Date or x-amz-date header"
        raise AwsError("AccessDenied", text, status=403)
    raise refusals.incomplete(dialect, _not_a_date(given))


@lru_cache(256)
def epoch(timestamp: str) -> int | None:
    """Epoch seconds of `20150830T123600Z`; None for another form, or a day or an hour that does not exist."""
    if not _TIMESTAMP.fullmatch(timestamp):
        return None
    try:
        return calendar.timegm(time.strptime(timestamp, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


def _one_region(region_set: str) -> str:
    return region_set if region_set and "*" not in region_set and "," not in region_set else ""


def _check_payload_name(stated: str) -> None:
    if _PAYLOAD.fullmatch(stated):
        return
    raise AwsError(
        "InvalidArgument",
        "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, "
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 "
        "value.",
        status=400, ArgumentName="x-amz-content-sha256", ArgumentValue=stated,
    )


def _check_s3_scope(signed: SignedRequest) -> None:
    if signed.service not in ("s3", "s3express", "s3-object-lambda"):
        text = f'incorrect service "{signed.service}". This endpoint belongs to "s3".'
        raise refusals.s3_malformed(signed.kind, text)


# The texts of a claim that cannot be read.

_MALFORMED = 'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'


def _unreadable(authorization: str, dialect: str) -> AwsError:
    """Finds out what is wrong with an Authorization header that the expression did not match."""
    version, _, rest = authorization.partition(" ")
    given: dict[str, str] = {}
    for item in rest.split(","):
        name, _, value = item.strip().partition("=")
        given[name] = value
    if version not in (V4, V4A):
        if dialect == "s3":
            return AwsError("InvalidArgument", "Unsupported Authorization Type", status=400,
                            ArgumentName="Authorization", ArgumentValue=authorization[:256])
        return refusals.incomplete(dialect, f"Unsupported AWS 'algorithm': '{version[:64]}'.")
    absent = [name for name in ("Credential", "Signature", "SignedHeaders") if not given.get(name)]
    if absent:
        if dialect == "s3":
            return refusals.s3_malformed("header", "the authorization header requires three components: Credential, "
                                         "SignedHeaders, and Signature.")
        text = "".join(f"Authorization header requires '{name}' parameter. " for name in absent)
        return refusals.incomplete(dialect, text + _shown(authorization))
    parts = given["Credential"].split("/")
    if len(parts) != (4 if version == V4A else 5) or not all(parts):
        if dialect == "s3":
            return refusals.s3_malformed("header", _MALFORMED)
        return refusals.incomplete(dialect, _slots(given["Credential"]))
    signed = SignedRequest(version, "header", parts[0], "")
    signed.date = parts[1]
    if parts[-1] != "aws4_request":
        return _wrong_terminal(signed, parts[-1], dialect)
    if dialect == "s3":
        return refusals.s3_malformed("header", _MALFORMED)
    return refusals.incomplete(dialect, f"Authorization header is malformed. {_shown(authorization)}")


def _shown(authorization: str) -> str:
    """AWS shows the header only as a hash, so that it does not end in a log."""
    digest = base64.b64encode(hashlib.sha256(authorization.encode("latin-1")).digest()).decode()
    return f"(Hashed with SHA-256 and encoded with Base64) Authorization={digest}"


def _slots(credential: str) -> str:
    return (
        "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
        f"'{credential[:256]}'"
    )


def _not_a_date(text: str) -> str:
    return f"Date must be in ISO-8601 'basic format'. Got '{text[:64]}'. See http://en.wikipedia.org/wiki/ISO_8601"


def _incomplete_query(absent: list[str], dialect: str) -> AwsError:
    if dialect == "s3":
        text = (
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
        return _bad_parameter(text, dialect)
    text = "".join(f"AWS query-string parameters must include 'X-Amz-{name}'. " for name in absent)
    return refusals.incomplete(dialect, text + "Re-examine the query-string parameters.")


def _bad_parameter(message: str, dialect: str) -> AwsError:
    if dialect == "s3":
        return AwsError("AuthorizationQueryParametersError", message, status=400)
    return refusals.incomplete(dialect, message)


def _wrong_terminal(signed: SignedRequest, terminal: str, dialect: str) -> AwsError:
    if dialect == "s3":
        text = f'incorrect terminal "{terminal[:64]}". This endpoint uses "aws4_request".'
        return refusals.s3_malformed(signed.kind, text)
    text = f"Credential should be scoped with a valid terminator: 'aws4_request', not '{terminal[:64]}'."
    return refusals.mismatch(dialect, text)


def _other_day(signed: SignedRequest, dialect: str) -> AwsError:
    day = signed.timestamp[:8]
    if dialect == "s3":
        text = f'Invalid credential date "{signed.date}". This date is not the same as X-Amz-Date: "{day}".'
        return refusals.s3_malformed(signed.kind, text)
    text = (
        "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
        f"'{signed.date}' != '{day}', from '{signed.timestamp}'."
    )
    return refusals.mismatch(dialect, text)
