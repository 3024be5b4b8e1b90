"""A transaction as an operation sees it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from fogbank.store.records import KeyPart, Record, shape_of
from fogbank.store.sqlite import Statements

if TYPE_CHECKING:
    from fogbank.store.store import Store

R = TypeVar("R", bound=Record)
_PAGE = 256


class Exists(Exception):
    """A record of this key is there already."""


class Tx:
    """Valid while the function that was handed it runs."""

    __slots__ = ("_callbacks", "_saved", "_store", "_touched")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._saved = False
        self._callbacks: list[Callable[[], None]] = []
        self._touched: set[str] = set()

    def get(self, cls: type[R], *key: KeyPart) -> R | None:
        s = self._store.statements(cls)
        row = self._store.connection.execute(s.get, key).fetchone()
        return s.read(*row) if row else None

    def put(self, item: Record) -> None:
        s = self._write(type(item))
        self._store.connection.execute(s.put, s.row(item))

    def insert(self, item: Record) -> None:
        import apsw

        s = self._write(type(item))
        try:
            self._store.connection.execute(s.insert, s.row(item))
        except apsw.ConstraintError as error:
            raise Exists(*(getattr(item, k) for k in s.shape.key)) from error

    def delete(self, cls: type[Record], *key: KeyPart) -> bool:
        s = self._write(cls)
        self._store.connection.execute(s.delete, key)
        return self._store.connection.changes() > 0

    def scan(self, cls: type[R], *prefix: KeyPart, after: Any = None, since: Any = None, limit: int | None = None,
             reverse: bool = False) -> Iterator[R]:
        s = self._store.statements(cls)
        return self._range(s, s.shape.key, prefix, after, since, limit, reverse)

    def find(self, cls: type[R], index: str, *prefix: KeyPart, after: Any = None, since: Any = None,
             limit: int | None = None, reverse: bool = False) -> Iterator[R]:
        s = self._store.statements(cls)
        members = s.shape.indexes[index]
        columns = (*members, *(k for k in s.shape.key if k not in members))
        return self._range(s, columns, prefix, after, since, limit, reverse)

    def count(self, cls: type[Record], *prefix: KeyPart) -> int:
        s = self._store.statements(cls)
        where = " AND ".join(f'"{c}" = ?' for c in s.shape.key[: len(prefix)]) or "1"
        return int(self._store.connection.execute(f"SELECT count(*) FROM {s.name} WHERE {where}", prefix).fetchone()[0])

    def clear(self, cls: type[Record], *prefix: KeyPart) -> int:
        s = self._write(cls)
        where = " AND ".join(f'"{c}" = ?' for c in s.shape.key[: len(prefix)]) or "1"
        self._store.connection.execute(f"DELETE FROM {s.name} WHERE {where}", prefix)
        return self._store.connection.changes()

    def after_commit(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def _range(self, s: Statements, columns: tuple[str, ...], prefix: tuple[KeyPart, ...], after: Any, since: Any,
               limit: int | None, reverse: bool) -> Iterator[Any]:
        """Pages through the range, so that a long one is never held whole, and rows may be written meanwhile."""
        fixed = [f'"{c}" = ?' for c in columns[: len(prefix)]]
        rest = columns[len(prefix):]
        start, inclusive = (after, False) if after is not None else (since, True)
        place = start if isinstance(start, tuple) else () if start is None else (start,)
        order = ", ".join(f'"{c}"{" DESC" if reverse else ""}' for c in rest) or "1"
        left = limit
        while left is None or left > 0:
            where = list(fixed)
            if place:
                names = ", ".join(f'"{c}"' for c in rest[: len(place)])
                sign = ("<" if reverse else ">") + ("=" if inclusive else "")
                where.append(f"({names}) {sign} ({', '.join('?' * len(place))})")
            size = _PAGE if left is None else min(_PAGE, left)
            sql = f"SELECT v, doc{''.join(f', {chr(34)}{c}{chr(34)}' for c in rest)} FROM {s.name}"
            sql += f" WHERE {' AND '.join(where) or '1'} ORDER BY {order} LIMIT {size}"
            rows = self._store.connection.execute(sql, (*prefix, *place)).fetchall()
            for row in rows:
                yield s.read(row[0], row[1])
            if len(rows) < size:
                return
            place, inclusive = tuple(rows[-1][2:]), False
            left = None if left is None else left - size

    def _write(self, cls: type[Record]) -> Statements:
        s = self._store.statements(cls)
        if not self._saved:
            self._store.begin_write()
            self._saved = True
        self._touched.add(s.shape.table)
        return s

    def keep(self) -> None:
        if self._saved:
            self._store.connection.execute("RELEASE op")
            self._store.touched(self._touched)
        self._store.committed(self._callbacks)

    def undo(self) -> None:
        if self._saved:
            self._store.connection.execute("ROLLBACK TO op")
            self._store.connection.execute("RELEASE op")
