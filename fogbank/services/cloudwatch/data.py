"""GetMetricData: many metrics, and expressions over them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

import re
from typing import Any

from fogbank.api import Context
from fogbank.services.cloudwatch import cloudwatch, errors, expressions, reading
from fogbank.services.cloudwatch.expressions import Series

MOST_QUERIES = 500
MOST_POINTS = 100_800
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")


@cloudwatch.operation
def get_metric_data(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    queries = req["MetricDataQueries"]
    _check(queries, req["StartTime"], req["EndTime"])
    series, told = evaluate(ctx, queries, req["StartTime"], req["EndTime"])
    labels = _labels(queries)
    ascending = req.get("ScanBy") == "TimestampAscending"
    most = req.get("MaxDatapoints") or MOST_POINTS
    results = []
    for query in queries:
        if query.get("ReturnData") is False:
            continue
        points = sorted(series[query["Id"]].points.items(), reverse=not ascending)[:most]
        result = {
            "Id": query["Id"],
            "Label": labels[query["Id"]],
            "Timestamps": [float(at) for at, _ in points],
            "Values": [value for _, value in points],
            "StatusCode": "Complete",
        }
        messages = told.get(query["Id"])
        results.append({**result, "Messages": messages} if messages else result)
    return {"MetricDataResults": results, "Messages": []}


def _check(queries: list[dict[str, Any]], start: float, end: float) -> None:
    if start >= end:
        raise errors.value("The parameter StartTime must be less than the parameter EndTime.")
    if len(queries) > MOST_QUERIES:
        raise errors.value(f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}.")
    seen: set[str] = set()
    for number, query in enumerate(queries, 1):
        identifier = query["Id"]
        if not _ID.fullmatch(identifier):
            raise errors.value(
                f"The value {identifier} for parameter MetricDataQueries.member.{number}.Id is not matching the expected "
                "pattern ^[a-z][a-zA-Z0-9_]*$."
            )
        if identifier in seen:
            raise errors.value(f"The value {identifier} for parameter MetricDataQueries.member.{number}.Id is not unique.")
        seen.add(identifier)
        if (query.get("MetricStat") is None) == (query.get("Expression") is None):
            raise errors.combination(
                f"Exactly one of MetricDataQueries.member.{number}.MetricStat and Expression must be specified."
            )
        if query.get("MetricStat"):
            _check_stat(query["MetricStat"], number, start)


def _check_stat(stat: dict[str, Any], number: int, start: float) -> None:
    if not reading.is_statistic(stat["Stat"]):
        raise errors.value(f"The value {stat['Stat']} for parameter MetricDataQueries.member.{number}.MetricStat.Stat is not "
                           "supported.")  # fmt: skip
    reading.check_period(stat["Period"], start, start)


def evaluate(
    ctx: Context, queries: list[dict[str, Any]], start: float, end: float
) -> tuple[dict[str, Series], dict[str, list[dict[str, str]]]]:
    """Every query's series by its id, and messages. Raises for expressions that are wrong or go in circles."""
    series: dict[str, Series] = {}
    told: dict[str, list[dict[str, str]]] = {}
    waiting = []
    for query in queries:
        if query.get("MetricStat"):
            series[query["Id"]], units = _read(ctx, query["MetricStat"], start, end)
            if len(units) > 1:
                text = f"Multiple units returned: '[{', '.join(units)}]'"
                told[query["Id"]] = [{"Code": "MultipleUnits", "Value": text}]
        else:
            waiting.append((query["Id"], expressions.parse(query["Expression"])))
    while waiting:
        ready = [(name, tree) for name, tree in waiting if expressions.names(tree) <= series.keys()]
        if not ready:
            raise errors.value(f"Error in expression '{waiting[0][0]}': it names what is not there, or itself.")
        for name, tree in ready:
            series[name] = expressions.evaluate(tree, series)
        waiting = [one for one in waiting if one not in ready]
    return series, told


def _read(ctx: Context, stat: dict[str, Any], start: float, end: float) -> tuple[Series, list[str]]:
    metric, period = stat["Metric"], stat["Period"]
    wanted = reading.Wanted(
        metric.get("Namespace") or "", metric.get("MetricName") or "", metric.get("Dimensions") or [],
        start // period * period, end, period, stat.get("Unit"),
    )  # fmt: skip
    found = reading.points(ctx, wanted)
    units = sorted(found)
    values = {
        at: value for at, summary in found[units[0]].items() if (value := reading.value(summary, stat["Stat"])) is not None
    } if units else {}  # fmt: skip
    return Series(period, values), units


def _labels(queries: list[dict[str, Any]]) -> dict[str, str]:
    """The metric's name, and whatever of statistic and period tells the queries apart."""
    stats = [query["MetricStat"] for query in queries if query.get("MetricStat")]
    kinds, periods = len({stat["Stat"] for stat in stats}) > 1, len({stat["Period"] for stat in stats}) > 1
    labels = {}
    for query in queries:
        stat = query.get("MetricStat")
        parts = [stat["Metric"].get("MetricName") or ""] if stat else [query["Id"]]
        if stat and kinds:
            parts.append(stat["Stat"])
        if stat and periods:
            parts.append(str(stat["Period"]))
        labels[query["Id"]] = query.get("Label") or " ".join(parts)
    return labels
