"""The JSONPath of `$input.path`, `$input.json` and of data mappings: names, indexes, slices, wildcards, descent."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.\.(?P<descend>[\w-]+|\*)|\.(?P<name>[\w$@-]+|\*)|\[\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<index>-?\d+)"""
    r"""|(?P<all>\*)|(?P<slice>-?\d*:-?\d*))\s*\]"""
)
MOST_FOUND = 10_000
MISSING = object()


@lru_cache(512)
def _steps(path: str) -> tuple[tuple[str, Any], ...] | None:
    """None for a path that is malformed."""
    path = path.strip()
    if not path.startswith("$"):
        path = f"$.{path}"
    at, steps = 1, []
    while at < len(path):
        match = _STEP.match(path, at)
        if not match or not match.lastgroup:
            return None
        kind, text = match.lastgroup, match[match.lastgroup]
        if kind in ("single", "double") or (kind == "name" and text != "*"):
            steps.append(("name", text))
        elif kind == "index":
            steps.append(("index", int(text)))
        elif kind == "slice":
            first, last = text.split(":")
            steps.append(("slice", (int(first) if first else None, int(last) if last else None)))
        elif kind == "descend":
            steps.append(("descend", text))
        else:
            steps.append(("all", None))
        at = match.end()
    return tuple(steps)


def find(document: Any, path: str) -> Any:
    """What the path leads to: MISSING where it leads nowhere; a list where it can lead to many."""
    steps = _steps(path)
    if steps is None:
        return MISSING
    many = any(kind in ("all", "slice", "descend") for kind, _ in steps)
    found = [document]
    for kind, what in steps:
        found = [item for value in found for item in _next(value, kind, what)][:MOST_FOUND]
        if not found and not many:
            return MISSING
    return found if many else found[0]


def _next(value: Any, kind: str, what: Any) -> list[Any]:
    if kind == "name":
        return [value[what]] if isinstance(value, dict) and what in value else []
    if kind == "index":
        return [value[what]] if isinstance(value, list) and -len(value) <= what < len(value) else []
    if kind == "slice":
        return value[what[0] : what[1]] if isinstance(value, list) else []
    if kind == "all":
        return list(value.values()) if isinstance(value, dict) else list(value) if isinstance(value, list) else []
    return _descend(value, what)


def _descend(value: Any, name: str) -> list[Any]:
    found: list[Any] = []
    waiting = [value]
    while waiting and len(found) < MOST_FOUND:
        at = waiting.pop()
        if isinstance(at, dict):
            if name == "*":
                found += list(at.values())
            elif name in at:
                found.append(at[name])
            waiting += reversed(list(at.values()))
        elif isinstance(at, list):
            waiting += reversed(at)
    return found
