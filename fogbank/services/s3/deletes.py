"""DeleteObject, DeleteObjects."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.s3 import events, locks, s3, versions
from fogbank.services.s3.access import condition_keys, find_version, on_object, require_bucket
from fogbank.services.s3.errors import invalid_argument, s3_error
from fogbank.services.s3.records import Bucket, Object, Upload
from fogbank.services.s3.rules import names, preconditions

MAX_KEYS = 1000


@s3.operation(access=on_object("DeleteObject", "DeleteObjectVersion"), anonymous=True)
def delete_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    for member, header in (("IfMatchLastModifiedTime", "last-modified-time"), ("IfMatchSize", "size")):
        if req.get(member) is not None:
            raise s3_error("NotImplemented", Header=f"x-amz-if-match-{header}")
    _check_bypass(bucket, req)
    version_id = req.get("VersionId")
    if version_id is not None:
        names.check_version_id(version_id)
    if req.get("IfMatch") is not None:
        found = find_version(ctx, bucket.name, req["Key"], version_id)
        present = found is not None and not found.delete_marker
        if req["IfMatch"].strip() != "*" or not present:
            preconditions.check_write(req["Key"], found.etag if found and present else None, req["IfMatch"], None)
    return _delete(ctx, bucket, req["Key"], version_id, bool(req.get("BypassGovernanceRetention")), strict=False)


def _check_bypass(bucket: Bucket, req: dict[str, Any]) -> None:
    if req.get("BypassGovernanceRetention") is not None and bucket.object_lock is None:
        raise invalid_argument(
            "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets.",
            "x-amz-bypass-governance-retention",
        )


def _delete(
    ctx: Context, bucket: Bucket, key: str, version_id: str | None, bypass: bool, *, strict: bool
) -> dict[str, Any]:
    """`strict`: a version that does not exist is an error, as in DeleteObjects."""
    _disturb_uploads(ctx, bucket, key)
    if version_id is None:
        current = ctx.tx.get(Object, bucket.name, key)
        marker = versions.mark_deleted(ctx, bucket, key)
        if marker is not None:
            events.emit(ctx, bucket, "s3:ObjectRemoved:DeleteMarkerCreated", marker)
            return {"DeleteMarker": True, "VersionId": marker.version_id}
        if current is not None:
            events.emit(ctx, bucket, "s3:ObjectRemoved:Delete", current)
        return {}
    found = find_version(ctx, bucket.name, key, version_id)
    if found is None:
        if strict and version_id != "null":
            raise s3_error("NoSuchVersion", Key=key, VersionId=version_id)
        return {"VersionId": version_id} if bucket.versioning else {}
    locks.check_removal(ctx, bucket, found, bypass)
    versions.remove(ctx, found)
    events.emit(ctx, bucket, "s3:ObjectRemoved:Delete", found)
    return {"DeleteMarker": True if found.delete_marker else None, "VersionId": version_id}


def _disturb_uploads(ctx: Context, bucket: Bucket, key: str) -> None:
    """Tells the key's uploads under way: a conditional completion must not overlook this delete."""
    for upload in list(ctx.tx.scan(Upload, bucket.name, key)):
        upload.disturbed = True
        ctx.tx.put(upload)


@s3.operation(authorise=False, anonymous=True)
def delete_objects(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Each key is authorised for itself: what is refused is told in the answer."""
    bucket = require_bucket(ctx, req)
    _check_bypass(bucket, req)
    wanted = req["Delete"].get("Objects") or []
    if not 1 <= len(wanted) <= MAX_KEYS:
        raise s3_error("MalformedXML")
    keys = condition_keys(req, bucket)
    deleted: list[dict[str, Any]] = []
    errors: list[dict[str, Any]] = []
    for item in wanted:
        named = {"Key": item["Key"], "VersionId": item.get("VersionId")}
        try:
            names.check_key(item["Key"])
            deleted.append({**named, **_delete_one(ctx, bucket, item, req, keys)})
        except AwsError as error:
            errors.append({**named, "Code": error.code, "Message": error.message})
    return {"Deleted": [] if req["Delete"].get("Quiet") else deleted, "Errors": errors}


def _delete_one(
    ctx: Context, bucket: Bucket, item: dict[str, Any], req: dict[str, Any], keys: dict[str, Any]
) -> dict[str, Any]:
    version_id = item.get("VersionId")
    action = "s3:DeleteObject" if version_id is None else "s3:DeleteObjectVersion"
    ctx.authorise(action, names.object_arn(bucket.name, item["Key"]), keys)
    if item.get("ETag") is not None:
        current = ctx.tx.get(Object, bucket.name, item["Key"])
        preconditions.check_write(item["Key"], current.etag if current else None, item["ETag"], None)
    result = _delete(
        ctx, bucket, item["Key"], version_id, bool(req.get("BypassGovernanceRetention")), strict=True
    )
    if not result.get("DeleteMarker"):
        return {}
    return {"DeleteMarker": True, "DeleteMarkerVersionId": result["VersionId"]}
