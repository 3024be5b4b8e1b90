"""Policy variables: `${aws:username}`, with a default `${aws:PrincipalTag/team, 'none'}`, and `${*}`, `${?}`, `${$}`.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from fogbank.iam.facts import Facts
from fogbank.iam.glob import Matcher, compile_parts, split

_VARIABLE = re.compile(r"\$\{\s*([^},\s]+)\s*(?:,\s*'([^']*)'\s*)?\}")


@dataclass(frozen=True, slots=True)
class Variable:
    key: str
    default: str | None


@dataclass(frozen=True, slots=True)
class Escape:
    """A character that is meant as itself: `${*}`."""

    character: str


class Template:
    """A text with variables. Only documents of version 2012-10-17 have them; in older ones `${...}` is plain text."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        self._parts = tuple(_parse(text))

    def text(self, facts: Facts) -> str | None:
        """The text with its variables filled in; None where one has no value."""
        out = []
        for part in self._parts:
            value = part if isinstance(part, str) else _fill(part, facts)
            if value is None:
                return None
            out.append(value)
        return "".join(out)

    def glob(self, facts: Facts) -> Matcher | None:
        """A matcher whose wildcards are those of the policy: a star inside a variable's value is a plain star."""
        parts: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                parts.extend(split(part))
                continue
            value = _fill(part, facts)
            if value is None:
                return None
            parts.append(value)
        return _compiled(tuple(parts))


_compiled = lru_cache(maxsize=2048)(compile_parts)


def _parse(text: str) -> list[str | Variable | Escape]:
    parts: list[str | Variable | Escape] = []
    at = 0
    for found in _VARIABLE.finditer(text):
        if found.start() > at:
            parts.append(text[at : found.start()])
        key, default = found.groups()
        parts.append(Escape(key) if key in ("*", "?", "$") else Variable(key.lower(), default))
        at = found.end()
    if at < len(text):
        parts.append(text[at:])
    return parts


def _fill(part: Variable | Escape, facts: Facts) -> str | None:
    """A key of several values cannot stand in for a text: AWS treats it as having no value."""
    if isinstance(part, Escape):
        return part.character
    values = facts.get(part.key)
    return part.default if values is None or len(values) != 1 else values[0]


def compile_text(text: str, version_2012: bool) -> str | Template:
    """The text itself, or a template where it has variables."""
    return Template(text) if version_2012 and "${" in text and _VARIABLE.search(text) else text
