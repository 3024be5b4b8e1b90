"""Functions of the query language."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from fogbank.services.logs.insights.language import Row, number_of, shown


def _floor(row: Row, *arguments: Any) -> int | None:
    """`bin(5m)`, of the event's time; `datefloor(time, 5m)`."""
    time, size = (row.get("@timestamp"), arguments[0]) if len(arguments) == 1 else arguments[:2]
    at, span = number_of(time), number_of(size)
    return Moment(at // span * span) if at is not None and span else None


class Moment(int):
    """A time, which is shown as one."""

    def __new__(cls, value: float) -> Moment:
        return super().__new__(cls, int(value))


def _numeric(function: Callable[..., float]) -> Callable[..., Any]:
    def apply(row: Row, *values: Any) -> float | None:
        numbers = [number_of(value) for value in values]
        if not numbers or any(number is None for number in numbers):
            return None
        try:
            return function(*numbers)
        except (ValueError, OverflowError):
            return None

    return apply


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ispresent": lambda row, value=None: value is not None,
    "isempty": lambda row, value=None: not shown(value),
    "isblank": lambda row, value=None: not shown(value).strip(),
    "coalesce": lambda row, *values: next((value for value in values if value is not None), None),
    "strlen": lambda row, value=None: len(shown(value)),
    "lower": lambda row, value=None: shown(value).lower(),
    "tolower": lambda row, value=None: shown(value).lower(),
    "upper": lambda row, value=None: shown(value).upper(),
    "toupper": lambda row, value=None: shown(value).upper(),
    "trim": lambda row, value=None: shown(value).strip(),
    "ltrim": lambda row, value=None: shown(value).lstrip(),
    "rtrim": lambda row, value=None: shown(value).rstrip(),
    "concat": lambda row, *values: "".join(map(shown, values)),
    "strcontains": lambda row, value=None, part=None: int(shown(part) in shown(value)),
    "replace": lambda row, value=None, old="", new="": shown(value)[:10_000].replace(shown(old) or "\0", shown(new)[:100]),
    "substr": lambda row, value=None, begin=0, size=None: shown(value)[
        int(number_of(begin) or 0) : None if size is None else int((number_of(begin) or 0) + (number_of(size) or 0))
    ],
    "abs": _numeric(abs),
    "ceil": _numeric(math.ceil),
    "floor": _numeric(math.floor),
    "sqrt": _numeric(math.sqrt),
    "log": _numeric(math.log),
    "greatest": _numeric(max),
    "least": _numeric(min),
    "bin": _floor,
    "datefloor": _floor,
    "frommillis": lambda row, value=None: None if number_of(value) is None else Moment(number_of(value) or 0),
    "tomillis": lambda row, value=None: number_of(value),
}
