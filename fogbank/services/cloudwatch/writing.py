"""PutMetricData.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from __future__ import annotations

import math
from typing import Any

from fogbank.api import Context, metrics
from fogbank.services.cloudwatch import cloudwatch, errors, expiry

MOST_DATA = 1000
MOST_VALUES = 150
OLDEST, NEWEST = 14 * 86_400.0, 2 * 3600.0
"""Seconds before and after now that a datum may bear."""
LARGEST = 2.0**360


def _access(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [("cloudwatch:PutMetricData", "*", {"cloudwatch:namespace": req.get("Namespace") or ""})]


@cloudwatch.operation(access=_access)
def put_metric_data(ctx: Context, req: dict[str, Any]) -> None:
    namespace, found = req.get("Namespace"), req.get("MetricData") or []
    if not namespace:
        raise errors.missing("The parameter Namespace is required.")
    if namespace.startswith("AWS/"):
        raise errors.value("The value AWS/ for parameter Namespace is invalid.")
    if not found:
        raise errors.missing("The parameter MetricData is required.")
    if len(found) > MOST_DATA:
        raise errors.value(f"The collection MetricData must not have a size greater than {MOST_DATA}.")
    for number, datum in enumerate(found, 1):
        _put(ctx, namespace, datum, f"MetricData.member.{number}")
    expiry.schedule(ctx)


def _put(ctx: Context, namespace: str, datum: dict[str, Any], at: str) -> None:
    when = datum.get("Timestamp") or ctx.now
    if when < ctx.now - OLDEST or when > ctx.now + NEWEST:
        raise errors.value(
            f"The parameter {at}.Timestamp must specify a time no more than two weeks in the past and no more than two "
            "hours in the future."
        )
    resolution = datum.get("StorageResolution") or 60
    if resolution not in (1, 60):
        raise errors.value(f"The parameter {at}.StorageResolution must be 1 or 60.")
    dimensions = [(one["Name"], one["Value"]) for one in datum.get("Dimensions") or []]
    metrics.add(
        ctx.tx, ctx.account, ctx.region, namespace, datum["MetricName"], metrics.dimensions_text(dimensions),
        datum.get("Unit") or "None", when, _summary(datum, at), fine=resolution == 1,
    )


def _summary(datum: dict[str, Any], at: str) -> metrics.Summary:
    given = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
    if len(given) > 1:
        raise errors.combination(
            f"The parameters {at}.{given[0]} and {at}.{given[1]} are mutually exclusive and you have specified both."
        )
    if not given:
        raise errors.combination(f"At least one of the parameters must be specified: {at}.Value, {at}.StatisticValues.")
    summary = metrics.Summary()
    if given[0] == "Value":
        summary.add(_number(datum["Value"], f"{at}.Value"))
    elif given[0] == "Values":
        _add_values(summary, datum, at)
    else:
        _add_set(summary, datum["StatisticValues"], f"{at}.StatisticValues")
    return summary


def _add_values(summary: metrics.Summary, datum: dict[str, Any], at: str) -> None:
    values = datum["Values"]
    counts = datum["Counts"] if datum.get("Counts") is not None else [1.0] * len(values)
    if len(counts) != len(values):
        raise errors.value(f"The parameters {at}.Values and {at}.Counts must be of the same size.")
    if len(values) > MOST_VALUES:
        raise errors.value(f"The collection {at}.Values must not have a size greater than {MOST_VALUES}.")
    for value, count in zip(values, counts, strict=True):
        if _number(count, f"{at}.Counts") <= 0:
            raise errors.value(f"The parameter {at}.Counts must be greater than 0.")
        summary.add(_number(value, f"{at}.Values"), count)


def _add_set(summary: metrics.Summary, given: dict[str, float], at: str) -> None:
    count, total, least, most = (
        _number(given[name], f"{at}.{name}") for name in ("SampleCount", "Sum", "Minimum", "Maximum")
    )
    if count <= 0:
        raise errors.value(f"The parameter {at}.SampleCount must be greater than 0.")
    if least > most:
        raise errors.value(f"The parameter {at}.Maximum must be greater than {at}.Minimum.")
    summary.add_set(count, total, least, most)


def _number(value: float, at: str) -> float:
    if math.isnan(value) or math.isinf(value) or abs(value) > LARGEST:
        raise errors.value(f"The value {value} for parameter {at} is invalid.")
    return value
