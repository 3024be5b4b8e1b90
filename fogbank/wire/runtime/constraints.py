"""The words in which AWS refuses input, and lazily compiled patterns."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["Matcher", "null_at", "refuse"]


class Matcher:
    """Whether a text satisfies a pattern; the pattern is compiled when it is first needed.

    A text longer than `limit` is taken to satisfy it: matching could take more than linear time.
    """

    __slots__ = ("_limit", "_match", "_pattern", "_whole")

    def __init__(self, pattern: str, whole: bool, limit: int) -> None:
        self._pattern = pattern
        self._whole = whole
        self._limit = limit
        self._match: Callable[[str], Any] | None = None

    def __call__(self, text: str) -> bool:
        match = self._match
        if match is None:
            compiled = re.compile(self._pattern)
            match = self._match = compiled.fullmatch if self._whole else compiled.search
        return len(text) > self._limit or match(text) is not None


def null_at(where: str) -> str:
    return f"Value null at '{where}' failed to satisfy constraint: Member must not be null"


def refuse(value: Any, where: str, constraint: str, form: Any = None, shown: bool = True) -> str:
    """One refusal. Sensitive values are not shown."""
    said = f"Value '{java_text(value, form)}' at" if shown else "Value at"
    return f"{said} '{where}' failed to satisfy constraint: {constraint}"


def java_text(value: Any, form: Any = None) -> str:
    """A value as Java prints it. `form` describes structures: (name, ((member, form), ...)), [form] for lists and maps."""
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    if isinstance(value, list):
        inner = form[0] if isinstance(form, list) else None
        return f"[{', '.join(java_text(item, inner) for item in value)}]"
    if isinstance(value, dict):
        if isinstance(form, tuple):
            members = (f"{name[:1].lower()}{name[1:]}={java_text(value.get(name), inner)}" for name, inner in form[1])
            return f"{form[0]}({', '.join(members)})"
        inner = form[0] if isinstance(form, list) else None
        return f"{{{', '.join(f'{key}={java_text(item, inner)}' for key, item in value.items())}}}"
    return str(value)
