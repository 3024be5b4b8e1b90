"""Event patterns: each filter as AWS documents it, and what no pattern or event may do."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.kit.event_patterns import InvalidPattern, compile_pattern
from fogbank.kit.wildcards import Wildcard


def matches(pattern: Any, event: Any) -> bool:
    return compile_pattern(json.dumps(pattern)).matches(event)


# Filter, values that match, values that do not.
FILTERS: list[tuple[Any, list[Any], list[Any]]] = [
    ("a", ["a", ["b", "a"], [["a"]]], ["A", 1, None, [], {"a": 1}]),
    (1, [1, 1.0], [True, "1", 2]),
    (True, [True], [1, "true", False]),
    (None, [None], ["", 0, "null", []]),
    ("", [""], [None, " "]),
    ({"prefix": "eu-"}, ["eu-west-1"], ["EU-west-1", "us-1", 5, None]),
    ({"prefix": {"equals-ignore-case": "EU-"}}, ["eu-west-1", "Eu-x"], ["us-1"]),
    ({"suffix": ".png"}, ["a.png"], ["a.PNG", "png"]),
    ({"suffix": {"equals-ignore-case": ".png"}}, ["a.PNG"], ["png"]),
    ({"equals-ignore-case": "Alice"}, ["alice", "ALICE"], ["bob", 1]),
    ({"anything-but": "a"}, ["b", 1, None, ["a", "b"]], ["a", ["a"]]),
    ({"anything-but": ["a", "b"]}, ["c"], ["a", "b"]),
    ({"anything-but": [100, 200]}, [300, "100"], [100, 200.0]),
    ({"anything-but": {"prefix": "init"}}, ["x"], ["initial"]),
    ({"anything-but": {"suffix": [".txt", ".rtf"]}}, ["a.png"], ["a.txt", "b.rtf"]),
    ({"anything-but": {"equals-ignore-case": ["X", "y"]}}, ["z"], ["x", "Y"]),
    ({"anything-but": {"wildcard": "*/lib/*"}}, ["/bin/x"], ["/usr/lib/x"]),
    ({"numeric": [">", 0, "<=", 5]}, [1, 5, 0.5], [0, 5.1, "1", True]),
    ({"numeric": ["=", 3.018e2]}, [301.8], [301]),
    ({"exists": True}, ["", None, 0, False], [[], {}, {"b": 1}]),
    ({"exists": False}, [[], {}, {"b": 1}], ["", None]),
    ({"cidr": "10.0.0.0/24"}, ["10.0.0.255"], ["10.0.1.0", "x", 1, "::1"]),
    ({"cidr": "2001:db8::/32"}, ["2001:db8::1"], ["2001:db9::1"]),
    ({"wildcard": "a*b*c"}, ["abc", "axxbyyc"], ["ab", "acb", "abcx"]),
    ({"wildcard": "a\\*b"}, ["a*b"], ["axb"]),
]


@pytest.mark.parametrize(("wanted", "yes", "no"), FILTERS, ids=[json.dumps(f[0]) for f in FILTERS])
def test_filters(wanted: Any, yes: list[Any], no: list[Any]) -> None:
    pattern = compile_pattern(json.dumps({"field": [wanted]}))
    assert [value for value in yes if not pattern.matches({"field": value})] == []
    assert [value for value in no if pattern.matches({"field": value})] == []


def test_absent_fields_match_only_what_asks_for_their_absence() -> None:
    for wanted in ("a", None, {"anything-but": "a"}, {"exists": True}, {"prefix": ""}, {"wildcard": "*"}):
        assert not matches({"a": {"b": [wanted]}}, {"a": {}}), wanted
    for event in ({}, {"a": {}}, {"a": 5}, 5, None, []):
        assert matches({"a": {"b": [{"exists": False}]}}, event)


def test_all_fields_any_value_and_or() -> None:
    pattern = {"a": ["x", "y"], "$or": [{"c": [1]}, {"d": {"e": [{"numeric": [">", 5]}]}}]}
    assert matches(pattern, {"a": "y", "c": 1})
    assert matches(pattern, {"a": "x", "c": 2, "d": {"e": 6}})
    assert not matches(pattern, {"a": "x", "c": 2})
    assert not matches(pattern, {"a": "z", "c": 1})


def test_fields_of_one_element_of_an_array_belong_together() -> None:
    pattern = {"items": {"name": ["a"], "size": [2]}}
    assert matches(pattern, {"items": [{"name": "b", "size": 1}, {"name": "a", "size": 2}]})
    assert not matches(pattern, {"items": [{"name": "a", "size": 1}, {"name": "b", "size": 2}]})


@pytest.mark.parametrize("text", [
    "", "x", "[]", "5", "null", "{}", '{"a": {}}', '{"a": []}', '{"a": "x"}', '{"a": 1}', '{"a": [["x"]]}',
    '{"a": [{"prefix": 1}]}', '{"a": [{"what": "x"}]}', '{"a": [{"prefix": "a", "suffix": "b"}]}', '{"a": [{}]}',
    '{"a": [{"numeric": []}]}', '{"a": [{"numeric": [">", "1"]}]}', '{"a": [{"numeric": ["<", 1, ">", 2]}]}',
    '{"a": [{"numeric": [">", 5, "<", 1]}]}', '{"a": [{"numeric": ["~", 5]}]}', '{"a": [{"numeric": ["=", 6e9]}]}',
    '{"a": [{"exists": "true"}]}', '{"a": [{"cidr": "10.0.0.0/99"}]}', '{"a": [{"wildcard": "a**b"}]}',
    '{"a": [{"wildcard": "a\\\\b"}]}', '{"a": [{"anything-but": []}]}', '{"a": [{"anything-but": ["a", 1]}]}',
    '{"a": [{"anything-but": {"numeric": ["=", 1]}}]}', '{"a": [1], "a": [2]}', '{"a": [NaN]}',
])  # fmt: skip
def test_what_is_no_pattern(text: str) -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern(text)


def test_hostile_patterns_are_refused_or_cheap() -> None:
    deep = '{"a":' * 100_000 + "[1]" + "}" * 100_000
    with pytest.raises(InvalidPattern):
        compile_pattern(deep)
    with pytest.raises(InvalidPattern):  # 2 ** 64 combinations
        compile_pattern(json.dumps({f"f{n}": {"$or": [{"a": [1]}, {"b": [1]}]} for n in range(64)}))
    stars = {"field": [{"wildcard": "*a" * 2000 + "*b"}]}
    assert not matches(stars, {"field": "a" * 200_000})
    nested: Any = "x"
    for _ in range(5000):
        nested = [nested]
    assert matches({"field": ["x"]}, {"field": nested})


@given(st.lists(st.sampled_from(["a", "b", "*", "\\*", "\\\\"]), max_size=12), st.text("ab*\\", max_size=10))
def test_wildcards_match_as_the_regular_expression_does(tokens: list[str], value: str) -> None:
    text = "".join(tokens)
    if ("*", "*") in zip(tokens, tokens[1:], strict=False):
        with pytest.raises(ValueError, match="Consecutive"):
            Wildcard(text)
        return
    expression = "".join(".*" if token == "*" else re.escape(token[-1]) for token in tokens)
    assert Wildcard(text).matches(value) == bool(re.fullmatch(expression, value, re.DOTALL))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b", "$or", "prefix"]), inner),
    max_leaves=20,
)


@given(JSON, JSON)
def test_any_document_is_a_pattern_or_refused(document: Any, event: Any) -> None:
    try:
        pattern = compile_pattern(json.dumps(document))
    except InvalidPattern:
        return
    assert pattern.matches(event) in (True, False)


@given(st.dictionaries(st.text(max_size=4), st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=4)))
def test_an_event_matches_the_pattern_made_of_it(event: dict[str, Any]) -> None:
    if event:
        pattern = compile_pattern(json.dumps({name: [value] for name, value in event.items()}))
        assert pattern.matches(event)
        for name in event:
            assert not pattern.matches({key: value for key, value in event.items() if key != name})
