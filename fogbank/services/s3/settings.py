"""A bucket's settings: kept, found and dropped."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.s3.errors import s3_error
from fogbank.services.s3.records import Bucket, Setting


def find(ctx: Context, bucket: Bucket, kind: str) -> dict[str, Any] | None:
    if kind not in bucket.settings:
        return None
    setting = ctx.tx.get(Setting, bucket.name, kind, "")
    return setting.value if setting else None


def require(ctx: Context, bucket: Bucket, kind: str, error: str) -> dict[str, Any]:
    """Raises `error` (AWS's "not set") where the bucket has no such setting."""
    value = find(ctx, bucket, kind)
    if value is None:
        raise s3_error(error, BucketName=bucket.name)
    return value


def keep(ctx: Context, bucket: Bucket, kind: str, value: dict[str, Any]) -> None:
    if kind not in bucket.settings:
        bucket.settings.append(kind)
        ctx.tx.put(bucket)
    ctx.tx.put(Setting(bucket=bucket.name, kind=kind, value=value))


def drop(ctx: Context, bucket: Bucket, kind: str) -> None:
    if kind in bucket.settings:
        bucket.settings.remove(kind)
        ctx.tx.put(bucket)
        ctx.tx.delete(Setting, bucket.name, kind, "")
