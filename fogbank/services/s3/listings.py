"""ListObjects, ListObjectsV2, ListObjectVersions."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.s3 import s3
from fogbank.services.s3.access import find_version, on_bucket, require_bucket
from fogbank.services.s3.errors import invalid_argument
from fogbank.services.s3.records import Bucket, Object, Stored, Version
from fogbank.services.s3.rules import listing
from fogbank.services.s3.rules.names import canonical_id

_BATCH = 1001
"""Rows per read at most: a page and one more."""
_FIRST = 4
"""Rows of the first read where keys may be skipped: beyond a common prefix the rest of the batch is of no use."""


def _objects(ctx: Context, bucket: str, limit: int, *, skips: bool) -> Callable[[str], Iterable[Object]]:
    """Current objects from a key on, read in batches so that a page costs a page."""

    def read(start: str) -> Iterator[Object]:
        size = _FIRST if skips else min(limit + 1, _BATCH)
        position: dict[str, Any] = {"since": start}
        while True:
            rows = list(ctx.tx.scan(Object, bucket, limit=size, **position))
            yield from rows
            if len(rows) < size:
                return
            position = {"after": rows[-1].key}
            size = min(size * 4, limit + 1, _BATCH) if skips else size

    return read


def _key(stored: Stored) -> str:
    return stored.key


def _shown(stored: Stored, name: Callable[[str], str | None]) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Key": name(stored.key),
        "LastModified": float(int(stored.modified)),
        "ETag": f'"{stored.etag}"',
        "Size": stored.size,
        "StorageClass": stored.storage_class,
    }
    if stored.checksum:
        shown["ChecksumAlgorithm"] = [stored.checksum_algorithm]
        shown["ChecksumType"] = stored.checksum_type
    return shown


def _owner(stored: Stored) -> dict[str, str]:
    return {"ID": canonical_id(stored.owner)}


def _names(req: dict[str, Any]) -> Callable[[str], Any]:
    encoded = listing.check_encoding_type(req.get("EncodingType"))
    return listing.encode if encoded else listing.plain


def _page(ctx: Context, bucket: Bucket, req: dict[str, Any], after: str, limit: int, delimiter: str) -> Any:
    return listing.page(
        _objects(ctx, bucket.name, limit, skips=bool(delimiter)), _key,
        prefix=req.get("Prefix") or "", delimiter=delimiter, after=after, limit=limit,
    )  # fmt: skip


@s3.operation(action="s3:ListBucket", access=on_bucket("ListBucket"), anonymous=True)
def list_objects(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _names(req)
    bucket = require_bucket(ctx, req)
    limit = listing.check_limit(req.get("MaxKeys"), "max-keys")
    marker, delimiter = req.get("Marker") or "", req.get("Delimiter") or ""
    page = _page(ctx, bucket, req, marker, limit, delimiter)
    return {
        "Name": bucket.name,
        "Prefix": name(req.get("Prefix") or ""),
        "Marker": name(marker),
        "MaxKeys": limit,
        "Delimiter": name(delimiter) or None,
        "EncodingType": req.get("EncodingType"),
        "IsTruncated": page.truncated,
        # Without a delimiter the last key is the marker of the next page, and AWS leaves it to the caller.
        "NextMarker": name(page.last) if page.truncated and delimiter else None,
        "Contents": [{**_shown(stored, name), "Owner": _owner(stored)} for stored in page.entries],
        "CommonPrefixes": [{"Prefix": name(prefix)} for prefix in page.prefixes],
    }


@s3.operation(action="s3:ListBucket", access=on_bucket("ListBucket"), anonymous=True)
def list_objects_v2(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _names(req)
    bucket = require_bucket(ctx, req)
    limit = listing.check_limit(req.get("MaxKeys"), "max-keys")
    start_after, delimiter = req.get("StartAfter") or "", req.get("Delimiter") or ""
    token = req.get("ContinuationToken")
    page = _page(ctx, bucket, req, _position(token) if token is not None else start_after, limit, delimiter)
    contents = [_shown(stored, name) for stored in page.entries]
    if req.get("FetchOwner"):
        contents = [
            {**shown, "Owner": _owner(stored)} for shown, stored in zip(contents, page.entries, strict=True)
        ]
    return {
        "Name": bucket.name,
        "Prefix": name(req.get("Prefix") or ""),
        "StartAfter": name(start_after) or None,
        "MaxKeys": limit,
        "KeyCount": len(page.entries) + len(page.prefixes),
        "Delimiter": name(delimiter) or None,
        "EncodingType": req.get("EncodingType"),
        "IsTruncated": page.truncated,
        "ContinuationToken": token,
        "NextContinuationToken": paging.encode(page.last) if page.truncated else None,
        "Contents": contents,
        "CommonPrefixes": [{"Prefix": name(prefix)} for prefix in page.prefixes],
    }


def _position(token: str) -> str:
    try:
        position = paging.decode(token) if token else None
    except ValueError:
        position = None
    if not isinstance(position, str):
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token")
    return position


# Versions.


def _versions(ctx: Context, bucket: str, limit: int, *, skips: bool) -> Callable[[str], Iterable[Stored]]:
    """Current objects and all other versions from a key on: by key, the newest first."""

    def read(start: str) -> Iterator[Stored]:
        current = _objects(ctx, bucket, limit, skips=skips)(start)
        return heapq.merge(current, _noncurrent(ctx, bucket, limit, start, skips=skips), key=_order)

    return read


def _noncurrent(ctx: Context, bucket: str, limit: int, start: str, *, skips: bool) -> Iterator[Version]:
    size = _FIRST if skips else min(limit + 1, _BATCH)
    rows = list(ctx.tx.scan(Version, bucket, since=start, limit=size))
    while True:
        yield from rows
        if len(rows) < size:
            return
        last = rows[-1]
        size = min(size * 4, limit + 1, _BATCH) if skips else size
        rows = list(ctx.tx.scan(Version, bucket, since=(last.key, last.rank + 1), limit=size))


def _order(stored: Stored) -> tuple[str, int]:
    """Python orders text by code point, which is the order of its UTF-8 bytes."""
    return stored.key, -stored.sequence


@s3.operation(action="s3:ListBucketVersions", access=on_bucket("ListBucketVersions"), anonymous=True)
def list_object_versions(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _names(req)
    bucket = require_bucket(ctx, req)
    limit = listing.check_limit(req.get("MaxKeys"), "max-keys")
    marker, version_marker = req.get("KeyMarker") or "", req.get("VersionIdMarker") or ""
    delimiter = req.get("Delimiter") or ""
    if version_marker and not marker:
        raise invalid_argument(
            "A version-id marker cannot be specified without a key marker.", "version-id-marker", version_marker
        )
    page = listing.page(
        _versions(ctx, bucket.name, limit, skips=bool(delimiter)), _key, prefix=req.get("Prefix") or "",
        delimiter=delimiter, after=marker, limit=limit, first=_rest_of_key(ctx, bucket, marker, version_marker),
    )  # fmt: skip
    last = page.entries[-1] if page.entries else None
    cut_in_prefix = bool(page.prefixes) and (last is None or page.last != last.key)
    return {
        "Name": bucket.name,
        "Prefix": name(req.get("Prefix") or ""),
        "KeyMarker": name(marker),
        "VersionIdMarker": version_marker,
        "MaxKeys": limit,
        "Delimiter": name(delimiter) or None,
        "EncodingType": req.get("EncodingType"),
        "IsTruncated": page.truncated,
        "NextKeyMarker": name(page.last) if page.truncated else None,
        "NextVersionIdMarker": last.version_id if page.truncated and last and not cut_in_prefix else None,
        "Versions": [_version(ctx, stored, name) for stored in page.entries if not stored.delete_marker],
        "DeleteMarkers": [_marker(ctx, stored, name) for stored in page.entries if stored.delete_marker],
        "CommonPrefixes": [{"Prefix": name(prefix)} for prefix in page.prefixes],
    }


def _rest_of_key(ctx: Context, bucket: Bucket, key: str, version_id: str) -> list[Stored]:
    """The versions of the marker's key that are older than the marker's version. Raises InvalidArgument."""
    if not version_id:
        return []
    marked = find_version(ctx, bucket.name, key, version_id)
    if marked is None:
        raise invalid_argument("Invalid version id specified", "version-id-marker", version_id)
    if isinstance(marked, Version):
        return list(ctx.tx.scan(Version, bucket.name, key, after=marked.rank, limit=_BATCH))
    return list(ctx.tx.scan(Version, bucket.name, key, limit=_BATCH))


def _latest(ctx: Context, stored: Stored) -> bool:
    if not isinstance(stored, Version):
        return True
    if not stored.delete_marker or ctx.tx.get(Object, stored.bucket, stored.key) is not None:
        return False
    return next(iter(ctx.tx.scan(Version, stored.bucket, stored.key, limit=1))).rank == stored.rank


def _version(ctx: Context, stored: Stored, name: Callable[[str], str | None]) -> dict[str, Any]:
    return {
        **_shown(stored, name),
        "IsLatest": _latest(ctx, stored),
        "VersionId": stored.version_id,
        "Owner": _owner(stored),
    }


def _marker(ctx: Context, stored: Stored, name: Callable[[str], str | None]) -> dict[str, Any]:
    return {
        "Key": name(stored.key),
        "VersionId": stored.version_id,
        "IsLatest": _latest(ctx, stored),
        "LastModified": float(int(stored.modified)),
        "Owner": _owner(stored),
    }
