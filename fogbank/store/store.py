"""The store: transactions and blobs of one data directory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TypeVar

from fogbank.store.blobs import BlobStore
from fogbank.store.lockfile import LockFile
from fogbank.store.pending import Pending
from fogbank.store.tx import Tx

T = TypeVar("T")


class Engine(Protocol):
    """What keeps the rows."""

    def run(self, function: Callable[[Tx], T]) -> tuple[T, Pending | None]: ...
    @property
    def pending(self) -> Pending | None: ...
    def generation(self, prefix: str) -> int: ...
    def subscribe(self, topic: str, callback: Callable[[Any], Any]) -> None: ...
    async def close(self) -> None: ...


class Store:
    """Opened by `Store.open` in the loop whose thread will use it. A transaction never waits: it is one call."""

    def __init__(self, engine: Engine, blobs: BlobStore, lock: LockFile) -> None:
        self.blobs = blobs
        self._engine = engine
        self._lock = lock
        self._closed = False
        self.run = engine.run
        """`run(fn) -> (result, pending)`: calls `fn(tx)` at once, in one transaction; an exception undoes it.

        `pending` is None where all that was read and written is on disk. Else it is to be awaited, or given a callback
        (`add_done_callback(cb)`, `cb(pending)`, then `pending.exception()` is None or `StoreFailed`), before anybody
        outside may hear of the result.
        """
        self.generation = engine.generation
        """`generation(prefix) -> int`: changes whenever a record of a table of that prefix is written. For cache keys."""

    @classmethod
    async def open(cls, data_dir: Path, **options: Any) -> Store:
        """Raises `InUse` where another process has the directory, `StoreError` where a newer release wrote it."""
        from fogbank.store.sqlite import SqliteEngine

        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = LockFile(data_dir / "lock")
        try:
            return cls(SqliteEngine(data_dir / "fogbank.db", **options), BlobStore(data_dir / "blobs"), lock)
        except BaseException:
            lock.release()
            raise

    async def transact(self, function: Callable[[Tx], T]) -> T:
        """As `run`, and returns when the result is on disk. Raises what `function` raises, and `StoreFailed`."""
        try:
            result, pending = self.run(function)
        except Exception:
            if self.pending is not None:  # The error may tell of what is not on disk yet.
                await self.pending
            raise
        if pending is not None:
            await pending
        return result

    @property
    def pending(self) -> Pending | None:
        """What an answer waits for that rests on anything written up to now: an error told after a failed `run`."""
        return self._engine.pending

    def subscribe(self, topic: str, callback: Callable[[Any], Any]) -> None:
        """Calls `callback(message)` for each `tx.publish(topic, message)`, once that transaction is on disk."""
        self._engine.subscribe(topic, callback)

    async def close(self) -> None:
        """Returns when all is on disk and the directory may be opened again."""
        if self._closed:
            return
        self._closed = True
        await self._engine.close()
        self.blobs.close()
        self._lock.release()
