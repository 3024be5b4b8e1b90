"""Periods and expressions: pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.api import AwsError
from fogbank.api.usage import Hour
from fogbank.services.ce import expressions, periods

DAYS = st.integers(0, 4000).map(lambda days: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=days))
ROWS = st.builds(
    Hour, account=st.sampled_from(["1", "2"]), hour=st.just("2026-01-01T00"), region=st.sampled_from(["a", "b"]),
    service=st.just("AWS Lambda"), usage_type=st.sampled_from(["Request", "Lambda-GB-Second"]), resource=st.text(max_size=5),
    amount=st.integers(0, 1000), tags=st.dictionaries(st.sampled_from(["k", "l"]), st.text(max_size=3)),
)


@given(DAYS, st.integers(1, 800), st.sampled_from(["DAILY", "MONTHLY"]))
def test_parts_cover_a_period_without_gaps(start: datetime, days: int, granularity: str) -> None:
    whole = periods.Period(start, start + timedelta(days=days))
    parts = periods.divide(whole, granularity)
    assert (parts[0].start, parts[-1].end) == whole
    assert all(one.end == other.start for one, other in zip(parts, parts[1:], strict=False))
    assert all(part.end.day == 1 for part in parts[:-1]) or granularity == "DAILY"


@given(ROWS, st.sampled_from(["k", "l", "m"]), st.lists(st.text(max_size=3), min_size=1, max_size=3))
def test_not_and_or_are_what_they_say(row: Hour, key: str, values: list[str]) -> None:
    tagged: dict[str, Any] = {"Tags": {"Key": key, "Values": values}}
    here: dict[str, Any] = {"Dimensions": {"Key": "REGION", "Values": ["a"]}}
    one, two = expressions.compiled(tagged)(row), expressions.compiled(here)(row)
    assert expressions.compiled({"Not": tagged})(row) is not one
    assert expressions.compiled({"And": [tagged, here]})(row) is (one and two)
    assert expressions.compiled({"Or": [tagged, here]})(row) is (one or two)


def test_depth_is_bounded() -> None:
    expression: dict[str, Any] = {"Tags": {"Key": "k", "Values": ["v"]}}
    for _ in range(5000):
        expression = {"Not": expression}
    with pytest.raises(AwsError, match="nested too deep"):
        expressions.compiled(expression)
