"""Reserved concurrency, and the account's limits."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.lambda_ import errors, lambda_, lookup, packages
from fogbank.services.lambda_.names import access, resolve
from fogbank.services.lambda_.records import Function, Version

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ACCOUNT_LIMIT = 1000
LEAST_UNRESERVED = 100
TOTAL_CODE_SIZE = 80_530_636_800


@lambda_.operation(access=access("PutFunctionConcurrency", qualified=False))
def put_function_concurrency(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req)
    if name.qualifier:
        raise errors.invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation."
            " Please specify either a function name or an unqualified function ARN."
        )
    function = lookup.function(ctx, name)
    wanted = req["ReservedConcurrentExecutions"]
    if unreserved(ctx, but=function.name) - wanted < LEAST_UNRESERVED:
        raise errors.invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{LEAST_UNRESERVED}]."
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
    functions = list(ctx.tx.scan(Function, ctx.account, ctx.region))
    code = sum(f.settings.code.size for f in functions)
    code += sum(v.settings.code.size for v in ctx.tx.scan(Version, ctx.account, ctx.region))
    return {
        "AccountLimit": {
            "TotalCodeSize": TOTAL_CODE_SIZE,
            "CodeSizeUnzipped": packages.UNZIPPED_LIMIT,
            "CodeSizeZipped": packages.DIRECT_LIMIT,
            "ConcurrentExecutions": ACCOUNT_LIMIT,
            "UnreservedConcurrentExecutions": unreserved(ctx),
        },
        "AccountUsage": {"TotalCodeSize": code, "FunctionCount": len(functions)},
    }


def unreserved(ctx: Context, *, but: str = "") -> int:
    """What is left of the account's concurrency when every reservation (but one function's) is taken off."""
    reserved = sum(f.reserved_concurrency or 0 for f in ctx.tx.scan(Function, ctx.account, ctx.region) if f.name != but)
    return ACCOUNT_LIMIT - reserved
