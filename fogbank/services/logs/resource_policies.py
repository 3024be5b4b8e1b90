"""Resource policies of the account: which services may write to its groups."""

from __future__ import annotations

import json
from typing import Any

from fogbank.api import Context
from fogbank.services.logs import errors, logs
from fogbank.services.logs.names import milliseconds
from fogbank.services.logs.records import ResourcePolicy

MOST = 10


@logs.operation(resource="*")
def put_resource_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if req.get("resourceArn"):
        raise errors.invalid("Resource policies on a single resource are not supported by Fogbank.")
    name, document = req.get("policyName") or "", req.get("policyDocument") or ""
    try:
        parsed = json.loads(document)
    except (ValueError, RecursionError):
        parsed = None
    if not name or not isinstance(parsed, dict) or not parsed.get("Statement"):
        raise errors.invalid("Could not parse resource policy: it must be a JSON policy document.")
    scope = (ctx.account, ctx.region)
    if not ctx.tx.get(ResourcePolicy, *scope, name) and ctx.tx.count(ResourcePolicy, *scope) >= MOST:
        raise errors.limit_exceeded()
    policy = ResourcePolicy(
        account=ctx.account, region=ctx.region, name=name, document=document, updated=milliseconds(ctx)
    )
    ctx.tx.put(policy)
    return {"resourcePolicy": _view(policy)}


@logs.operation(resource="*")
def describe_resource_policies(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"resourcePolicies": [_view(policy) for policy in ctx.tx.scan(ResourcePolicy, ctx.account, ctx.region)]}


@logs.operation(resource="*")
def delete_resource_policy(ctx: Context, req: dict[str, Any]) -> None:
    name = req.get("policyName") or ""
    if not ctx.tx.delete(ResourcePolicy, ctx.account, ctx.region, name):
        raise errors.not_found(f"Policy with name [{name}] does not exist.")


def _view(policy: ResourcePolicy) -> dict[str, Any]:
    return {
        "policyName": policy.name,
        "policyDocument": policy.document,
        "lastUpdatedTime": policy.updated,
        "policyScope": "ACCOUNT",
    }
