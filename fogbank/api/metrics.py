"""Metrics as all services write them and CloudWatch reads them: sums over spans of time, by metric.

What users put is written in their transaction. What the services count of themselves goes through `Gathered`, off the path of
a request: a process that is killed loses its last second of that.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from fogbank.store import Record, Tx, record

if TYPE_CHECKING:
    from fogbank.api.context import Context

log = logging.getLogger("fogbank.metrics")

SPANS = (60, 300, 3600)
"""Seconds. Every datum is kept in each; of high resolution in spans of one second too."""
MOST_DISTINCT = 100
"""Values that one span keeps apart for percentiles; beyond, those that agree in three digits fall together."""

Dimensions = tuple[tuple[str, str], ...]
"""Names and values, sorted by name."""


class Summary(msgspec.Struct):
    """What a span of time knows of its data."""

    count: float = 0.0
    sum: float = 0.0
    least: float = 0.0
    most: float = 0.0
    values: dict[str, float] = {}
    """How often each value came, by its text."""
    opaque: bool = False
    """Some of the data came summed up: there are no percentiles."""

    def add(self, value: float, count: float = 1.0) -> None:
        self._extend(count, value * count, value, value)
        text = repr(value)
        if len(self.values) >= MOST_DISTINCT and text not in self.values:
            text = repr(float(f"{value:.3g}"))
        self.values[text] = self.values.get(text, 0.0) + count

    def add_set(self, count: float, total: float, least: float, most: float) -> None:
        """Of many values only their sum and bounds are known, unless they are one value."""
        if least == most:
            self.add(least, count)
            return
        self._extend(count, total, least, most)
        self.opaque = True

    def merge(self, other: Summary) -> None:
        if not other.count:
            return
        self._extend(other.count, other.sum, other.least, other.most)
        self.opaque = self.opaque or other.opaque
        for text, count in other.values.items():
            self.values[text] = self.values.get(text, 0.0) + count

    def _extend(self, count: float, total: float, least: float, most: float) -> None:
        self.least = min(self.least, least) if self.count else least
        self.most = max(self.most, most) if self.count else most
        self.count += count
        self.sum += total


@record("metrics.metric", key=("account", "region", "namespace", "name", "dimensions"))
class Metric(Record):
    account: str
    region: str
    namespace: str
    name: str
    dimensions: str
    """As `dimensions_text` writes them."""
    seen: float = 0.0
    """The time of its latest datum."""


@record("metrics.span", key=("metric", "seconds", "start", "unit"), indexes={"age": ("seconds", "start")})
class Span(Record):
    metric: str
    """As `metric_key` names it."""
    seconds: int
    start: int
    """Epoch seconds."""
    unit: str
    summary: Summary


def dimensions_text(dimensions: Iterable[tuple[str, str]]) -> str:
    return msgspec.json.encode(sorted(dimensions)).decode()


def metric_key(account: str, region: str, namespace: str, name: str, dimensions: str) -> str:
    return "\n".join((account, region, namespace, name, dimensions))


def add(
    tx: Tx, account: str, region: str, namespace: str, name: str, dimensions: str, unit: str, at: float, summary: Summary,
    *, fine: bool = False,
) -> None:
    """Adds data of one metric at a time; `fine` keeps them by the second too."""
    metric = tx.get(Metric, account, region, namespace, name, dimensions)
    if metric is None:
        metric = Metric(account=account, region=region, namespace=namespace, name=name, dimensions=dimensions)
    if at > metric.seen:
        metric.seen = at
        tx.put(metric)
    key = metric_key(account, region, namespace, name, dimensions)
    for seconds in (1, *SPANS) if fine else SPANS:
        start = int(at // seconds * seconds)
        span = tx.get(Span, key, seconds, start, unit)
        if span is None:
            span = Span(metric=key, seconds=seconds, start=start, unit=unit, summary=Summary())
        span.summary.merge(summary)
        tx.put(span)


class Gathered:
    """What services count of themselves, written together once a second."""

    EVERY = 1.0

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, str, tuple[Dimensions, ...], str, str, int], Summary] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def count(
        self, ctx: Context, account: str, region: str, namespace: str, sets: tuple[Dimensions, ...],
        values: Mapping[str, tuple[float, str]],
    ) -> None:
        """Values and units by metric name, each once for every set of dimensions."""
        minute = int(ctx.now // 60 * 60)
        for name, (value, unit) in values.items():
            key = (account, region, namespace, sets, name, unit, minute)
            summary = self._found.get(key)
            if summary is None:
                summary = self._found[key] = Summary()
            summary.add(value)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.EVERY, self._due, ctx.acting())

    def _due(self, ctx: Context) -> None:
        task = asyncio.ensure_future(self.write(ctx))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def write(self, ctx: Context) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        found, self._found = self._found, {}

        def change(c: Context) -> None:
            for (account, region, namespace, sets, name, unit, minute), summary in found.items():
                for dimensions in sets:
                    add(c.tx, account, region, namespace, name, dimensions_text(dimensions), unit, minute, summary)

        if found:
            try:
                await ctx.transact(change)
            except Exception:
                log.exception("what services counted of themselves is lost")

    async def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
