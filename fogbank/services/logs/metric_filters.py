"""Metric filters: kept and described; `metrics` counts by them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.logs import errors, logs, patterns
from fogbank.services.logs.names import group as require_group
from fogbank.services.logs.names import group_access, milliseconds
from fogbank.services.logs.records import MetricFilter

MOST = 100


@logs.operation(access=group_access("PutMetricFilter"))
def put_metric_filter(ctx: Context, req: dict[str, Any]) -> None:
    patterns.compiled(req["filterPattern"])
    group = require_group(ctx, req["logGroupName"])
    old = ctx.tx.get(MetricFilter, group.id, req["filterName"])
    if old is None:
        if group.metric_filters >= MOST:
            raise errors.limit_exceeded()
        group.metric_filters += 1
        ctx.tx.put(group)
    first = req["metricTransformations"][0]
    ctx.tx.put(
        MetricFilter(
            group=group.id,
            name=req["filterName"],
            account=ctx.account,
            region=ctx.region,
            group_name=group.name,
            metric=f"{first['metricNamespace']}/{first['metricName']}",
            pattern=req["filterPattern"],
            created=old.created if old else milliseconds(ctx),
            transformations=req["metricTransformations"],
            transformed=bool(req.get("applyOnTransformedLogs")),
        )
    )


@logs.operation(access=group_access("DescribeMetricFilters"))
def describe_metric_filters(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if bool(req.get("metricName")) != bool(req.get("metricNamespace")):
        raise errors.invalid("Invalid request: metricName and metricNamespace must be given together.")
    prefix, limit = req.get("filterNamePrefix") or "", req.get("limit") or 50
    after = _position(req.get("nextToken"))
    wanted = sorted(
        (f for f in _candidates(ctx, req) if f.name.startswith(prefix) and [f.name, f.group_name] > after),
        key=lambda f: (f.name, f.group_name),
    )
    page = wanted[:limit]
    token = paging.encode([page[-1].name, page[-1].group_name]) if len(wanted) > limit else None
    return {"metricFilters": [_view(f) for f in page], "nextToken": token}


def _candidates(ctx: Context, req: dict[str, Any]) -> Iterable[MetricFilter]:
    if req.get("logGroupName"):
        return ctx.tx.scan(MetricFilter, require_group(ctx, req["logGroupName"]).id)
    if req.get("metricName"):
        metric = f"{req['metricNamespace']}/{req['metricName']}"
        return ctx.tx.find(MetricFilter, "metric", ctx.account, ctx.region, metric)
    return ctx.tx.find(MetricFilter, "metric", ctx.account, ctx.region)


@logs.operation(access=group_access("DeleteMetricFilter"))
def delete_metric_filter(ctx: Context, req: dict[str, Any]) -> None:
    group = require_group(ctx, req["logGroupName"])
    if not ctx.tx.delete(MetricFilter, group.id, req["filterName"]):
        raise errors.not_found("The specified metric filter does not exist.")
    group.metric_filters -= 1
    ctx.tx.put(group)


@logs.operation(resource="*")
def test_metric_filter(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    matches = patterns.compiled(req["filterPattern"])
    found = [
        {"eventNumber": number, "eventMessage": message, "extractedValues": matches.extract(message)}
        for number, message in enumerate(req["logEventMessages"], 1)
        if matches(message)
    ]
    return {"matches": found}


def _position(token: str | None) -> list[str]:
    if not token:
        return []
    try:
        position = paging.decode(token)
    except ValueError as error:
        raise errors.bad_token() from error
    if not isinstance(position, list) or not all(isinstance(part, str) for part in position):
        raise errors.bad_token()
    return position


def _view(f: MetricFilter) -> dict[str, Any]:
    return {
        "filterName": f.name,
        "filterPattern": f.pattern,
        "metricTransformations": f.transformations,
        "creationTime": f.created,
        "logGroupName": f.group_name,
        "applyOnTransformedLogs": f.transformed,
    }
