"""Filter criteria: which records of a source reach the function. Pure.

Each source has one member that a pattern may look into as JSON: `body` of a queue's message, `data` of a Kinesis record.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from fogbank.kit.event_patterns import Pattern, compile_pattern

Test = Callable[[dict[str, Any]], bool]


def compiled(settings: dict[str, Any], content: str) -> Test | None:
    """None where everything passes; else a test of a record's view, which passes where one of the patterns matches."""
    patterns = [f.get("Pattern") or "" for f in (settings.get("FilterCriteria") or {}).get("Filters") or []]
    if not patterns:
        return None
    tests = [_one(pattern, content) for pattern in patterns]
    return lambda record: any(test(record) for test in tests)


@lru_cache(maxsize=256)
def _one(text: str, member: str) -> Test:
    """A pattern that looks into `member` needs JSON there; one that names its text needs text that is no JSON."""
    pattern = compile_pattern(text)
    looks_into = isinstance(pattern.fields.get(member), Pattern)
    named = member in pattern.fields

    def test(record: dict[str, Any]) -> bool:
        if not named:
            return pattern.matches(record)
        content, is_json = _content(record.get(member))
        if looks_into != is_json:
            return False
        return pattern.matches({**record, member: content})

    return test


def _content(value: Any) -> tuple[Any, bool]:
    if not isinstance(value, str):
        return value, isinstance(value, dict)
    try:
        decoded = json.loads(value)
    except (ValueError, RecursionError):
        return value, False
    return (decoded, True) if isinstance(decoded, dict) else (value, False)
