"""Tables: made at first use, and brought into shape when a record's declaration has changed."""

from __future__ import annotations

import logging
from typing import Any, Generic, TypeVar

import apsw
import msgspec

from fogbank.store.errors import StoreError
from fogbank.store.records import Record, RecordType, definition_of
from fogbank.store.sqlite.commits import Batch
from fogbank.store.sqlite.queries import Queries

log = logging.getLogger("fogbank.store")

R = TypeVar("R", bound=Record)
_PAGE = 500

LAYOUT = 1
"""Of the file as a whole: raised when what stands below or the form of a table changes."""
_CATALOGUE = """
CREATE TABLE IF NOT EXISTS "$tables" (name TEXT PRIMARY KEY, shape BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "$sequences" (name TEXT PRIMARY KEY, reserved INTEGER NOT NULL) WITHOUT ROWID;
"""


class Shape(msgspec.Struct):
    """A table as it stands in the file."""

    key: tuple[str, ...]
    indexes: dict[str, tuple[str, ...]]
    columns: list[str]
    version: int


class Generation:
    """Counts the writes to the tables of one prefix."""

    __slots__ = ("prefix", "value")

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.value = 0


class Table(Generic[R]):
    """A record type in an open database."""

    __slots__ = ("definition", "exists", "queries", "ready", "unsynced", "watchers")

    def __init__(self, definition: RecordType[R]) -> None:
        self.definition = definition
        self.queries = Queries(definition)
        self.exists = False
        self.ready = False
        """Whether it stands in the file as declared."""
        self.unsynced: Batch | None = None
        """The last batch that wrote to it, which may be on disk by now."""
        self.watchers: list[Generation] = []


class Schema:
    """All tables of a database, by record class."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._shapes: dict[str, Shape] = {}
        self._tables: dict[type[Any], Table[Any]] = {}
        self._generations: dict[str, Generation] = {}
        with connection:
            (layout,) = connection.execute("PRAGMA user_version").fetchone() or (0,)
            if layout > LAYOUT:
                raise StoreError("the data directory was written by a newer release of Fogbank")
            connection.execute(_CATALOGUE).fetchall()
            connection.execute(f"PRAGMA user_version = {LAYOUT}")
        self.reload()

    def __getitem__(self, kind: type[R]) -> Table[R]:
        table = self._tables.get(kind)
        return table if table is not None else self._add(kind)

    @property
    def tables(self) -> list[Table[Any]]:
        return list(self._tables.values())

    def generation(self, prefix: str) -> int:
        generation = self._generations.get(prefix)
        if generation is None:
            generation = self._generations[prefix] = Generation(prefix)
            for table in self._tables.values():
                if table.definition.table.startswith(prefix):
                    table.watchers.append(generation)
        return generation.value

    def reload(self) -> None:
        """Reads the catalogue anew: after a rollback, it may not be as we left it."""
        rows = self._connection.execute('SELECT name, shape FROM "$tables"')
        self._shapes = {name: msgspec.json.decode(shape, type=Shape) for name, shape in rows}
        for table in self._tables.values():
            self._inspect(table)

    def bump(self) -> None:
        for generation in self._generations.values():
            generation.value += 1

    def _add(self, kind: type[R]) -> Table[R]:
        table = Table(definition_of(kind))
        name = table.definition.table
        if any(other.definition.table == name for other in self._tables.values()):
            raise StoreError(f"two record classes for the table {name}")
        self._inspect(table)
        table.watchers = [g for g in self._generations.values() if name.startswith(g.prefix)]
        self._tables[kind] = table
        return table

    def _inspect(self, table: Table[Any]) -> None:
        definition = table.definition
        shape = self._shapes.get(definition.table)
        table.exists = shape is not None
        table.ready = False
        if shape is None:
            return
        if shape.key != definition.key:
            raise StoreError(f"{definition.table}: the key was {shape.key} and is declared as {definition.key}")
        if shape.version > definition.version:
            raise StoreError(f"{definition.table} was written by a newer release of Fogbank")
        migrated = shape.version < definition.version and definition.indexes
        table.ready = shape.indexes == definition.indexes and not migrated

    # --- changes, all inside the open transaction

    def prepare(self, table: Table[Any]) -> None:
        """Makes the table, or brings it into the declared shape."""
        definition, execute = table.definition, self._connection.execute
        shape = self._shapes.get(definition.table)
        if shape is None:
            execute(table.queries.create_table())
            old: dict[str, tuple[str, ...]] = {}
            columns = list(definition.indexed)
        else:
            log.info("rebuilding the indexes of %s", definition.table)
            old, columns = shape.indexes, list(shape.columns)
            for name in old:
                execute(table.queries.drop_index(name))
            for member in definition.indexed:
                if member not in columns:
                    execute(table.queries.add_column(member))
                    columns.append(member)
            self._refill(table)
        for name in definition.indexes:
            execute(table.queries.create_index(name))
        shape = Shape(definition.key, definition.indexes, columns, definition.version)
        execute('INSERT OR REPLACE INTO "$tables" VALUES (?, ?)', (definition.table, msgspec.json.encode(shape)))
        self._shapes[definition.table] = shape
        table.exists = table.ready = True

    def _refill(self, table: Table[Any]) -> None:
        """Writes every row again, as the declaration has it now."""
        definition, execute = table.definition, self._connection.execute
        width = len(definition.key)
        bound: tuple[Any, ...] = ()
        while True:
            start = (">", width) if bound else ("", 0)
            page: list[Any] = execute(table.queries.select(None, 0, start, ("", 0), False), (*bound, _PAGE)).fetchall()
            rows = [definition.read(data, version) for data, version in page]
            for row in rows:
                values = (*definition.columns_of(row), definition.version, definition.encode(row))
                execute(table.queries.put, values)
            if len(page) < _PAGE:
                return
            bound = definition.key_of(rows[-1])


