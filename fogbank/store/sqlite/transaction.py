"""A transaction on SQLite: one operation's part of a batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import apsw

from fogbank.store.errors import Exists
from fogbank.store.records import Record, RecordType
from fogbank.store.sqlite.commits import Batch
from fogbank.store.sqlite.schema import Table
from fogbank.store.tx import Key, Start, Tx

if TYPE_CHECKING:
    from fogbank.store.sqlite.engine import SqliteEngine

R = TypeVar("R", bound=Record)
_FIRST_PAGE = 32
_PAGE = 512


class SqliteTx(Tx):
    __slots__ = ("_engine", "_execute", "_schema", "after", "batch", "nested", "open", "saw", "savepoints")

    def __init__(self, engine: SqliteEngine) -> None:
        self._engine = engine
        self._schema = engine.schema
        self._execute = engine.execute
        self.open = True
        self.batch: Batch | None = None
        """The batch that it has written to."""
        self.nested = False
        """Whether a savepoint separates it from the operations before it in the batch."""
        self.saw: Batch | None = None
        """The newest batch of which it read something that was not on disk yet."""
        self.savepoints = 0
        self.after: list[Callable[[], Any]] = []

    # --- reading

    def get(self, kind: type[R], *key: Key) -> R | None:
        table = self._read(kind)
        if not table.exists:
            return None
        found = self._execute(table.queries.get, key).get
        return None if found is None else table.definition.read(*found)

    def scan(
        self, kind: type[R], *prefix: Key, after: Start = None, since: Start = None, before: Start = None,
        limit: int | None = None, reverse: bool = False,
    ) -> Iterator[R]:
        return self._select(kind, None, prefix, after, since, before, limit, reverse)

    def find(
        self, kind: type[R], index: str, *prefix: Key, after: Start = None, since: Start = None, before: Start = None,
        limit: int | None = None, reverse: bool = False,
    ) -> Iterator[R]:
        return self._select(kind, index, prefix, after, since, before, limit, reverse)

    def count(self, kind: type[R], *prefix: Key) -> int:
        table = self._read(kind)
        if not table.exists:
            return 0
        return int(self._execute(table.queries.count(len(prefix)), prefix).get)

    def _read(self, kind: type[R]) -> Table[R]:
        if not self.open:
            raise RuntimeError("the transaction is over")
        table = self._schema[kind]
        if table.unsynced is not None:
            self._engine.note_read(self, table)
        if not table.ready and table.exists:
            self._write(table)
        return table

    def _select(
        self, kind: type[R], index: str | None, prefix: tuple[Key, ...], after: Start, since: Start, before: Start,
        limit: int | None, reverse: bool,
    ) -> Iterator[R]:
        if after is not None and since is not None:
            raise ValueError("either after or since")
        table = self._read(kind)
        definition = table.definition
        if index is not None and index not in definition.indexes:
            raise KeyError(f"{definition.table} has no index {index}")
        if not table.exists or (limit is not None and limit <= 0):
            return iter(())
        start = _bound(after if after is not None else since)
        end = _bound(before)
        if len(prefix) + max(len(start), len(end)) > len(definition.order(index)):
            raise ValueError(f"{definition.table}: more values than the order has members")
        begin = ("<" if reverse else ">") + ("=" if since is not None else "")
        ending = (">" if reverse else "<", len(end))
        select = table.queries.select(index, len(prefix), (begin, len(start)), ending, reverse)
        size = _FIRST_PAGE if limit is None else min(limit, _FIRST_PAGE)
        page: list[Any] = self._execute(select, (*prefix, *start, *end, size)).fetchall()
        read = definition.read
        if len(page) < size or size == limit:
            return iter([read(*row) for row in page]) if len(page) < 2 else (read(*row) for row in page)
        return self._pages(table, index, prefix, page, end, limit, reverse)

    def _pages(
        self, table: Table[R], index: str | None, prefix: tuple[Key, ...], page: list[Any], end: tuple[Key, ...],
        limit: int | None, reverse: bool,
    ) -> Iterator[R]:
        read = table.definition.read
        position = table.definition.position_of(index, len(prefix))
        comparison = ("<" if reverse else ">", len(table.definition.order(index)) - len(prefix))
        ending = (">" if reverse else "<", len(end))
        select = table.queries.select(index, len(prefix), comparison, ending, reverse)
        size, left = len(page), limit
        while True:
            last = read(*page[-1])
            start = position(last)  # Now: the loop that gets this row may change it.
            for row in page[:-1]:
                yield read(*row)
            yield last
            if len(page) < size:
                return
            if left is not None:
                left -= len(page)
                if not left:
                    return
            if not self.open:
                raise RuntimeError("the transaction is over")
            size = min(size * 4, _PAGE) if left is None else min(size * 4, _PAGE, left)
            page = self._execute(select, (*prefix, *start, *end, size)).fetchall()
            if not page:
                return

    # --- writing

    def put(self, row: Record) -> None:
        table = self._schema[type(row)]
        values = _values(table.definition, row)
        self._write(table)
        try:
            self._execute(table.queries.put, values)
        except apsw.ConstraintError as error:
            raise TypeError(f"{table.definition.table}: None in the key of {row}") from error

    def insert(self, row: Record) -> None:
        table = self._schema[type(row)]
        values = _values(table.definition, row)
        self._write(table)
        try:
            self._execute(table.queries.insert, values)
        except apsw.ConstraintError as error:
            key = table.definition.key_of(row)
            if None in key:
                raise TypeError(f"{table.definition.table}: None in the key of {row}") from error
            raise Exists(table.definition.table, key) from None

    def delete(self, kind: type[R], *key: Key) -> bool:
        table = self._schema[kind]
        if not table.exists:
            return False
        self._execute(self._write(table).queries.delete, key)
        return bool(self._engine.changes())

    def clear(self, kind: type[R], *prefix: Key, before: Start = None, limit: int | None = None) -> int:
        table = self._schema[kind]
        if not table.exists:
            return 0
        queries = self._write(table).queries
        end = _bound(before)
        if limit is None:
            self._execute(queries.clear(len(prefix), ("<", len(end))), (*prefix, *end))
        else:
            self._execute(queries.clear_some(len(prefix), ("<", len(end))), (*prefix, *end, limit))
        return int(self._engine.changes())

    def sequence(self, name: str) -> int:
        self._begin()
        return self._engine.next_of(name)

    def _begin(self) -> Batch:
        """Isolates this operation in the batch, at its first write."""
        if not self.open:
            raise RuntimeError("the transaction is over")
        batch = self.batch
        if batch is None:
            batch = self._engine.commits.begin()
            if batch.operations:  # The first one of a batch can be undone with the batch.
                self._execute("SAVEPOINT operation")
                self.nested = True
            self.batch = batch
        else:
            self._engine.check_open()
        return batch

    def _write(self, table: Table[R]) -> Table[R]:
        batch = self._begin()
        if not table.ready:
            batch.shaped = True
            self._schema.prepare(table)
        table.unsynced = batch
        for generation in table.watchers:
            generation.value += 1
        return table

    # --- the transaction

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._begin()
        self.savepoints += 1
        name = f"inner{self.savepoints}"
        waiting = len(self.after)
        self._execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            del self.after[waiting:]
            self._engine.undo(name)
            raise
        else:
            self._execute(f"RELEASE {name}")
        finally:
            self.savepoints -= 1

    def after_commit(self, callback: Callable[[], Any]) -> None:
        if not self.open:
            raise RuntimeError("the transaction is over")
        self.after.append(callback)

    def publish(self, topic: str, message: Any = None) -> None:
        self.after_commit(lambda: self._engine.publish(topic, message))


def _values(definition: RecordType[Any], row: Record) -> tuple[Any, ...]:
    """The row's columns. A member of a wrong type would make it unreadable for good, so it is read back first.

    Raises msgspec.ValidationError.
    """
    data = definition.encode(row)
    definition.decode(data)
    return (*definition.columns_of(row), definition.version, data)


def _bound(value: Start) -> tuple[Key, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)
