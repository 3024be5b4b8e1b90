"""CopyObject. The bytes are never copied: the copy is one more user of the stored body."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from fogbank.api import Context, FileBody
from fogbank.services.s3 import bodies, drafts, events, reads, s3, shown, versions
from fogbank.services.s3.access import (
    Rights,
    condition_keys,
    existing_tags,
    find_version,
    missing_key,
    require_bucket,
    with_acl,
    with_hold,
    with_lock,
    with_tags,
)
from fogbank.services.s3.errors import invalid_argument, invalid_request, s3_error
from fogbank.services.s3.records import Bucket, Object, Stored
from fogbank.services.s3.rules import checksums, configurations, names, preconditions, tags
from fogbank.services.s3.rules.ranges import Span

_UNCHANGED = (
    "This copy request is illegal because it is trying to copy an object to itself without changing the object's "
    "metadata, storage class, website redirect location or encryption attributes."
)


@dataclass(slots=True)
class Source:
    """What an x-amz-copy-source header names."""

    bucket: str
    key: str
    version_id: str | None

    @classmethod
    def parse(cls, text: str) -> Source:
        """Of `/bucket/key?versionId=ID`, percent-encoded. Raises InvalidArgument."""
        path, _, query = text.partition("?")
        bucket, _, key = unquote(path, errors="strict").removeprefix("/").partition("/")
        if not bucket or not key:
            raise invalid_argument("Invalid copy source object key", "x-amz-copy-source", "x-amz-copy-source")
        version = parse_qs(query).get("versionId", [None])[0]
        return cls(bucket, key, version)

    def request(self, req: dict[str, Any]) -> dict[str, Any]:
        """The source as a request for it would name it."""
        return {
            "Bucket": self.bucket,
            "Key": self.key,
            "VersionId": self.version_id,
            "ExpectedSourceBucketOwner": req.get("ExpectedSourceBucketOwner"),
        }


def source_rights(ctx: Context, req: dict[str, Any]) -> Rights:
    source = Source.parse(req["CopySource"])
    asked = source.request(req)
    bucket = require_bucket(ctx, asked, owner="ExpectedSourceBucketOwner")
    keys = condition_keys(asked, bucket)
    existing_tags(ctx, asked, keys)
    action = "s3:GetObject" if source.version_id is None else "s3:GetObjectVersion"
    return [(action, names.object_arn(source.bucket, source.key), keys)]


def _rights(ctx: Context, req: dict[str, Any]) -> Rights:
    names.check_key(req["Key"])
    rights = source_rights(ctx, req)
    bucket = require_bucket(ctx, req)
    keys = condition_keys(req, bucket)
    arn = names.object_arn(bucket.name, req["Key"])
    rights.append(("s3:PutObject", arn, keys))
    for find in (with_tags, with_acl, with_lock, with_hold):
        action = find(req)
        if action is not None:
            rights.append((f"s3:{action}", arn, keys))
    return rights


def find_source(ctx: Context, req: dict[str, Any]) -> tuple[Bucket, Stored]:
    """The source's bucket and version, once its preconditions hold. Raises what AWS raises otherwise."""
    source = Source.parse(req["CopySource"])
    bucket = require_bucket(ctx, source.request(req), owner="ExpectedSourceBucketOwner")
    if source.version_id is not None:
        names.check_version_id(source.version_id)
    found = find_version(ctx, source.bucket, source.key, source.version_id)
    if found is None and source.version_id is not None:
        raise s3_error("NoSuchVersion", Key=source.key, VersionId=source.version_id)
    if found is not None and found.delete_marker and source.version_id is not None:
        raise invalid_request(
            "The source of a copy request may not specifically refer to a delete marker by version id."
        )
    if found is None or found.delete_marker:
        raise missing_key(ctx, bucket, source.key)
    if found.storage_class in configurations.ARCHIVED:
        raise s3_error("InvalidObjectState", StorageClass=found.storage_class)
    reads.require_customer_key(found, req, "CopySource")
    preconditions.check_copy_source(
        found.etag, found.modified, ctx.now, req.get("CopySourceIfMatch"), req.get("CopySourceIfNoneMatch"),
        req.get("CopySourceIfModifiedSince"), req.get("CopySourceIfUnmodifiedSince"),
    )
    return bucket, found


@dataclass(slots=True)
class _Plan:
    """What the first transaction found out."""

    body: str
    algorithm: str
    content: bytes | FileBody | AsyncIterator[bytes] | None
    """The bytes, where they have to be hashed anew."""


@s3.operation(access=_rights, anonymous=True)
async def copy_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    preconditions.check_write_headers(req.get("IfMatch"), req.get("IfNoneMatch"))
    checksums.check_algorithm(req.get("ChecksumAlgorithm"))
    plan = await ctx.transact(lambda inner: _plan(inner, req))
    hashed = None
    if plan.content is not None:
        hashed = await _hash(plan.content, plan.algorithm)
    return await ctx.transact(lambda inner: _commit(inner, req, plan, hashed))


