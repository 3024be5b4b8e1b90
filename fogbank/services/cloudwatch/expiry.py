"""How long metrics are kept: by the second three hours, by the minute 15 days, by five minutes 63, by the hour 455."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.api.metrics import Metric, Span
from fogbank.services.cloudwatch import cloudwatch

DAY = 86_400
KEPT = {1: 3 * 3600, 60: 15 * DAY, 300: 63 * DAY, 3600: 455 * DAY}
EVERY = 3600.0
AT_ONCE = 1000


def schedule(ctx: Context) -> None:
    """One task sweeps for all accounts."""
    ctx.schedule("cloudwatch.expire", {}, delay=EVERY, key="expire")


@cloudwatch.task("cloudwatch.expire")
def expire(ctx: Context, payload: dict[str, Any]) -> None:
    more = False
    for seconds, kept in KEPT.items():
        old = list(ctx.tx.find(Span, "age", seconds, limit=AT_ONCE))
        for span in old:
            if span.start + seconds > ctx.now - kept:
                break
            ctx.tx.delete(Span, span.metric, span.seconds, span.start, span.unit)
        else:
            more = more or len(old) == AT_ONCE
    for metric in list(ctx.tx.scan(Metric)):
        if metric.seen < ctx.now - KEPT[3600]:
            ctx.tx.delete(Metric, metric.account, metric.region, metric.namespace, metric.name, metric.dimensions)
    ctx.schedule("cloudwatch.expire", {}, delay=0.0 if more else EVERY, key="expire")
