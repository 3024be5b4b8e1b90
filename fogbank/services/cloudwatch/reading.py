"""From kept spans to the data points of a period, and what a statistic makes of one."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import NamedTuple

from fogbank.api import Context
from fogbank.api.metrics import Span, Summary, dimensions_text, metric_key
from fogbank.services.cloudwatch import errors
from fogbank.services.cloudwatch.expiry import KEPT

_EXTENDED = re.compile(r"p(\d{1,2}(?:\.\d{0,10})?|100)")


class Wanted(NamedTuple):
    """Which metric, when, in which periods."""

    namespace: str
    name: str
    dimensions: list[dict[str, str]]
    start: float
    end: float
    period: int
    unit: str | None


def points(ctx: Context, wanted: Wanted) -> dict[str, dict[int, Summary]]:
    """By unit, then by the beginning of each period that has data."""
    dimensions = dimensions_text((one["Name"], one["Value"]) for one in wanted.dimensions)
    key = metric_key(ctx.account, ctx.region, wanted.namespace, wanted.name, dimensions)
    seconds = _span(ctx.now, wanted)
    found: dict[str, dict[int, Summary]] = defaultdict(dict)
    for span in ctx.tx.scan(Span, key, seconds, since=int(wanted.start), before=int(-(-wanted.end // 1))):
        if wanted.unit in (None, span.unit):
            begin = span.start // wanted.period * wanted.period
            found[span.unit].setdefault(begin, Summary(values={})).merge(span.summary)
    return found


def _span(now: float, wanted: Wanted) -> int:
    """The finest that is kept for so long and fits the period."""
    if wanted.period % 60:
        return 1
    return next(
        (s for s in (60, 300, 3600) if wanted.start >= now - KEPT[s] and wanted.period % s == 0),
        3600 if wanted.period % 3600 == 0 else 300 if wanted.period % 300 == 0 else 60,
    )


def check_period(period: int, start: float, now: float) -> None:
    """Raises InvalidParameterValue for a period that the resolution of the data does not allow."""
    if period % 60 and period not in (1, 5, 10, 20, 30):
        raise errors.value(
            "The parameter Period must be 1, 5, 10, 20, 30, or a multiple of 60."
            if period < 60
            else f"The parameter Period must be a multiple of 60. {period} is not."
        )


def is_statistic(name: str) -> bool:
    return name in ("SampleCount", "Average", "Sum", "Minimum", "Maximum") or bool(_EXTENDED.fullmatch(name))


def value(summary: Summary, statistic: str) -> float | None:
    """None for a percentile of data that came summed up."""
    if statistic == "SampleCount":
        return summary.count
    if statistic == "Sum":
        return summary.sum
    if statistic == "Average":
        return summary.sum / summary.count if summary.count else None
    if statistic == "Minimum":
        return summary.least
    if statistic == "Maximum":
        return summary.most
    return _percentile(summary, float(statistic[1:]))


def _percentile(summary: Summary, rank: float) -> float | None:
    """The least value that is not less than `rank` hundredths of all."""
    if summary.opaque or not summary.values:
        return None
    wanted, passed = summary.count * rank / 100, 0.0
    ordered = sorted((float(text), count) for text, count in summary.values.items())
    for one, count in ordered:
        passed += count
        if passed >= wanted - 1e-9:
            return one
    return ordered[-1][0]
