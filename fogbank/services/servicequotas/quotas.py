"""Quotas as they are: services, defaults, applied values.

https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fogbank.api import AwsError, Context, quotas
from fogbank.api.quotas import Quota, QuotedService
from fogbank.kit import paging
from fogbank.services.servicequotas import servicequotas

Row = dict[str, Any]


@servicequotas.operation
def list_services(ctx: Context, req: Row) -> Row:
    found = [{"ServiceCode": s.code, "ServiceName": s.name} for s in quotas.services().values()]
    return page(found, "Services", "ServiceCode", req)


@servicequotas.operation
def list_service_quotas(ctx: Context, req: Row) -> Row:
    service = require_service(req["ServiceCode"])
    chosen = [q for q in service.quotas if req.get("QuotaCode") in (None, q.code)]
    return _listed(lambda q: view(ctx, service, q), chosen, req)


@servicequotas.operation
def list_aws_default_service_quotas(ctx: Context, req: Row) -> Row:
    service = require_service(req["ServiceCode"])
    return _listed(lambda q: view_default(ctx, service, q), service.quotas, req)


# The operation's name has an acronym in it that a name in snake case does not tell.
servicequotas.operations["ListAWSDefaultServiceQuotas"] = servicequotas.operations.pop("ListAwsDefaultServiceQuotas")
servicequotas.operations["ListAWSDefaultServiceQuotas"].action = "servicequotas:ListAWSDefaultServiceQuotas"


@servicequotas.operation
def get_service_quota(ctx: Context, req: Row) -> Row:
    service = require_service(req["ServiceCode"])
    return {"Quota": view(ctx, service, require_quota(service, req["QuotaCode"]))}


@servicequotas.operation
def get_aws_default_service_quota(ctx: Context, req: Row) -> Row:
    service = require_service(req["ServiceCode"])
    return {"Quota": view_default(ctx, service, require_quota(service, req["QuotaCode"]))}


servicequotas.operations["GetAWSDefaultServiceQuota"] = servicequotas.operations.pop("GetAwsDefaultServiceQuota")
servicequotas.operations["GetAWSDefaultServiceQuota"].action = "servicequotas:GetAWSDefaultServiceQuota"


def require_service(code: str) -> QuotedService:
    found = quotas.services().get(code)
    if found is None:
        raise AwsError(
            "NoSuchResourceException", f"The request failed because the service {code} does not exist.", status=400
        )
    return found


def require_quota(service: QuotedService, code: str) -> Quota:
    found = quotas.find(service.code, code)
    if found is None:
        raise AwsError(
            "NoSuchResourceException",
            f"The request failed because the quota {code} of the service {service.code} does not exist.",
            status=400,
        )
    return found


def arn(ctx: Context, service: QuotedService, quota: Quota) -> str:
    region = "" if quota.is_global else ctx.region
    return f"arn:aws:servicequotas:{region}:{ctx.account}:{service.code}/{quota.code}"


def view(ctx: Context, service: QuotedService, quota: Quota) -> Row:
    value = quotas.value(ctx.tx, ctx.account, ctx.region, service.code, quota.code)
    return {
        "ServiceCode": service.code,
        "ServiceName": service.name,
        "QuotaArn": arn(ctx, service, quota),
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": value,
        "Unit": quota.unit,
        "Adjustable": quota.adjustable,
        "GlobalQuota": quota.is_global,
        "UsageMetric": quota.metric,
        "Period": {"PeriodValue": quota.period[0], "PeriodUnit": quota.period[1]} if quota.period else None,
        "QuotaAppliedAtLevel": "ACCOUNT",
        "Description": quota.description or None,
    }


def view_default(ctx: Context, service: QuotedService, quota: Quota) -> Row:
    shown = view(ctx, service, quota)
    region = "" if quota.is_global else ctx.region
    return {**shown, "Value": quota.value, "QuotaArn": f"arn:aws:servicequotas:{region}::{service.code}/{quota.code}"}


def page(rows: list[Row], member: str, key: str, req: Row) -> Row:
    """A page of rows, which are in the order of `key`."""
    rows = sorted(rows, key=lambda row: str(row[key]))
    limit = min(req.get("MaxResults") or 100, 100)
    try:
        after = paging.decode(req["NextToken"]) if req.get("NextToken") else ""
        left = [row for row in rows if row[key] > after]
    except (ValueError, TypeError) as error:
        raise AwsError("InvalidPaginationTokenException", "Invalid token was used.") from error
    token = paging.encode(left[limit - 1][key]) if len(left) > limit else None
    return {member: left[:limit], "NextToken": token}


def _listed(show: Callable[[Quota], Row], chosen: list[Quota], req: Row) -> Row:
    return page([show(quota) for quota in chosen], "Quotas", "QuotaCode", req)
