"""Filters and partial answers: pure."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.lambda_.mappings import filters, results


def passes(pattern: Any, record: dict[str, Any], content: str = "body") -> bool:
    test = filters.compiled({"FilterCriteria": {"Filters": [{"Pattern": json.dumps(pattern)}]}}, content)
    assert test is not None
    return test(record)


# The documented table of bodies and patterns: JSON against JSON, text against text, nothing across.
@pytest.mark.parametrize(
    ("body", "pattern", "expected"),
    [
        ('{"k": "v"}', {"body": {"k": ["v"]}}, True),
        ('{"k": "v"}', {"body": {"k": ["w"]}}, False),
        ("text", {"body": {"k": ["v"]}}, False),
        ("text", {"body": ["text"]}, True),
        ("text", {"body": [{"prefix": "te"}]}, True),
        ('{"k": "v"}', {"body": ["text"]}, False),
        ("{", {"body": {"k": [{"exists": False}]}}, False),
        ("anything", {"messageId": ["1"]}, True),
    ],
)
def test_bodies(body: str, pattern: Any, expected: bool) -> None:
    assert passes(pattern, {"body": body, "messageId": "1"}) is expected


def test_one_of_several_patterns_is_enough() -> None:
    patterns = [{"Pattern": json.dumps({"body": [text]})} for text in "ab"]
    test = filters.compiled({"FilterCriteria": {"Filters": patterns}}, "body")
    assert test is not None
    assert [test({"body": text}) for text in "abc"] == [True, True, False]
    assert filters.compiled({}, "body") is None


@pytest.mark.parametrize("payload", [b"", b"null", b'""', b"{}", b'{"batchItemFailures": []}', b'{"batchItemFailures": null}'])
def test_answers_that_say_all_is_done(payload: bytes) -> None:
    assert results.failed(payload, ["a", "b"]) == []


@pytest.mark.parametrize(
    "payload",
    [
        b"no JSON", b'"text"', b"[]", b"7", b'{"batchItemFailures": "a"}', b'{"batchItemFailures": [{"foo": "a"}]}',
        b'{"batchItemFailures": [{"itemIdentifier": ""}]}', b'{"batchItemFailures": [{"itemIdentifier": null}]}',
        b'{"batchItemFailures": [{"itemIdentifier": "c"}]}', b'{"batchItemFailures": ["a"]}', b"[" * 100_000,
        b'{"batchItemFailures": [{"itemIdentifier": ["a"]}]}',
    ],
)  # fmt: skip
def test_answers_that_fail_the_whole_batch(payload: bytes) -> None:
    assert results.failed(payload, ["a", "b"]) is None


@given(st.lists(st.sampled_from("abcd")), st.binary(max_size=50))
def test_only_items_of_the_batch_are_ever_named(failures: list[str], noise: bytes) -> None:
    payload = json.dumps({"batchItemFailures": [{"itemIdentifier": one} for one in failures]}).encode()
    found = results.failed(payload, ["a", "b", "c"])
    assert found == (None if "d" in failures else failures)
    assert set(results.failed(noise, ["a"]) or []) <= {"a"}
