"""A transaction, as everything above the store sees it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from fogbank.store.records import Record

R = TypeVar("R", bound=Record)
Key = str | int | bytes | float
Start = Key | tuple[Key, ...] | None


class Tx(ABC):
    """Good inside the function that `Store.run` or `Store.transact` was given, and not after it."""

    __slots__ = ()

    @abstractmethod
    def get(self, kind: type[R], *key: Key) -> R | None:
        """The row of that key."""

    @abstractmethod
    def put(self, row: Record) -> None:
        """Writes a row, in the place of one with the same key if there is one."""

    @abstractmethod
    def insert(self, row: Record) -> None:
        """Writes a new row. Raises `Exists`."""

    @abstractmethod
    def delete(self, kind: type[R], *key: Key) -> bool:
        """Removes the row of that key; tells whether there was one."""

    @abstractmethod
    def scan(
        self, kind: type[R], *prefix: Key, after: Start = None, since: Start = None, before: Start = None,
        limit: int | None = None, reverse: bool = False,
    ) -> Iterator[R]:
        """Rows whose key begins with `prefix`, in key order (downwards if `reverse`), read in pages as they are taken.

        `after` (exclusive) or `since` (inclusive) is where to start, `before` (exclusive) where to end, in the order of
        reading: values of the key's next components, one or a tuple of some or all of them.
        The loop may write to the rows that it is given; rows written ahead of it may or may not turn up.
        """

    @abstractmethod
    def find(
        self, kind: type[R], index: str, *prefix: Key, after: Start = None, since: Start = None, before: Start = None,
        limit: int | None = None, reverse: bool = False,
    ) -> Iterator[R]:
        """As `scan`, by an index: in the order of the index's members and then of the rest of the key."""

    @abstractmethod
    def count(self, kind: type[R], *prefix: Key) -> int:
        """How many rows have a key that begins with `prefix`. Walks them: not for hot paths."""

    @abstractmethod
    def clear(self, kind: type[R], *prefix: Key, before: Start = None, limit: int | None = None) -> int:
        """Removes the rows whose key begins with `prefix` (the first `limit` of them); returns how many there were.

        For very many rows use `limit`, in a task that schedules itself again: the loop stands still meanwhile.
        """

    @abstractmethod
    def sequence(self, name: str) -> int:
        """The next integer of that name: above all that a committed transaction has had from it, with gaps."""

    @abstractmethod
    def savepoint(self) -> AbstractContextManager[None]:
        """`with tx.savepoint():` an exception undoes what was written within, and goes on upwards."""

    @abstractmethod
    def after_commit(self, callback: Callable[[], Any]) -> None:
        """Calls back once all that this transaction wrote is on disk; never if it was rolled back.

        In memory: it wakes somebody, and carries no state (a crash forgets it).
        """

    @abstractmethod
    def publish(self, topic: str, message: Any = None) -> None:
        """As `after_commit`, for all who have subscribed to `topic` at the store."""
