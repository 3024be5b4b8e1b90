"""Everything of an account that bears on authorization, in one listing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from fogbank.api import Context
from fogbank.iam import managed, records
from fogbank.iam.managed import AwsPolicy
from fogbank.iam.records import (
    Attachment,
    Group,
    InlinePolicy,
    InstanceProfile,
    ManagedPolicy,
    Membership,
    PolicyVersion,
    Role,
    User,
)
from fogbank.services.iam import managed_policies, views
from fogbank.services.iam.access import account_wide
from fogbank.services.iam.attachments import reference
from fogbank.services.iam.paging import page_of

Item = User | Group | Role | ManagedPolicy | AwsPolicy
_FILTERS: dict[str, type[Any]] = {
    "User": User, "Group": Group, "Role": Role, "LocalManagedPolicy": ManagedPolicy, "AWSManagedPolicy": AwsPolicy,
}


@account_wide
def get_account_authorization_details(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    kinds = tuple(_FILTERS[name] for name in req.get("Filter") or _FILTERS)
    items, more = page_of(req, (item for item in _all(ctx) if isinstance(item, kinds)), _place)
    return {
        "UserDetailList": [_user(ctx, item) for item in items if isinstance(item, User)],
        "GroupDetailList": [_group(ctx, item) for item in items if isinstance(item, Group)],
        "RoleDetailList": [_role(ctx, item) for item in items if isinstance(item, Role)],
        "Policies": [_policy(ctx, item) for item in items if isinstance(item, (ManagedPolicy, AwsPolicy))],
        **more,
    }


def _all(ctx: Context) -> Iterator[Item]:
    """Users, groups, roles, policies: in the order of `_place`."""
    tx, account = ctx.tx, ctx.account
    attached = sorted(
        (policy for policy in managed.all_policies().values()
         if any(tx.find(Attachment, "policy", account, policy.arn, limit=1))),
        key=_place,
    )
    return chain(
        tx.scan(User, account), tx.scan(Group, account), tx.scan(Role, account), tx.scan(ManagedPolicy, account), attached
    )


def _place(item: Item) -> str:
    kind = list(_FILTERS.values()).index(type(item))
    return f"{kind} {item.name.lower()}"


def _user(ctx: Context, user: User) -> dict[str, Any]:
    groups = (records.group_by_id(ctx.tx, member.group_id) for member in ctx.tx.scan(Membership, user.id))
    return {
        **views.user(user, full=True),
        "UserPolicyList": _inline(ctx, user.id),
        "GroupList": [group.name for group in groups if group],
        "AttachedManagedPolicies": _attached(ctx, user.id),
        "Tags": views.tag_list(user.tags),
    }


def _group(ctx: Context, group: Group) -> dict[str, Any]:
    return {
        **views.group(group),
        "GroupPolicyList": _inline(ctx, group.id),
        "AttachedManagedPolicies": _attached(ctx, group.id),
    }


def _role(ctx: Context, role: Role) -> dict[str, Any]:
    profiles = ctx.tx.find(InstanceProfile, "role", role.id)
    return {
        **views.role(role),
        "InstanceProfileList": [{**views.instance_profile(profile, role), "Tags": None} for profile in profiles],
        "RolePolicyList": _inline(ctx, role.id),
        "AttachedManagedPolicies": _attached(ctx, role.id),
        "PermissionsBoundary": views.boundary(role.boundary),
        "Tags": views.tag_list(role.tags),
        "RoleLastUsed": {},
    }


def _policy(ctx: Context, policy: ManagedPolicy | AwsPolicy) -> dict[str, Any]:
    view = managed_policies.view(ctx, policy)
    default = view["DefaultVersionId"]
    if isinstance(policy, AwsPolicy):
        versions = [
            PolicyVersion(policy_id=policy.id, number=policy.version, document=policy.text, created=policy.updated_at)
        ]
    else:
        versions = list(ctx.tx.scan(PolicyVersion, policy.id, reverse=True))
    shown = [views.policy_version(version, default, document=True) for version in versions]
    return {**view, "Description": policy.description or None, "PolicyVersionList": shown}


def _inline(ctx: Context, entity_id: str) -> list[dict[str, str]]:
    return [
        {"PolicyName": policy.name, "PolicyDocument": views.encoded(policy.document)}
        for policy in ctx.tx.scan(InlinePolicy, entity_id)
    ]


def _attached(ctx: Context, entity_id: str) -> list[dict[str, str]]:
    return [reference(row.policy_arn) for row in ctx.tx.scan(Attachment, entity_id)]
