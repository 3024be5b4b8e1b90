"""Versions of managed policies: five at most, one of them the default that counts."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.managed import AwsPolicy
from fogbank.iam.records import ManagedPolicy, PolicyVersion
from fogbank.iam.validation import check_permissions
from fogbank.kit.errors import AwsError
from fogbank.services.iam import lookup, quotas, views
from fogbank.services.iam.access import on_arn
from fogbank.services.iam.errors import delete_conflict, limit_exceeded, no_such_entity
from fogbank.services.iam.paging import page_of


@on_arn("PolicyArn")
def create_policy_version(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    policy, document = lookup.own_policy(ctx, req["PolicyArn"]), req["PolicyDocument"]
    check_permissions(document)
    if quotas.size(document) > quotas.MANAGED_POLICY:
        raise limit_exceeded("PolicySize", quotas.MANAGED_POLICY)
    if ctx.tx.count(PolicyVersion, policy.id) >= quotas.VERSIONS:
        raise AwsError(
            "LimitExceeded",
            f"A managed policy can have up to {quotas.VERSIONS} versions. Before you create a new version, you must "
            "delete an existing version.",
        )
    version = PolicyVersion(policy_id=policy.id, number=policy.next_version, document=document, created=ctx.now)
    ctx.tx.insert(version)
    policy.next_version += 1
    policy.updated = ctx.now
    if req.get("SetAsDefault"):
        policy.default_version = version.version_id
    ctx.tx.put(policy)
    return {"PolicyVersion": views.policy_version(version, policy.default_version, document=False)}


@on_arn("PolicyArn")
def get_policy_version(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    policy = lookup.policy(ctx, req["PolicyArn"])
    if isinstance(policy, AwsPolicy):
        version = _of_aws(policy)
        if version.version_id != req["VersionId"]:
            raise _missing(req)
        return {"PolicyVersion": views.policy_version(version, version.version_id, document=True)}
    version = _require(ctx, policy, req)
    return {"PolicyVersion": views.policy_version(version, policy.default_version, document=True)}


@on_arn("PolicyArn")
def list_policy_versions(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Newest first."""
    policy = lookup.policy(ctx, req["PolicyArn"])
    if isinstance(policy, AwsPolicy):
        all_versions, default = [_of_aws(policy)], f"v{policy.version}"
    else:
        all_versions, default = list(ctx.tx.scan(PolicyVersion, policy.id, reverse=True)), policy.default_version
    versions, more = page_of(req, all_versions, lambda version: f"{10**9 - version.number:010}")
    return {"Versions": [views.policy_version(version, default, document=False) for version in versions], **more}


@on_arn("PolicyArn")
def set_default_policy_version(ctx: Context, req: dict[str, Any]) -> None:
    policy = lookup.own_policy(ctx, req["PolicyArn"])
    policy.default_version = _require(ctx, policy, req).version_id
    policy.updated = ctx.now
    ctx.tx.put(policy)


@on_arn("PolicyArn")
def delete_policy_version(ctx: Context, req: dict[str, Any]) -> None:
    policy = lookup.own_policy(ctx, req["PolicyArn"])
    version = _require(ctx, policy, req)
    if version.version_id == policy.default_version:
        raise delete_conflict("Cannot delete the default version of a policy.")
    ctx.tx.delete(PolicyVersion, policy.id, version.number)


def _require(ctx: Context, policy: ManagedPolicy, req: dict[str, Any]) -> PolicyVersion:
    number = req["VersionId"][1:].partition(".")[0]
    version = ctx.tx.get(PolicyVersion, policy.id, int(number)) if number.isdecimal() and len(number) < 10 else None
    if version is None:
        raise _missing(req)
    return version


def _missing(req: dict[str, Any]) -> AwsError:
    return no_such_entity(
        f"Policy {req['PolicyArn']} version {req['VersionId']} does not exist or is not attachable."
    )


def _of_aws(policy: AwsPolicy) -> PolicyVersion:
    return PolicyVersion(
        policy_id=policy.id, number=policy.version, document=policy.text, created=policy.updated_at
    )
