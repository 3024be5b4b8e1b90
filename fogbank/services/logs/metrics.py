"""Metrics out of log events: metric filters, the embedded metric format, and what came in.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from fogbank.api import Context, metrics
from fogbank.services.logs import patterns
from fogbank.services.logs.records import Group, MetricFilter

Event = tuple[int, str]
MOST_EMBEDDED = 100
"""Metrics of one directive, and of dimensions sets."""
MOST_DIMENSIONS = 30


def publish(ctx: Context, group: Group, events: list[Event], size: int) -> None:
    """In the transaction that writes the events."""
    gathered = ctx.component(metrics.Gathered)
    own: metrics.Dimensions = (("LogGroupName", group.name),)
    values = {"IncomingBytes": (float(size), "Bytes"), "IncomingLogEvents": (float(len(events)), "None")}
    gathered.count(ctx, ctx.account, ctx.region, "AWS/Logs", (own, ()), values)
    if group.metric_filters:
        for found in ctx.tx.scan(MetricFilter, group.id):
            _filtered(ctx, found, events)
    for at, message in events:
        if '"_aws"' in message:
            _embedded(ctx, at, message)


# --- filters


def _filtered(ctx: Context, found: MetricFilter, events: list[Event]) -> None:
    matches, matched = patterns.compiled(found.pattern), False
    for at, message in events:
        if not matches(message):
            continue
        matched = True
        extracted = matches.extract(message)
        for one in found.transformations:
            value = _number(_resolved(one["metricValue"], extracted, message))
            if value is not None:
                named = {name: _resolved(text, extracted, message) for name, text in (one.get("dimensions") or {}).items()}
                _put(ctx, one, at, value, [(name, text) for name, text in named.items() if text])
    if not matched:
        for one in found.transformations:
            if one.get("defaultValue") is not None and not one.get("dimensions"):
                _put(ctx, one, events[-1][0], one["defaultValue"], [])


def _put(ctx: Context, one: dict[str, Any], at: int, value: float, dimensions: list[tuple[str, str]]) -> None:
    summary = metrics.Summary()
    summary.add(value)
    metrics.add(
        ctx.tx, ctx.account, ctx.region, one["metricNamespace"], one["metricName"], metrics.dimensions_text(dimensions),
        one.get("unit") or "None", at / 1000, summary,
    )  # fmt: skip


def _resolved(text: str, extracted: dict[str, str], message: str) -> str | None:
    """A text as it stands, or what a `$` of the pattern found; of JSON also members that the pattern does not name."""
    if not text.startswith("$"):
        return text
    if text in extracted:
        return extracted[text]
    try:
        value: Any = json.loads(message) if text.startswith("$.") else None
    except (ValueError, RecursionError):
        return None
    for step in text[2:].split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return None if value is None or isinstance(value, (dict, list)) else str(value)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


# --- the embedded format


def _embedded(ctx: Context, at: int, message: str) -> None:
    """What is not as the specification has it is passed over: the event is a log line all the same."""
    try:
        document = json.loads(message)
        about = document["_aws"]
        when = about.get("Timestamp", at) / 1000
        for directive in about["CloudWatchMetrics"][:MOST_EMBEDDED]:
            sets = [_dimensions(document, names) for names in (directive.get("Dimensions") or [[]])[:MOST_EMBEDDED]]
            for one in directive["Metrics"][:MOST_EMBEDDED]:
                _embedded_one(ctx, document, str(directive["Namespace"]), sets, one, when)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return


def _embedded_one(
    ctx: Context, document: dict[str, Any], namespace: str, sets: Iterable[str], one: dict[str, Any], when: float
) -> None:
    values = document[one["Name"]]
    summary = metrics.Summary()
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            return
        summary.add(float(value))
    if not summary.count or abs(when - ctx.now) > 14 * 86_400:
        return
    for dimensions in sets:
        metrics.add(
            ctx.tx, ctx.account, ctx.region, namespace, str(one["Name"]), dimensions, str(one.get("Unit") or "None"), when,
            summary, fine=one.get("StorageResolution") == 1,
        )  # fmt: skip


def _dimensions(document: dict[str, Any], names: list[str]) -> str:
    if len(names) > MOST_DIMENSIONS:
        raise ValueError("too many dimensions")
    return metrics.dimensions_text((name, str(document[name])) for name in names)
