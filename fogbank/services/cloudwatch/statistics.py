"""GetMetricStatistics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
"""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.cloudwatch import cloudwatch, errors, reading

MOST_POINTS = 1440


@cloudwatch.operation
def get_metric_statistics(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    for name in ("Namespace", "MetricName", "StartTime", "EndTime", "Period"):
        if req.get(name) is None:
            raise errors.missing(f"The parameter {name} is required.")
    plain, extended = req.get("Statistics") or [], req.get("ExtendedStatistics") or []
    if not plain and not extended:
        raise errors.missing("Must specify either Statistics or ExtendedStatistics")
    for name in extended:
        if not reading.is_statistic(name):
            raise errors.value(f"The value {name} for parameter ExtendedStatistics is not supported.")
    start, end, period = req["StartTime"], req["EndTime"], req["Period"]
    if start >= end:
        raise errors.value("The parameter StartTime must be less than the parameter EndTime.")
    reading.check_period(period, start, ctx.now)
    asked = int((end - start) // period)
    if asked > MOST_POINTS:
        raise errors.combination(
            f"You have requested up to {asked} datapoints, which exceeds the limit of {MOST_POINTS}. You may reduce the "
            "datapoints requested by increasing Period, or decreasing the time range."
        )
    wanted = reading.Wanted(
        req["Namespace"], req["MetricName"], req.get("Dimensions") or [], _rounded(start, period), end, period, req.get("Unit")
    )
    points = []
    for unit, found in reading.points(ctx, wanted).items():
        for begin, summary in sorted(found.items()):
            point: dict[str, Any] = {"Timestamp": float(begin), "Unit": unit}
            point |= {name: reading.value(summary, name) for name in plain}
            values = {name: value for name in extended if (value := reading.value(summary, name)) is not None}
            points.append({**point, "ExtendedStatistics": values} if values else point)
    return {"Label": req["MetricName"], "Datapoints": points}


def _rounded(start: float, period: int) -> float:
    """A start within a minute takes the whole of it in."""
    return start // 60 * 60 if period >= 60 else start // 1
