"""Requests for higher quotas. Fogbank grants them at once, and keeps the history that AWS would."""

from __future__ import annotations

import json
from typing import Any

from fogbank.api import AwsError, Context, quotas
from fogbank.api.quotas import GLOBAL_REGION, Applied
from fogbank.kit import ids
from fogbank.services.servicequotas import servicequotas
from fogbank.services.servicequotas.quotas import arn, page, require_quota, require_service
from fogbank.services.servicequotas.records import Change


@servicequotas.operation(resource="arn:{partition}:servicequotas:{region}:{account}:{ServiceCode}/{QuotaCode}")
def request_service_quota_increase(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    service = require_service(req["ServiceCode"])
    quota = require_quota(service, req["QuotaCode"])
    if not quota.adjustable:
        raise AwsError("IllegalArgumentException", f"The quota {quota.code} is not adjustable.")
    if quota.is_global and ctx.region != GLOBAL_REGION:
        raise AwsError(
            "IllegalArgumentException", f"The quota {quota.code} is global: request its increase in {GLOBAL_REGION}."
        )
    current = quotas.value(ctx.tx, ctx.account, ctx.region, service.code, quota.code)
    if req["DesiredValue"] <= current:
        raise AwsError(
            "IllegalArgumentException",
            f"You must provide a quota value greater than the current quota value ({current}).",
        )
    ctx.tx.put(Applied(account=ctx.account, region=ctx.region, service=service.code, code=quota.code,
                       value=req["DesiredValue"]))
    change = Change(
        account=ctx.account,
        region=ctx.region,
        id=ids.hex_id(ctx.random, 32) + ids.lower_alnum(ctx.random, 8),
        service=service.code,
        code=quota.code,
        desired=req["DesiredValue"],
        created=ctx.now,
        requester=json.dumps({"accountId": ctx.principal.account, "callerArn": ctx.principal.arn}),
    )
    ctx.tx.insert(change)
    return {"RequestedQuota": _view(ctx, change)}


@servicequotas.operation
def get_requested_service_quota_change(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    change = ctx.tx.get(Change, ctx.account, ctx.region, req["RequestId"])
    if change is None:
        raise AwsError("NoSuchResourceException", "The specified resource does not exist.")
    return {"RequestedQuota": _view(ctx, change)}


@servicequotas.operation
def list_requested_service_quota_change_history(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    changes = ctx.tx.scan(Change, ctx.account, ctx.region)
    return _history(ctx, req, [c for c in changes if req.get("ServiceCode") in (None, c.service)])


@servicequotas.operation
def list_requested_service_quota_change_history_by_quota(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    service = require_service(req["ServiceCode"])
    quota = require_quota(service, req["QuotaCode"])
    return _history(ctx, req, list(ctx.tx.find(Change, "quota", ctx.account, ctx.region, service.code, quota.code)))


def _history(ctx: Context, req: dict[str, Any], changes: list[Change]) -> dict[str, Any]:
    shown = [_view(ctx, change) for change in changes if req.get("Status") in (None, change.status)]
    return page(shown, "RequestedQuotas", "Id", req)


def _view(ctx: Context, change: Change) -> dict[str, Any]:
    service = require_service(change.service)
    quota = require_quota(service, change.code)
    return {
        "Id": change.id,
        "ServiceCode": service.code,
        "ServiceName": service.name,
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "DesiredValue": change.desired,
        "Status": change.status,
        "Created": change.created,
        "LastUpdated": change.created,
        "Requester": change.requester,
        "QuotaArn": arn(ctx, service, quota),
        "GlobalQuota": quota.is_global,
        "Unit": quota.unit,
        "QuotaRequestedAtLevel": "ACCOUNT",
    }
