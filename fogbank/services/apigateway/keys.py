"""API keys."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.patching import boolean, patches
from fogbank.services.apigateway.records import ApiKey, PlanKey, UsagePlan

LEAST_LENGTH = 20


@apigateway.operation(access=access("POST", "/apikeys"))
def create_api_key(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stages = [f"{stage.get('restApiId')}/{stage.get('stageName')}" for stage in req.get("stageKeys") or []]
    return view(_make(ctx, req, stages), with_value=True)


def _make(ctx: Context, req: dict[str, Any], stages: list[str]) -> ApiKey:
    value = req.get("value") or ids.lower_alnum(ctx.random, 40)
    if len(value) < LEAST_LENGTH:
        raise errors.bad_request(f"API Key value should be at least {LEAST_LENGTH} characters")
    if next(ctx.tx.find(ApiKey, "value", ctx.account, ctx.region, value), None):
        raise errors.conflict("API Key already exists")
    now = float(int(ctx.now))
    key = ApiKey(
        account=ctx.account, region=ctx.region, id=ids.lower_alnum(ctx.random, 10), value=value, created=now, updated=now,
        name=req.get("name"), description=req.get("description"), customer_id=req.get("customerId"),
        enabled=bool(req.get("enabled")), stages=stages, tags=req.get("tags") or {},
    )
    ctx.tx.put(key)
    return key


@apigateway.operation(access=access("POST", "/apikeys"))
def import_api_keys(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Rows of a CSV file with the columns name, key, description, enabled, usageplanIds."""
    try:
        rows = list(csv.DictReader(io.StringIO(bytes(req["body"]).decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise errors.bad_request("Failed to parse the API key file") from error
    made = []
    for row in rows:
        cells = {(name or "").strip().lower(): cell.strip() for name, cell in row.items() if isinstance(cell, str)}
        wanted = {"name": cells.get("name"), "value": cells.get("key"), "description": cells.get("description"),
                  "enabled": boolean(cells.get("enabled", "true"))}
        key = _make(ctx, wanted, [])
        for plan in filter(None, (part.strip() for part in cells.get("usageplanids", "").split(","))):
            if ctx.tx.get(UsagePlan, ctx.account, ctx.region, plan) is None:
                raise errors.not_found("Invalid Usage Plan ID specified")
            ctx.tx.put(PlanKey(account=ctx.account, region=ctx.region, plan=plan, key=key.id))
        made.append(key.id)
    return {"ids": made, "warnings": []}


def find(ctx: Context, identifier: str) -> ApiKey:
    key = ctx.tx.get(ApiKey, ctx.account, ctx.region, identifier)
    if key is None:
        raise errors.not_found("Invalid API Key identifier specified")
    return key


@apigateway.operation(access=access("GET", "/apikeys/{apiKey}"))
def get_api_key(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return view(find(ctx, req["apiKey"]), with_value=bool(req.get("includeValue")), empty_tags=True)


@apigateway.operation(access=access("GET", "/apikeys"))
def get_api_keys(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    wanted: Callable[[ApiKey], bool] = lambda key: (  # noqa: E731
        (key.name or "").startswith(req.get("nameQuery") or "")
        and req.get("customerId") in (None, key.customer_id)
    )
    found = sorted(filter(wanted, ctx.tx.scan(ApiKey, ctx.account, ctx.region)), key=lambda key: (key.created, key.id))
    return lookup.page([view(key, with_value=bool(req.get("includeValues"))) for key in found], req)


@apigateway.operation(access=access("PATCH", "/apikeys/{apiKey}"))
def update_api_key(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = find(ctx, req["apiKey"])
    for patch in patches(req):
        name = patch.parts[0]
        if name == "stages":
            kept = [stage for stage in key.stages if stage != patch.value]
            key.stages = [*kept, patch.value or ""] if patch.op == "add" else kept
        elif patch.op != "replace":
            raise errors.bad_operation("replace")
        elif patch.path == "/enabled":
            key.enabled = boolean(patch.value)
        elif patch.path == "/name":
            key.name = patch.value
        elif patch.path == "/description":
            key.description = patch.value
        elif patch.path == "/customerId":
            key.customer_id = patch.value
        else:
            raise errors.bad_path(patch.path)
    key.updated = float(int(ctx.now))
    ctx.tx.put(key)
    return view(key, empty_tags=True)


@apigateway.operation(access=access("DELETE", "/apikeys/{apiKey}"))
def delete_api_key(ctx: Context, req: dict[str, Any]) -> None:
    key = find(ctx, req["apiKey"])
    ctx.tx.delete(ApiKey, key.account, key.region, key.id)
    for held in list(ctx.tx.find(PlanKey, "key", key.account, key.region, key.id)):
        ctx.tx.delete(PlanKey, held.account, held.region, held.plan, held.key)


def view(key: ApiKey, *, with_value: bool = False, empty_tags: bool = False) -> dict[str, Any]:
    return {
        "id": key.id,
        "value": key.value if with_value else None,
        "name": key.name,
        "customerId": key.customer_id,
        "description": key.description,
        "enabled": key.enabled,
        "createdDate": key.created,
        "lastUpdatedDate": key.updated,
        "stageKeys": key.stages,
        "tags": key.tags if key.tags or empty_tags else None,
    }
