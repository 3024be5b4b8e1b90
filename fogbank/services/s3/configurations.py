"""A bucket's configurations, of which it has one each: versioning, encryption, CORS, website, lifecycle and their kin."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.iam import principal
from fogbank.kit import arn as arns
from fogbank.services.s3 import s3, settings
from fogbank.services.s3.access import on_bucket, require_bucket
from fogbank.services.s3.errors import invalid_request, s3_error
from fogbank.services.s3.records import Bucket
from fogbank.services.s3.rules import configurations as rules
from fogbank.services.s3.rules import cors, lifecycle, notifications
from fogbank.services.s3.rules.names import bucket_arn

_LOCKED = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."

# Versioning.


@s3.operation(access=on_bucket("PutBucketVersioning"))
def put_bucket_versioning(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    status = req["VersioningConfiguration"].get("Status")
    if status is None:
        raise s3_error("IllegalVersioningConfigurationException")
    rules.one_of(status, ("Enabled", "Suspended"))
    if bucket.object_lock is not None and status == "Suspended":
        raise s3_error("InvalidBucketState", _LOCKED)
    bucket.versioning = status
    ctx.tx.put(bucket)


@s3.operation(access=on_bucket("GetBucketVersioning"))
def get_bucket_versioning(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    return {"Status": bucket.versioning or None, "MFADelete": bucket.mfa_delete or None}


# Encryption, ownership, public access block: what a new bucket has of its own.


@s3.operation(action="s3:PutEncryptionConfiguration", access=on_bucket("PutEncryptionConfiguration"))
def put_bucket_encryption(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    bucket.encryption = rules.encryption(req["ServerSideEncryptionConfiguration"])
    ctx.tx.put(bucket)


@s3.operation(action="s3:GetEncryptionConfiguration", access=on_bucket("GetEncryptionConfiguration"))
def get_bucket_encryption(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"ServerSideEncryptionConfiguration": require_bucket(ctx, req).encryption}


@s3.operation(action="s3:PutEncryptionConfiguration", access=on_bucket("PutEncryptionConfiguration"))
def delete_bucket_encryption(ctx: Context, req: dict[str, Any]) -> None:
    """Goes back to AES256, which every bucket has."""
    bucket = require_bucket(ctx, req)
    bucket.encryption = rules.DEFAULT_ENCRYPTION
    ctx.tx.put(bucket)


@s3.operation(access=on_bucket("PutBucketOwnershipControls"))
def put_bucket_ownership_controls(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    found = req["OwnershipControls"].get("Rules") or []
    if len(found) != 1:
        raise s3_error("MalformedXML")
    ownership = rules.one_of(found[0].get("ObjectOwnership"), rules.OWNERSHIPS)
    if ownership == "BucketOwnerEnforced" and any(
        grant["Permission"] != "FULL_CONTROL" for grant in bucket.grants or ()
    ):
        raise s3_error("InvalidBucketAclWithObjectOwnership")
    bucket.ownership = ownership
    ctx.tx.put(bucket)


@s3.operation(access=on_bucket("GetBucketOwnershipControls"))
def get_bucket_ownership_controls(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    if bucket.ownership is None:
        raise s3_error("OwnershipControlsNotFoundError", BucketName=bucket.name)
    return {"OwnershipControls": {"Rules": [{"ObjectOwnership": bucket.ownership}]}}


@s3.operation(action="s3:PutBucketOwnershipControls", access=on_bucket("PutBucketOwnershipControls"))
def delete_bucket_ownership_controls(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    bucket.ownership = None
    ctx.tx.put(bucket)


@s3.operation(action="s3:PutBucketPublicAccessBlock", access=on_bucket("PutBucketPublicAccessBlock"))
def put_public_access_block(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    given = req["PublicAccessBlockConfiguration"]
    if not any(given.get(name) is not None for name in rules.PUBLIC_ACCESS_BLOCK):
        raise invalid_request("Must specify at least one configuration.")
    bucket.public_access_block = {name: bool(given.get(name)) for name in rules.PUBLIC_ACCESS_BLOCK}
    ctx.tx.put(bucket)


@s3.operation(action="s3:GetBucketPublicAccessBlock", access=on_bucket("GetBucketPublicAccessBlock"))
def get_public_access_block(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    if bucket.public_access_block is None:
        raise s3_error("NoSuchPublicAccessBlockConfiguration", BucketName=bucket.name)
    return {"PublicAccessBlockConfiguration": bucket.public_access_block}


@s3.operation(action="s3:PutBucketPublicAccessBlock", access=on_bucket("PutBucketPublicAccessBlock"))
def delete_public_access_block(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    bucket.public_access_block = None
    ctx.tx.put(bucket)


# CORS, website.


@s3.operation(action="s3:PutBucketCORS", access=on_bucket("PutBucketCORS"))
def put_bucket_cors(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    cors.check_rules(req["CORSConfiguration"].get("CORSRules") or [])
    settings.keep(ctx, bucket, "cors", req["CORSConfiguration"])


@s3.operation(action="s3:GetBucketCORS", access=on_bucket("GetBucketCORS"))
def get_bucket_cors(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return settings.require(ctx, require_bucket(ctx, req), "cors", "NoSuchCORSConfiguration")


@s3.operation(action="s3:PutBucketCORS", access=on_bucket("PutBucketCORS"))
def delete_bucket_cors(ctx: Context, req: dict[str, Any]) -> None:
    settings.drop(ctx, require_bucket(ctx, req), "cors")


@s3.operation(access=on_bucket("PutBucketWebsite"))
def put_bucket_website(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    rules.website(req["WebsiteConfiguration"])
    settings.keep(ctx, bucket, "website", req["WebsiteConfiguration"])


@s3.operation(access=on_bucket("GetBucketWebsite"))
def get_bucket_website(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return settings.require(ctx, require_bucket(ctx, req), "website", "NoSuchWebsiteConfiguration")


@s3.operation(access=on_bucket("DeleteBucketWebsite"))
def delete_bucket_website(ctx: Context, req: dict[str, Any]) -> None:
    settings.drop(ctx, require_bucket(ctx, req), "website")


# Lifecycle, replication.


@s3.operation(action="s3:PutLifecycleConfiguration", access=on_bucket("PutLifecycleConfiguration"))
def put_bucket_lifecycle_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    minimum = req.get("TransitionDefaultMinimumObjectSize") or lifecycle.MINIMUM_SIZES[0]
    if minimum not in lifecycle.MINIMUM_SIZES:
        raise invalid_request(f"Invalid TransitionDefaultMinimumObjectSize found: {minimum}")
    checked = lifecycle.check((req.get("LifecycleConfiguration") or {}).get("Rules") or [], ctx.random)
    settings.keep(
        ctx, bucket, "lifecycle", {"Rules": checked, "TransitionDefaultMinimumObjectSize": minimum}
    )
    ctx.schedule("s3.expire", {"bucket": bucket.name}, delay=60.0, key=bucket.name)
    return {"TransitionDefaultMinimumObjectSize": minimum}


@s3.operation(action="s3:GetLifecycleConfiguration", access=on_bucket("GetLifecycleConfiguration"))
def get_bucket_lifecycle_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return settings.require(ctx, require_bucket(ctx, req), "lifecycle", "NoSuchLifecycleConfiguration")


@s3.operation(action="s3:PutLifecycleConfiguration", access=on_bucket("PutLifecycleConfiguration"))
def delete_bucket_lifecycle(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    settings.drop(ctx, bucket, "lifecycle")
    ctx.cancel("s3.expire", bucket.name)


@s3.operation(action="s3:PutReplicationConfiguration", access=on_bucket("PutReplicationConfiguration"))
def put_bucket_replication(ctx: Context, req: dict[str, Any]) -> None:
    """Stored and shown; nothing is replicated on one machine yet."""
    bucket = require_bucket(ctx, req)
    if bucket.versioning != "Enabled":
        raise invalid_request("Versioning must be 'Enabled' on the bucket to apply a replication configuration")
    configuration = rules.replication(req["ReplicationConfiguration"])
    for rule in configuration["Rules"]:
        name = rule["Destination"]["Bucket"].removeprefix("arn:aws:s3:::")
        destination = ctx.tx.get(Bucket, name)
        if destination is None or destination.versioning != "Enabled":
            raise invalid_request("Destination bucket must have versioning enabled.")
    settings.keep(ctx, bucket, "replication", {"ReplicationConfiguration": configuration})


@s3.operation(action="s3:GetReplicationConfiguration", access=on_bucket("GetReplicationConfiguration"))
def get_bucket_replication(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return settings.require(ctx, require_bucket(ctx, req), "replication", "ReplicationConfigurationNotFoundError")


@s3.operation(action="s3:PutReplicationConfiguration", access=on_bucket("PutReplicationConfiguration"))
def delete_bucket_replication(ctx: Context, req: dict[str, Any]) -> None:
    settings.drop(ctx, require_bucket(ctx, req), "replication")


# Logging, request payment, acceleration: an empty answer where nothing is set.


@s3.operation(access=on_bucket("PutBucketLogging"))
def put_bucket_logging(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    enabled = req["BucketLoggingStatus"].get("LoggingEnabled")
    if enabled is None:
        settings.drop(ctx, bucket, "logging")
        return
    if not enabled.get("TargetBucket") or enabled.get("TargetPrefix") is None:
        raise s3_error("MalformedXML")
    target = ctx.tx.get(Bucket, enabled["TargetBucket"])
    if target is None or target.account != bucket.account:
        raise s3_error("InvalidTargetBucketForLogging", TargetBucket=enabled["TargetBucket"])
    if target.region != bucket.region:
        members = {"TargetBucketLocation": target.region}
        if bucket.region != "us-east-1":
            members["SourceBucketLocation"] = bucket.region
        raise s3_error("CrossLocationLoggingProhibitted", **members)
    settings.keep(ctx, bucket, "logging", {"LoggingEnabled": enabled})


@s3.operation(access=on_bucket("GetBucketLogging"))
def get_bucket_logging(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return settings.find(ctx, require_bucket(ctx, req), "logging") or {}


@s3.operation(access=on_bucket("PutBucketRequestPayment"))
def put_bucket_request_payment(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    payer = rules.one_of(req["RequestPaymentConfiguration"].get("Payer"), ("Requester", "BucketOwner"))
    settings.keep(ctx, bucket, "request-payment", {"Payer": payer})


@s3.operation(access=on_bucket("GetBucketRequestPayment"))
def get_bucket_request_payment(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return settings.find(ctx, require_bucket(ctx, req), "request-payment") or {"Payer": "BucketOwner"}


@s3.operation(action="s3:PutAccelerateConfiguration", access=on_bucket("PutAccelerateConfiguration"))
def put_bucket_accelerate_configuration(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    status = rules.one_of(req["AccelerateConfiguration"].get("Status"), ("Enabled", "Suspended"))
    if "." in bucket.name:
        raise invalid_request("S3 Transfer Acceleration is not supported for buckets with periods (.) in their names")
    settings.keep(ctx, bucket, "accelerate", {"Status": status})


@s3.operation(action="s3:GetAccelerateConfiguration", access=on_bucket("GetAccelerateConfiguration"))
def get_bucket_accelerate_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return settings.find(ctx, require_bucket(ctx, req), "accelerate") or {}


@s3.operation(access=on_bucket("GetBucketAbac"))
def get_bucket_abac(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Terraform's provider asks. Tags of buckets are no condition keys here, so it is never on."""
    require_bucket(ctx, req)
    return {"AbacStatus": {"Status": "Disabled"}}


