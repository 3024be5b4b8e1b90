"""Running a query over events: rows are made, filtered, gathered; what is kept stays bounded."""

from __future__ import annotations

import contextlib
import datetime
import json
import math
import re
from collections.abc import Callable
from typing import Any

import msgspec

from fogbank.services.logs.insights.functions import Moment
from fogbank.services.logs.insights.language import SECONDS, Aggregate, Query, Row, number_of, shown
from fogbank.services.logs.timeline import Event, shown_id

DEFAULT_LIMIT = MOST_ROWS = 10_000
MOST_GROUPS = 10_000
MOST_SAMPLES = 100_000
MOST_FIELDS = 200
_REPORT = re.compile(
    r"REPORT RequestId: (\S+)\s+Duration: ([\d.]+) ms\s+Billed Duration: ([\d.]+) ms\s+Memory Size: (\d+) MB\s+"
    r"Max Memory Used: (\d+) MB(?:\s+Init Duration: ([\d.]+) ms)?"
)
_LAMBDA = re.compile(r"(START|END|REPORT) RequestId: (\S+)")


def row_of(event: Event, log: str) -> Row:
    """An event with the fields that are discovered in it: those of JSON, and those of Lambda's own lines."""
    row: Row = {
        "@timestamp": Moment(event.time), "@message": event.message, "@logStream": event.stream, "@log": log,
        "@ingestionTime": Moment(event.ingested), "@ptr": shown_id(event.id),
    }
    if event.message[:1] == "{":
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
            _flatten(msgspec.json.decode(event.message), "", row)
    elif match := _LAMBDA.match(event.message):
        row["@type"], row["@requestId"] = match[1], match[2]
        if report := _REPORT.match(event.message):
            row["@duration"], row["@billedDuration"] = float(report[2]), float(report[3])
            row["@memorySize"], row["@maxMemoryUsed"] = float(report[4]) * 1e6, float(report[5]) * 1e6
            if report[6]:
                row["@initDuration"] = float(report[6])
    return row


def _flatten(value: Any, prefix: str, row: Row) -> None:
    if len(row) > MOST_FIELDS:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            _flatten(inner, f"{prefix}.{name}" if prefix else name, row)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _flatten(inner, f"{prefix}.{place}", row)
    elif prefix and not prefix.startswith("@"):
        row[prefix] = int(value) if isinstance(value, bool) else value


class Run:
    """One execution: `add` events, then ask for `results`."""

    def __init__(self, query: Query, limit: int | None) -> None:
        self._query = query
        self._limit = min(query.limit or limit or DEFAULT_LIMIT, MOST_ROWS)
        self._rows: list[Row] = []
        self._groups: dict[tuple[Any, ...], list[Any]] = {}
        self.scanned = self.matched = self.bytes = 0

    def add(self, event: Event, log: str) -> None:
        self.scanned += 1
        self.bytes += len(event.message)
        row = row_of(event, log)
        for kind, what in self._query.steps:
            if kind == "filter":
                if not what(row):
                    return
            elif kind == "compute":
                row.update({named.name: named.value(row) for named in what})
            else:
                self._parse(row, what)
        self.matched += 1
        if self._query.aggregates:
            self._gather(row)
            return
        self._rows.append(row)
        if len(self._rows) > 2 * MOST_ROWS:
            self._rows = self._sorted(self._rows)[:MOST_ROWS]

    @staticmethod
    def _parse(row: Row, what: Any) -> None:
        source, pattern, names = what
        match = pattern.search(shown(source(row)), timeout=SECONDS)
        if match:
            groups = [match[name] for name in names] if pattern.groupindex else match.groups()
            row.update(zip(names, groups, strict=False))

    def _gather(self, row: Row) -> None:
        key = tuple(named.value(row) for named in self._query.by)
        held = self._groups.get(key)
        if held is None:
            if len(self._groups) >= MOST_GROUPS:
                return
            held = self._groups[key] = [_Sample(aggregate) for aggregate in self._query.aggregates]
        for sample in held:
            sample.add(row)

    def results(self) -> list[list[dict[str, str]]]:
        """Rows as GetQueryResults shows them."""
        query = self._query
        if query.aggregates:
            names = [named.name for named in query.by] + [aggregate.name for aggregate in query.aggregates]
            rows = [
                dict(zip(names, [*key, *(sample.value() for sample in held)], strict=True))
                for key, held in self._groups.items()
            ]
            rows = _in_order(rows, query.sort)[: self._limit]
            return [[_cell(name, row[name]) for name in names if row[name] is not None] for row in rows]
        names = query.display or [named.name for named in query.fields] or ["@timestamp", "@message"]
        rows = self._deduplicated(self._sorted(self._rows))[: self._limit]
        return [[_cell(name, row[name]) for name in (*names, "@ptr") if row.get(name) is not None] for row in rows]

    def _sorted(self, rows: list[Row]) -> list[Row]:
        if self._query.sort:
            return _in_order(rows, self._query.sort)
        return sorted(rows, key=lambda row: str(row["@ptr"]), reverse=True)

    def _deduplicated(self, rows: list[Row]) -> list[Row]:
        if not self._query.dedup:
            return rows
        seen: dict[tuple[str, ...], Row] = {}
        for row in rows:
            seen.setdefault(tuple(shown(value(row)) for value in self._query.dedup), row)
        return list(seen.values())


