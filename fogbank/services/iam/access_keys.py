"""Long-term access keys, two at most for each user."""

from __future__ import annotations

import base64
from typing import Any

from fogbank.api import Context
from fogbank.iam import records
from fogbank.iam.records import AccessKey, AccessKeyUse, User
from fogbank.kit import ids
from fogbank.services.iam import iam, lookup
from fogbank.services.iam.access import on
from fogbank.services.iam.errors import limit_exceeded, no_such_entity
from fogbank.services.iam.paging import page_of

_LIMIT = 2


@on(User, "UserName")
def create_access_key(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    owner = _owner(ctx, req)
    if len(list(ctx.tx.find(AccessKey, "user", ctx.account, owner.id if owner else ""))) >= _LIMIT:
        raise limit_exceeded("AccessKeysPerUser", _LIMIT)
    key = AccessKey(
        access_key_id=ids.unique_id(ctx.random, "AKIA"),
        account=ctx.account,
        user_id=owner.id if owner else "",
        secret=base64.b64encode(ctx.random.randbytes(30)).decode(),
        created=ctx.now,
    )
    ctx.tx.insert(key)
    return {"AccessKey": {**_view(owner, key), "SecretAccessKey": key.secret}}


@on(User, "UserName")
def list_access_keys(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    owner = _owner(ctx, req)
    keys = ctx.tx.find(AccessKey, "user", ctx.account, owner.id if owner else "")
    shown, more = page_of(req, keys, lambda key: key.access_key_id)
    return {"AccessKeyMetadata": [_view(owner, key) for key in shown], **more}


@on(User, "UserName")
def update_access_key(ctx: Context, req: dict[str, Any]) -> None:
    key = _require(ctx, _owner(ctx, req), req["AccessKeyId"])
    key.status = req["Status"]
    ctx.tx.put(key)


@on(User, "UserName")
def delete_access_key(ctx: Context, req: dict[str, Any]) -> None:
    key = _require(ctx, _owner(ctx, req), req["AccessKeyId"])
    ctx.tx.delete(AccessKey, key.access_key_id)
    ctx.tx.delete(AccessKeyUse, key.access_key_id)


@iam.operation(resource="arn:{partition}:iam::{account}:user/*")
def get_access_key_last_used(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = ctx.tx.get(AccessKey, req["AccessKeyId"])
    if key is None or key.account != ctx.account:
        raise no_such_entity(f"The Access Key with id {req['AccessKeyId']} cannot be found.")
    user = records.user_by_id(ctx.tx, key.user_id) if key.user_id else None
    use = ctx.tx.get(AccessKeyUse, key.access_key_id)
    last = {"Region": "N/A", "ServiceName": "N/A"}
    if use is not None:
        last = {"LastUsedDate": use.at, "Region": use.region, "ServiceName": use.service}  # type: ignore[dict-item]
    return {"UserName": user.name if user else None, "AccessKeyLastUsed": last}


def _owner(ctx: Context, req: dict[str, Any]) -> User | None:
    """The user whose keys are meant; None for the account's root, who means himself by naming nobody."""
    if not req.get("UserName") and ctx.principal.kind == "root":
        return None
    return lookup.own_or_named_user(ctx, req.get("UserName"))


def _require(ctx: Context, owner: User | None, access_key_id: str) -> AccessKey:
    key = ctx.tx.get(AccessKey, access_key_id)
    if key is None or key.account != ctx.account or key.user_id != (owner.id if owner else ""):
        raise no_such_entity(f"The Access Key with id {access_key_id} cannot be found.")
    return key


def _view(owner: User | None, key: AccessKey) -> dict[str, Any]:
    return {
        "UserName": owner.name if owner else None,
        "AccessKeyId": key.access_key_id,
        "Status": key.status,
        "CreateDate": key.created,
    }
