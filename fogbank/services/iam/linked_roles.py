"""Service-linked roles: made for a service under its own path, with its own name and policy; only it may use them."""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from typing import Any

import msgspec

from fogbank.api import Context
from fogbank.iam.managed import PREFIX
from fogbank.iam.records import PARTITION, Attachment, DeletionTask, Role
from fogbank.kit import ids
from fogbank.services.iam import iam, lookup, views
from fogbank.services.iam.errors import invalid_input, no_such_entity
from fogbank.services.iam.roles import remove


class LinkedService(msgspec.Struct, frozen=True):
    service: str
    role: str
    policy: str
    description: str | None = None
    suffix: bool = False
    """Whether the service may have several such roles, told apart by a suffix."""


@lru_cache(maxsize=1)
def _services() -> dict[str, LinkedService]:
    data = resources.files("fogbank.services.iam").joinpath("linked_services.json").read_bytes()
    return {known.service: known for known in msgspec.json.decode(data, type=list[LinkedService])}


def _creating(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    service = req["AWSServiceName"]
    known = _services().get(service)
    arn = f"arn:{PARTITION}:iam::{ctx.account}:role/aws-service-role/{service}/{known.role if known else '*'}"
    return [("iam:CreateServiceLinkedRole", arn, {"iam:AWSServiceName": service})]


@iam.operation(access=_creating)
def create_service_linked_role(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    service, suffix = req["AWSServiceName"], req.get("CustomSuffix")
    known = _services().get(service)
    if known is None:
        raise invalid_input(f"{service} is not a service that Fogbank knows a service-linked role of.")
    if suffix and not known.suffix:
        raise invalid_input(f"Custom suffix is not allowed for {service}")
    name = f"{known.role}_{suffix}" if suffix else known.role
    if ctx.tx.get(Role, ctx.account, name.lower()):
        raise invalid_input(
            f"Service role name {name} has been taken in this account, please try a different suffix."
        )
    role = Role(
        account=ctx.account,
        folded=name.lower(),
        name=name,
        id=ids.unique_id(ctx.random, "AROA"),
        path=f"/aws-service-role/{service}/",
        created=ctx.now,
        trust=json.dumps({
            "Version": "2012-10-17",
            "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": service}}],
        }),
        description=req.get("Description") or known.description,
        linked_service=service,
    )
    ctx.tx.insert(role)
    policy_arn = f"{PREFIX}/aws-service-role/{known.policy}"
    ctx.tx.put(Attachment(entity_id=role.id, policy_arn=policy_arn, account=ctx.account))
    return {"Role": {**views.role(role), "Description": role.description}}


def _deleting(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
    role = ctx.tx.get(Role, ctx.account, req["RoleName"].lower())
    arn = role.arn if role else f"arn:{PARTITION}:iam::{ctx.account}:role/{req['RoleName']}"
    return [("iam:DeleteServiceLinkedRole", arn)]


@iam.operation(access=_deleting)
def delete_service_linked_role(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Done at once: no service of Fogbank holds on to its role."""
    role = lookup.role(ctx, req["RoleName"])
    if not role.linked_service:
        raise invalid_input(f"Role {role.name} is not a service-linked role.")
    remove(ctx, role)
    task = f"task/aws-service-role/{role.linked_service}/{role.name}/{ids.uuid4(ctx.random)}"
    ctx.tx.put(DeletionTask(account=ctx.account, id=task, created=ctx.now))
    return {"DeletionTaskId": task}


@iam.operation
def get_service_linked_role_deletion_status(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if ctx.tx.get(DeletionTask, ctx.account, req["DeletionTaskId"]) is None:
        raise no_such_entity(f"Deletion task {req['DeletionTaskId']} cannot be found.")
    return {"Status": "SUCCEEDED"}