# Notifications.


@s3.operation(action="s3:PutBucketNotification", access=on_bucket("PutBucketNotification"))
def put_bucket_notification_configuration(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    stored = notifications.check(req["NotificationConfiguration"], ctx.random)
    if not req.get("SkipDestinationValidation"):
        _check_destinations(ctx, bucket, notifications.targets(stored))
    if stored:
        settings.keep(ctx, bucket, "notification", stored)
    else:
        settings.drop(ctx, bucket, "notification")


def _check_destinations(ctx: Context, bucket: Bucket, targets: list[str]) -> None:
    """Every destination must exist and let S3 in; all that do not are named in one error."""
    members: dict[str, str] = {}
    for target in targets:
        reason = _unreachable(ctx, bucket, target)
        if reason is not None:
            number = len(members) // 2 + 1
            suffix = ", null" if ":lambda:" in target else ""
            members[f"ArgumentName{number}"] = target + suffix
            members[f"ArgumentValue{number}"] = reason
    if members:
        raise s3_error(
            "InvalidArgument", "Unable to validate the following destination configurations", **members
        )


_RIGHTS = {"lambda": "lambda:InvokeFunction", "sqs": "sqs:SendMessage", "sns": "sns:Publish"}


def _unreachable(ctx: Context, bucket: Bucket, target: str) -> str | None:
    """Why S3 may not deliver to `target`; None where it may."""
    parsed = arns.parse(target)
    assert parsed is not None
    if parsed.service != "lambda":
        try:
            ctx.cloud.service(parsed.service)
        except KeyError:
            return "The destination queue does not exist" if parsed.service == "sqs" else (
                "The destination topic does not exist"
            )
    s3_itself = principal.service(
        "s3.amazonaws.com", source_arn=bucket_arn(bucket.name), source_account=bucket.account
    )
    try:
        ctx.authorise(_RIGHTS[parsed.service], target, principal=s3_itself)
    except AwsError:
        if parsed.service == "lambda":
            return f"Not authorized to invoke function [{target}]"
        return "Permissions on the destination queue do not allow S3 to publish notifications from this bucket"
    return None


@s3.operation(action="s3:GetBucketNotification", access=on_bucket("GetBucketNotification"))
def get_bucket_notification_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return settings.find(ctx, require_bucket(ctx, req), "notification") or {}


# Object lock.


@s3.operation(
    action="s3:PutBucketObjectLockConfiguration", access=on_bucket("PutBucketObjectLockConfiguration")
)
def put_object_lock_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    configuration = rules.object_lock(req.get("ObjectLockConfiguration") or {})
    if bucket.versioning != "Enabled":
        raise s3_error(
            "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration"
        )
    bucket.object_lock = configuration
    ctx.tx.put(bucket)
    return {}


@s3.operation(
    action="s3:GetBucketObjectLockConfiguration", access=on_bucket("GetBucketObjectLockConfiguration")
)
def get_object_lock_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    if bucket.object_lock is None:
        raise s3_error("ObjectLockConfigurationNotFoundError", BucketName=bucket.name)
    return {"ObjectLockConfiguration": bucket.object_lock}


