"""SQLite tables of records: names, statements, and their making at first use."""

from __future__ import annotations

import json
from typing import Any

import apsw

from fogbank.store.records import Record, Shape


class Statements:
    """The SQL of one record class. Columns: the key's members, then the indexes' others, then version and document."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.name = '"' + shape.table.replace('"', "") + '"'
        extra = sorted({m for index in shape.indexes.values() for m in index} - set(shape.key))
        self.columns = (*shape.key, *extra)
        listed = ", ".join(f'"{c}"' for c in self.columns)
        marks = ", ".join("?" * (len(self.columns) + 2))
        where = " AND ".join(f'"{c}" = ?' for c in shape.key)
        self.create = f'CREATE TABLE IF NOT EXISTS {self.name} ({listed}, v, doc, PRIMARY KEY ({_names(shape.key)})) WITHOUT ROWID'
        self.put = f"INSERT OR REPLACE INTO {self.name} ({listed}, v, doc) VALUES ({marks})"
        self.insert = f"INSERT INTO {self.name} ({listed}, v, doc) VALUES ({marks})"
        self.get = f"SELECT v, doc FROM {self.name} WHERE {where}"
        self.delete = f"DELETE FROM {self.name} WHERE {where}"

    def row(self, item: Record) -> tuple[Any, ...]:
        values = [getattr(item, column) for column in self.columns]
        return (*values, self.shape.version, self.shape.encode(item))

    def read(self, version: int, doc: bytes) -> Any:
        if version != self.shape.version and self.shape.migrate:
            doc = self.shape.encode(self.shape.migrate({"_version": version, **json.loads(doc)}))
        return self.shape.decode(doc)

    def prepare(self, connection: apsw.Connection) -> None:
        """Makes the table and brings its columns and indexes in line with the class."""
        connection.execute(self.create)
        have = {row[1] for row in connection.execute(f"PRAGMA table_info({self.name})")}
        missing = [c for c in self.columns if c not in have]
        for column in missing:
            connection.execute(f'ALTER TABLE {self.name} ADD COLUMN "{column}"')
        if missing:
            rows = list(connection.execute(f"SELECT v, doc FROM {self.name}"))
            connection.executemany(self.put, [self.row(self.read(v, doc)) for v, doc in rows])
        for index, members in self.shape.indexes.items():
            columns = (*members, *(k for k in self.shape.key if k not in members))
            connection.execute(
                f'CREATE INDEX IF NOT EXISTS "{self.shape.table}/{index}/{"+".join(members)}" ON {self.name} ({_names(columns)})'
            )


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{c}"' for c in columns)
