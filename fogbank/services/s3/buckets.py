"""Buckets: made, found, listed and removed."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.s3 import s3
from fogbank.services.s3.access import on_bucket, require_bucket
from fogbank.services.s3.errors import invalid_argument, s3_error
from fogbank.services.s3.records import Bucket, Object, Setting, Upload, Version
from fogbank.services.s3.rules import acl, configurations, tags
from fogbank.services.s3.rules.names import bucket_arn, canonical_id, valid_bucket_name

_REGIONS = frozenset(
    {
        "af-south-1", "ap-east-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1",
        "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5",
        "ap-southeast-6", "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1",
        "eu-south-1", "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1",
        "me-south-1", "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2",
    }
)  # fmt: skip
MAX_BUCKETS = 10_000


def _create_rights(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    existing = ctx.tx.get(Bucket, req["Bucket"])
    if existing is not None and existing.account != ctx.account:
        # The right would be asked of that bucket's owner, who has nothing to do with it.
        raise s3_error("BucketAlreadyExists", BucketName=existing.name)
    keys: dict[str, Any] = {}
    configuration = req.get("CreateBucketConfiguration") or {}
    if configuration.get("LocationConstraint"):
        keys["s3:LocationConstraint"] = configuration["LocationConstraint"]
    if req.get("ACL") is not None:
        keys["s3:x-amz-acl"] = req["ACL"]
    arn = bucket_arn(req["Bucket"])
    rights = [("s3:CreateBucket", arn, keys)]
    if req.get("ACL") is not None:
        rights.append(("s3:PutBucketAcl", arn, keys))
    if req.get("ObjectOwnership") is not None:
        keys["s3:x-amz-object-ownership"] = req["ObjectOwnership"]
        rights.append(("s3:PutBucketOwnershipControls", arn, keys))
    if req.get("ObjectLockEnabledForBucket"):
        rights += [("s3:PutBucketObjectLockConfiguration", arn, keys), ("s3:PutBucketVersioning", arn, keys)]
    if configuration.get("Tags"):
        rights.append(("s3:TagResource", arn, keys))
    return rights


@s3.operation(access=_create_rights)
def create_bucket(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = req["Bucket"]
    configuration = req.get("CreateBucketConfiguration") or {}
    region = _region(ctx, configuration.get("LocationConstraint"))
    if not valid_bucket_name(name):
        raise s3_error("InvalidBucketName", BucketName=name)
    given_tags = configuration.get("Tags") or []
    existing = ctx.tx.get(Bucket, name)
    if existing is not None:
        return _already_there(ctx, existing, bool(given_tags))
    ownership = req.get("ObjectOwnership")
    if ownership is not None and ownership not in configurations.OWNERSHIPS:
        raise invalid_argument(f"Invalid x-amz-object-ownership header: {ownership}", "x-amz-object-ownership")
    bucket = Bucket(
        name=name, account=ctx.account, region=region, created=ctx.now,
        ownership=ownership or "BucketOwnerEnforced",
        public_access_block=dict.fromkeys(configurations.PUBLIC_ACCESS_BLOCK, True),
        encryption=configurations.DEFAULT_ENCRYPTION,
    )  # fmt: skip
    _first_grants(bucket, req)
    if req.get("ObjectLockEnabledForBucket"):
        bucket.versioning, bucket.object_lock = "Enabled", {"ObjectLockEnabled": "Enabled"}
    checked = tags.check_creation_tags(given_tags)
    if checked:
        bucket.settings.append("tagging")
        ctx.tx.put(Setting(bucket=name, kind="tagging", value=checked))
    ctx.tx.insert(bucket)
    return {"Location": _location(ctx, bucket), "BucketArn": bucket_arn(name)}


def _region(ctx: Context, constraint: str | None) -> str:
    """Where the bucket comes to be. Raises InvalidLocationConstraint, IllegalLocationConstraintException."""
    if ctx.region == "us-east-1":
        if constraint is None:
            return "us-east-1"
        if constraint == "EU":
            return "eu-west-1"
        if constraint == "us-east-1" or constraint not in _REGIONS:
            raise s3_error("InvalidLocationConstraint", LocationConstraint=constraint)
        return constraint
    if constraint == ctx.region or (constraint == "EU" and ctx.region == "eu-west-1"):
        return ctx.region
    raise s3_error(
        "IllegalLocationConstraintException",
        f"The {constraint or 'unspecified'} location constraint is incompatible for the region specific endpoint this "
        "request was sent to.",
    )


def _already_there(ctx: Context, existing: Bucket, tagged: bool) -> dict[str, Any]:
    """In us-east-1 making one's own bucket again is a success, for reasons of history."""
    if existing.account != ctx.account:
        raise s3_error("BucketAlreadyExists", BucketName=existing.name)
    if ctx.region != "us-east-1" or existing.region != "us-east-1" or tagged:
        raise s3_error("BucketAlreadyOwnedByYou", BucketName=existing.name)
    return {"Location": _location(ctx, existing), "BucketArn": bucket_arn(existing.name)}


