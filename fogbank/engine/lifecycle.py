"""The states of an execution environment and of the processes in it. A transition that no table names is forbidden."""

from __future__ import annotations

from collections.abc import Mapping

Table = Mapping[str, frozenset[str]]


def _table(**rows: str) -> Table:
    return {state: frozenset(targets.split()) for state, targets in rows.items()}


ENVIRONMENT = _table(
    new="init dead",
    init="ready init_failed shutdown dead",
    init_failed="init shutdown dead",
    ready="invoke frozen shutdown dead",
    frozen="invoke ready shutdown dead",
    invoke="ready shutdown dead",
    shutdown="dead",
    dead="",
)
"""`new` waits for a sandbox; `ready` has nothing to do and is not frozen yet; `invoke` lasts until the runtime and every
extension have asked for the next event."""

RUNTIME = _table(
    started="restoring ready init_error exited",
    restoring="ready init_error exited",
    ready="running exited",
    running="responding responded exited",
    responding="responded exited",
    responded="ready exited",
    init_error="exited",
    exited="",
)
"""`restoring`: where a SnapStart function's state would be kept; `responding`: a streamed response is under way."""

EXTENSION = _table(
    started="registered exited",
    registered="ready init_error exit_error exited",
    ready="running exit_error exited",
    running="ready exit_error exited",
    init_error="exited",
    exit_error="exited",
    exited="",
)


class Forbidden(Exception):
    """A transition that the table does not name."""

    def __init__(self, source: str, target: str) -> None:
        super().__init__(f"no transition from {source} to {target}")
        self.source = source
        self.target = target


class Machine:
    """A state, changed only along its table."""

    __slots__ = ("_table", "state")

    def __init__(self, table: Table, state: str) -> None:
        self._table = table
        self.state = state

    def to(self, target: str) -> None:
        if target not in self._table[self.state]:
            raise Forbidden(self.state, target)
        self.state = target

    def may(self, target: str) -> bool:
        return target in self._table[self.state]

    def __eq__(self, other: object) -> bool:
        return self.state == other if isinstance(other, str) else self is other

    __hash__ = object.__hash__