def _plan(ctx: Context, req: dict[str, Any]) -> _Plan:
    _, found = find_source(ctx, req)
    if found.size > bodies.MAX_UPLOAD:
        raise invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy source: "
            f"{bodies.MAX_UPLOAD}"
        )
    algorithm = req.get("ChecksumAlgorithm") or found.checksum_algorithm or checksums.DEFAULT
    # The MD5 and a composite checksum of parts say nothing of the whole.
    anew = bool(found.parts) or algorithm != found.checksum_algorithm or found.checksum_type == "COMPOSITE"
    plain_md5 = found.encryption.get("ServerSideEncryption") == "AES256"
    content = bodies.open_span(ctx, found, Span(0, found.size)) if anew or not plain_md5 else None
    return _Plan(found.body, algorithm, content)


async def _hash(content: bytes | FileBody | AsyncIterator[bytes], algorithm: str) -> bodies.Taken:
    digest = bodies.Digest([algorithm])
    async for piece in bodies.read(content):
        await bodies.in_thread(digest.update, piece)
    return digest.taken()


def _commit(ctx: Context, req: dict[str, Any], plan: _Plan, hashed: bodies.Taken | None) -> dict[str, Any]:
    source_bucket, found = find_source(ctx, req)
    if found.body != plan.body:
        raise s3_error("ConditionalRequestConflict", Key=found.key)
    bucket = require_bucket(ctx, req)
    _check_change(req, bucket, found)
    current = ctx.tx.get(Object, bucket.name, req["Key"])
    preconditions.check_write(
        req["Key"], current.etag if current else None, req.get("IfMatch"), req.get("IfNoneMatch")
    )
    fields = drafts.draft(ctx, bucket, req)
    _copy_attributes(req, found, fields)
    etag = hashed.etag if hashed else found.etag
    new = Object(
        bucket=bucket.name, key=req["Key"], sequence=int(ctx.now * 1e6), modified=ctx.now, size=found.size,
        etag=shown.etag_of(ctx, etag, fields["encryption"]), body=found.body, checksum_algorithm=plan.algorithm,
        checksum=hashed.sums[plan.algorithm] if hashed else found.checksum, checksum_type="FULL_OBJECT",
        **fields,
    )  # fmt: skip
    bodies.share(ctx, found.body)
    versions.put(ctx, bucket, new)
    events.emit(ctx, bucket, "s3:ObjectCreated:Copy", new)
    return {
        "CopyObjectResult": {
            "ETag": f'"{new.etag}"',
            "LastModified": new.modified,
            **shown.checksum(new),
        },
        **shown.encryption(new),
        "CopySourceVersionId": shown.version_id(source_bucket, found),
        "VersionId": shown.version_id(bucket, new),
        "Expiration": shown.expiration(ctx, bucket, new),
    }


def _check_change(req: dict[str, Any], bucket: Bucket, found: Stored) -> None:
    """Raises InvalidRequest for a copy of an object onto itself that would change nothing."""
    for member, header in (("MetadataDirective", "metadata"), ("TaggingDirective", "tagging")):
        if req.get(member) not in (None, "COPY", "REPLACE"):
            raise invalid_argument(
                f"Unknown {header} directive.", f"x-amz-{header}-directive", req[member]
            )
    if (found.bucket, found.key) != (bucket.name, req["Key"]) or not isinstance(found, Object):
        return
    changes = (
        req.get("MetadataDirective") == "REPLACE",
        req.get("StorageClass"),
        req.get("WebsiteRedirectLocation"),
        req.get("ServerSideEncryption"),
        req.get("SSECustomerAlgorithm"),
        req.get("ChecksumAlgorithm"),
        bucket.encryption != configurations.DEFAULT_ENCRYPTION,
    )
    if not any(changes):
        raise invalid_request(_UNCHANGED)


def _copy_attributes(req: dict[str, Any], found: Stored, fields: dict[str, Any]) -> None:
    """Takes over what the directives leave to the source; never its access list, storage class or redirect."""
    if req.get("MetadataDirective") != "REPLACE":
        redirect = fields["headers"].get("WebsiteRedirectLocation")
        fields["headers"] = {k: v for k, v in found.headers.items() if k != "WebsiteRedirectLocation"}
        if redirect is not None:
            fields["headers"]["WebsiteRedirectLocation"] = redirect
        fields["metadata"] = dict(found.metadata)
    if req.get("TaggingDirective") == "REPLACE":
        fields["tags"] = tags.from_header(req.get("Tagging") or "")
    else:
        fields["tags"] = dict(found.tags)
