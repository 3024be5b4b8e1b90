"""Users: create, read, rename, delete."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.records import (
    AccessKey,
    Attachment,
    InlinePolicy,
    LoginProfile,
    Membership,
    MfaDevice,
    ServiceCredential,
    User,
)
from fogbank.kit import ids
from fogbank.services.iam import boundaries, lookup, tagging, views
from fogbank.services.iam.access import creating, listing, on
from fogbank.services.iam.errors import already_exists, delete_conflict, limit_exceeded
from fogbank.services.iam.paging import page

_LIMIT = 5_000


@creating("user", "UserName")
def create_user(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = req["UserName"]
    _refuse_taken(ctx, name)
    if ctx.tx.count(User, ctx.account) >= _LIMIT:
        raise limit_exceeded("UsersPerAccount", _LIMIT)
    user = User(
        account=ctx.account,
        folded=name.lower(),
        name=name,
        id=ids.unique_id(ctx.random, "AIDA"),
        path=req.get("Path") or "/",
        created=ctx.now,
        tags=tagging.from_request(req.get("Tags")),
    )
    if boundary := req.get("PermissionsBoundary"):
        boundaries.set_on(ctx, user, boundary)
    ctx.tx.insert(user)
    return {"User": views.user(user, full=True)}


@on(User, "UserName")
def get_user(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if not req.get("UserName") and ctx.principal.kind == "root":
        root = {"UserId": ctx.account, "Arn": ctx.principal.arn, "Path": "/", "CreateDate": 0.0}
        return {"User": root}
    return {"User": views.user(lookup.own_or_named_user(ctx, req.get("UserName")), full=True)}


@listing("user")
def list_users(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    prefix = req.get("PathPrefix") or "/"
    users, more = page(
        req,
        lambda after: (user for user in ctx.tx.scan(User, ctx.account, after=after) if user.path.startswith(prefix)),
        lambda user: user.folded,
    )
    return {"Users": [views.user(user) for user in users], **more}


@on(User, "UserName")
def update_user(ctx: Context, req: dict[str, Any]) -> None:
    user = lookup.user(ctx, req["UserName"])
    new = req.get("NewUserName") or user.name
    if new.lower() != user.folded:
        _refuse_taken(ctx, new)
        ctx.tx.delete(User, ctx.account, user.folded)
    user.name, user.folded = new, new.lower()
    user.path = req.get("NewPath") or user.path
    ctx.tx.put(user)


@on(User, "UserName")
def delete_user(ctx: Context, req: dict[str, Any]) -> None:
    user = lookup.user(ctx, req["UserName"])
    tx = ctx.tx
    if any(tx.find(AccessKey, "user", ctx.account, user.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must delete access keys first.")
    if any(tx.scan(Attachment, user.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
    if any(tx.scan(InlinePolicy, user.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must delete policies first.")
    if any(tx.scan(Membership, user.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must remove users from group first.")
    if tx.get(LoginProfile, user.id):
        raise delete_conflict("Cannot delete entity, must delete login profile first.")
    if any(tx.find(MfaDevice, "user", user.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must delete MFA device first.")
    if any(tx.scan(ServiceCredential, user.id, limit=1)):
        raise delete_conflict("Cannot delete entity, must remove referenced objects first.")
    boundaries.clear(ctx, user)
    tx.delete(User, ctx.account, user.folded)


def _refuse_taken(ctx: Context, name: str) -> None:
    if ctx.tx.get(User, ctx.account, name.lower()):
        raise already_exists(f"User with name {name} already exists.")
