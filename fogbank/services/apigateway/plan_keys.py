"""The keys of usage plans, and how much each has used."""

from __future__ import annotations

import datetime
from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import apigateway, errors, lookup, plans
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.keys import find as find_key
from fogbank.services.apigateway.patching import number, patches
from fogbank.services.apigateway.records import ApiKey, PlanKey, UsageDay, UsagePlan

_KEYS = "/usageplans/{usagePlanId}/keys"
MOST_DAYS = 90


@apigateway.operation(access=access("POST", _KEYS))
def create_usage_plan_key(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    plan = plans.find(ctx, req)
    if req["keyType"] != "API_KEY":
        raise errors.bad_request("Usage Plan key type must be one of: [API_KEY]")
    key = find_key(ctx, req["keyId"])
    if ctx.tx.get(PlanKey, plan.account, plan.region, plan.id, key.id):
        raise errors.conflict(f"Usage Plan {plan.id} already has the key {key.id}")
    ctx.tx.put(PlanKey(account=plan.account, region=plan.region, plan=plan.id, key=key.id))
    return _view(key)


@apigateway.operation(access=access("GET", _KEYS + "/{keyId}"))
def get_usage_plan_key(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _view(_find(ctx, req))


@apigateway.operation(access=access("GET", _KEYS))
def get_usage_plan_keys(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    plan = plans.find(ctx, req)
    held = (find_key(ctx, each.key) for each in ctx.tx.scan(PlanKey, plan.account, plan.region, plan.id))
    prefix = req.get("nameQuery") or ""
    return lookup.page([_view(key) for key in held if (key.name or "").startswith(prefix)], req)


@apigateway.operation(access=access("DELETE", _KEYS + "/{keyId}"))
def delete_usage_plan_key(ctx: Context, req: dict[str, Any]) -> None:
    key = _find(ctx, req)
    ctx.tx.delete(PlanKey, ctx.account, ctx.region, req["usagePlanId"], key.id)


@apigateway.operation(access=access("GET", "/usageplans/{usagePlanId}/usage"))
def get_usage(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    plan = plans.find(ctx, req)
    wanted = [req["keyId"]] if req.get("keyId") else [
        held.key for held in ctx.tx.scan(PlanKey, plan.account, plan.region, plan.id)
    ]
    days = _days(req["startDate"], req["endDate"])
    return {
        "usagePlanId": plan.id,
        "startDate": req["startDate"],
        "endDate": req["endDate"],
        "items": {key: [list(_usage(ctx, plan, key, day)) for day in days] for key in wanted},
    }


def _usage(ctx: Context, plan: UsagePlan, key: str, day: str) -> tuple[int, int]:
    """Used on the day, and left at its end in the quota's period."""
    held = ctx.tx.get(UsageDay, plan.account, plan.region, plan.id, key, day)
    used = held.used if held else 0
    return used, remaining(ctx, plan, key, day)


def remaining(ctx: Context, plan: UsagePlan, key: str, day: str) -> int:
    """What the quota leaves at the end of a day; all there can be where there is no quota."""
    if not plan.quota:
        return 2**31 - 1
    total = extra = 0
    for held in ctx.tx.scan(UsageDay, plan.account, plan.region, plan.id, key, since=period_start(plan.quota, day)):
        if held.day > day:
            break
        total += held.used
        extra += held.extra
    return max(0, int(plan.quota["limit"]) - int(plan.quota.get("offset") or 0) + extra - total)


def period_start(quota: dict[str, Any], day: str) -> str:
    """The first day of the period that holds `day`: of the week (Sunday) or of the month. Days are ISO dates, UTC."""
    date = datetime.date.fromisoformat(day)
    if quota["period"] == "WEEK":
        date -= datetime.timedelta(days=(date.weekday() + 1) % 7)
    elif quota["period"] == "MONTH":
        date = date.replace(day=1)
    return date.isoformat()


@apigateway.operation(access=access("PATCH", "/usageplans/{usagePlanId}/keys/{keyId}/usage"))
def update_usage(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Grants what `/remaining` lacks, from today on."""
    plan, key = plans.find(ctx, req), _find(ctx, req)
    today = day_of(ctx)
    for patch in patches(req):
        if patch.path != "/remaining" or patch.op != "replace":
            raise errors.bad_path(patch.path)
        more = number(patch.value, "Invalid remaining quota") - remaining(ctx, plan, key.id, today)
        scope = (plan.account, plan.region, plan.id, key.id, today)
        held = ctx.tx.get(UsageDay, *scope) or UsageDay(
            account=plan.account, region=plan.region, plan=plan.id, key=key.id, day=today
        )
        held.extra += more
        ctx.tx.put(held)
    return {
        "usagePlanId": plan.id, "startDate": today, "endDate": today,
        "items": {key.id: [list(_usage(ctx, plan, key.id, today))]},
    }


def day_of(ctx: Context) -> str:
    return datetime.datetime.fromtimestamp(ctx.now, datetime.UTC).date().isoformat()


def _days(start: str, end: str) -> list[str]:
    try:
        first, last = datetime.date.fromisoformat(start), datetime.date.fromisoformat(end)
    except ValueError as error:
        raise errors.bad_request("Usage startDate and endDate must be of the form YYYY-MM-DD") from error
    count = (last - first).days + 1
    if not 0 < count <= MOST_DAYS:
        raise errors.bad_request(f"Usage must be for 1 to {MOST_DAYS} days")
    return [(first + datetime.timedelta(days=number)).isoformat() for number in range(count)]


def _find(ctx: Context, req: dict[str, Any]) -> ApiKey:
    plan = plans.find(ctx, req)
    if ctx.tx.get(PlanKey, plan.account, plan.region, plan.id, req["keyId"]) is None:
        raise errors.not_found("Invalid API Key identifier specified")
    return find_key(ctx, req["keyId"])


def _view(key: ApiKey) -> dict[str, Any]:
    return {"id": key.id, "type": "API_KEY", "value": key.value, "name": key.name}
