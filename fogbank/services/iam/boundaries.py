"""Permissions boundaries of users and roles."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.records import BoundaryUse, Role, User
from fogbank.services.iam import lookup
from fogbank.services.iam.access import on
from fogbank.services.iam.errors import no_such_entity


@on(User, "UserName")
def put_user_permissions_boundary(ctx: Context, req: dict[str, Any]) -> None:
    user = lookup.user(ctx, req["UserName"])
    set_on(ctx, user, req["PermissionsBoundary"])
    ctx.tx.put(user)


@on(User, "UserName")
def delete_user_permissions_boundary(ctx: Context, req: dict[str, Any]) -> None:
    user = lookup.user(ctx, req["UserName"])
    if not user.boundary:
        raise no_such_entity(f"The user with name {user.name} does not have a permissions boundary.")
    clear(ctx, user)
    ctx.tx.put(user)


@on(Role, "RoleName")
def put_role_permissions_boundary(ctx: Context, req: dict[str, Any]) -> None:
    role = lookup.role(ctx, req["RoleName"])
    lookup.refuse_linked(ctx, role)
    set_on(ctx, role, req["PermissionsBoundary"])
    ctx.tx.put(role)


@on(Role, "RoleName")
def delete_role_permissions_boundary(ctx: Context, req: dict[str, Any]) -> None:
    role = lookup.role(ctx, req["RoleName"])
    if not role.boundary:
        raise no_such_entity(f"The role with name {role.name} does not have a permissions boundary.")
    clear(ctx, role)
    ctx.tx.put(role)


def set_on(ctx: Context, entity: User | Role, policy_arn: str) -> None:
    """Sets the boundary of a record that the caller will write."""
    lookup.require_attachable(ctx, policy_arn)
    clear(ctx, entity)
    entity.boundary = policy_arn
    ctx.tx.put(BoundaryUse(account=ctx.account, policy_arn=policy_arn, entity_id=entity.id))


def clear(ctx: Context, entity: User | Role) -> None:
    if entity.boundary:
        ctx.tx.delete(BoundaryUse, ctx.account, entity.boundary, entity.id)
        entity.boundary = ""
