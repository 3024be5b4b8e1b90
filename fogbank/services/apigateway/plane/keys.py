"""API keys, usage plans, and the rates of a stage."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import plan_keys
from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.state import Plane
from fogbank.services.apigateway.records import ApiKey, PlanKey, UsageDay, UsagePlan


async def admit(plane: Plane, call: Call) -> None:
    """Raises a Failure for a key that is missing or used up, and past the rates that were set."""
    if call.method.settings.get("apiKeyRequired"):
        await _admit_key(plane, call)
    limits = call.method.stage_settings
    if limits and "throttlingRateLimit" in limits:
        key = (call.stage.api, call.stage.stage, call.method.path, call.method.http_method)
        if not _take(plane, key, limits["throttlingRateLimit"], limits["throttlingBurstLimit"], call.started):
            raise failures.throttled()


async def _admit_key(plane: Plane, call: Call) -> None:
    if call.stage.settings.get("apiKeySource") == "AUTHORIZER":
        value = call.identity.get("usageIdentifierKey")
    else:
        value = call.header("x-api-key")
    if not value:
        raise failures.invalid_key()
    key, plan = await call.ctx.transact(lambda c: _find(c, call, value))
    call.api_key = key.id, key.value
    for name, limits in _limits(call, key, plan):
        if not _take(plane, name, limits.get("rateLimit") or 0.0, limits.get("burstLimit") or 0, call.started):
            raise failures.throttled()
    if plan.quota and not await call.ctx.transact(lambda c: _count(c, plan, key)):
        raise failures.quota_exceeded()
    if not plan.quota:
        await call.ctx.transact(lambda c: _count(c, plan, key))


def _find(ctx: Context, call: Call, value: str) -> tuple[ApiKey, UsagePlan]:
    key = next(ctx.tx.find(ApiKey, "value", ctx.account, ctx.region, value), None)
    if key is not None and key.enabled:
        for held in ctx.tx.find(PlanKey, "key", ctx.account, ctx.region, key.id):
            plan = ctx.tx.get(UsagePlan, ctx.account, ctx.region, held.plan)
            if plan and any((s["apiId"], s["stage"]) == (call.stage.api, call.stage.stage) for s in plan.stages):
                return key, plan
    raise failures.invalid_key()


def _limits(call: Call, key: ApiKey, plan: UsagePlan) -> list[tuple[Any, dict[str, Any]]]:
    """The rates that bear on the call: the plan's, and its own for the method."""
    found: list[tuple[Any, dict[str, Any]]] = []
    if plan.throttle:
        found.append(((plan.id, key.id), plan.throttle))
    for stage in plan.stages:
        if (stage["apiId"], stage["stage"]) == (call.stage.api, call.stage.stage):
            own = (stage.get("throttle") or {}).get(f"{call.method.path}/{call.method.http_method}")
            if own:
                found.append(((plan.id, key.id, call.method.path, call.method.http_method), own))
    return found


def _take(plane: Plane, key: Any, rate: float, burst: float, now: float) -> bool:
    return plane.take(key, rate, max(burst, 1.0) if rate else burst, now)


def _count(ctx: Context, plan: UsagePlan, key: ApiKey) -> bool:
    """Counts one request; False, and not counted, where the quota is used up."""
    day = plan_keys.day_of(ctx)
    if plan.quota and plan_keys.remaining(ctx, plan, key.id, day) <= 0:
        return False
    scope = (plan.account, plan.region, plan.id, key.id, day)
    held = ctx.tx.get(UsageDay, *scope) or UsageDay(
        account=plan.account, region=plan.region, plan=plan.id, key=key.id, day=day
    )
    held.used += 1
    ctx.tx.put(held)
    return True
