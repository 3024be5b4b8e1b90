"""Usage plans: which stages a key may call, how fast and how often."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import ids
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.patching import Patch, number, patches, rate
from fogbank.services.apigateway.records import PlanKey, Stage, UsageDay, UsagePlan

_PLAN = "/usageplans/{usagePlanId}"
_PERIODS = ("DAY", "WEEK", "MONTH")


@apigateway.operation(access=access("POST", "/usageplans"))
def create_usage_plan(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    plan = UsagePlan(
        account=ctx.account, region=ctx.region, id=ids.lower_alnum(ctx.random, 6), name=req["name"],
        description=req.get("description"), throttle=_throttle(req.get("throttle")), quota=_quota(req.get("quota")),
        tags=req.get("tags") or {},
    )
    for stage in req.get("apiStages") or []:
        _check_stage(ctx, plan, stage.get("apiId") or "", stage.get("stage") or "")
        plan.stages.append({name: value for name, value in stage.items() if value})
    ctx.tx.put(plan)
    return view(plan)


def _throttle(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if not given:
        return None
    return {"burstLimit": given.get("burstLimit") or 0, "rateLimit": given.get("rateLimit") or 0.0}


def _quota(given: dict[str, Any] | None) -> dict[str, Any] | None:
    if not given:
        return None
    if given.get("period") not in _PERIODS:
        raise errors.bad_request(f"Usage Plan quota period must be one of: [{', '.join(_PERIODS)}]")
    if (given.get("limit") or 0) <= 0:
        raise errors.bad_request("Usage Plan quota limit must be greater than 0")
    return {"limit": given["limit"], "offset": given.get("offset") or 0, "period": given["period"]}


def _check_stage(ctx: Context, plan: UsagePlan, api: str, stage: str) -> None:
    if lookup.find_api(ctx, api) is None or ctx.tx.get(Stage, api, stage) is None:
        raise errors.not_found(f"Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {plan.id}")


def find(ctx: Context, req: dict[str, Any]) -> UsagePlan:
    plan = ctx.tx.get(UsagePlan, ctx.account, ctx.region, req["usagePlanId"])
    if plan is None:
        raise errors.not_found("Invalid Usage Plan ID specified")
    return plan


@apigateway.operation(access=access("GET", _PLAN))
def get_usage_plan(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return view(find(ctx, req), empty_tags=True)


@apigateway.operation(access=access("GET", "/usageplans"))
def get_usage_plans(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    plans = list(ctx.tx.scan(UsagePlan, ctx.account, ctx.region))
    if req.get("keyId"):
        having = {held.plan for held in ctx.tx.find(PlanKey, "key", ctx.account, ctx.region, req["keyId"])}
        plans = [plan for plan in plans if plan.id in having]
    return lookup.page([view(plan) for plan in plans], req)


@apigateway.operation(access=access("DELETE", _PLAN))
def delete_usage_plan(ctx: Context, req: dict[str, Any]) -> None:
    plan = find(ctx, req)
    if plan.stages:
        raise errors.bad_request(
            f"Cannot delete Usage Plan {plan.id} because there are API stages associated with it. "
            "Please remove the associated API stages and try again."
        )
    ctx.tx.clear(PlanKey, plan.account, plan.region, plan.id)
    ctx.tx.clear(UsageDay, plan.account, plan.region, plan.id)
    ctx.tx.delete(UsagePlan, plan.account, plan.region, plan.id)


@apigateway.operation(access=access("PATCH", _PLAN))
def update_usage_plan(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    plan = find(ctx, req)
    for patch in patches(req):
        _update(ctx, plan, patch)
    ctx.tx.put(plan)
    return view(plan, empty_tags=True)


def _update(ctx: Context, plan: UsagePlan, patch: Patch) -> None:
    name, *rest = patch.parts
    if name == "apiStages":
        _update_stages(ctx, plan, patch)
    elif name in ("throttle", "quota") and len(rest) <= 1:
        held: dict[str, Any] | None = getattr(plan, name)
        if patch.op == "remove" and not rest:
            setattr(plan, name, None)
            return
        if not rest:
            raise errors.bad_path(patch.path)
        defaults: dict[str, Any] = (
            {"burstLimit": 0, "rateLimit": 0.0} if name == "throttle" else {"limit": 1, "offset": 0, "period": "MONTH"}
        )
        setattr(plan, name, {**(held or defaults), rest[0]: _limit(rest[0], patch)})
    elif rest or name not in ("name", "description", "productCode"):
        raise errors.bad_path(patch.path)
    elif patch.op not in ("replace", "remove"):
        raise errors.bad_operation("replace")
    elif name == "name":
        plan.name = patch.value or plan.name
    elif name == "description":
        plan.description = patch.value if patch.op == "replace" else None
    else:
        plan.product_code = patch.value if patch.op == "replace" else None


def _limit(name: str, patch: Patch) -> Any:
    if name == "period":
        if patch.value not in _PERIODS:
            raise errors.bad_request(f"Usage Plan quota period must be one of: [{', '.join(_PERIODS)}]")
        return patch.value
    if name == "rateLimit":
        return rate(patch.value, f"Invalid value for {patch.path}")
    if name in ("burstLimit", "limit", "offset"):
        return number(patch.value, f"Invalid value for {patch.path}")
    raise errors.bad_path(patch.path)


def _update_stages(ctx: Context, plan: UsagePlan, patch: Patch) -> None:
    """`/apiStages` with `api:stage`, or `/apiStages/api:stage/throttle/{path}/{method}/rateLimit`."""
    named = patch.parts[1] if len(patch.parts) > 1 else patch.value or ""
    api, colon, stage = named.partition(":")
    if not colon:
        raise errors.bad_request("Invalid API Stage specified")
    held = next((s for s in plan.stages if (s["apiId"], s["stage"]) == (api, stage)), None)
    if len(patch.parts) == 1:
        if patch.op == "remove":
            plan.stages = [s for s in plan.stages if s is not held]
            return
        _check_stage(ctx, plan, api, stage)
        if held is None:
            plan.stages.append({"apiId": api, "stage": stage})
        return
    if held is None:
        raise _no_stage(plan, api, stage)
    if len(patch.parts) == 3 and patch.op == "remove":
        held.pop("throttle", None)
        return
    if len(patch.parts) not in (5, 6) or patch.parts[2] != "throttle":
        raise errors.bad_path(patch.path)
    key = "/".join(patch.parts[3:5])
    every = held.setdefault("throttle", {})
    if patch.op == "remove":
        every.pop(key, None)
        return
    if len(patch.parts) == 5:
        raise errors.bad_path(patch.path)
    every[key] = {**(every.get(key) or {"burstLimit": 0, "rateLimit": 0.0}), patch.parts[5]: _limit(patch.parts[5], patch)}


def _no_stage(plan: UsagePlan, api: str, stage: str) -> AwsError:
    return errors.not_found(f"Invalid API Stage {{api: {api}, stage: {stage}}} specified for usageplan {plan.id}")


def view(plan: UsagePlan, *, empty_tags: bool = False) -> dict[str, Any]:
    return {
        "id": plan.id,
        "name": plan.name,
        "description": plan.description,
        "apiStages": plan.stages,
        "throttle": plan.throttle,
        "quota": plan.quota,
        "productCode": plan.product_code,
        "tags": plan.tags if plan.tags or empty_tags else None,
    }
