"""Assembles one module's source from functions that refer to each other."""

from __future__ import annotations

from collections.abc import Callable, Hashable


class Block:
    """Lines of one function, with indentation kept."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def __call__(self, line: str) -> None:
        self.lines.append("    " * self.depth + line)

    def indent(self) -> Block:
        self.depth += 1
        return self

    def __enter__(self) -> Block:
        return self

    def __exit__(self, *_: object) -> None:
        self.depth -= 1


class Source:
    """The functions of a unit. Each is asked for by key, gets its name at once and its body once: shapes may recurse."""

    def __init__(self) -> None:
        self._names: dict[Hashable, str] = {}
        self._blocks: list[Block] = []
        self._constants: dict[str, str] = {}

    def function(self, key: Hashable, parameters: str, body: Callable[[Block], None]) -> str:
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = f"_{len(self._names)}"
            self.named(name, parameters, body)
        return name

    def named(self, name: str, parameters: str, body: Callable[[Block], None]) -> None:
        block = Block()
        block(f"def {name}({parameters}):")
        with block.indent():
            body(block)
        self._blocks.append(block)

    def constant(self, expression: str) -> str:
        """A module-level name bound to `expression`."""
        name = self._constants.get(expression)
        if name is None:
            name = self._constants[expression] = f"_C{len(self._constants)}"
        return name

    def text(self) -> str:
        lines = [f"{name} = {expression}" for expression, name in self._constants.items()]
        for block in self._blocks:
            lines.extend(block.lines)
        return "\n".join(lines) + "\n"
