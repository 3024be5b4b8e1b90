"""Condition operators, one line each: (operator, key's policy values, request's value, holds?)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.iam.conditions import UnknownOperator, compile_conditions
from fogbank.iam.facts import Facts

MISSING = object()


def holds(operator: str, values: Any, given_value: Any, **others: Any) -> bool:
    facts: dict[str, Any] = {name.replace("__", ":"): value for name, value in others.items()}
    if given_value is not MISSING:
        facts["s3:Key"] = given_value
    conditions = compile_conditions({operator: {"S3:key": values}}, True)
    return all(condition.test(Facts(facts)) for condition in conditions)


TABLE: list[tuple[str, Any, Any, bool]] = [
    ("StringEquals", "a", "a", True),
    ("StringEquals", "a", "A", False),
    ("StringEquals", ["a", "b"], "b", True),
    ("StringEquals", "a*", "ab", False),
    ("StringEquals", "a", MISSING, False),
    ("StringEqualsIfExists", "a", MISSING, True),
    ("StringEqualsIfExists", "a", "b", False),
    ("StringNotEquals", "a", "b", True),
    ("StringNotEquals", ["a", "b"], "b", False),
    ("StringNotEquals", "a", MISSING, True),
    ("StringEqualsIgnoreCase", "aB", "Ab", True),
    ("StringNotEqualsIgnoreCase", "aB", "Ab", False),
    ("StringLike", "a*", "ab", True),
    ("StringLike", "a?", "abc", False),
    ("StringLike", "A*", "ab", False),
    ("StringNotLike", "a*", "ab", False),
    ("StringNotLike", "a*", "b", True),
    ("NumericEquals", "10", "10.0", True),
    ("NumericEquals", 10, 10, True),
    ("NumericNotEquals", "10", "11", True),
    ("NumericLessThan", "10", "9", True),
    ("NumericLessThan", "10", "10", False),
    ("NumericLessThanEquals", "10", "10", True),
    ("NumericGreaterThan", "10", "9.5", False),
    ("NumericGreaterThanEquals", "10", 10, True),
    ("NumericLessThan", "10", "x", False),
    ("DateLessThan", "2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z", True),
    ("DateGreaterThan", "2030-01-01T00:00:00Z", "2029-12-31T23:59:59Z", False),
    ("DateEquals", "2020-01-01T00:00:00Z", "1577836800", True),
    ("DateNotEquals", "2020-01-01T00:00:00Z", "1577836800", False),
    ("DateLessThanEquals", "2020-01-01", 1577836800.0, True),
    ("DateGreaterThanEquals", "2020-01-01T01:00:00+01:00", 1577836800, True),
    ("Bool", "true", True, True),
    ("Bool", "true", False, False),
    ("Bool", False, "false", True),
    ("Bool", "true", MISSING, False),
    ("BoolIfExists", "true", MISSING, True),
    ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
    ("BinaryEquals", "QmluYXJ5", "T3RoZXI=", False),
    ("IpAddress", "203.0.113.0/24", "203.0.113.7", True),
    ("IpAddress", "203.0.113.0/24", "203.0.114.7", False),
    ("IpAddress", ["10.0.0.0/8", "2001:DB8:1234:5678::/64"], "2001:db8:1234:5678::1", True),
    ("IpAddress", "203.0.113.9", "203.0.113.9", True),
    ("NotIpAddress", "203.0.113.0/24", "203.0.113.7", False),
    ("NotIpAddress", "203.0.113.0/24", MISSING, True),
    ("ArnEquals", "arn:aws:sns:*:123456789012:t*", "arn:aws:sns:us-east-1:123456789012:topic", True),
    ("ArnLike", "arn:aws:s3:::b", "arn:aws:s3:::b", True),
    ("ArnLike", "arn:aws:sns:*:topic", "arn:aws:sns:us-east-1:123456789012:topic", False),
    ("ArnLike", "arn:aws:sns:*:*:topic", "arn:aws:sns:eu-west-1:123456789012:topic", True),
    ("ArnLike", "*", "arn:aws:sns:eu-west-1:123456789012:topic", True),
    ("ArnNotEquals", "arn:aws:s3:::b", "arn:aws:s3:::c", True),
    ("ArnNotLike", "arn:aws:s3:::*", "arn:aws:s3:::c", False),
    ("Null", "true", MISSING, True),
    ("Null", "true", "x", False),
    ("Null", "false", "x", True),
    ("Null", "false", [], False),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "b"], True),
    ("ForAllValues:StringEquals", ["a", "b"], ["a", "c"], False),
    ("ForAllValues:StringEquals", ["a", "b"], MISSING, True),
    ("ForAllValues:StringNotEquals", ["a"], ["b", "c"], True),
    ("ForAllValues:StringNotEquals", ["a"], ["a", "c"], False),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], True),
    ("ForAnyValue:StringEquals", ["a", "b"], ["c"], False),
    ("ForAnyValue:StringEquals", ["a"], MISSING, False),
    ("ForAnyValue:StringNotEquals", ["a"], ["a", "c"], True),
    ("ForAnyValue:StringNotEquals", ["a"], ["a"], False),
    ("ForAnyValue:StringLikeIfExists", ["a*"], MISSING, True),
    ("forallvalues:stringlike", ["a*"], ["ab", "ac"], True),
]


@pytest.mark.parametrize(("operator", "values", "value", "expected"), TABLE)
def test_an_operator_holds_as_documented(operator: str, values: Any, value: Any, expected: bool) -> None:
    assert holds(operator, values, value) is expected


@pytest.mark.parametrize("operator", ["StringSame", "NullIfExists", "ForSome:StringEquals", "", "IfExists"])
def test_an_unknown_operator_is_refused(operator: str) -> None:
    with pytest.raises(UnknownOperator):
        holds(operator, "a", "a")


@pytest.mark.parametrize(
    ("operator", "value"),
    [("NumericEquals", "ten"), ("NumericEquals", "NaN"), ("DateEquals", "soon"), ("IpAddress", "1.2.3"),
     ("BinaryEquals", "§")],
)
def test_a_value_of_the_wrong_type_is_refused(operator: str, value: str) -> None:
    with pytest.raises(ValueError):
        holds(operator, value, "1")


def test_variables_are_filled_in() -> None:
    assert holds("StringEquals", "home/${aws:username}", "home/ann", aws__username="ann")
    assert holds("StringLike", "home/${AWS:UserName}/*", "home/ann/x", aws__username="ann")
    assert not holds("StringLike", "home/${aws:username}/*", "home/anyone/x", aws__username="*")
    assert holds("StringLike", "a${*}c", "a*c") and not holds("StringLike", "a${*}c", "abc")
    assert holds("StringEquals", "a${$}${?}", "a$?")


def test_a_variable_without_value_matches_nothing_unless_it_has_a_default() -> None:
    assert not holds("StringEquals", "home/${aws:username}", "home/")
    assert holds("StringEquals", "${aws:PrincipalTag/team, 'all'}", "all")
    assert holds("StringEquals", "${aws:PrincipalTag/team, 'all'}", "red", **{"aws__PrincipalTag/Team": "red"})
    assert not holds("StringEquals", "${aws:TagKeys}", "a", aws__TagKeys=["a", "b"])


def test_version_2008_has_no_variables() -> None:
    (condition,) = compile_conditions({"StringEquals": {"s3:key": "${aws:username}"}}, False)
    assert condition.test(Facts({"s3:key": "${aws:username}", "aws:username": "ann"}))
    assert not condition.test(Facts({"s3:key": "ann", "aws:username": "ann"}))


@given(st.text(max_size=20), st.text(max_size=20))
def test_a_negated_operator_is_the_opposite_wherever_the_key_is(policy: str, value: str) -> None:
    for name in ("String{}Equals", "String{}EqualsIgnoreCase", "String{}Like", "Arn{}Like"):
        assert holds(name.format(""), policy, value) != holds(name.format("Not"), policy, value)


@given(st.text(max_size=30))
def test_any_variable_text_is_survived(text: str) -> None:
    holds("StringLike", "${" + text, "x")
    holds("StringLike", "${" + text + "}", "x")
