"""The store: operations share one transaction, one commit and one sync to disk (group commit)."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import apsw

from fogbank.kit.errors import AwsError
from fogbank.store.blobs import BlobStore
from fogbank.store.records import Record, shape_of
from fogbank.store.sqlite import Statements
from fogbank.store.tx import Tx

T = TypeVar("T")
Pending = asyncio.Future[None]
CHECKPOINT_PAGES = 4000


class Store:
    @classmethod
    async def open(cls, data_dir: Path) -> Store:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(data_dir, asyncio.get_running_loop())

    def __init__(self, data_dir: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._path = data_dir / "fogbank.db"
        self._lock = _own(data_dir / "lock")
        self.connection = apsw.Connection(str(self._path))
        for pragma in ("journal_mode=WAL", "synchronous=OFF", "wal_autocheckpoint=0", "cache_size=-16384", "temp_store=MEMORY"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        os.chmod(self._path, 0o600)
        # The WAL file exists once something was written.
        self.connection.execute("CREATE TABLE IF NOT EXISTS fogbank (format)")
        self.connection.execute("DELETE FROM fogbank")
        self.connection.execute("INSERT INTO fogbank VALUES (1)")
        self._wal = os.open(f"{self._path}-wal", os.O_RDONLY)
        os.fdatasync(self._wal)
        self.connection.set_wal_hook(self._on_commit)
        self._syncer = ThreadPoolExecutor(1, "fogbank-sync")
        self._checkpointer = ThreadPoolExecutor(1, "fogbank-checkpoint")
        self._checkpointing = False
        self._statements: dict[type[Record], Statements] = {}
        self._prepared: list[type[Record]] = []
        self._generations: Counter[str] = Counter()
        self._open: Pending | None = None
        self._callbacks: list[Callable[[], None]] = []
        self._syncing: Pending | None = None
        self._broken: AwsError | None = None
        self.blobs = BlobStore(data_dir / "blobs", loop)

    # --- operations

    def run(self, fn: Callable[[Tx], T]) -> tuple[T, Pending | None]:
        """Runs `fn` at once. What it returned, and the future of what it saw being on disk (None: it is)."""
        if self._broken:
            raise self._broken
        tx = Tx(self)
        mark = len(self._prepared)
        try:
            result = fn(tx)
        except BaseException:
            tx.undo()
            for cls in self._prepared[mark:]:
                self._statements.pop(cls, None)
            del self._prepared[mark:]
            raise
        tx.keep()
        return result, self._open or self._syncing

    async def transact(self, fn: Callable[[Tx], T]) -> T:
        result, pending = self.run(fn)
        if pending is not None:
            await asyncio.shield(pending)
        return result

    def generation(self, prefix: str) -> int:
        return self._generations[prefix.partition(".")[0]]

    # --- for Tx

    def statements(self, cls: type[Record]) -> Statements:
        found = self._statements.get(cls)
        if found is None:
            found = Statements(shape_of(cls))
            if self._open is None:
                self._begin()
            found.prepare(self.connection)
            self._statements[cls] = found
            self._prepared.append(cls)
        return found

    def begin_write(self) -> None:
        if self._open is None:
            self._begin()
        self.connection.execute("SAVEPOINT op")

    def touched(self, tables: set[str]) -> None:
        for table in tables:
            self._generations[table.partition(".")[0]] += 1

    def committed(self, callbacks: list[Callable[[], None]]) -> None:
        self._callbacks += callbacks

    # --- the batch

    def _begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        self._open = self._loop.create_future()
        self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Commits the batch; while another is being synced it waits, and takes in more."""
        if self._open is None or self._syncing is not None:
            return
        batch, self._open = self._open, None
        callbacks, self._callbacks = self._callbacks, []
        self._prepared.clear()
        try:
            self.connection.execute("COMMIT")
        except apsw.Error as error:
            with contextlib.suppress(apsw.Error):
                self.connection.execute("ROLLBACK")
            self._statements.clear()
            self._fail(batch, error)
            return
        self._syncing = batch
        self._syncer.submit(os.fdatasync, self._wal).add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(self._synced, batch, callbacks, done.exception())
        )

    def _synced(self, batch: Pending, callbacks: list[Callable[[], None]], error: BaseException | None) -> None:
        self._syncing = None
        if error is not None:
            # What is on disk is unknown from here on: nothing may be acknowledged any more.
            self._broken = AwsError("ServiceUnavailable", f"The store cannot write to its disk: {error}", status=503)
            self._fail(batch, error)
            return
        if not batch.cancelled():
            batch.set_result(None)
        for callback in callbacks:
            callback()
        if self._open is not None:
            self._flush()

    def _fail(self, batch: Pending, error: BaseException) -> None:
        if not batch.done():
            batch.set_exception(AwsError("InternalFailure", f"The store could not commit: {error}", status=500))
            batch.exception()

    def _on_commit(self, connection: apsw.Connection, database: str, pages: int) -> int:
        if pages > CHECKPOINT_PAGES and not self._checkpointing:
            self._checkpointing = True
            self._checkpointer.submit(self._checkpoint)
        return apsw.SQLITE_OK

    def _checkpoint(self) -> None:
        try:
            with contextlib.closing(apsw.Connection(str(self._path))) as connection:
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        finally:
            self._checkpointing = False

    async def close(self) -> None:
        while self._open is not None or self._syncing is not None:
            self._flush()
            with contextlib.suppress(AwsError):
                await asyncio.shield(self._syncing or self._open)  # type: ignore[arg-type]
            await asyncio.sleep(0)
        self._checkpointer.shutdown()
        self._syncer.shutdown()
        self.connection.close()
        os.close(self._wal)
        os.close(self._lock)


def _own(path: Path) -> int:
    """One process owns the data. Raises OSError naming the owner where there is one."""
    lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.read(lock, 32).decode(errors="replace").strip()
        os.close(lock)
        raise OSError(f"{path.parent} is in use by another Fogbank (pid {owner or 'unknown'})") from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock
