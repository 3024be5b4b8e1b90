"""What S3 does by and by: parts of removed uploads, and what lifecycle rules let expire."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.s3 import bodies, events, locks, s3, settings, versions
from fogbank.services.s3.records import Bucket, Object, Stored, Upload, UploadedPart, Version
from fogbank.services.s3.rules import lifecycle

_BATCH = 250
_PAUSE = 3600.0
"""Seconds between two looks at a bucket's rules: what is due at midnight is gone within the hour."""


@s3.task("s3.drop-parts")
def drop_parts(ctx: Context, payload: dict[str, Any]) -> None:
    """Removes the parts of an upload that is gone, a batch at a time."""
    found = list(ctx.tx.scan(UploadedPart, payload["upload_id"], limit=_BATCH))
    for part in found:
        bodies.drop_part(ctx, part)
    if len(found) == _BATCH:
        ctx.schedule("s3.drop-parts", payload, key=payload["upload_id"])


@s3.task("s3.expire")
def expire(ctx: Context, payload: dict[str, Any]) -> None:
    """Looks at one batch of a bucket's objects, versions or uploads, then schedules the next, or the next round.

    `payload`: `bucket`, `stage` (which of the three), `after` (where the last batch ended).
    """
    bucket = ctx.tx.get(Bucket, payload["bucket"])
    configuration = settings.find(ctx, bucket, "lifecycle") if bucket else None
    if bucket is None or configuration is None:
        return
    rules = [rule for rule in configuration["Rules"] if rule["Status"] == "Enabled"]
    stage = int(payload.get("stage", 0))
    after = _STAGES[stage](ctx, bucket, rules, payload.get("after"))
    if after is None:
        stage += 1
    finished = stage == len(_STAGES)
    following = {"bucket": bucket.name, "stage": 0 if finished else stage, "after": after}
    ctx.schedule("s3.expire", following, delay=_PAUSE if finished else 0.0, key=bucket.name)


def _expire_objects(ctx: Context, bucket: Bucket, rules: list[dict[str, Any]], after: Any) -> Any:
    found = list(ctx.tx.scan(Object, bucket.name, after=after, limit=_BATCH))
    for stored in found:
        expiry = lifecycle.expiry(rules, stored.key, stored.size, stored.tags, stored.modified)
        if expiry is not None and expiry.at <= ctx.now:
            marker = versions.mark_deleted(ctx, bucket, stored.key)
            kind = "DeleteMarkerCreated" if marker else "Delete"
            events.emit(ctx, bucket, f"s3:LifecycleExpiration:{kind}", marker or stored)
    return found[-1].key if len(found) == _BATCH else None


def _expire_versions(ctx: Context, bucket: Bucket, rules: list[dict[str, Any]], after: Any) -> Any:
    """Noncurrent versions, and delete markers under which nothing is left."""
    found = list(ctx.tx.scan(Version, bucket.name, after=tuple(after) if after else None, limit=_BATCH))
    for stored in found:
        newer = _newer(ctx, stored)
        if newer is not None:
            if _noncurrent_due(ctx, rules, stored, newer):
                _remove(ctx, bucket, stored)
        elif stored.delete_marker and _marker_due(ctx, rules, stored):
            versions.remove(ctx, stored)
    return [found[-1].key, found[-1].rank] if len(found) == _BATCH else None


def _newer(ctx: Context, stored: Version) -> Stored | None:
    """The version that made this one noncurrent."""
    above = list(ctx.tx.scan(Version, stored.bucket, stored.key, limit=1, reverse=True, after=stored.rank))
    return above[0] if above else ctx.tx.get(Object, stored.bucket, stored.key)


def _noncurrent_due(ctx: Context, rules: list[dict[str, Any]], stored: Version, newer: Stored) -> bool:
    for rule in rules:
        action = rule.get("NoncurrentVersionExpiration")
        if action is None or not lifecycle.applies(rule, stored.key, stored.size, stored.tags):
            continue
        if lifecycle.due(action["NoncurrentDays"], newer.modified) > ctx.now:
            continue
        kept = action.get("NewerNoncurrentVersions") or 0
        newer_ones = list(ctx.tx.scan(Version, stored.bucket, stored.key, limit=kept + 1))
        if len([version for version in newer_ones if version.rank < stored.rank]) >= kept:
            return True
    return False


def _marker_due(ctx: Context, rules: list[dict[str, Any]], stored: Version) -> bool:
    below = list(ctx.tx.scan(Version, stored.bucket, stored.key, after=stored.rank, limit=1))
    return not below and any(
        (rule.get("Expiration") or {}).get("ExpiredObjectDeleteMarker") and lifecycle.applies(rule, stored.key, 0, {})
        for rule in rules
    )


def _remove(ctx: Context, bucket: Bucket, stored: Version) -> None:
    try:
        locks.check_removal(ctx, bucket, stored, bypass=False)
    except AwsError:
        return
    versions.remove(ctx, stored)
    events.emit(ctx, bucket, "s3:LifecycleExpiration:Delete", stored)


def _expire_uploads(ctx: Context, bucket: Bucket, rules: list[dict[str, Any]], after: Any) -> Any:
    found = list(ctx.tx.scan(Upload, bucket.name, after=tuple(after) if after else None, limit=_BATCH))
    for upload in found:
        for rule in rules:
            days = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
            begins = upload.key.startswith(lifecycle.prefix_of(rule))
            if days is not None and begins and lifecycle.due(days, upload.started) <= ctx.now:
                ctx.tx.delete(Upload, upload.bucket, upload.key, upload.sequence)
                ctx.schedule("s3.drop-parts", {"upload_id": upload.upload_id}, key=upload.upload_id)
                break
    return [found[-1].key, found[-1].sequence] if len(found) == _BATCH else None


_STAGES = (_expire_objects, _expire_versions, _expire_uploads)
