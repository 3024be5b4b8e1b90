"""Space-delimited messages: `[ip, user, ..., status = 4*, bytes > 1000]`."""

from __future__ import annotations

import re
from typing import NamedTuple

from fogbank.services.logs.patterns.scanner import BadPattern, Conditions, Scanner, Test

_NAME = re.compile(r"[\w$.@-]+")
_WORDS = re.compile(r'\[([^\]]*)\]|"([^"]*)"|(\S+)')
MOST_FIELDS = 250


class Field(NamedTuple):
    name: str
    test: Test[str] | None


class FieldsPattern:
    """`gap` is where `...` stands: any number of fields; -1 where the fields must be just so many."""

    def __init__(self, fields: list[Field], gap: int) -> None:
        self._fields = fields
        self._gap = gap

    def __call__(self, message: str) -> bool:
        values = self._values(message)
        return values is not None and all(
            field.test is None or field.test(value) for field, value in zip(self._fields, values, strict=True)
        )

    def extract(self, message: str) -> dict[str, str]:
        values = self._values(message) or []
        return {f"${field.name}": value for field, value in zip(self._fields, values, strict=False) if field.name}

    def _values(self, message: str) -> list[str] | None:
        """The fields' values, None where the message has not so many."""
        words = [next((g for g in match.groups() if g is not None), "") for match in _WORDS.finditer(message)]
        if self._gap < 0:
            return words if len(words) == len(self._fields) else None
        if len(words) < len(self._fields):
            return None
        after = len(self._fields) - self._gap
        return words[: self._gap] + words[len(words) - after :]


def parse(text: str) -> FieldsPattern:
    scanner = Scanner(text)
    scanner.need("[")
    if scanner.take("]"):
        scanner.end()
        return FieldsPattern([], 0)
    fields: list[Field] = []
    gap = -1
    while True:
        if scanner.take("..."):
            if gap >= 0:
                raise BadPattern("two gaps")
            gap = len(fields)
        else:
            fields.append(_field(scanner))
        if scanner.take("]"):
            break
        scanner.need(",")
        if len(fields) > MOST_FIELDS:
            raise BadPattern("too many fields")
    scanner.end()
    return FieldsPattern(fields, gap)


def _field(scanner: Scanner) -> Field:
    scanner.skip()
    if scanner.text[scanner.at : scanner.at + 1] in (",", "]"):
        return Field("", None)
    conditions = _FieldConditions(scanner)
    test = conditions.either()
    return Field(conditions.name, test if conditions.tests else None)


class _FieldConditions(Conditions[str]):
    """Every condition of a field is on that field, whose name each repeats."""

    name = ""
    tests = 0

    def condition(self) -> Test[str]:
        match = self.scanner.read(_NAME)
        if not match or (self.name and match[0] != self.name):
            raise BadPattern(f"a field's name is missing at {self.scanner.at}")
        self.name = match[0]
        self.scanner.skip()
        if self.scanner.text[self.scanner.at : self.scanner.at + 1] in (",", "]"):
            return lambda value: True
        self.tests += 1
        return self.scanner.value(self.scanner.operator())
