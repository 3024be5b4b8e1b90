"""What a template is made of."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class TemplateError(Exception):
    """The template is malformed, or did too much."""


@dataclass(slots=True)
class Text:
    text: str


@dataclass(slots=True)
class Literal:
    value: Any


@dataclass(slots=True)
class Interpolated:
    """A string in double quotes."""

    parts: list[Any]


@dataclass(slots=True)
class Access:
    """One step of a reference: `.name`, `.name(arguments)` or `[index]`."""

    name: str = ""
    arguments: list[Any] | None = None
    index: Any = None


@dataclass(slots=True)
class Reference:
    name: str
    steps: list[Access]


@dataclass(slots=True)
class Operation:
    sign: str
    left: Any
    right: Any


@dataclass(slots=True)
class Not:
    inner: Any


@dataclass(slots=True)
class ListOf:
    items: list[Any]


@dataclass(slots=True)
class RangeOf:
    first: Any
    last: Any


@dataclass(slots=True)
class MapOf:
    pairs: list[tuple[Any, Any]]


@dataclass(slots=True)
class Set:
    target: Reference
    value: Any


@dataclass(slots=True)
class If:
    branches: list[tuple[Any, list[Any]]]
    otherwise: list[Any] = field(default_factory=list)


@dataclass(slots=True)
class Foreach:
    name: str
    source: Any
    body: list[Any]


@dataclass(slots=True)
class Jump:
    """`#break`, which ends a loop, or `#stop` and `#return`, which end the template."""

    kind: str
