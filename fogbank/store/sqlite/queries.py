"""The SQL of a record type. Rows stand in a WITHOUT ROWID table: key columns, indexed columns, version and JSON."""

from __future__ import annotations

from typing import Any

from fogbank.store.records import RecordType

# No member can be called so: Python identifiers have no dollar sign.
VERSION = '"$version"'
ROW = '"$row"'


def quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _columns(members: tuple[str, ...]) -> str:
    return ", ".join(map(quote, members))


def _marks(count: int) -> str:
    return ", ".join("?" * count)


class Queries:
    """Texts are built once, so that SQLite's prepared statements are found again."""

    def __init__(self, definition: RecordType[Any]) -> None:
        self._definition = definition
        self._selects: dict[tuple[Any, ...], str] = {}
        key, columns = definition.key, (*definition.key, *definition.indexed)
        self.table = quote(definition.table)
        where = " AND ".join(f"{quote(member)} = ?" for member in key)
        into = f"INTO {self.table} ({_columns(columns)}, {VERSION}, {ROW}) VALUES ({_marks(len(columns) + 2)})"
        self.get = f"SELECT {ROW}, {VERSION} FROM {self.table} WHERE {where}"
        self.put = f"INSERT OR REPLACE {into}"
        self.insert = f"INSERT {into}"
        self.delete = f"DELETE FROM {self.table} WHERE {where}"

    def select(self, index: str | None, prefix: int, start: tuple[str, int], end: tuple[str, int], down: bool) -> str:
        """Rows in order: bound values are the prefix, the start's and the end's components, and the limit.

        `start` and `end` are an operator and the number of components compared, which is 0 for no bound.
        """
        known = (index, prefix, start, end, down)
        text = self._selects.get(known)
        if text is None:
            order = self._definition.order(index)
            source = f"{self.table} INDEXED BY {self._index_name(index)}" if index else self.table
            direction = " DESC" if down else ""
            by = ", ".join(f"{quote(member)}{direction}" for member in order)
            where = self._where(index, prefix, start, end)
            text = f"SELECT {ROW}, {VERSION} FROM {source}{where} ORDER BY {by} LIMIT ?"
            self._selects[known] = text
        return text

    def count(self, prefix: int) -> str:
        return f"SELECT count(*) FROM {self.table}{self._where(None, prefix, ('', 0), ('', 0))}"

    def clear(self, prefix: int, end: tuple[str, int]) -> str:
        return f"DELETE FROM {self.table}{self._where(None, prefix, ('', 0), end)}"

    def clear_some(self, prefix: int, end: tuple[str, int]) -> str:
        key = _columns(self._definition.key)
        some = f"SELECT {key} FROM {self.table}{self._where(None, prefix, ('', 0), end)} ORDER BY {key} LIMIT ?"
        return f"DELETE FROM {self.table} WHERE ({key}) IN ({some})"

    def _where(self, index: str | None, prefix: int, start: tuple[str, int], end: tuple[str, int]) -> str:
        order = self._definition.order(index)
        terms = [f"{quote(member)} = ?" for member in order[:prefix]]
        for operator, count in (start, end):
            if count:
                terms.append(f"({_columns(order[prefix : prefix + count])}) {operator} ({_marks(count)})")
        if index is not None:  # SQLite uses a partial index only where the query says as much.
            terms += self._present(index)
        return f" WHERE {' AND '.join(terms)}" if terms else ""

    # --- the table itself

    def create_table(self) -> str:
        key = self._definition.key
        columns = [f"{quote(member)} NOT NULL" for member in key]
        columns += [quote(member) for member in self._definition.indexed]
        columns += [f"{VERSION} INTEGER NOT NULL", f"{ROW} BLOB NOT NULL", f"PRIMARY KEY ({_columns(key)})"]
        return f"CREATE TABLE {self.table} ({', '.join(columns)}) WITHOUT ROWID"

    def create_index(self, index: str) -> str:
        present = " AND ".join(self._present(index))
        order = _columns(self._definition.order(index))
        return f"CREATE INDEX {self._index_name(index)} ON {self.table} ({order}){' WHERE ' + present if present else ''}"

    def _present(self, index: str) -> list[str]:
        """Key members are never null, and SQLite leaves such a term out before it looks for an index that needs it."""
        indexed = self._definition.indexes[index]
        return [f"{quote(member)} IS NOT NULL" for member in indexed if member not in self._definition.key]

    def drop_index(self, index: str) -> str:
        return f"DROP INDEX IF EXISTS {self._index_name(index)}"

    def add_column(self, member: str) -> str:
        return f"ALTER TABLE {self.table} ADD COLUMN {quote(member)}"

    def _index_name(self, index: str | None) -> str:
        return quote(f"{self._definition.table}${index}")