def _in_order(rows: list[Row], sort: list[tuple[Callable[[Row], Any], bool]]) -> list[Row]:
    """Numbers by size before texts by letters; what is not there comes last."""
    for value, down in reversed(sort):
        there = [row for row in rows if value(row) is not None]
        missing = [row for row in rows if value(row) is None]

        def key(row: Row, value: Callable[[Row], Any] = value) -> tuple[int, float, str]:
            number = number_of(value(row))
            return (0, number, "") if number is not None else (1, 0.0, shown(value(row)))

        rows = sorted(there, key=key, reverse=down) + missing
    return rows


class _Sample:
    """One aggregate of one group."""

    def __init__(self, aggregate: Aggregate) -> None:
        self._aggregate = aggregate
        self._count = 0
        self._total = self._squares = 0.0
        self._least: Any = None
        self._most: Any = None
        self._values: list[float] = []
        self._seen: set[str] = set()
        self._ends: list[tuple[int, Any]] = []

    def add(self, row: Row) -> None:
        of = self._aggregate
        value = of.value(row) if of.value else True
        if value is None or value is False:
            return
        self._count += 1
        if of.kind == "count_distinct":
            if len(self._seen) < MOST_SAMPLES:
                self._seen.add(shown(value))
        elif of.kind in ("earliest", "latest"):
            self._ends = sorted([*self._ends, (int(row["@timestamp"]), value)], key=lambda end: end[0])
            self._ends = [self._ends[0], self._ends[-1]]
        elif of.kind in ("sortsfirst", "sortslast"):
            text = shown(value)
            self._least = text if self._least is None else min(self._least, text)
            self._most = text if self._most is None else max(self._most, text)
        elif of.kind != "count":
            self._measure(number_of(value), value)

    def _measure(self, number: float | None, value: Any) -> None:
        if number is None:
            self._count -= 1
            return
        self._total += number
        self._squares += number * number
        if self._least is None or number < self._least:
            self._least = value if isinstance(value, Moment) else number
        if self._most is None or number > self._most:
            self._most = value if isinstance(value, Moment) else number
        if self._aggregate.kind == "pct" and len(self._values) < MOST_SAMPLES:
            self._values.append(number)

    def value(self) -> Any:
        kind, count = self._aggregate.kind, self._count
        if kind == "count":
            return count
        if kind == "count_distinct":
            return len(self._seen)
        if not count:
            return None
        if kind == "pct":
            ordered = sorted(self._values)
            return ordered[min(len(ordered) - 1, max(0, math.ceil(self._aggregate.extra / 100 * len(ordered)) - 1))]
        mean = self._total / count
        return {
            "sum": self._total,
            "avg": mean,
            "min": self._least,
            "max": self._most,
            "stddev": math.sqrt(max(0.0, self._squares / count - mean * mean)),
            "sortsfirst": self._least,
            "sortslast": self._most,
            "earliest": self._ends[0][1] if self._ends else None,
            "latest": self._ends[-1][1] if self._ends else None,
        }[kind]


def _cell(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, Moment):
        try:
            at = datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
        except (ValueError, OverflowError, OSError):
            return {"field": name, "value": str(int(value))}
        return {"field": name, "value": f"{at:%Y-%m-%d %H:%M:%S}.{value % 1000:03d}"}
    if isinstance(value, (dict, list)):
        return {"field": name, "value": json.dumps(value)}
    if isinstance(value, float) and not math.isfinite(value):
        return {"field": name, "value": "NaN"}
    return {"field": name, "value": shown(round(value, 4) if isinstance(value, float) else value)}
