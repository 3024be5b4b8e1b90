"""Groups: create, read, rename, delete."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam import records
from fogbank.iam.records import Attachment, Group, InlinePolicy, Membership
from fogbank.kit import ids
from fogbank.services.iam import lookup, views
from fogbank.services.iam.access import creating, listing, on
from fogbank.services.iam.errors import already_exists, delete_conflict, limit_exceeded
from fogbank.services.iam.paging import page

_LIMIT = 300


@creating("group", "GroupName")
def create_group(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = req["GroupName"]
    _refuse_taken(ctx, name)
    if ctx.tx.count(Group, ctx.account) >= _LIMIT:
        raise limit_exceeded("GroupsPerAccount", _LIMIT)
    group = Group(
        account=ctx.account,
        folded=name.lower(),
        name=name,
        id=ids.unique_id(ctx.random, "AGPA"),
        path=req.get("Path") or "/",
        created=ctx.now,
    )
    ctx.tx.insert(group)
    return {"Group": views.group(group)}


@on(Group, "GroupName")
def get_group(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    group = lookup.group(ctx, req["GroupName"])
    members, more = page(
        req, lambda after: ctx.tx.find(Membership, "group", group.id, after=after), lambda member: member.user_id
    )
    users = [records.user_by_id(ctx.tx, member.user_id) for member in members]
    return {"Group": views.group(group), "Users": [views.user(user) for user in users if user], **more}


@listing("group")
def list_groups(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("PathPrefix") or "/"
    groups, more = page(
        req,
        lambda after: (group for group in ctx.tx.scan(Group, ctx.account, after=after) if group.path.startswith(prefix)),
        lambda group: group.folded,
    )
    return {"Groups": [views.group(group) for group in groups], **more}


@on(Group, "GroupName")
def update_group(ctx: Context, req: dict[str, Any]) -> None:
    group = lookup.group(ctx, req["GroupName"])
    new = req.get("NewGroupName") or group.name
    if new.lower() != group.folded:
        _refuse_taken(ctx, new)
        ctx.tx.delete(Group, ctx.account, group.folded)
    group.name, group.folded = new, new.lower()
    group.path = req.get("NewPath") or group.path
    ctx.tx.put(group)


@on(Group, "GroupName")
def delete_group(ctx: Context, req: dict[str, Any]) -> None:
    group = lookup.group(ctx, req["GroupName"])
    if any(ctx.tx.scan(Attachment, group.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
    if any(ctx.tx.scan(InlinePolicy, group.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must delete policies first.")
    if any(ctx.tx.find(Membership, "group", group.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must remove users from group first.")
    ctx.tx.delete(Group, ctx.account, group.folded)


def _refuse_taken(ctx: Context, name: str) -> None:
    if ctx.tx.get(Group, ctx.account, name.lower()):
        raise already_exists(f"Group with name {name} already exists.")
