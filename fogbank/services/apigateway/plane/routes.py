"""From a path to the resource that answers it: names before variables, variables before greedy ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

M = TypeVar("M")


@dataclass(slots=True)
class _Node(Generic[M]):
    names: dict[str, _Node[M]] = field(default_factory=dict)
    variable: tuple[str, _Node[M]] | None = None
    greedy: tuple[str, dict[str, M]] | None = None
    methods: dict[str, M] = field(default_factory=dict)


class Routes(Generic[M]):
    def __init__(self) -> None:
        self._root: _Node[M] = _Node()

    def add(self, path: str, methods: dict[str, M]) -> None:
        node = self._root
        for part in segments(path):
            if part.endswith("+}"):
                node.greedy = part[1:-2], methods
                return
            if part.startswith("{") and part.endswith("}"):
                if node.variable is None:
                    node.variable = part[1:-1], _Node()
                node = node.variable[1]
            else:
                node = node.names.setdefault(part, _Node())
        node.methods = methods

    def find(self, path: str, method: str) -> tuple[M, dict[str, str]] | None:
        """The method's entry (or that of ANY) and the path's parameters, percent-encoded as they came.

        A resource that lacks the method is passed over for a less specific one that has it.
        """
        parts = segments(path)
        return self._find(self._root, parts, 0, method, path)

    def _find(
        self, node: _Node[M], parts: list[str], at: int, method: str, path: str
    ) -> tuple[M, dict[str, str]] | None:
        if at == len(parts):
            entry = node.methods.get(method) or node.methods.get("ANY")
            return (entry, {}) if entry is not None else None
        child = node.names.get(parts[at])
        if child is not None and (found := self._find(child, parts, at + 1, method, path)):
            return found
        if node.variable is not None:
            name, child = node.variable
            if parts[at] and (found := self._find(child, parts, at + 1, method, path)):
                found[1][name] = parts[at]
                return found
        if node.greedy is not None:
            name, methods = node.greedy
            entry = methods.get(method) or methods.get("ANY")
            if entry is not None:
                return entry, {name: "/".join(parts[at:])}
        return None


def segments(path: str) -> list[str]:
    """The parts of a path; slashes at its ends do not count, those within do."""
    stripped = path.strip("/")
    return stripped.split("/") if stripped else []
