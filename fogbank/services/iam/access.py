"""Which ARN each operation is authorised against, with the condition keys of what it acts on.

ARNs of IAM carry paths, which requests do not name: so the entity is looked up. One that is not there has no path.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from fogbank.api import Context
from fogbank.api.service import Access
from fogbank.iam.records import PARTITION, Group, InstanceProfile, Role, User
from fogbank.services.iam import iam

H = TypeVar("H", bound=Callable[..., Any])
Named = type[User] | type[Group] | type[Role] | type[InstanceProfile]


def on(kind: Named, member: str) -> Callable[[H], H]:
    """Registers an operation that acts on the entity whose name is the request's `member`, or on the caller itself."""
    word = {User: "user", Group: "group", Role: "role", InstanceProfile: "instance-profile"}[kind]

    def register(handler: H) -> H:
        action = action_of(handler)

        def access(ctx: Context, req: dict[str, Any]) -> list[Access]:
            name = req.get(member) or (ctx.principal.name if kind is User else "")
            entity = ctx.tx.get(kind, ctx.account, name.lower())
            arn = entity.arn if entity else f"arn:{PARTITION}:iam::{ctx.account}:{word}/{name}"
            return [(action, arn, _keys(entity, req))]

        return iam.operation(access=access)(handler)

    return register


def action_of(handler: Callable[..., Any]) -> str:
    return "iam:" + "".join(part[:1].upper() + part[1:] for part in handler.__name__.split("_"))


def _keys(entity: User | Group | Role | InstanceProfile | None, req: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    for tag, value in getattr(entity, "tags", {}).items():
        keys[f"aws:ResourceTag/{tag}"] = keys[f"iam:ResourceTag/{tag}"] = value
    if boundary := req.get("PermissionsBoundary") or getattr(entity, "boundary", ""):
        keys["iam:PermissionsBoundary"] = boundary
    if policy_arn := req.get("PolicyArn"):
        keys["iam:PolicyARN"] = policy_arn
    return keys


def creating(word: str, member: str) -> Callable[[H], H]:
    """Registers an operation that makes an entity: its ARN is what the entity's will be."""

    def register(handler: H) -> H:
        action = action_of(handler)

        def access(ctx: Context, req: dict[str, Any]) -> list[Access]:
            arn = f"arn:{PARTITION}:iam::{ctx.account}:{word}{req.get('Path') or '/'}{req[member]}"
            return [(action, arn, _keys(None, req))]

        return iam.operation(access=access)(handler)

    return register


def listing(word: str) -> Callable[[H], H]:
    """Registers an operation that lists a kind of entity under a path prefix."""

    def register(handler: H) -> H:
        action = action_of(handler)

        def access(ctx: Context, req: dict[str, Any]) -> list[Access]:
            return [(action, f"arn:{PARTITION}:iam::{ctx.account}:{word}{req.get('PathPrefix') or '/'}")]

        return iam.operation(access=access)(handler)

    return register


def account_wide(handler: H) -> H:
    return iam.operation(handler)


def on_arn(member: str) -> Callable[[H], H]:
    """Registers an operation whose request names the ARN itself."""
    return iam.operation(resource="{" + member + "}")
