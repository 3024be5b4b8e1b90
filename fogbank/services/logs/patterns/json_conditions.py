"""Conditions on JSON messages: `{ $.a.b[0] = "x*" && ($.c > 1 || $.d NOT EXISTS) }`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from fogbank.services.logs.patterns.scanner import BadPattern, Conditions, Scanner, Test

_NAME = re.compile(r"(?:(?!&&|\|\|)[^\s.\[\]=!<>(){}'\"])+")
_BRACKETED = re.compile(r"""\[\s*(?:(\d{1,9})|(\*)|'([^']*)'|"([^"]*)")\s*\]""")
_WORD = re.compile(r"[A-Z]+")
_ANY = object()

Step = str | int | object


class JsonPattern:
    def __init__(self, test: Test[Any], selectors: dict[str, list[Step]]) -> None:
        self._test = test
        self._selectors = selectors

    def __call__(self, message: str) -> bool:
        document = _document(message)
        return document is not None and self._test(document)

    def extract(self, message: str) -> dict[str, str]:
        document = _document(message)
        found = {text: next(_select(document, steps), None) for text, steps in self._selectors.items()}
        return {text: _shown(value) for text, value in found.items() if value is not None}


def parse(text: str) -> JsonPattern:
    scanner = Scanner(text)
    scanner.need("{")
    conditions = _JsonConditions(scanner)
    test = conditions.either()
    scanner.need("}")
    scanner.end()
    return JsonPattern(test, conditions.selectors)


class _JsonConditions(Conditions[Any]):
    def __init__(self, scanner: Scanner) -> None:
        super().__init__(scanner)
        self.selectors: dict[str, list[Step]] = {}

    def condition(self) -> Test[Any]:
        steps = self._selector()
        if match := self.scanner.read(_WORD):
            return self._word(match[0], steps)
        sign = self.scanner.operator()
        test = self.scanner.value(sign)
        return lambda document: any(test(value) for value in _select(document, steps))

    def _word(self, word: str, steps: list[Step]) -> Test[Any]:
        following = self.scanner.read(_WORD)
        if word == "NOT" and following and following[0] == "EXISTS":
            return lambda document: next(_select(document, steps), _ANY) is _ANY
        wanted = {"NULL": None, "TRUE": True, "FALSE": False}
        if word != "IS" or not following or following[0] not in wanted:
            raise BadPattern(f"unknown condition {word}")
        value = wanted[following[0]]
        return lambda document: any(found is value for found in _select(document, steps))

    def _selector(self) -> list[Step]:
        scanner = self.scanner
        scanner.need("$")
        begin = scanner.at
        steps: list[Step] = []
        while True:
            text, at = scanner.text, scanner.at
            if text.startswith(".", at):
                scanner.at += 1
                if name := _NAME.match(text, scanner.at):
                    steps.append(name[0])
                    scanner.at = name.end()
                    continue
                at = scanner.at
                if not text.startswith("[", at):
                    raise BadPattern("a name is missing")
            match = _BRACKETED.match(text, at)
            if not match:
                break
            steps.append(_step(match))
            scanner.at = match.end()
        if not steps:
            raise BadPattern("a selector is missing")
        self.selectors[f"${scanner.text[begin : scanner.at]}"] = steps
        return steps


def _step(match: re.Match[str]) -> Step:
    if match[1]:
        return int(match[1])
    if match[2]:
        return _ANY
    return match[3] if match[3] is not None else match[4]


def _document(message: str) -> Any:
    if message.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError):
        return None


def _select(document: Any, steps: list[Step]) -> Iterator[Any]:
    found = [document]
    for step in steps:
        if step is _ANY:
            found = [item for value in found if isinstance(value, list) for item in value]
        elif isinstance(step, int):
            found = [value[step] for value in found if isinstance(value, list) and step < len(value)]
        else:
            found = [value[step] for value in found if isinstance(value, dict) and step in value]
    return iter(found)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
