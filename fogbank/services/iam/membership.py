"""Who is in which group."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam import records
from fogbank.iam.records import Group, Membership, User
from fogbank.services.iam import lookup, views
from fogbank.services.iam.access import on
from fogbank.services.iam.errors import limit_exceeded
from fogbank.services.iam.paging import page

_GROUPS_PER_USER = 10


@on(Group, "GroupName")
def add_user_to_group(ctx: Context, req: dict[str, Any]) -> None:
    group, user = lookup.group(ctx, req["GroupName"]), lookup.user(ctx, req["UserName"])
    known = ctx.tx.get(Membership, user.id, group.id) is not None
    if not known and ctx.tx.count(Membership, user.id) >= _GROUPS_PER_USER:
        raise limit_exceeded("GroupsPerUser", _GROUPS_PER_USER)
    ctx.tx.put(Membership(user_id=user.id, group_id=group.id))


@on(Group, "GroupName")
def remove_user_from_group(ctx: Context, req: dict[str, Any]) -> None:
    group, user = lookup.group(ctx, req["GroupName"]), lookup.user(ctx, req["UserName"])
    ctx.tx.delete(Membership, user.id, group.id)


@on(User, "UserName")
def list_groups_for_user(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    user = lookup.user(ctx, req["UserName"])
    members, more = page(
        req, lambda after: ctx.tx.scan(Membership, user.id, after=after), lambda member: member.group_id
    )
    groups = [records.group_by_id(ctx.tx, member.group_id) for member in members]
    shown = sorted((group for group in groups if group), key=lambda group: group.folded)
    return {"Groups": [views.group(group) for group in shown], **more}
