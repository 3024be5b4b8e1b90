"""Periods of time: which are asked for, and how a granularity divides them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from fogbank.api import AwsError

_DAY, _HOUR = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"
MOST_HOURS = timedelta(days=14)


class Period(NamedTuple):
    start: datetime
    end: datetime

    def shown(self, granularity: str) -> dict[str, str]:
        form = _HOUR if granularity == "HOURLY" else _DAY
        return {"Start": self.start.strftime(form), "End": self.end.strftime(form)}

    def hours(self) -> tuple[str, str]:
        """The first hour and the one after the last, as usage is kept."""
        return self.start.strftime("%Y-%m-%dT%H"), self.end.strftime("%Y-%m-%dT%H")


def parse(interval: dict[str, str], granularity: str) -> Period:
    """Raises ValidationException."""
    form, said = (_HOUR, "yyyy-MM-dd'T'HH:mm:ss'Z'") if granularity == "HOURLY" else (_DAY, "yyyy-MM-dd")
    times = []
    for name in ("Start", "End"):
        try:
            times.append(datetime.strptime(interval[name], form).replace(tzinfo=UTC))
        except ValueError as error:
            raise invalid(f"{name} time {interval[name]} is invalid. Valid format is: {said}.") from error
    start, end = times
    if start >= end:
        raise invalid("Start date (and hour) should be before end date (and hour)")
    if granularity == "HOURLY" and end - start > MOST_HOURS:
        raise invalid("Hourly data is available for 14 days at most.")
    return Period(start, end)


def divide(period: Period, granularity: str) -> list[Period]:
    parts, start = [], period.start
    while start < period.end:
        end = min(_next(start, granularity), period.end)
        parts.append(Period(start, end))
        start = end
    return parts


def _next(start: datetime, granularity: str) -> datetime:
    if granularity == "HOURLY":
        return start + timedelta(hours=1)
    if granularity == "DAILY":
        return start + timedelta(days=1)
    return (start.replace(day=1) + timedelta(days=32)).replace(day=1)


def invalid(text: str) -> AwsError:
    return AwsError("ValidationException", text, status=400)
