"""One SQLite database, owned by this process and written by the loop's thread alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import apsw

from fogbank.store.errors import StoreError, StoreFailed
from fogbank.store.pending import Pending
from fogbank.store.sqlite.checkpoints import Checkpoints
from fogbank.store.sqlite.commits import Batch, Commits, Sync, sync_file
from fogbank.store.sqlite.schema import Schema, Table
from fogbank.store.sqlite.transaction import SqliteTx
from fogbank.store.tx import Tx

T = TypeVar("T")

_PRAGMAS = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = NORMAL;
PRAGMA wal_autocheckpoint = 0;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -16384;
PRAGMA busy_timeout = 5000;
"""
_SEQUENCE_BLOCK = 1_000
_STATEMENTS = 1_000
"""Prepared statements kept: several for each record type in use."""


class SqliteEngine:
    """Made inside a running loop."""

    def __init__(self, path: Path, sync: Sync = sync_file) -> None:
        loop = asyncio.get_running_loop()
        _create(path)
        self._connection = connection = apsw.Connection(str(path), statementcachesize=_STATEMENTS)
        try:
            connection.execute(_PRAGMAS).fetchall()  # apsw runs statements as their rows are taken.
            self.schema = Schema(connection)
            # What a killed process had written but not synced is visible to us: put it on disk before anybody is told.
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        except apsw.Error as error:
            connection.close()
            raise StoreError(f"{path} cannot be read: {error}") from error
        self._wal = os.open(f"{path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        _sync_directory(path.parent)
        self._checkpoints = Checkpoints(loop, path, connection)
        self.commits = Commits(loop, connection, self._wal, sync, self._lost, self._between)
        # One cursor for all: nothing keeps it between two calls, since rows are fetched at once.
        self.execute = connection.cursor().execute
        self.changes = connection.changes
        self._active: SqliteTx | None = None
        self._closed = False
        self._sequences: dict[str, tuple[int, int]] = {}
        """The next value, and the first that is not reserved in the file."""
        self._subscribers: dict[str, list[Callable[[Any], Any]]] = {}

    def run(self, function: Callable[[Tx], T]) -> tuple[T, Pending | None]:
        if self._active is not None:
            raise RuntimeError("a transaction is running: pass its tx on")
        if self._closed:
            raise RuntimeError("the store is closed")
        self._active = tx = SqliteTx(self)
        try:
            result = function(tx)
            pending = self._end(tx) if tx.batch is not None or tx.after else tx.saw
        except (apsw.FullError, apsw.IOError, apsw.ReadOnlyError, apsw.CorruptError) as error:
            self._undo(tx, error)
            raise StoreFailed(error) from error
        except BaseException as error:
            self._undo(tx, error)
            raise
        finally:
            tx.open = False
            self._active = None
        return result, pending

    @property
    def pending(self) -> Pending | None:
        return self.commits.newest

    def generation(self, prefix: str) -> int:
        return self.schema.generation(prefix)

    def subscribe(self, topic: str, callback: Callable[[Any], Any]) -> None:
        self._subscribers.setdefault(topic, []).append(callback)

    def publish(self, topic: str, message: Any) -> None:
        for callback in self._subscribers.get(topic, ()):
            callback(message)

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self.commits.finish()
        self._checkpoints.stop()
        self._connection.close()
        os.close(self._wal)

    # --- for transactions

    def note_read(self, tx: SqliteTx, table: Table[Any]) -> None:
        """Remembers that `tx` saw what may not be on disk."""
        batch = table.unsynced
        assert batch is not None
        if batch.done() and batch.exception() is None:
            table.unsynced = None
        elif tx.saw is None or batch is self.commits.batch:  # Batches end in order: the open one is the newest.
            tx.saw = batch

    def check_open(self) -> None:
        """After some errors (no space) SQLite has rolled everything back, even if a handler caught the error and goes on.

        Raises StoreFailed.
        """
        if not self._connection.in_transaction:
            raise StoreFailed(OSError("the transaction was given up"))

    def next_of(self, name: str) -> int:
        value, reserved = self._sequences.get(name, (0, 0))
        if value >= reserved:
            found = self.execute('SELECT reserved FROM "$sequences" WHERE name = ?', (name,)).get
            value = 1 if found is None else int(found)
            reserved = value + _SEQUENCE_BLOCK
            self.execute('INSERT OR REPLACE INTO "$sequences" VALUES (?, ?)', (name, reserved))
        self._sequences[name] = (value + 1, reserved)
        return value

    def undo(self, savepoint: str) -> None:
        """Takes back what was written since `savepoint`, in memory as well."""
        if self._connection.in_transaction:
            self.execute(f"ROLLBACK TO {savepoint}")
            self.execute(f"RELEASE {savepoint}")
        self._forget()

    # --- ends

    def _end(self, tx: SqliteTx) -> Pending | None:
        batch = tx.batch
        if batch is None:
            if tx.saw is None:
                self._call_all(tx.after)
            else:
                tx.saw.after.extend(tx.after)
            return tx.saw
        self.check_open()
        if tx.nested:
            self.execute("RELEASE operation")
        batch.operations += 1
        batch.after.extend(tx.after)
        return batch

    def _undo(self, tx: SqliteTx, error: BaseException) -> None:
        if tx.batch is None:
            return
        if not self._connection.in_transaction:  # SQLite gave the whole transaction up: no space, or no disk.
            self.commits.drop(error)
        elif tx.nested:
            try:
                self.undo("operation")
            except apsw.Error as failure:
                self.commits.drop(failure)
        else:
            self.commits.drop()

    def _lost(self, batch: Batch) -> None:
        for table in self.schema.tables:
            if table.unsynced is batch:
                table.unsynced = self.commits.beneath
        self._forget()

    def _forget(self) -> None:
        """What memory knows of the file may have been undone."""
        self._sequences.clear()
        self.schema.reload()
        self.schema.bump()

    def _between(self) -> None:
        if self.commits.batch is None:
            self._checkpoints.between_batches()

    def _call_all(self, callbacks: list[Callable[[], Any]]) -> None:
        loop = asyncio.get_running_loop()
        for callback in callbacks:
            loop.call_soon(callback)


def _create(path: Path) -> None:
    """Secrets are in it: it is its owner's alone from the first byte on."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
