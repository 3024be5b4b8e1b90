"""What the three kinds of pattern share: reading text, comparing values, joining conditions."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any, Generic, Protocol, TypeVar

from fogbank.services.logs.patterns import regex

T = TypeVar("T")
Test = Callable[[T], bool]
MOST_NESTED = 50


class BadPattern(Exception):
    """The pattern is malformed."""


class Pattern(Protocol):
    def __call__(self, message: str, /) -> bool: ...

    def extract(self, message: str, /) -> dict[str, str]:
        """The values of the pattern's fields in a message that matches, as TestMetricFilter shows them."""
        ...


_SPACE = re.compile(r"\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_REGEX = re.compile(r"%((?:[^%\\]|\\.)+)%")
_BARE = re.compile(r"(?:(?!&&|\|\|)[^\s(){}\[\],=<>!\"])+")
_OPERATOR = re.compile(r"!=|<=|>=|=|<|>")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_ORDER: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}


class Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at

    def read(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.skip()
        match = pattern.match(self.text, self.at)
        if match:
            self.at = match.end()
        return match

    def take(self, literal: str) -> bool:
        self.skip()
        if self.text.startswith(literal, self.at):
            self.at += len(literal)
            return True
        return False

    def need(self, literal: str) -> None:
        if not self.take(literal):
            raise BadPattern(f"{literal} is missing at {self.at}")

    def end(self) -> None:
        self.skip()
        if self.at != len(self.text):
            raise BadPattern(f"the pattern goes on at {self.at}")

    def operator(self) -> str:
        match = self.read(_OPERATOR)
        if not match:
            raise BadPattern(f"an operator is missing at {self.at}")
        return match[0]

    def value(self, sign: str) -> Callable[[Any], bool]:
        """The value that follows `sign`, as a test of what a message holds there."""
        if match := self.read(_REGEX):
            return _signed(sign, regex_test(match[1]))
        if match := self.read(_QUOTED):
            return _signed(sign, wildcard(unescaped(match[1])))
        match = self.read(_BARE)
        if not match:
            raise BadPattern(f"a value is missing at {self.at}")
        return comparison(sign, match[0])


class Conditions(Generic[T]):
    """`a && (b || c)` over conditions that a subclass reads."""

    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.depth = 0

    def condition(self) -> Test[T]:
        raise NotImplementedError

    def either(self) -> Test[T]:
        tests = [self.all()]
        while self.scanner.take("||"):
            tests.append(self.all())
        return tests[0] if len(tests) == 1 else lambda subject: any(test(subject) for test in tests)

    def all(self) -> Test[T]:
        tests = [self.unit()]
        while self.scanner.take("&&"):
            tests.append(self.unit())
        return tests[0] if len(tests) == 1 else lambda subject: all(test(subject) for test in tests)

    def unit(self) -> Test[T]:
        if not self.scanner.take("("):
            return self.condition()
        self.depth += 1
        if self.depth > MOST_NESTED:
            raise BadPattern("nested too deeply")
        inner = self.either()
        self.scanner.need(")")
        self.depth -= 1
        return inner


def comparison(sign: str, text: str) -> Callable[[Any], bool]:
    """A test against an unquoted value: a number compares as one, anything else as text with `*`."""
    number = float(text) if _NUMBER.fullmatch(text) else None
    if sign in _ORDER:
        if number is None:
            raise BadPattern(f"{text} is no number")
        compare, bound = _ORDER[sign], number
        return lambda value: (n := as_number(value)) is not None and compare(n, bound)
    matches = wildcard(text)
    if number is None:
        return _signed(sign, matches)
    return _signed(sign, lambda value: as_number(value) == number or matches(value))


def _signed(sign: str, test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    if sign == "=":
        return test
    if sign == "!=":
        return lambda value: not test(value)
    raise BadPattern(f"{sign} needs a number")


def as_number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        return value
    return float(value) if isinstance(value, str) and len(value) < 64 and _NUMBER.fullmatch(value) else None


def wildcard(pattern: str) -> Callable[[Any], bool]:
    """A test of text against a pattern in which `*` stands for anything; in linear time."""
    first, *rest = pattern.split("*")
    if not rest:
        return lambda value: isinstance(value, str) and value == pattern
    *middle, last = rest

    def test(value: Any) -> bool:
        if not isinstance(value, str) or not value.startswith(first) or not value.endswith(last):
            return False
        at, end = len(first), len(value) - len(last)
        for part in middle:
            found = value.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return at <= end

    return test


def regex_test(source: str) -> Callable[[Any], bool]:
    try:
        search = regex.compiled(source)
    except ValueError as error:
        raise BadPattern(str(error)) from error
    return lambda value: isinstance(value, str) and search(value)


def unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
