"""Settings of a function that stand beside its configuration: recursion, runtime updates."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.lambda_ import errors, lambda_, lookup
from fogbank.services.lambda_.names import access, resolve


@lambda_.operation(access=access("PutFunctionRecursionConfig", qualified=False))
def put_function_recursion_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    function = lookup.function(ctx, resolve(ctx, req).unqualified())
    function.recursion = req["RecursiveLoop"]
    ctx.tx.put(function)
    return {"RecursiveLoop": function.recursion}


@lambda_.operation(access=access("GetFunctionRecursionConfig", qualified=False))
def get_function_recursion_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"RecursiveLoop": lookup.function(ctx, resolve(ctx, req).unqualified()).recursion}


@lambda_.operation(access=access("PutRuntimeManagementConfig"))
def put_runtime_management_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req)
    found = lookup.version(ctx, name)
    if req["UpdateRuntimeOn"] == "Manual" and not req.get("RuntimeVersionArn"):
        raise errors.invalid("RuntimeVersionArn cannot be null or empty when UpdateRuntimeOn is set to Manual")
    config = {"UpdateRuntimeOn": req["UpdateRuntimeOn"], "RuntimeVersionArn": req.get("RuntimeVersionArn") or ""}
    found.function.runtime_management = {**found.function.runtime_management, found.version: config["UpdateRuntimeOn"],
                                         f"{found.version}/arn": config["RuntimeVersionArn"]}
    ctx.tx.put(found.function)
    return {**_management(found), "FunctionArn": found.name.arn}


@lambda_.operation(access=access("GetRuntimeManagementConfig"))
def get_runtime_management_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    found = lookup.version(ctx, resolve(ctx, req))
    return {**_management(found), "FunctionArn": found.name.arn}


def _management(found: lookup.Found) -> dict[str, Any]:
    kept = found.function.runtime_management
    return {
        "UpdateRuntimeOn": kept.get(found.version, "Auto"),
        "RuntimeVersionArn": kept.get(f"{found.version}/arn") or None,
    }
