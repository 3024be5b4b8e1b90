"""GetObject, HeadObject, GetObjectAttributes."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.s3 import bodies, drafts, s3, shown
from fogbank.services.s3.access import find_version, missing_key, on_object, require_bucket
from fogbank.services.s3.errors import invalid_argument, invalid_request, s3_error
from fogbank.services.s3.records import Bucket, Manifest, Part, Stored
from fogbank.services.s3.rules import checksums, configurations, names, preconditions
from fogbank.services.s3.rules.ranges import Span, requested_span

_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


@s3.operation(access=on_object("GetObject", "GetObjectVersion"), anonymous=True)
def get_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket, found, span = _asked_for(ctx, req)
    if found.storage_class in configurations.ARCHIVED:
        raise s3_error("InvalidObjectState", StorageClass=found.storage_class)
    output = _described(ctx, req, bucket, found, span)
    for override, member in _OVERRIDES.items():
        if req.get(override) is not None:
            _refuse_anonymous_override(ctx)
            output[member] = _latin(override, req[override])
    output["Body"] = bodies.open_span(ctx, found, span or Span(0, found.size))
    return output


@s3.operation(action="s3:GetObject", access=on_object("GetObject", "GetObjectVersion"), anonymous=True)
def head_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket, found, span = _asked_for(ctx, req)
    output = _described(ctx, req, bucket, found, span)
    for override, member in _OVERRIDES.items():
        if req.get(override) is not None:
            output[member] = _latin(override, req[override])
    return output


def _asked_for(ctx: Context, req: dict[str, Any]) -> tuple[Bucket, Stored, Span | None]:
    bucket, key, version_id = require_bucket(ctx, req), req["Key"], req.get("VersionId")
    if version_id is not None:
        names.check_version_id(version_id)
    found = find_version(ctx, bucket.name, key, version_id)
    if found is None and version_id is not None:
        raise s3_error("NoSuchVersion", Key=key, VersionId=version_id)
    if found is not None and found.delete_marker and version_id is not None:
        method = ctx.request.method if ctx.request else "GET"
        error = s3_error("MethodNotAllowed", Method=method, ResourceType="DeleteMarker")
        error.headers = [*_marked(found), ("allow", "DELETE")]
        raise error
    if found is None or found.delete_marker:
        error = missing_key(ctx, bucket, key)
        error.headers = _marked(found) if found else []
        raise error
    require_customer_key(found, req)
    try:
        preconditions.check_read(
            found.etag, found.modified, ctx.now, req.get("IfMatch"), req.get("IfNoneMatch"),
            req.get("IfModifiedSince"), req.get("IfUnmodifiedSince"),
        )
    except AwsError as unmet:
        if unmet.status == 304:
            unmet.headers = [("etag", f'"{found.etag}"'), ("last-modified", formatdate(found.modified, usegmt=True))]
        raise
    number = req.get("PartNumber")
    if number is None:
        return bucket, found, requested_span(req.get("Range"), found.size)
    if req.get("Range") is not None:
        raise invalid_request("Cannot specify both Range header and partNumber query parameter")
    return bucket, found, _span_of_part(ctx, found, number)


def _marked(marker: Stored) -> list[tuple[str, str]]:
    return [("x-amz-delete-marker", "true"), ("x-amz-version-id", marker.version_id)]


def require_customer_key(found: Stored, req: dict[str, Any], prefix: str = "") -> None:
    """Raises InvalidRequest, AccessDenied unless the request has the key that an SSE-C object was stored with."""
    wanted = found.encryption.get("SSECustomerKeyMD5")
    given = drafts.customer_key(req, prefix)
    if wanted is None:
        if given is not None:
            raise invalid_request("The encryption parameters are not applicable to this object.")
        return
    if given is None:
        raise invalid_request(
            "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to "
            "retrieve the object."
        )
    if given != wanted:
        raise s3_error(
            "AccessDenied",
            "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret "
            "key.",
        )


def parts_of(ctx: Context, found: Stored) -> list[Part]:
    """The parts of a multipart object; none for any other."""
    if not found.parts:
        return []
    manifest = ctx.tx.get(Manifest, found.body.removeprefix("parts:"))
    return manifest.parts if manifest else []


def _span_of_part(ctx: Context, found: Stored, number: int) -> Span:
    parts = parts_of(ctx, found)
    if not 1 <= number <= 10000:
        raise invalid_argument(
            "Part number must be an integer between 1 and 10000, inclusive", "partNumber", number
        )
    if number > max(found.parts, 1):
        raise s3_error(
            "InvalidPartNumber", PartNumberRequested=str(number), ActualPartCount=str(max(found.parts, 1))
        )
    if not parts:
        return Span(0, found.size)
    return Span(sum(part.size for part in parts[: number - 1]), parts[number - 1].size)


def _described(
    ctx: Context, req: dict[str, Any], bucket: Bucket, found: Stored, span: Span | None
) -> dict[str, Any]:
    """The members that GetObject and HeadObject share."""
    whole = span is None or span.length == found.size
    output: dict[str, Any] = {
        "AcceptRanges": "bytes",
        "LastModified": float(int(found.modified)),
        "ContentLength": found.size if span is None else span.length,
        "ETag": f'"{found.etag}"',
        "Metadata": found.metadata,
        **found.headers,
        **shown.encryption(found),
        "VersionId": shown.version_id(bucket, found),
    }
    if span is not None and (span.length or found.size):
        output["ContentRange"] = span.content_range(found.size)
        output["StatusCode"] = 206
    if found.storage_class != "STANDARD":
        output["StorageClass"] = found.storage_class
    if found.parts and req.get("PartNumber") is not None:
        output["PartsCount"] = found.parts
    if req.get("ChecksumMode") == "ENABLED":
        output.update(_checksum_of(ctx, req, found, whole))
    if found.tags:
        output["TagCount"] = len(found.tags)
    if found.lock_mode:
        output["ObjectLockMode"] = found.lock_mode
        output["ObjectLockRetainUntilDate"] = found.lock_until
    if found.legal_hold:
        output["ObjectLockLegalHoldStatus"] = found.legal_hold
    if req.get("VersionId") is None:
        output["Expiration"] = shown.expiration(ctx, bucket, found)
    return output


def _checksum_of(ctx: Context, req: dict[str, Any], found: Stored, whole: bool) -> dict[str, Any]:
    if req.get("PartNumber") is not None and found.checksum_type == "COMPOSITE":
        part = parts_of(ctx, found)[req["PartNumber"] - 1]
        return {checksums.member(found.checksum_algorithm): part.checksum, "ChecksumType": "COMPOSITE"}
    return shown.checksum(found) if whole else {}


def _refuse_anonymous_override(ctx: Context) -> None:
    if ctx.principal.kind == "anonymous":
        raise invalid_request("Request specific response headers cannot be used for anonymous GET requests.")


def _latin(member: str, value: Any) -> Any:
    if isinstance(value, str):
        try:
            value.encode("latin-1")
        except UnicodeEncodeError:
            words = "".join(f"-{c.lower()}" if c.isupper() else c for c in member)[1:]
            raise invalid_argument(
                "Header value cannot be represented using ISO-8859-1.", words, value
            ) from None
    return value


# Attributes.

_ATTRIBUTES = ("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize")


@s3.operation(access=on_object("GetObjectAttributes", "GetObjectVersionAttributes"), anonymous=True)
def get_object_attributes(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket, found, _ = _asked_for(ctx, req)
    wanted = [item.strip() for names_ in req["ObjectAttributes"] for item in names_.split(",")]
    for name in wanted:
        if name not in _ATTRIBUTES:
            raise invalid_argument("Invalid attribute name specified.", "x-amz-object-attributes", name)
    output: dict[str, Any] = {
        "LastModified": float(int(found.modified)),
        "VersionId": found.version_id if bucket.versioning else None,
    }
    if "ETag" in wanted:
        output["ETag"] = found.etag
    if "Checksum" in wanted and found.checksum:
        output["Checksum"] = {
            checksums.member(found.checksum_algorithm): found.checksum.split("-")[0],
            "ChecksumType": found.checksum_type,
        }
    if "StorageClass" in wanted:
        output["StorageClass"] = found.storage_class
    if "ObjectSize" in wanted:
        output["ObjectSize"] = found.size
    if "ObjectParts" in wanted and found.parts:
        output["ObjectParts"] = _object_parts(ctx, req, found)
    return output


def _object_parts(ctx: Context, req: dict[str, Any], found: Stored) -> dict[str, Any]:
    """The parts' sizes and checksums: AWS shows them where the upload had a composite checksum."""
    output: dict[str, Any] = {"TotalPartsCount": found.parts}
    if found.checksum_type != "COMPOSITE":
        return output
    marker = int(req.get("PartNumberMarker") or 0)
    limit = 1000 if req.get("MaxParts") is None else req["MaxParts"]
    rest = [part for part in parts_of(ctx, found) if part.number > marker]
    page = rest[:limit]
    return {
        **output,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": limit,
        "IsTruncated": len(rest) > len(page),
        "Parts": [
            {
                "PartNumber": part.number,
                "Size": part.size,
                checksums.member(found.checksum_algorithm): part.checksum,
            }
            for part in page
        ],
    }
