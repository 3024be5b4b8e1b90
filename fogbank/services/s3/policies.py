"""Bucket policies."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.s3 import s3, settings
from fogbank.services.s3.access import Rights, Rule, on_bucket, require_bucket
from fogbank.services.s3.errors import s3_error
from fogbank.services.s3.rules import bucket_policy


def _unless_root(action: str) -> Rule:
    """The owner's root is never kept from the policy, whatever it denies: or nobody could mend it."""
    needed = on_bucket(action)

    def rule(ctx: Context, req: dict[str, Any]) -> Rights:
        rights = needed(ctx, req)
        own = ctx.principal.kind == "root" and ctx.principal.account == require_bucket(ctx, req).account
        return [] if own else rights

    return rule


@s3.operation(access=_unless_root("PutBucketPolicy"))
def put_bucket_policy(ctx: Context, req: dict[str, Any]) -> None:
    bucket = require_bucket(ctx, req)
    text = req.get("Policy") or ""
    public = bucket_policy.is_public(bucket_policy.check(text, bucket.name))
    if public and (bucket.public_access_block or {}).get("BlockPublicPolicy"):
        raise s3_error("AccessDenied", _blocked(ctx, bucket.name))
    settings.keep(ctx, bucket, "policy", {"text": text, "public": public})


def _blocked(ctx: Context, bucket: str) -> str:
    return (
        f"User: {ctx.principal.arn} is not authorized to perform: s3:PutBucketPolicy on resource: "
        f'"arn:aws:s3:::{bucket}" because public policies are prevented by the BlockPublicPolicy setting in S3 Block '
        "Public Access."
    )


@s3.operation(access=_unless_root("GetBucketPolicy"))
def get_bucket_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"Policy": settings.require(ctx, require_bucket(ctx, req), "policy", "NoSuchBucketPolicy")["text"]}


@s3.operation(access=_unless_root("DeleteBucketPolicy"))
def delete_bucket_policy(ctx: Context, req: dict[str, Any]) -> None:
    settings.drop(ctx, require_bucket(ctx, req), "policy")


@s3.operation(access=on_bucket("GetBucketPolicyStatus"))
def get_bucket_policy_status(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    policy = settings.require(ctx, bucket, "policy", "NoSuchBucketPolicy")
    restricted = bool((bucket.public_access_block or {}).get("RestrictPublicBuckets"))
    return {"PolicyStatus": {"IsPublic": bool(policy["public"]) and not restricted}}
