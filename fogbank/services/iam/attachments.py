"""Managed policies attached to users, groups and roles."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.records import Attachment, Group, Role, User
from fogbank.services.iam import lookup, quotas
from fogbank.services.iam.access import on
from fogbank.services.iam.errors import limit_exceeded, no_such_entity
from fogbank.services.iam.lookup import Entity
from fogbank.services.iam.paging import page


@on(User, "UserName")
def attach_user_policy(ctx: Context, req: dict[str, Any]) -> None:
    _attach(ctx, lookup.user(ctx, req["UserName"]), req["PolicyArn"])


@on(Group, "GroupName")
def attach_group_policy(ctx: Context, req: dict[str, Any]) -> None:
    _attach(ctx, lookup.group(ctx, req["GroupName"]), req["PolicyArn"])


@on(Role, "RoleName")
def attach_role_policy(ctx: Context, req: dict[str, Any]) -> None:
    role = lookup.role(ctx, req["RoleName"])
    lookup.refuse_linked(ctx, role)
    _attach(ctx, role, req["PolicyArn"])


@on(User, "UserName")
def detach_user_policy(ctx: Context, req: dict[str, Any]) -> None:
    _detach(ctx, lookup.user(ctx, req["UserName"]), req["PolicyArn"])


@on(Group, "GroupName")
def detach_group_policy(ctx: Context, req: dict[str, Any]) -> None:
    _detach(ctx, lookup.group(ctx, req["GroupName"]), req["PolicyArn"])


@on(Role, "RoleName")
def detach_role_policy(ctx: Context, req: dict[str, Any]) -> None:
    role = lookup.role(ctx, req["RoleName"])
    lookup.refuse_linked(ctx, role)
    _detach(ctx, role, req["PolicyArn"])


@on(User, "UserName")
def list_attached_user_policies(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, lookup.user(ctx, req["UserName"]), req)


@on(Group, "GroupName")
def list_attached_group_policies(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, lookup.group(ctx, req["GroupName"]), req)


@on(Role, "RoleName")
def list_attached_role_policies(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, lookup.role(ctx, req["RoleName"]), req)


def _attach(ctx: Context, entity: Entity, policy_arn: str) -> None:
    """Attaching what is attached already changes nothing."""
    lookup.require_attachable(ctx, policy_arn)
    word = type(entity).__name__
    limit = quotas.ATTACHED[word.lower()]
    known = ctx.tx.get(Attachment, entity.id, policy_arn) is not None
    if not known and ctx.tx.count(Attachment, entity.id) >= limit:
        raise limit_exceeded(f"PoliciesPer{word}", limit)
    ctx.tx.put(Attachment(entity_id=entity.id, policy_arn=policy_arn, account=ctx.account))


def _detach(ctx: Context, entity: Entity, policy_arn: str) -> None:
    if not ctx.tx.delete(Attachment, entity.id, policy_arn):
        raise no_such_entity(f"Policy {policy_arn} was not found.")


def _list(ctx: Context, entity: Entity, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("PathPrefix") or "/"
    rows, more = page(
        req,
        lambda after: (
            row
            for row in ctx.tx.scan(Attachment, entity.id, after=after)
            if row.policy_arn.partition(":policy")[2].startswith(prefix)
        ),
        lambda row: row.policy_arn,
    )
    return {"AttachedPolicies": [reference(row.policy_arn) for row in rows], **more}


def reference(policy_arn: str) -> dict[str, str]:
    return {"PolicyName": policy_arn.rpartition("/")[2], "PolicyArn": policy_arn}
