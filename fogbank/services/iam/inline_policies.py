"""Inline policies of users, groups and roles."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.records import Group, InlinePolicy, Role, User
from fogbank.iam.validation import check_permissions
from fogbank.kit.errors import AwsError
from fogbank.services.iam import lookup, quotas, views
from fogbank.services.iam.access import on
from fogbank.services.iam.errors import no_such_entity
from fogbank.services.iam.lookup import Entity
from fogbank.services.iam.paging import page


@on(User, "UserName")
def put_user_policy(ctx: Context, req: dict[str, Any]) -> None:
    _put(ctx, lookup.user(ctx, req["UserName"]), req)


@on(Group, "GroupName")
def put_group_policy(ctx: Context, req: dict[str, Any]) -> None:
    _put(ctx, lookup.group(ctx, req["GroupName"]), req)


@on(Role, "RoleName")
def put_role_policy(ctx: Context, req: dict[str, Any]) -> None:
    role = lookup.role(ctx, req["RoleName"])
    lookup.refuse_linked(ctx, role)
    _put(ctx, role, req)


@on(User, "UserName")
def get_user_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    user = lookup.user(ctx, req["UserName"])
    return {"UserName": user.name, **_get(ctx, user, req)}


@on(Group, "GroupName")
def get_group_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    group = lookup.group(ctx, req["GroupName"])
    return {"GroupName": group.name, **_get(ctx, group, req)}


@on(Role, "RoleName")
def get_role_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    role = lookup.role(ctx, req["RoleName"])
    return {"RoleName": role.name, **_get(ctx, role, req)}


@on(User, "UserName")
def delete_user_policy(ctx: Context, req: dict[str, Any]) -> None:
    _delete(ctx, lookup.user(ctx, req["UserName"]), req)


@on(Group, "GroupName")
def delete_group_policy(ctx: Context, req: dict[str, Any]) -> None:
    _delete(ctx, lookup.group(ctx, req["GroupName"]), req)


@on(Role, "RoleName")
def delete_role_policy(ctx: Context, req: dict[str, Any]) -> None:
    role = lookup.role(ctx, req["RoleName"])
    lookup.refuse_linked(ctx, role)
    _delete(ctx, role, req)


@on(User, "UserName")
def list_user_policies(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, lookup.user(ctx, req["UserName"]), req)


@on(Group, "GroupName")
def list_group_policies(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, lookup.group(ctx, req["GroupName"]), req)


@on(Role, "RoleName")
def list_role_policies(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, lookup.role(ctx, req["RoleName"]), req)


def _put(ctx: Context, entity: Entity, req: dict[str, Any]) -> None:
    document, name = req["PolicyDocument"], req["PolicyName"]
    word = type(entity).__name__.lower()
    limit = quotas.INLINE[word]
    others = (policy for policy in ctx.tx.scan(InlinePolicy, entity.id) if policy.name != name)
    if sum(quotas.size(policy.document) for policy in others) + quotas.size(document) > limit:
        raise AwsError("LimitExceeded", f"Maximum policy size of {limit} bytes exceeded for {word} {entity.name}")
    check_permissions(document)
    ctx.tx.put(InlinePolicy(entity_id=entity.id, name=name, document=document))


def _get(ctx: Context, entity: Entity, req: dict[str, Any]) -> dict[str, Any]:
    policy = ctx.tx.get(InlinePolicy, entity.id, req["PolicyName"])
    if policy is None:
        raise _missing(entity, req)
    return {"PolicyName": policy.name, "PolicyDocument": views.encoded(policy.document)}


def _delete(ctx: Context, entity: Entity, req: dict[str, Any]) -> None:
    if not ctx.tx.delete(InlinePolicy, entity.id, req["PolicyName"]):
        raise _missing(entity, req)


def _missing(entity: Entity, req: dict[str, Any]) -> AwsError:
    word = type(entity).__name__.lower()
    return no_such_entity(f"The {word} policy with name {req['PolicyName']} cannot be found.")


def _list(ctx: Context, entity: Entity, req: dict[str, Any]) -> dict[str, Any]:
    policies, more = page(
        req, lambda after: ctx.tx.scan(InlinePolicy, entity.id, after=after), lambda policy: policy.name
    )
    return {"PolicyNames": [policy.name for policy in policies], **more}
