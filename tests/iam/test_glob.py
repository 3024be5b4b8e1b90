"""Wildcards: right against a plain definition, and quick on hostile patterns."""

from __future__ import annotations

import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.iam.glob import any_of, compile_glob

letters = st.text(alphabet="ab:*?", max_size=12)


def matches(pattern: str, text: str) -> bool:
    """The definition, by trying everything."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches(pattern[1:], text[i:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and matches(pattern[1:], text[1:])


@given(letters, st.text(alphabet="ab:", max_size=12))
def test_a_glob_matches_what_its_definition_says(pattern: str, text: str) -> None:
    assert compile_glob(pattern)(text) == matches(pattern, text)


@given(st.lists(letters, max_size=5), st.text(alphabet="ab:", max_size=8))
def test_a_list_matches_where_one_of_its_patterns_does(patterns: list[str], text: str) -> None:
    assert bool(any_of(patterns)(text)) == any(matches(pattern, text) for pattern in patterns)


@given(st.text(max_size=30))
def test_a_text_without_wildcards_matches_itself_alone(text: str) -> None:
    if "*" not in text and "?" not in text:
        assert compile_glob(text)(text)
        assert not compile_glob(text)(text + "x")


@pytest.mark.parametrize(
    "pattern", ["*a" * 1_000 + "b", "*" * 6_000 + "b", "a*" * 2_000 + "?" * 50 + "b", "?*" * 900 + "b"]
)
def test_a_hostile_pattern_ends_soon(pattern: str) -> None:
    match = compile_glob(pattern)
    began = time.process_time()
    assert not match("a" * 2_048)
    assert time.process_time() - began < 0.5


def test_special_characters_of_other_languages_are_plain() -> None:
    for text in ("a.c", "[abc]", "a+", "(a|b)", "^a$", "a\\b"):
        assert compile_glob(text + "*")(text + "tail")
        assert not compile_glob(text)("abc")
    assert fnmatch.fnmatchcase("abc", "a[b]c") and not compile_glob("a[b]c*")("abc")
