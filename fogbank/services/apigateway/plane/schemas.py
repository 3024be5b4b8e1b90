"""JSON Schema, draft 4, for schemas and bodies that both come from strangers.

Nothing is fetched, whatever a `$ref` says; regular expressions and the whole check have their bounds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import regex
from jsonschema import Draft4Validator, ValidationError
from jsonschema.validators import extend
from referencing import Registry

PATTERN_SECONDS = 0.05
MOST_STEPS = 200_000


class TooMuch(Exception):
    """The check took too many steps."""


class Schema:
    """A compiled schema."""

    def __init__(self, schema: Any) -> None:
        self._left = 0
        keywords: dict[str, Callable[..., Any]] = {**Draft4Validator.VALIDATORS, **_OWN}
        counted = extend(Draft4Validator, {name: self._counted(check) for name, check in keywords.items()})
        self._validator = counted(schema, registry=Registry())

    def problem(self, value: Any) -> str | None:
        """What is wrong with the value, in a few words; None where it is as the schema wants."""
        self._left = MOST_STEPS
        try:
            found = next(self._validator.iter_errors(value), None)
        except Exception as error:
            # A schema may be anything that is JSON: what the checker cannot make out, no value is right for.
            return f"{type(error).__name__}: {error}"[:200]
        return None if found is None else str(found.message)[:1000]

    def _counted(self, check: Callable[..., Any]) -> Callable[..., Iterator[Any]]:
        def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
            self._left -= 1
            if self._left < 0:
                raise TooMuch("the schema takes too long to check")
            yield from check(validator, value, instance, schema) or ()

        return counted


def _matches(pattern: str, text: str) -> bool:
    return regex.search(pattern, text, timeout=PATTERN_SECONDS) is not None


def _pattern(validator: Any, pattern: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not _matches(pattern, instance):
        yield ValidationError(f'ECMA 262 regex "{pattern}" does not match input string "{instance}"')


def _pattern_properties(validator: Any, patterns: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    for pattern, inner in patterns.items():
        for name, value in instance.items():
            if _matches(pattern, name):
                yield from validator.descend(value, inner, path=name, schema_path=pattern)


def _additional_properties(validator: Any, allowed: Any, instance: Any, schema: Any) -> Iterator[Any]:
    if not isinstance(instance, dict):
        return
    named, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extras = [name for name in instance if name not in named and not any(_matches(p, name) for p in patterns)]
    if isinstance(allowed, dict):
        for name in extras:
            yield from validator.descend(instance[name], allowed, path=name)
    elif not allowed and extras:
        yield ValidationError(f"object instance has properties which are not allowed by the schema: {extras[:10]}")


def _unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    """By each item's canonical text: the library compares every pair."""
    if wanted and isinstance(instance, list) and len({json.dumps(i, sort_keys=True) for i in instance}) < len(instance):
        yield ValidationError("array must not contain duplicate elements")


_OWN: dict[str, Callable[..., Any]] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional_properties,
    "uniqueItems": _unique_items,
}