def _first_grants(bucket: Bucket, req: dict[str, Any]) -> None:
    owner = canonical_id(bucket.account)
    grants = acl.requested(req, owner, owner, of_bucket=True)
    if grants is None or req.get("ACL") == "private":
        return
    if bucket.ownership == "BucketOwnerEnforced":
        raise s3_error("InvalidBucketAclWithObjectOwnership")
    if acl.is_public(grants):
        # A new bucket blocks public access lists; they can be set once the block is taken away.
        raise s3_error("AccessDenied")
    bucket.grants = grants


def _location(ctx: Context, bucket: Bucket) -> str:
    if bucket.region == "us-east-1":
        return f"/{bucket.name}"
    return f"http://{bucket.name}.s3.amazonaws.com/"


@s3.operation(action="s3:ListBucket", access=on_bucket("ListBucket"), anonymous=True)
def head_bucket(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    return {"BucketRegion": bucket.region, "AccessPointAlias": False, "BucketArn": bucket_arn(bucket.name)}


@s3.operation(access=on_bucket("GetBucketLocation"))
def get_bucket_location(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    region = require_bucket(ctx, req).region
    return {"LocationConstraint": None if region == "us-east-1" else region}


@s3.operation(access=on_bucket("DeleteBucket"))
def delete_bucket(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    if any(ctx.tx.scan(Object, bucket.name, limit=1)) or any(ctx.tx.scan(Version, bucket.name, limit=1)):
        message = None
        if bucket.versioning:
            message = "The bucket you tried to delete is not empty. You must delete all versions in the bucket."
        raise s3_error("BucketNotEmpty", message, BucketName=bucket.name)
    # Uploads under way do not keep a bucket; their parts go with it.
    for upload in list(ctx.tx.scan(Upload, bucket.name)):
        ctx.schedule("s3.drop-parts", {"upload_id": upload.upload_id}, key=upload.upload_id)
        ctx.tx.delete(Upload, upload.bucket, upload.key, upload.sequence)
    ctx.tx.clear(Setting, bucket.name)
    ctx.tx.delete(Bucket, bucket.name)


@s3.operation(action="s3:ListAllMyBuckets")
def list_buckets(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    region, prefix = req.get("BucketRegion"), req.get("Prefix") or ""
    limit = req.get("MaxBuckets")
    if limit is not None and not 1 <= limit <= MAX_BUCKETS:
        raise invalid_argument(
            "Argument max-buckets must be an integer between 1 and 10000", "max-buckets", limit
        )
    if region is not None and region not in _REGIONS:
        raise invalid_argument(f"Argument value {region} is not a valid AWS Region", "bucket-region")
    token = req.get("ContinuationToken")
    start: dict[str, Any] = {"after": _position(token)} if token else {"since": prefix}
    found: list[Bucket] = []
    more = False
    for bucket in ctx.tx.find(Bucket, "account", ctx.account, **start):
        if not bucket.name.startswith(prefix):
            break
        if region is not None and bucket.region != region:
            continue
        if limit is not None and len(found) == limit:
            more = True
            break
        found.append(bucket)
    # Only requests that ask for pages, or filter, are shown each bucket's region.
    shows_region = limit is not None or region is not None or token is not None or bool(prefix)
    output: dict[str, Any] = {
        "Buckets": [_listed(bucket, shows_region) for bucket in found],
        "Owner": {"ID": canonical_id(ctx.account)},
        "ContinuationToken": paging.encode(found[-1].name) if more else None,
        "Prefix": req.get("Prefix"),
    }
    return output


def _position(token: str) -> str:
    try:
        return str(paging.decode(token))
    except ValueError:
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token") from None


def _listed(bucket: Bucket, shows_region: bool) -> dict[str, Any]:
    listed: dict[str, Any] = {
        "Name": bucket.name, "CreationDate": float(int(bucket.created)), "BucketArn": bucket_arn(bucket.name)
    }
    if shows_region:
        listed["BucketRegion"] = bucket.region
    return listed


