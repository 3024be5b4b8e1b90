"""JSON schemas of strangers."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.apigateway.plane.schemas import Schema


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "object", "required": ["a"]}, {"a": 1}, {}),
        ({"properties": {"a": {"type": "string", "pattern": "^x+$"}}}, {"a": "xx"}, {"a": "y"}),
        ({"patternProperties": {"^n": {"type": "number"}}, "additionalProperties": False}, {"n1": 1}, {"m": 1}),
        ({"patternProperties": {"^n": {"type": "number"}}}, {"m": "x"}, {"n": "x"}),
        ({"additionalProperties": {"type": "number"}, "properties": {"s": {}}}, {"s": "x", "a": 1}, {"a": "x"}),
        ({"uniqueItems": True}, [1, {"a": 1}, {"a": 2}], [{"a": 1, "b": 2}, {"b": 2, "a": 1}]),
        ({"oneOf": [{"type": "number"}, {"minimum": 5}]}, 3, 6),
        ({"definitions": {"P": {"properties": {"next": {"$ref": "#/definitions/P"}, "v": {"type": "number"}}}},
          "$ref": "#/definitions/P"}, {"next": {"next": {"v": 1}}}, {"next": {"next": {"v": "x"}}}),
        ({"maximum": 5, "exclusiveMaximum": True}, 4, 5),
    ],
)
def test_draft_four(schema: Any, right: Any, wrong: Any) -> None:
    assert Schema(schema).problem(right) is None
    assert Schema(schema).problem(wrong) is not None


DOUBLING = {"definitions": {f"d{n}": {"allOf": [{"$ref": f"#/definitions/d{n + 1}"}] * 2} for n in range(40)},
            "$ref": "#/definitions/d0"}
DOUBLING["definitions"]["d40"] = {"type": "object"}  # type: ignore[index]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (DOUBLING, {}),
        ({"$ref": "#"}, {}),
        ({"$ref": "http://127.0.0.1:9/schema.json"}, {}),
        ({"$ref": "file:///etc/passwd"}, {}),
        ({"pattern": "(a+)+$"}, "a" * 40 + "!"),
        ({"patternProperties": {".*": {"type": "null", "pattern": "("}}}, {"a": 1}),
        ({"properties": 5}, {"a": 1}),
        ({"type": 5}, 1),
        ({"pattern": "("}, "x"),
    ],
)
def test_hostile_schemas_refuse_soon(schema: Any, value: Any) -> None:
    began = time.monotonic()
    assert Schema(schema).problem(value) is not None
    assert time.monotonic() - began < 10


def test_a_hostile_pattern_of_names_ends_soon() -> None:
    began = time.monotonic()
    Schema({"patternProperties": {r"^(([a-z])+.)+[A-Z]([a-z])+$": {"type": "null"}}}).problem({"a" * 5000: 1})
    assert time.monotonic() - began < 5


def test_many_items_are_compared_soon() -> None:
    began = time.monotonic()
    assert Schema({"uniqueItems": True}).problem([[number] for number in range(100_000)]) is None
    assert time.monotonic() - began < 5


_json = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["type", "properties", "items", "allOf", "enum", "required", "not", "$ref", "a", "dependencies", "minimum"]),
        inner, max_size=3)), max_leaves=8)


@given(_json.filter(lambda value: isinstance(value, dict)), _json)
def test_any_schema_takes_or_refuses_any_value(schema: Any, value: Any) -> None:
    problem = Schema(schema).problem(value)
    assert problem is None or isinstance(problem, str)
