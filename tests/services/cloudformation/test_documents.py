"""Reading templates: YAML and JSON, the short forms, and texts that mean harm."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.api import AwsError
from fogbank.services.cloudformation import documents


def refusal(text: str) -> str:
    with pytest.raises(AwsError) as caught:
        documents.read(text)
    assert caught.value.code == "ValidationError"
    return caught.value.message


def test_short_forms() -> None:
    text = """
    A: !Ref Name
    B: !GetAtt Res.Att.More
    C: !Sub '${A}-x'
    D: !Join [',', [!Ref X, 'y']]
    E: !If [Cond, !Ref AWS::NoValue, 1]
    F: !Not [!Condition Other]
    G: !Base64
      Fn::Sub: text
    H: !GetAZs ''
    I: !GetAtt [Res, Att]
    """
    assert documents.read(text) == {
        "A": {"Ref": "Name"},
        "B": {"Fn::GetAtt": ["Res", "Att.More"]},
        "C": {"Fn::Sub": "${A}-x"},
        "D": {"Fn::Join": [",", [{"Ref": "X"}, "y"]]},
        "E": {"Fn::If": ["Cond", {"Ref": "AWS::NoValue"}, 1]},
        "F": {"Fn::Not": [{"Condition": "Other"}]},
        "G": {"Fn::Base64": {"Fn::Sub": "text"}},
        "H": {"Fn::GetAZs": ""},
        "I": {"Fn::GetAtt": ["Res", "Att"]},
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2010-09-09", "2010-09-09"),
        ("3.10", "3.10"),
        ("3.9", 3.9),
        ("yes", True),
        ("off", False),
        ("'yes'", "yes"),
        ("012345678901", "012345678901"),
        ("12", 12),
        ("-1", -1),
        ("0x10", 16),
        ("~", None),
        ("1e3", "1e3"),
        ("12:30:45", "12:30:45"),
        ("!Sub yes", {"Fn::Sub": "yes"}),
        ("1" * 60, "1" * 60),
        ("", None),
        ('""', ""),
    ],
)
def test_plain_scalars(text: str, value: Any) -> None:
    assert documents.read_yaml(f"v: {text}") == {"v": value}


def test_keys_are_strings() -> None:
    assert documents.read("0: a\ntrue: b\n123456789012: c") == {"0": "a", "true": "b", "123456789012": "c"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("https://bucket/template", "Template format error: unsupported structure."),
        ("[]", "Template format error: unsupported structure."),
        ("", "Template format error: unsupported structure."),
        ('{"Resources": {"A": {"B" 1}', "Template format error: JSON not well-formed. (line 1, column 26)"),
        ("A: &x 1\nB: *x", "Template format error: YAML aliases are not allowed in CloudFormation templates"),
        ("A: [", "Template format error: YAML not well-formed. (line 2, column 1)"),
        ("A: !Evil x", "Template format error: Unrecognized tag: !Evil"),
        ("A: !!python/object:os.system x", "Template format error: Unrecognized tag: !!python/object:os.system"),
        ("A: 1\n---\nB: 2", "Template format error: YAML not well-formed."),
        ('{"A": NaN}', "Template format error: JSON not well-formed."),
    ],
)
def test_refusals(text: str, message: str) -> None:
    assert refusal(text) == message


@pytest.mark.parametrize(
    "text", ["[" * 40_000, "{a: " * 10_000, '{"a":' * 9_000, "- " * 20_000, '{"a": ' + "[" * 5_000 + "]" * 5_000 + "}"]
)
def test_deep_nesting_is_refused(text: str) -> None:
    assert "not well-formed" in refusal(text)


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a: &a [x, x]"] + [f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]" for i in range(20)]
    assert "aliases" in refusal("\n".join(lines))


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(min_size=1, max_size=8), plain, max_size=5))
def test_json_reads_as_it_was_written(value: dict[str, Any]) -> None:
    assert documents.read(json.dumps(value)) == value


printable = st.recursive(
    st.booleans() | st.integers(-(10**12), 10**12) | st.text(st.characters(categories=["L", "N", "P", "S"]), max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcXYZ", min_size=1), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcXYZ", min_size=1, max_size=8), printable, min_size=1, max_size=5))
def test_yaml_reads_json_alike(value: dict[str, Any]) -> None:
    """JSON of printable characters is YAML. (Others mean something to YAML: U+0085 is a line's end.)"""
    assert documents.read_yaml(json.dumps(value, ensure_ascii=False)) == value


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(documents.read(text), dict)
    except AwsError as error:
        assert error.code == "ValidationError"
