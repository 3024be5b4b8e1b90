"""Reserved concurrency, and the account's limits."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.lambda_ import errors, lambda_, limits, lookup, packages
from fogbank.services.lambda_.names import access, resolve
from fogbank.services.lambda_.records import Function, Provisioned

LEAST_UNRESERVED = 100
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html"""


@lambda_.operation(access=access("PutFunctionConcurrency", qualified=False))
def put_function_concurrency(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req)
    if name.qualifier:
        raise errors.invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation."
            " Please specify either a function name or an unqualified function ARN."
        )
    function = ctx.tx.get(Function, name.account, name.region, name.name)
    if function is None:
        raise errors.function_not_found(name.explicit())
    wanted = req["ReservedConcurrentExecutions"]
    held = provisioned(ctx, function)
    if wanted < held:
        raise errors.untyped(
            "InvalidParameterValueException",
            f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total provisioned concurrency "
            f"[{held}].",
        )
    if unreserved(ctx, but=function.name) - wanted < LEAST_UNRESERVED:
        raise errors.untyped(
            "InvalidParameterValueException",
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}].",
        )
    function.reserved_concurrency = wanted
    ctx.tx.put(function)
    return {"ReservedConcurrentExecutions": wanted}


@lambda_.operation(access=access("GetFunctionConcurrency", qualified=False))
def get_function_concurrency(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    function = lookup.function(ctx, resolve(ctx, req))
    return {"ReservedConcurrentExecutions": function.reserved_concurrency}


@lambda_.operation(access=access("DeleteFunctionConcurrency", qualified=False))
def delete_function_concurrency(ctx: Context, req: dict[str, Any]) -> None:
    function = lookup.function(ctx, resolve(ctx, req))
    function.reserved_concurrency = None
    ctx.tx.put(function)


@lambda_.operation
def get_account_settings(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {
        "AccountLimit": {
            "TotalCodeSize": limits.total_code(ctx),
            "CodeSizeUnzipped": packages.UNZIPPED_LIMIT,
            "CodeSizeZipped": packages.DIRECT_LIMIT,
            "ConcurrentExecutions": limits.concurrency(ctx),
            "UnreservedConcurrentExecutions": unreserved(ctx),
        },
        "AccountUsage": {
            "TotalCodeSize": limits.used_code(ctx),
            "FunctionCount": ctx.tx.count(Function, ctx.account, ctx.region),
        },
    }


def unreserved(ctx: Context, *, but: str = "", but_provisioned: tuple[str, str] = ("", "")) -> int:
    """What is left of the account's concurrency when every reservation is taken off, and every provisioned environment
    of functions without one. `but` leaves out a function, `but_provisioned` a function's qualifier."""
    reserved = {f.name: f.reserved_concurrency or 0 for f in ctx.tx.find(Function, "reserved", ctx.account, ctx.region)}
    taken = sum(count for name, count in reserved.items() if name != but)
    for config in ctx.tx.scan(Provisioned, ctx.account, ctx.region):
        if config.function not in reserved and (config.function, config.qualifier) != but_provisioned:
            taken += config.requested if config.function != but else 0
    return limits.concurrency(ctx) - taken


def provisioned(ctx: Context, function: Function, *, but: str = "") -> int:
    """What a function's versions and aliases have provisioned, but for one qualifier."""
    found = ctx.tx.scan(Provisioned, function.account, function.region, function.name)
    return sum(config.requested for config in found if config.qualifier != but)
