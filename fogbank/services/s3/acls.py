"""GetBucketAcl, PutBucketAcl, GetObjectAcl, PutObjectAcl."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.s3 import events, s3, versions
from fogbank.services.s3.access import on_bucket, on_object, require_bucket
from fogbank.services.s3.drafts import refuse_public
from fogbank.services.s3.errors import s3_error
from fogbank.services.s3.records import Bucket
from fogbank.services.s3.rules import acl
from fogbank.services.s3.rules.names import canonical_id


@s3.operation(access=on_bucket("GetBucketAcl"))
def get_bucket_acl(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    owner = canonical_id(bucket.account)
    return {"Owner": {"ID": owner}, "Grants": acl.private(owner) if bucket.grants is None else bucket.grants}


@s3.operation(access=on_bucket("PutBucketAcl"))
def put_bucket_acl(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    owner = canonical_id(bucket.account)
    bucket.grants = _new_grants(req, bucket, owner, owner, of_bucket=True)
    ctx.tx.put(bucket)


@s3.operation(access=on_object("GetObjectAcl", "GetObjectVersionAcl"), anonymous=True)
def get_object_acl(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    found = versions.require(ctx, bucket, req["Key"], req.get("VersionId"), "GET", hide_marker=True)
    owner = canonical_id(found.owner)
    return {"Owner": {"ID": owner}, "Grants": acl.private(owner) if found.grants is None else found.grants}


@s3.operation(access=on_object("PutObjectAcl", "PutObjectVersionAcl"), anonymous=True)
def put_object_acl(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    found = versions.require(ctx, bucket, req["Key"], req.get("VersionId"), "PUT")
    found.grants = _new_grants(
        req, bucket, canonical_id(found.owner), canonical_id(bucket.account), of_bucket=False
    )
    versions.save(ctx, found)
    events.emit(ctx, bucket, "s3:ObjectAcl:Put", found)
    return {}


def _new_grants(
    req: dict[str, Any], bucket: Bucket, owner: str, bucket_owner: str, *, of_bucket: bool
) -> list[acl.Grant] | None:
    """The list that the request sets, by header or document; None for the owner's full control alone."""
    grants = acl.requested(req, owner, bucket_owner, of_bucket=of_bucket)
    document = req.get("AccessControlPolicy")
    if grants is not None and document is not None:
        raise s3_error("UnexpectedContent")
    if grants is None:
        if document is None:
            raise s3_error("MissingSecurityHeader", MissingHeaderName="x-amz-acl")
        grants = acl.from_document(document, owner)
    if bucket.ownership == "BucketOwnerEnforced":
        if grants != acl.private(owner):
            raise s3_error("AccessControlListNotSupported")
        return None
    refuse_public(bucket, grants)
    return None if grants == acl.private(owner) else grants
