"""PutObject, GetObject, HeadObject, GetObjectAttributes."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

from fogbank.api import AwsError, Context
from fogbank.kit import ids
from fogbank.services.s3 import bodies, drafts, events, s3, versions
from fogbank.services.s3.access import WRITING, find_version, missing_key, on_object, require_bucket
from fogbank.services.s3.errors import invalid_argument, invalid_request, s3_error
from fogbank.services.s3.records import Bucket, Manifest, Object, Part, Setting, Stored
from fogbank.services.s3.rules import checksums, configurations, lifecycle, names, preconditions
from fogbank.services.s3.rules.ranges import Span, requested_span

_OVERRIDES = {
    "ResponseCacheControl": "CacheControl",
    "ResponseContentDisposition": "ContentDisposition",
    "ResponseContentEncoding": "ContentEncoding",
    "ResponseContentLanguage": "ContentLanguage",
    "ResponseContentType": "ContentType",
    "ResponseExpires": "Expires",
}


@s3.operation(access=on_object("PutObject", "", *WRITING), anonymous=True)
async def put_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    preconditions.check_write_headers(req.get("IfMatch"), req.get("IfNoneMatch"))
    md5 = checksums.content_md5(req.get("ContentMD5"))
    expected = Expected.of(ctx, req)
    body = req.get("Body") or b""
    if not bodies.is_small(body):
        await ctx.transact(lambda inner: _check_put(inner, req))
    taken = await bodies.take(ctx, body, [expected.algorithm], lambda t: expected.verify(t, md5, req))
    try:
        return await ctx.transact(lambda inner: commit(inner, req, taken, expected.algorithm, "s3:ObjectCreated:Put"))
    except BaseException:
        await bodies.discard(ctx, taken)
        raise


def _check_put(ctx: Context, req: dict[str, Any]) -> None:
    """Refuses before a big body has come what would be refused after it."""
    bucket = require_bucket(ctx, req)
    drafts.draft(ctx, bucket, req)
    _check_write(ctx, bucket, req)


def _check_write(ctx: Context, bucket: Bucket, req: dict[str, Any]) -> None:
    if req.get("IfMatch") is not None or req.get("IfNoneMatch") is not None:
        current = ctx.tx.get(Object, bucket.name, req["Key"])
        preconditions.check_write(
            req["Key"], current.etag if current else None, req.get("IfMatch"), req.get("IfNoneMatch")
        )


def commit(ctx: Context, req: dict[str, Any], taken: bodies.Taken, algorithm: str, event: str) -> dict[str, Any]:
    """Makes a body that has been taken in the current version of its key."""
    bucket = require_bucket(ctx, req)
    _check_write(ctx, bucket, req)
    fields = drafts.draft(ctx, bucket, req)
    new = Object(
        bucket=bucket.name, key=req["Key"], sequence=int(ctx.now * 1e6), modified=ctx.now, size=taken.size,
        etag=etag_of(ctx, taken.etag, fields["encryption"]), body=bodies.keep(ctx, taken), checksum_algorithm=algorithm,
        checksum=taken.sums[algorithm], checksum_type="FULL_OBJECT", **fields,
    )  # fmt: skip
    versions.put(ctx, bucket, new)
    events.emit(ctx, bucket, event, new)
    return {
        "ETag": f'"{new.etag}"',
        **checksum_members(new),
        **encryption_members(new),
        "VersionId": new.version_id if bucket.versioning == "Enabled" else None,
        "Expiration": expiration(ctx, bucket, new),
    }


def etag_of(ctx: Context, md5_hex: str, encryption: Mapping[str, Any]) -> str:
    """The MD5, but where KMS or a customer's key encrypts: then the ETag says nothing about the content."""
    return md5_hex if encryption.get("ServerSideEncryption") == "AES256" else ids.hex_id(ctx.random, 32)


class Expected:
    """The checksum that a request announces: by header, by trailer, or none, and then the default is computed."""

    def __init__(self, algorithm: str, value: str | None, *, trailer: bool = False, stated: bool = True) -> None:
        self.algorithm = algorithm
        self.value = value
        self.stated = stated
        """Whether the request names the algorithm."""
        self._trailer = trailer

    @classmethod
    def of(cls, ctx: Context, req: Mapping[str, Any]) -> Expected:
        """Raises InvalidRequest."""
        given = checksums.given(req)
        announced = ctx.request.headers.get("x-amz-trailer") if ctx.request else None
        trailer = checksums.declared_in_trailer(announced)
        if given is not None:
            return cls(*given)
        named = req.get("ChecksumAlgorithm")
        checksums.check_algorithm(named)
        if trailer is not None:
            return cls(trailer, None, trailer=True)
        return cls(named or checksums.DEFAULT, None, stated=named is not None)

    def verify(self, taken: bodies.Taken, md5: bytes | None, req: Mapping[str, Any], *, part: bool = False) -> None:
        """Raises BadDigest, InvalidRequest."""
        checksums.check_md5(md5, taken.md5, part=part)
        value = self.value
        if self._trailer:
            value = _trailer(req.get("Body"), checksums.header(self.algorithm))
            if value is not None:
                checksums.check_value(self.algorithm, value)
        if value is not None and value != taken.sums[self.algorithm]:
            raise checksums.mismatch(self.algorithm)
        self.value = value


def _trailer(body: Any, name: str) -> str | None:
    trailers: Mapping[str, str] = getattr(body, "trailers", None) or {}
    return trailers.get(name)


# Reading.


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
        **encryption_members(found),
        "VersionId": shown_version(bucket, found),
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
        output["Expiration"] = expiration(ctx, bucket, found)
    return output


def _checksum_of(ctx: Context, req: dict[str, Any], found: Stored, whole: bool) -> dict[str, Any]:
    if req.get("PartNumber") is not None and found.checksum_type == "COMPOSITE":
        part = parts_of(ctx, found)[req["PartNumber"] - 1]
        return {checksums.member(found.checksum_algorithm): part.checksum, "ChecksumType": "COMPOSITE"}
    return checksum_members(found) if whole else {}


def checksum_members(stored: Stored) -> dict[str, Any]:
    if not stored.checksum:
        return {}
    return {checksums.member(stored.checksum_algorithm): stored.checksum, "ChecksumType": stored.checksum_type}


def encryption_members(stored: Stored) -> dict[str, Any]:
    return stored.encryption


def shown_version(bucket: Bucket, stored: Stored) -> str | None:
    """The version id, in buckets that have or had versioning."""
    return stored.version_id if bucket.versioning else None


def expiration(ctx: Context, bucket: Bucket, stored: Stored) -> str | None:
    if "lifecycle" not in bucket.settings:
        return None
    setting = ctx.tx.get(Setting, bucket.name, "lifecycle", "")
    rules = setting.value["Rules"] if setting else []
    found = lifecycle.expiry(rules, stored.key, stored.size, stored.tags, stored.modified)
    return found.header if found else None


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


def location(ctx: Context, bucket: str, key: str) -> str:
    """The address of an object, as CompleteMultipartUpload and POST answer it."""
    return f"{ctx.cloud.endpoint}/{bucket}/{quote(key, safe='')}"
