"""Who may do what: the buckets that requests name, the IAM rights of operations, and the policies of buckets."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.s3 import s3
from fogbank.services.s3.errors import no_such_bucket, s3_error
from fogbank.services.s3.records import Bucket, Object, Setting, Stored, Version
from fogbank.services.s3.rules import acl, bucket_policy, names

Rights = list[tuple[str, str, dict[str, Any]]]
Rule = Callable[[Context, dict[str, Any]], Rights]
_ACCOUNT = re.compile(r"\d{12}")
_HEADER_KEYS = {
    "ACL": "s3:x-amz-acl",
    "GrantFullControl": "s3:x-amz-grant-full-control",
    "GrantRead": "s3:x-amz-grant-read",
    "GrantReadACP": "s3:x-amz-grant-read-acp",
    "GrantWrite": "s3:x-amz-grant-write",
    "GrantWriteACP": "s3:x-amz-grant-write-acp",
    "ServerSideEncryption": "s3:x-amz-server-side-encryption",
    "SSEKMSKeyId": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "SSECustomerAlgorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "StorageClass": "s3:x-amz-storage-class",
    "MetadataDirective": "s3:x-amz-metadata-directive",
    "CopySource": "s3:x-amz-copy-source",
    "WebsiteRedirectLocation": "s3:x-amz-website-redirect-location",
    "ObjectOwnership": "s3:x-amz-object-ownership",
    "ObjectLockMode": "s3:object-lock-mode",
    "ObjectLockLegalHoldStatus": "s3:object-lock-legal-hold",
    "Prefix": "s3:prefix",
    "Delimiter": "s3:delimiter",
    "MaxKeys": "s3:max-keys",
    "VersionId": "s3:VersionId",
    "IfMatch": "s3:if-match",
    "IfNoneMatch": "s3:if-none-match",
}
"""Condition keys by the request member that gives their value.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""


def require_bucket(ctx: Context, req: dict[str, Any], *, owner: str = "ExpectedBucketOwner") -> Bucket:
    """The bucket that a request names. Raises NoSuchBucket, and AccessDenied where its owner is not the expected one."""
    expected = req.get(owner)
    if expected is not None and not _ACCOUNT.fullmatch(expected):
        raise s3_error(
            "InvalidBucketOwnerAWSAccountID",
            f"The value of the expected bucket owner parameter must be an AWS Account ID... [{expected}]",
        )
    bucket = find_bucket(ctx, req["Bucket"])
    if expected is not None and expected != bucket.account:
        raise s3_error("AccessDenied")
    return bucket


def find_bucket(ctx: Context, name: str) -> Bucket:
    """Raises NoSuchBucket."""
    bucket = ctx.tx.get(Bucket, name)
    if bucket is None:
        raise no_such_bucket(name)
    return bucket


def on_bucket(*actions: str) -> Rule:
    """The rights of an operation on a bucket."""

    def rule(ctx: Context, req: dict[str, Any]) -> Rights:
        bucket = require_bucket(ctx, req)
        keys = condition_keys(req, bucket)
        return [(f"s3:{action}", names.bucket_arn(bucket.name), keys) for action in actions]

    return rule


def on_object(action: str, versioned: str = "", *further: Callable[[dict[str, Any]], str | None]) -> Rule:
    """The rights of an operation on an object: `versioned` where a version is named, and what `further` find needed."""

    def rule(ctx: Context, req: dict[str, Any]) -> Rights:
        names.check_key(req["Key"])
        bucket = require_bucket(ctx, req)
        named = req.get("VersionId")
        keys = condition_keys(req, bucket)
        if not _is_owner_unbound(ctx, bucket):
            existing_tags(ctx, req, keys)
        wanted = [versioned if named is not None and versioned else action]
        wanted += [found for find in further if (found := find(req))]
        arn = names.object_arn(bucket.name, req["Key"])
        return [(f"s3:{name}", arn, keys) for name in wanted]

    return rule


def _is_owner_unbound(ctx: Context, bucket: Bucket) -> bool:
    """Whether no policy is asked that could want to know more about the object."""
    return ctx.principal.kind == "root" and ctx.principal.account == bucket.account and "policy" not in bucket.settings


def condition_keys(req: dict[str, Any], bucket: Bucket) -> dict[str, Any]:
    keys: dict[str, Any] = {"s3:ResourceAccount": bucket.account, "aws:ResourceAccount": bucket.account}
    for member, key in _HEADER_KEYS.items():
        value = req.get(member)
        if value is not None:
            keys[key] = str(value)
    if req.get("ObjectLockRetainUntilDate") is not None:
        keys["s3:object-lock-retain-until-date"] = req["ObjectLockRetainUntilDate"]
    return keys


