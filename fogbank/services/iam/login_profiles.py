"""Console passwords, which are kept as salted hashes."""

from __future__ import annotations

import hashlib
from typing import Any

from fogbank.api import Context
from fogbank.iam.records import LoginProfile, User
from fogbank.services.iam import lookup
from fogbank.services.iam.access import on
from fogbank.services.iam.errors import already_exists, no_such_entity

_ROUNDS = 2**14


@on(User, "UserName")
def create_login_profile(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    user = lookup.own_or_named_user(ctx, req.get("UserName"))
    if ctx.tx.get(LoginProfile, user.id):
        raise already_exists(f"Login Profile for user {user.name} already exists.")
    profile = LoginProfile(
        user_id=user.id,
        created=ctx.now,
        password_hash=_hash(ctx, req.get("Password") or ""),
        reset_required=bool(req.get("PasswordResetRequired")),
    )
    ctx.tx.insert(profile)
    return {"LoginProfile": _view(user, profile)}


@on(User, "UserName")
def get_login_profile(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    user = lookup.own_or_named_user(ctx, req.get("UserName"))
    return {"LoginProfile": _view(user, _require(ctx, user))}


@on(User, "UserName")
def update_login_profile(ctx: Context, req: dict[str, Any]) -> None:
    profile = _require(ctx, lookup.user(ctx, req["UserName"]))
    if req.get("Password"):
        profile.password_hash = _hash(ctx, req["Password"])
    if req.get("PasswordResetRequired") is not None:
        profile.reset_required = req["PasswordResetRequired"]
    ctx.tx.put(profile)


@on(User, "UserName")
def delete_login_profile(ctx: Context, req: dict[str, Any]) -> None:
    user = lookup.own_or_named_user(ctx, req.get("UserName"))
    _require(ctx, user)
    ctx.tx.delete(LoginProfile, user.id)


def _require(ctx: Context, user: User) -> LoginProfile:
    profile = ctx.tx.get(LoginProfile, user.id)
    if profile is None:
        raise no_such_entity(f"Login Profile for User {user.name} cannot be found.")
    return profile


def _hash(ctx: Context, password: str) -> str:
    salt = ctx.random.randbytes(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_ROUNDS, r=8, p=1)
    return f"scrypt:{salt.hex()}:{digest.hex()}"


def _view(user: User, profile: LoginProfile) -> dict[str, Any]:
    return {"UserName": user.name, "CreateDate": profile.created, "PasswordResetRequired": profile.reset_required}
