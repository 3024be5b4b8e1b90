"""Managed policies: the customer's, and those that AWS publishes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fogbank.api import Context
from fogbank.iam import managed
from fogbank.iam.managed import AwsPolicy
from fogbank.iam.records import Attachment, BoundaryUse, ManagedPolicy, PolicyVersion
from fogbank.iam.validation import check_permissions
from fogbank.kit import ids
from fogbank.services.iam import lookup, quotas, tagging, views
from fogbank.services.iam.access import creating, listing, on_arn
from fogbank.services.iam.errors import already_exists, delete_conflict, limit_exceeded
from fogbank.services.iam.paging import page_of

_LIMIT = 1_500


@creating("policy", "PolicyName")
def create_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name, document = req["PolicyName"], req["PolicyDocument"]
    check_permissions(document)
    if quotas.size(document) > quotas.MANAGED_POLICY:
        raise limit_exceeded("PolicySize", quotas.MANAGED_POLICY)
    if ctx.tx.get(ManagedPolicy, ctx.account, name.lower()):
        raise already_exists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    if ctx.tx.count(ManagedPolicy, ctx.account) >= _LIMIT:
        raise limit_exceeded("PoliciesPerAccount", _LIMIT)
    policy = ManagedPolicy(
        account=ctx.account,
        folded=name.lower(),
        name=name,
        id=ids.unique_id(ctx.random, "ANPA"),
        path=req.get("Path") or "/",
        created=ctx.now,
        updated=ctx.now,
        description=req.get("Description") or "",
        tags=tagging.from_request(req.get("Tags")),
    )
    ctx.tx.insert(policy)
    ctx.tx.insert(PolicyVersion(policy_id=policy.id, number=1, document=document, created=ctx.now))
    return {"Policy": {**views.policy(policy, 0, 0), "Tags": views.tag_list(policy.tags) or None}}


@on_arn("PolicyArn")
def get_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    policy = lookup.policy(ctx, req["PolicyArn"])
    tags = [] if isinstance(policy, AwsPolicy) else views.tag_list(policy.tags)
    return {"Policy": {**view(ctx, policy), "Description": policy.description or None, "Tags": tags}}


@listing("policy")
def list_policies(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    scope = req.get("Scope") or "All"
    prefix = req.get("PathPrefix") or "/"
    usage = req.get("PolicyUsageFilter")

    def wanted(policy: ManagedPolicy | AwsPolicy) -> bool:
        if not policy.path.startswith(prefix):
            return False
        if not (req.get("OnlyAttached") or usage):
            return True
        attachments, boundaries = _usage(ctx, policy.arn)
        if usage == "PermissionsBoundary":
            return boundaries > 0
        return attachments > 0 if usage == "PermissionsPolicy" else attachments + boundaries > 0

    found = sorted(filter(wanted, _in_scope(ctx, scope)), key=_place)
    policies, more = page_of(req, found, _place)
    return {"Policies": [view(ctx, policy) for policy in policies], **more}


@on_arn("PolicyArn")
def delete_policy(ctx: Context, req: dict[str, Any]) -> None:
    policy = lookup.own_policy(ctx, req["PolicyArn"])
    if sum(_usage(ctx, policy.arn)):
        raise delete_conflict("Cannot delete a policy attached to entities.")
    if ctx.tx.count(PolicyVersion, policy.id) > 1:
        raise delete_conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    ctx.tx.clear(PolicyVersion, policy.id)
    ctx.tx.delete(ManagedPolicy, ctx.account, policy.folded)


def view(ctx: Context, policy: ManagedPolicy | AwsPolicy) -> dict[str, Any]:
    return views.policy(policy, *_usage(ctx, policy.arn))


def _usage(ctx: Context, policy_arn: str) -> tuple[int, int]:
    """To how many entities of the account it is attached, and of how many it is the boundary."""
    attachments = sum(1 for _ in ctx.tx.find(Attachment, "policy", ctx.account, policy_arn))
    return attachments, ctx.tx.count(BoundaryUse, ctx.account, policy_arn)


def _in_scope(ctx: Context, scope: str) -> Iterator[ManagedPolicy | AwsPolicy]:
    if scope in ("All", "Local"):
        yield from ctx.tx.scan(ManagedPolicy, ctx.account)
    if scope in ("All", "AWS"):
        yield from managed.all_policies().values()


def _place(policy: ManagedPolicy | AwsPolicy) -> str:
    return f"{policy.name.lower()} {policy.arn}"
