"""When AWS deprecates a runtime, and when it refuses to create and to update functions with it.

The dates are those of https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html (2026), in `lifecycle.json`.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple


class Dates(NamedTuple):
    """ISO dates; `` where AWS has named none."""

    deprecated: str = ""
    create_blocked: str = ""
    update_blocked: str = ""


@cache
def _table() -> dict[str, Dates]:
    read: dict[str, list[str]] = json.loads(Path(__file__).with_name("lifecycle.json").read_text())
    return {name: Dates(*dates) for name, dates in read.items()}


def dates(runtime: str) -> Dates:
    return _table().get(runtime, Dates())


def _passed(date: str, now: float) -> bool:
    return bool(date) and datetime.fromtimestamp(now, UTC).date().isoformat() >= date


def deprecated(runtime: str, now: float) -> bool:
    """`now` in epoch seconds; a date counts from its first second in UTC."""
    return _passed(dates(runtime).deprecated, now)


def blocked(runtime: str, action: Literal["create", "update"], now: float) -> bool:
    """Whether AWS refuses that action for functions with this runtime."""
    known = dates(runtime)
    return _passed(known.create_blocked if action == "create" else known.update_blocked, now)
