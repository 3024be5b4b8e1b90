"""The versions of a key: putting a new one on top, removing one, and which one is current then.

A key's current version is its `Object`. Versioning moves it to `Version` when a newer one, or a delete marker, comes;
removing the newest brings the one below it back.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from fogbank.api import Context
from fogbank.services.s3.access import find_version, latest_version
from fogbank.services.s3.bodies import release
from fogbank.services.s3.errors import s3_error
from fogbank.services.s3.records import Bucket, Object, Stored, Version
from fogbank.services.s3.rules import names

_TOP = 1 << 62
S = TypeVar("S", bound=Stored)


def put(ctx: Context, bucket: Bucket, new: Object) -> Object:
    """Makes `new` the current version of its key, with the id that the bucket's versioning gives it."""
    old = ctx.tx.get(Object, new.bucket, new.key)
    if bucket.versioning:
        new.sequence = _next_sequence(ctx, old or latest_version(ctx, new.bucket, new.key))
        if bucket.versioning == "Enabled":
            new.version_id = names.new_version_id(ctx.random)
        else:
            _drop_null(ctx, old, new.bucket, new.key)
        if old is not None and (bucket.versioning == "Enabled" or old.version_id != "null"):
            _set_aside(ctx, old)
    elif old is not None:
        release(ctx, old.body)
    ctx.tx.put(new)
    return new


def mark_deleted(ctx: Context, bucket: Bucket, key: str) -> Version | None:
    """DELETE without a version id: a delete marker where the bucket is versioned, else the object is gone (None)."""
    old = ctx.tx.get(Object, bucket.name, key)
    if not bucket.versioning:
        if old is not None:
            ctx.tx.delete(Object, bucket.name, key)
            release(ctx, old.body)
        return None
    sequence = _next_sequence(ctx, old or latest_version(ctx, bucket.name, key))
    if bucket.versioning == "Suspended":
        _drop_null(ctx, old, bucket.name, key)
    if old is not None:
        ctx.tx.delete(Object, bucket.name, key)
        if bucket.versioning == "Enabled" or old.version_id != "null":
            _set_aside(ctx, old)
    marker = Version(
        bucket=bucket.name, key=key, sequence=sequence, rank=_TOP - sequence, modified=ctx.now, owner=bucket.account,
        delete_marker=True,
        version_id=names.new_version_id(ctx.random) if bucket.versioning == "Enabled" else "null",
    )  # fmt: skip
    ctx.tx.put(marker)
    return marker


def remove(ctx: Context, found: Stored) -> None:
    """Removes one version for good. The one below the current version becomes current."""
    if isinstance(found, Version):
        was_current = (
            ctx.tx.get(Object, found.bucket, found.key) is None
            and latest_version(ctx, found.bucket, found.key) == found
        )
        ctx.tx.delete(Version, found.bucket, found.key, found.rank)
    else:
        was_current = True
        ctx.tx.delete(Object, found.bucket, found.key)
    release(ctx, found.body)
    below = latest_version(ctx, found.bucket, found.key) if was_current else None
    if below is not None and not below.delete_marker:
        ctx.tx.delete(Version, below.bucket, below.key, below.rank)
        ctx.tx.put(_as(Object, below))


def save(ctx: Context, stored: Stored) -> None:
    """Writes back a version whose tags, access list or lock changed."""
    ctx.tx.put(stored)


def require(
    ctx: Context, bucket: Bucket, key: str, version_id: str | None, method: str, *, hide_marker: bool = False
) -> Stored:
    """The version asked for, which is no delete marker. Raises NoSuchKey, NoSuchVersion, MethodNotAllowed.

    `hide_marker`: a current version that is a delete marker is answered as if there were no object.
    """
    if version_id is not None:
        names.check_version_id(version_id)
    found = find_version(ctx, bucket.name, key, version_id)
    if found is None:
        if version_id is not None:
            raise s3_error("NoSuchVersion", Key=key, VersionId=version_id)
        raise s3_error("NoSuchKey", Key=key)
    if found.delete_marker:
        if version_id is None and hide_marker:
            raise s3_error("NoSuchKey", Key=key)
        raise s3_error("MethodNotAllowed", Method=method, ResourceType="DeleteMarker")
    return found


def _next_sequence(ctx: Context, latest: Stored | None) -> int:
    return max(int(ctx.now * 1e6), latest.sequence + 1 if latest else 0)


def _set_aside(ctx: Context, old: Object) -> None:
    ctx.tx.put(_as(Version, old, rank=_TOP - old.sequence))


def _drop_null(ctx: Context, old: Object | None, bucket: str, key: str) -> None:
    """A key has one null version at most: the new one takes the old one's place."""
    if old is not None and old.version_id == "null":
        release(ctx, old.body)
        return
    for version in list(ctx.tx.find(Version, "id", bucket, key, "null", limit=1)):
        ctx.tx.delete(Version, bucket, key, version.rank)
        release(ctx, version.body)


_FIELDS = msgspec.structs.fields(Stored)


def _as(kind: type[S], stored: Stored, **more: Any) -> S:
    return kind(**{field.name: getattr(stored, field.name) for field in _FIELDS}, **more)
