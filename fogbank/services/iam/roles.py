"""Roles: create, read, change, delete."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.records import Attachment, InlinePolicy, InstanceProfile, Role
from fogbank.kit import ids
from fogbank.services.iam import boundaries, lookup, tagging, trust, views
from fogbank.services.iam.access import creating, listing, on
from fogbank.services.iam.errors import already_exists, delete_conflict, limit_exceeded
from fogbank.services.iam.paging import page

_LIMIT = 1_000


@creating("role", "RoleName")
def create_role(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = req["RoleName"]
    trust.check(ctx, req["AssumeRolePolicyDocument"])
    if ctx.tx.get(Role, ctx.account, name.lower()):
        raise already_exists(f"Role with name {name} already exists.")
    if ctx.tx.count(Role, ctx.account) >= _LIMIT:
        raise limit_exceeded("RolesPerAccount", _LIMIT)
    role = Role(
        account=ctx.account,
        folded=name.lower(),
        name=name,
        id=ids.unique_id(ctx.random, "AROA"),
        path=req.get("Path") or "/",
        created=ctx.now,
        trust=req["AssumeRolePolicyDocument"],
        description=req.get("Description"),
        max_session=req.get("MaxSessionDuration") or 3600,
        tags=tagging.from_request(req.get("Tags")),
    )
    if boundary := req.get("PermissionsBoundary"):
        boundaries.set_on(ctx, role, boundary)
    ctx.tx.insert(role)
    # AWS answers without the session's longest duration and the boundary here, unlike GetRole.
    view = {**views.role(role), "Description": role.description, "Tags": views.tag_list(role.tags) or None}
    return {"Role": view}


@on(Role, "RoleName")
def get_role(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"Role": views.full_role(lookup.role(ctx, req["RoleName"]))}


@listing("role")
def list_roles(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("PathPrefix") or "/"
    roles, more = page(
        req,
        lambda after: (role for role in ctx.tx.scan(Role, ctx.account, after=after) if role.path.startswith(prefix)),
        lambda role: role.folded,
    )
    return {"Roles": [views.listed_role(role) for role in roles], **more}


@on(Role, "RoleName")
def update_role(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """A member that is left out goes back to its default, as the API says of MaxSessionDuration."""
    role = lookup.role(ctx, req["RoleName"])
    lookup.refuse_linked(ctx, role)
    if req.get("Description") is not None:
        role.description = req["Description"]
    role.max_session = req.get("MaxSessionDuration") or 3600
    ctx.tx.put(role)
    return {}


@on(Role, "RoleName")
def update_role_description(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    role = lookup.role(ctx, req["RoleName"])
    role.description = req["Description"]
    ctx.tx.put(role)
    return {"Role": views.listed_role(role)}


@on(Role, "RoleName")
def update_assume_role_policy(ctx: Context, req: dict[str, Any]) -> None:
    role = lookup.role(ctx, req["RoleName"])
    lookup.refuse_linked(ctx, role)
    trust.check(ctx, req["PolicyDocument"])
    role.trust = req["PolicyDocument"]
    ctx.tx.put(role)


@on(Role, "RoleName")
def delete_role(ctx: Context, req: dict[str, Any]) -> None:
    role = lookup.role(ctx, req["RoleName"])
    lookup.refuse_linked(ctx, role)
    if any(ctx.tx.find(InstanceProfile, "role", role.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must remove roles from instance profile first.")
    if any(ctx.tx.scan(Attachment, role.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
    if any(ctx.tx.scan(InlinePolicy, role.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must delete policies first.")
    remove(ctx, role)


def remove(ctx: Context, role: Role) -> None:
    boundaries.clear(ctx, role)
    ctx.tx.clear(Attachment, role.id)
    ctx.tx.delete(Role, ctx.account, role.folded)