def existing_tags(ctx: Context, req: dict[str, Any], keys: dict[str, Any]) -> None:
    """Adds `s3:ExistingObjectTag/*` of the object that a request names."""
    found = find_version(ctx, req["Bucket"], req["Key"], req.get("VersionId"))
    for name, value in (found.tags if found else {}).items():
        keys[f"s3:ExistingObjectTag/{name}"] = value


def with_tags(req: dict[str, Any]) -> str | None:
    return "PutObjectTagging" if req.get("Tagging") else None


def with_acl(req: dict[str, Any]) -> str | None:
    given = any(req.get(member) is not None for member in ("ACL", *_GRANTS))
    return "PutObjectAcl" if given else None


def with_lock(req: dict[str, Any]) -> str | None:
    return "PutObjectRetention" if req.get("ObjectLockMode") is not None else None


def with_hold(req: dict[str, Any]) -> str | None:
    return "PutObjectLegalHold" if req.get("ObjectLockLegalHoldStatus") is not None else None


_GRANTS = ("GrantFullControl", "GrantRead", "GrantReadACP", "GrantWrite", "GrantWriteACP")
WRITING = (with_tags, with_acl, with_lock, with_hold)


# Objects by name.


def find_version(ctx: Context, bucket: str, key: str, version_id: str | None = None) -> Stored | None:
    """The version of that id, else the current one; a delete marker where that is it; None where there is nothing."""
    current = ctx.tx.get(Object, bucket, key)
    if version_id is None:
        return current or latest_version(ctx, bucket, key)
    if current is not None and current.version_id == version_id:
        return current
    return next(iter(ctx.tx.find(Version, "id", bucket, key, version_id, limit=1)), None)


def latest_version(ctx: Context, bucket: str, key: str) -> Version | None:
    """The latest of the noncurrent versions and delete markers."""
    return next(iter(ctx.tx.scan(Version, bucket, key, limit=1)), None)


def missing_key(ctx: Context, bucket: Bucket, key: str) -> AwsError:
    """What to raise for a key that is not there: AWS tells so only to whom may list the bucket."""
    keys = {"s3:ResourceAccount": bucket.account, "aws:ResourceAccount": bucket.account, "s3:prefix": key}
    ctx.authorise("s3:ListBucket", names.bucket_arn(bucket.name), keys)
    return s3_error("NoSuchKey", Key=key)


# Policies.


@s3.resource_policy
def policy_of(ctx: Context, arn: str) -> str | None:
    """The bucket's policy and, as statements of it, what its and the object's access lists allow."""
    name, key = names.split_arn(arn)
    bucket = ctx.tx.get(Bucket, name)
    if bucket is None:
        return None
    setting = ctx.tx.get(Setting, name, "policy", "") if "policy" in bucket.settings else None
    statements = [] if bucket.ownership == "BucketOwnerEnforced" else _access_lists(ctx, bucket, key)
    block = bucket.public_access_block or {}
    text: str | None = setting.value["text"] if setting else None
    if text is not None and block.get("RestrictPublicBuckets") and setting and setting.value["public"]:
        statements += _restriction(bucket)
    if not statements:
        return text
    document = json.loads(text) if text else {"Version": "2012-10-17", "Statement": []}
    document["Statement"] = bucket_policy.statements_of(document) + statements
    return json.dumps(document, separators=(",", ":"))


def _access_lists(ctx: Context, bucket: Bucket, key: str) -> list[dict[str, Any]]:
    ignore = bool((bucket.public_access_block or {}).get("IgnorePublicAcls"))
    owner = names.canonical_id(bucket.account)
    arn = names.bucket_arn(bucket.name)
    statements = acl.as_statements(bucket.grants, arn, owner, of_bucket=True, ignore_public=ignore)
    if not key:
        return statements
    stored = ctx.tx.get(Object, bucket.name, key)
    # An object that does not exist has no list; who may list the bucket may be told so.
    grants, holder = (stored.grants, names.canonical_id(stored.owner)) if stored else (bucket.grants, owner)
    return statements + acl.as_statements(grants, f"{arn}/{key}", holder, of_bucket=False, ignore_public=ignore)


def _restriction(bucket: Bucket) -> list[dict[str, Any]]:
    """RestrictPublicBuckets: while the policy is public only the owner's account and AWS's services get in."""
    arn = names.bucket_arn(bucket.name)
    condition = {
        "StringNotEquals": {"aws:PrincipalAccount": bucket.account},
        "Bool": {"aws:PrincipalIsAWSService": "false"},
    }
    return [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [arn, f"{arn}/*"], "Condition": condition}
    ]


@s3.resource_owner
def owner_of(ctx: Context, arn: str) -> str | None:
    bucket = ctx.tx.get(Bucket, names.split_arn(arn)[0])
    return bucket.account if bucket else None
