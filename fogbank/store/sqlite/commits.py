"""Group commit: many operations share one SQLite transaction, and one sync of the write-ahead log to disk.

The first write opens a batch. It is committed at the end of the loop's turn, or, while an earlier batch is being synced,
as soon as that is over: the slower the disk, the larger the batches. COMMIT itself only writes to the log file; a thread
syncs it, and then the answers of the batch go out. Meanwhile the next batch fills.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from queue import SimpleQueue
from typing import Any

import apsw

from fogbank.store.errors import StoreFailed
from fogbank.store.pending import Pending

log = logging.getLogger("fogbank.store")

Sync = Callable[[int], None]

_SHORT = 0.0005
"""Seconds. A sync for a single operation that usually takes less is waited for on the loop: two changes of threads take
about as long, and there is nobody else to serve meanwhile."""


class Batch(Pending):
    """The operations that share a commit."""

    __slots__ = ("after", "operations", "shaped")

    def __init__(self) -> None:
        super().__init__()
        self.operations = 0
        self.shaped = False
        """Whether tables were made or changed."""
        self.after: list[Callable[[], Any]] = []


class Commits:
    """Begins, commits and syncs batches. `lost(batch)` is called when one was rolled back."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: apsw.Connection,
        wal: int,
        sync: Sync,
        lost: Callable[[Batch], None],
        synced: Callable[[], None],
    ) -> None:
        self.batch: Batch | None = None
        """The one being filled."""
        self.syncing: Batch | None = None
        self.failed: StoreFailed | None = None
        """Set for good by a failed sync: the kernel may have dropped pages that it will not report again."""
        self.broken: Batch | None = None
        """The batch whose sync failed."""
        self._loop = loop
        self._connection = connection
        self._lost = lost
        self._synced = synced
        self._syncer = _Syncer(loop, wal, sync, self._sync_done)

    @property
    def newest(self) -> Batch | None:
        return self.batch or self.beneath

    @property
    def beneath(self) -> Batch | None:
        """What the open batch stands on, where that is not on disk."""
        return self.syncing or self.broken

    def begin(self) -> Batch:
        """The open batch. Raises `StoreFailed` once a sync has failed."""
        if self.batch is None:
            if self.failed is not None:
                raise StoreFailed(self.failed.__cause__ or self.failed)
            self._connection.execute("BEGIN IMMEDIATE")
            self.batch = Batch()
            if self.syncing is None:
                self._loop.call_soon(self._turn_over)
        return self.batch

    def drop(self, error: BaseException | None = None) -> None:
        """Rolls the open batch back; its operations get `error`."""
        batch, self.batch = self.batch, None
        if batch is None:
            return
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._lost(batch)
        batch.settle(StoreFailed(error) if error else None)

    def _turn_over(self) -> None:
        """The loop's turn in which the batch was opened is over."""
        if self.syncing is not None:
            return
        batch = self._commit()
        if batch is not None and batch.operations == 1 and self._syncer.usual < _SHORT:
            self._sync_done(self._syncer.sync())
        elif batch is not None:
            self._syncer.request()

    def _commit(self) -> Batch | None:
        """The batch that has to be synced now, if there is one."""
        batch = self.batch
        if batch is None:
            return None
        try:
            self._connection.execute("COMMIT")
        except apsw.Error as error:
            log.error("a commit failed: %s", error)
            self.drop(error)
            return None
        self.batch, self.syncing = None, batch
        return batch

    def _sync_done(self, error: OSError | None) -> None:
        batch, self.syncing = self.syncing, None
        assert batch is not None
        if error is None:
            if self._commit() is not None:  # First, so that the disk works while the answers go out.
                self._syncer.request()
            batch.settle()
            for callback in batch.after:
                self._loop.call_soon(callback)
            batch.after = []
            self._synced()
            return
        log.critical("the disk did not take what was written: nothing is acknowledged until a restart: %s", error)
        self.failed, self.broken = StoreFailed(error), batch
        batch.settle(self.failed)
        self.drop(error)

    async def finish(self) -> None:
        """Returns when nothing is under way."""
        while (pending := self.batch or self.syncing) is not None:
            with suppress(StoreFailed):
                await pending
        self._syncer.stop()


class _Syncer:
    """The thread that waits for the disk."""

    def __init__(self, loop: asyncio.AbstractEventLoop, fd: int, sync: Sync, done: Callable[[OSError | None], None]):
        self.usual = inf
        """Seconds that a sync has taken of late."""
        self._loop = loop
        self._fd = fd
        self._sync = sync
        self._done = done
        self._requests: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-sync", daemon=True)
        self._thread.start()

    def request(self) -> None:
        self._requests.put(True)

    def stop(self) -> None:
        self._requests.put(False)
        self._thread.join()

    def sync(self) -> OSError | None:
        """Waits for the disk, in whatever thread this is; returns what went wrong."""
        began = time.perf_counter()
        try:
            self._sync(self._fd)
        except OSError as error:
            return error
        took = time.perf_counter() - began
        self.usual = took if self.usual == inf else self.usual * 0.9 + took * 0.1
        return None

    def _run(self) -> None:
        while self._requests.get():
            failure = self.sync()
            try:
                self._loop.call_soon_threadsafe(self._done, failure)
            except RuntimeError:  # The loop is closed: nobody waits any more.
                return


# macOS has no fdatasync, and its fsync leaves data in the drive's cache; there F_FULLFSYNC is the one that holds.
def sync_file(fd: int) -> None:
    if hasattr(os, "fdatasync"):
        os.fdatasync(fd)
    else:
        import fcntl

        fcntl.fcntl(fd, getattr(fcntl, "F_FULLFSYNC", 51))
