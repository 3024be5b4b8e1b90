"""ListMetrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
"""

from __future__ import annotations

from typing import Any

import msgspec

from fogbank.api import AwsError, Context
from fogbank.api.metrics import Metric
from fogbank.kit import paging
from fogbank.services.cloudwatch import cloudwatch, errors

PAGE = 500
RECENT = 3 * 3600.0
FORGOTTEN = 14 * 86_400.0
"""A metric without data for two weeks is not listed."""


@cloudwatch.operation
def list_metrics(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    since = ctx.now - (RECENT if req.get("RecentlyActive") else FORGOTTEN)
    after = _position(req.get("NextToken"))
    found: list[Metric] = []
    for metric in ctx.tx.scan(Metric, ctx.account, ctx.region, since=after):
        if after is not None and _key(metric) == after:
            continue
        if metric.seen >= since and _matches(metric, req):
            found.append(metric)
            if len(found) > PAGE:
                break
    more = len(found) > PAGE
    return {
        "Metrics": [view(metric) for metric in found[:PAGE]],
        "NextToken": paging.encode(list(_key(found[PAGE - 1]))) if more else None,
    }


def _key(metric: Metric) -> tuple[str, str, str]:
    return metric.namespace, metric.name, metric.dimensions


def _position(token: str | None) -> tuple[str, str, str] | None:
    if not token:
        return None
    try:
        namespace, name, dimensions = paging.decode(token)
    except (AwsError, ValueError, TypeError) as error:
        raise errors.value("The value for parameter NextToken is invalid.") from error
    return namespace, name, dimensions


def _matches(metric: Metric, req: dict[str, Any]) -> bool:
    if req.get("Namespace") not in (None, metric.namespace) or req.get("MetricName") not in (None, metric.name):
        return False
    dimensions = dict(msgspec.json.decode(metric.dimensions))
    return all(
        one["Name"] in dimensions and one.get("Value") in (None, dimensions[one["Name"]])
        for one in req.get("Dimensions") or []
    )


def view(metric: Metric) -> dict[str, Any]:
    dimensions = [{"Name": name, "Value": value} for name, value in msgspec.json.decode(metric.dimensions)]
    return {"Namespace": metric.namespace, "MetricName": metric.name, "Dimensions": dimensions}
