"""Event patterns: the filters of EventBridge rules, of Lambda's event source mappings, of Pipes.

A pattern is compiled once and then asked about any number of events. Matching visits each pair of a pattern's node and an
event's node at most once and never backtracks, so that a hostile pattern or event costs no more than their product.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from fogbank.kit.wildcards import Wildcard

MOST_DEPTH = 64
MOST_ALTERNATIVES = 1000
"""Combinations that all `$or` of a pattern may make together."""
_NUMBER_BOUND = 5e9
_ABSENT = object()

Test = Callable[[Any], bool]
"""Of one leaf of an event; for a field that is absent it is asked about `_ABSENT`."""


class InvalidPattern(ValueError):
    """The text says what is wrong with the pattern."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """All of `fields` must match, and of each group of `alternatives` at least one."""

    fields: dict[str, Pattern | list[Test]]
    alternatives: list[list[Pattern]]

    def matches(self, event: Any) -> bool:
        """Whether `event`, decoded JSON, matches. What is no object has no fields."""
        if not isinstance(event, dict):
            event = {}
        return all(_field_matches(wanted, event.get(name, _ABSENT)) for name, wanted in self.fields.items()) and all(
            any(one.matches(event) for one in group) for group in self.alternatives
        )


def compile_pattern(text: str | bytes) -> Pattern:
    """Raises InvalidPattern for what is no JSON object, or not a pattern."""
    try:
        document = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except RecursionError as error:
        raise InvalidPattern("Event pattern is nested too deeply") from error
    except InvalidPattern:
        raise
    except ValueError as error:
        raise InvalidPattern("Event pattern is not valid JSON") from error
    if not isinstance(document, dict):
        raise InvalidPattern("Filter is not an object")
    if _combinations(document, 1) > MOST_ALTERNATIVES:
        raise InvalidPattern(f"Event pattern has more than {MOST_ALTERNATIVES} combinations of $or")
    return _object(document)


# --- matching


def _field_matches(wanted: Pattern | list[Test], value: Any) -> bool:
    found = list(_elements(value))
    if isinstance(wanted, Pattern):
        # The fields of one element of an array belong together. A missing object is one without fields.
        return any(wanted.matches(element) for element in found or [{}])
    leaves = [element for element in found if not isinstance(element, dict)] or [_ABSENT]
    return any(test(leaf) for test in wanted for leaf in leaves)


def _elements(value: Any) -> Iterator[Any]:
    """The members of an array, and of arrays within it; another value is its own only one; none of what is absent."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, list):
            waiting.extend(reversed(one))
        elif one is not _ABSENT:
            yield one


# --- compiling


def _object(document: dict[str, Any]) -> Pattern:
    if not document:
        raise InvalidPattern("Empty objects are not allowed")
    fields: dict[str, Pattern | list[Test]] = {}
    groups: list[list[Pattern]] = []
    for name, wanted in document.items():
        if name == "$or" and _is_or(wanted):
            groups.append([_object(one) for one in wanted])
        elif isinstance(wanted, dict):
            fields[name] = _object(wanted)
        elif isinstance(wanted, list):
            if not wanted:
                raise InvalidPattern("Empty arrays are not allowed")
            fields[name] = [_test(one) for one in wanted]
        else:
            raise InvalidPattern(f'"{name}" must be an object or an array')
    return Pattern(fields, groups)


def _is_or(wanted: Any) -> bool:
    """A field may be called `$or`: only two or more objects that are no filters make an alternative of it."""
    return (
        isinstance(wanted, list) and len(wanted) >= 2 and all(isinstance(one, dict) and one for one in wanted)
        and not all(one.keys() <= _FILTERS.keys() for one in wanted)
    )


def _combinations(document: Any, depth: int) -> int:
    """How many plain patterns `document` stands for; also bounds how deep it goes."""
    if depth > MOST_DEPTH:
        raise InvalidPattern("Event pattern is nested too deeply")
    if not isinstance(document, dict):
        return 1
    total = 1
    for name, wanted in document.items():
        if name == "$or" and _is_or(wanted):
            total *= sum(_combinations(one, depth + 1) for one in wanted)
        else:
            total *= _combinations(wanted, depth + 1)
        if total > MOST_ALTERNATIVES:
            break
    return total


