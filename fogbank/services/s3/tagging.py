"""Tags of buckets and objects."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.s3 import events, s3, settings, versions
from fogbank.services.s3.access import on_bucket, on_object, require_bucket
from fogbank.services.s3.errors import s3_error
from fogbank.services.s3.records import Bucket, Stored
from fogbank.services.s3.rules import tags


@s3.operation(access=on_bucket("PutBucketTagging"))
def put_bucket_tagging(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    kept = settings.find(ctx, bucket, "tagging") or {}
    system = "cloudformation.amazonaws.com" in ctx.called_via
    checked = tags.check_bucket_tags(req["Tagging"].get("TagSet") or [], kept, system=system)
    settings.keep(ctx, bucket, "tagging", dict(checked))


@s3.operation(access=on_bucket("GetBucketTagging"))
def get_bucket_tagging(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    found = settings.find(ctx, bucket, "tagging")
    if not found:
        raise s3_error("NoSuchTagSet", BucketName=bucket.name)
    return {"TagSet": tags.as_tag_set(found)}


@s3.operation(action="s3:PutBucketTagging", access=on_bucket("PutBucketTagging"))
def delete_bucket_tagging(ctx: Context, req: dict[str, Any]) -> None:
    settings.drop(ctx, require_bucket(ctx, req), "tagging")


@s3.operation(access=on_object("PutObjectTagging", "PutObjectVersionTagging"), anonymous=True)
def put_object_tagging(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    checked = tags.check_object_tags(req["Tagging"].get("TagSet") or [])
    found = versions.require(ctx, bucket, req["Key"], req.get("VersionId"), "PUT")
    return _set(ctx, bucket, found, checked, "s3:ObjectTagging:Put")


@s3.operation(access=on_object("GetObjectTagging", "GetObjectVersionTagging"), anonymous=True)
def get_object_tagging(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    found = versions.require(ctx, bucket, req["Key"], req.get("VersionId"), "GET")
    return {"TagSet": tags.as_tag_set(found.tags), **_version(bucket, found)}


@s3.operation(access=on_object("DeleteObjectTagging", "DeleteObjectVersionTagging"), anonymous=True)
def delete_object_tagging(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    found = versions.require(ctx, bucket, req["Key"], req.get("VersionId"), "DELETE")
    return _set(ctx, bucket, found, {}, "s3:ObjectTagging:Delete")


def _set(ctx: Context, bucket: Bucket, found: Stored, new: dict[str, str], event: str) -> dict[str, Any]:
    found.tags = new
    versions.save(ctx, found)
    events.emit(ctx, bucket, event, found)
    return _version(bucket, found)


def _version(bucket: Bucket, found: Stored) -> dict[str, Any]:
    return {"VersionId": found.version_id if bucket.versioning else None}
