"""Summaries and metric math: pure."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.api import AwsError
from fogbank.api.metrics import Summary
from fogbank.services.cloudwatch import expressions, reading
from fogbank.services.cloudwatch.expressions import Series

NUMBERS = st.floats(-1e6, 1e6)


def summary(values: list[float]) -> Summary:
    made = Summary()
    for value in values:
        made.add(value)
    return made


@given(st.lists(NUMBERS, min_size=1, max_size=60), st.lists(NUMBERS, max_size=60))
def test_merging_is_adding_all(some: list[float], others: list[float]) -> None:
    merged, whole = summary(some), some + others
    merged.merge(summary(others))
    assert merged.count == len(whole)
    assert (merged.least, merged.most) == (min(whole), max(whole))
    assert math.isclose(merged.sum, sum(whole), rel_tol=1e-9, abs_tol=1e-6)


@given(st.lists(NUMBERS, min_size=1, max_size=90), st.floats(0, 100))
def test_a_percentile_is_a_value_that_enough_do_not_exceed(values: list[float], rank: float) -> None:
    found = reading.value(summary(values), f"p{rank:.2f}")
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * round(rank, 2) / 100 - 1e-6


SERIES = {"a": Series(60, {0: 1.0, 60: 2.0, 180: 4.0}), "b": Series(60, {0: 10.0, 60: 0.0})}


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("a + 1", {0: 2.0, 60: 3.0, 180: 5.0}),
        ("a / b", {0: 0.1}),
        ("-a ^ 2", {0: -1.0, 60: -4.0, 180: -16.0}),
        ("FILL(a, 0)", {0: 1.0, 60: 2.0, 120: 0.0, 180: 4.0}),
        ("FILL(a, REPEAT)", {0: 1.0, 60: 2.0, 120: 2.0, 180: 4.0}),
        ("FILL(a, LINEAR)", {0: 1.0, 60: 2.0, 120: 3.0, 180: 4.0}),
        ("DIFF(a)", {60: 1.0, 180: 2.0}),
        ("RATE(a) * 60", {60: 1.0, 180: 1.0}),
        ("RUNNING_SUM(a)", {0: 1.0, 60: 3.0, 180: 7.0}),
        ("a * 0 + SUM(a)", {0: 7.0, 60: 7.0, 180: 7.0}),
        ("SUM([a, b])", {0: 11.0, 60: 2.0, 180: 4.0}),
        ("IF(a >= 2, 1, 0)", {0: 0.0, 60: 1.0, 180: 1.0}),
        ("a / PERIOD(a)", {0: 1 / 60, 60: 2 / 60, 180: 4 / 60}),
    ],
)
def test_expressions(text: str, points: dict[int, float]) -> None:
    assert expressions.evaluate(expressions.parse(text), SERIES).points == points


@given(st.text(alphabet="ab+-*/^()[],.<>=&| 019SUMIF'\"_", max_size=60))
def test_no_expression_does_more_than_fail(text: str) -> None:
    try:
        tree = expressions.parse(text)
        if expressions.names(tree) <= SERIES.keys():
            expressions.evaluate(tree, SERIES)
    except AwsError as error:
        assert error.code == "InvalidParameterValueException"


@pytest.mark.parametrize("text", ["9" * 5000 + "+a", "(" * 2000, "-" * 2000 + "a", "a" + "+a" * 1000, "9^9^9^9^9 + a"])
def test_hostile_expressions_end(text: str) -> None:
    try:
        expressions.evaluate(expressions.parse(text), SERIES)
    except AwsError as error:
        assert error.code == "InvalidParameterValueException"