def _test(wanted: Any) -> Test:
    if isinstance(wanted, list):
        raise InvalidPattern("Arrays within arrays are not allowed")
    if not isinstance(wanted, dict):
        return _equal_to(wanted)
    if len(wanted) != 1:
        raise InvalidPattern("Only one key allowed in match expression")
    ((name, argument),) = wanted.items()
    make = _FILTERS.get(name)
    if make is None:
        raise InvalidPattern(f"Unrecognized match type {name}")
    return make(argument)


def _equal_to(wanted: Any) -> Test:
    if isinstance(wanted, bool) or wanted is None:
        return lambda value: value is wanted
    if isinstance(wanted, (int, float)):
        return lambda value: _is_number(value) and value == wanted
    return lambda value: isinstance(value, str) and value == wanted


def _exists(wanted: Any) -> Test:
    if not isinstance(wanted, bool):
        raise InvalidPattern("exists match pattern must be either true or false.")
    return lambda value: (value is not _ABSENT) is wanted


def _of_text(name: str, holds: Callable[[str, str], bool]) -> Callable[[Any], Test]:
    def make(argument: Any) -> Test:
        if isinstance(argument, dict) and argument.keys() == {"equals-ignore-case"}:
            wanted = _text(name, argument["equals-ignore-case"]).lower()
            return lambda value: isinstance(value, str) and holds(value.lower(), wanted)
        wanted = _text(name, argument)
        return lambda value: isinstance(value, str) and holds(value, wanted)

    return make


def _ignoring_case(argument: Any) -> Test:
    wanted = _text("equals-ignore-case", argument).lower()
    return lambda value: isinstance(value, str) and value.lower() == wanted


def _wildcard(argument: Any) -> Test:
    try:
        wildcard = Wildcard(_text("wildcard", argument))
    except ValueError as error:
        raise InvalidPattern(str(error)) from error
    return lambda value: isinstance(value, str) and wildcard.matches(value)


def _cidr(argument: Any) -> Test:
    try:
        network: IPv4Network | IPv6Network = ip_network(_text("cidr", argument), strict=False)
    except ValueError as error:
        raise InvalidPattern(f"Malformed CIDR: {argument}") from error

    def inside(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return ip_address(value) in network
        except ValueError:
            return False

    return inside


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda a, b: a == b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b, ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}  # fmt: skip


def _numeric(argument: Any) -> Test:
    """`[operator, number]`, or a range of two: the lower bound first."""
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise InvalidPattern("Value of numeric must be an array of one or two comparisons.")
    pairs = list(zip(argument[::2], argument[1::2], strict=True))
    for operator, bound in pairs:
        if not isinstance(operator, str) or operator not in _COMPARE:
            raise InvalidPattern(f"Unrecognized numeric range operator: {operator}")
        if not _is_number(bound) or not -_NUMBER_BOUND <= bound <= _NUMBER_BOUND:
            raise InvalidPattern("Value of a numeric comparison must be a number from -5.0e9 to 5.0e9")
    if len(pairs) == 2 and not (pairs[0][0][0] == ">" and pairs[1][0][0] == "<" and pairs[0][1] < pairs[1][1]):
        raise InvalidPattern("Bottom must be less than top")
    return lambda value: _is_number(value) and all(_COMPARE[operator](value, bound) for operator, bound in pairs)


def _anything_but(argument: Any) -> Test:
    """Present, and not what is named: literals of one kind, or the texts of one filter."""
    if isinstance(argument, dict):
        if len(argument) != 1 or (name := next(iter(argument))) not in _REFUSABLE:
            raise InvalidPattern("Unsupported anything-but pattern")
        named = argument[name]
        refused = [_FILTERS[name](one) for one in (named if isinstance(named, list) else [named])]
    else:
        literals = argument if isinstance(argument, list) else [argument]
        if any(isinstance(one, (dict, list)) for one in literals) or len({isinstance(one, str) for one in literals}) > 1:
            raise InvalidPattern("Inside anything-but list, either all values are number or string")
        refused = [_equal_to(one) for one in literals]
    if not refused:
        raise InvalidPattern("Empty arrays are not allowed")
    return lambda value: value is not _ABSENT and not any(test(value) for test in refused)


_REFUSABLE = ("prefix", "suffix", "equals-ignore-case", "wildcard")
_FILTERS: dict[str, Callable[[Any], Test]] = {
    "prefix": _of_text("prefix", str.startswith),
    "suffix": _of_text("suffix", str.endswith),
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
}


def _text(name: str, argument: Any) -> str:
    if not isinstance(argument, str):
        raise InvalidPattern(f"{name} match pattern must be a string")
    return argument


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise InvalidPattern("Event pattern has a field twice")
    return document


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")
