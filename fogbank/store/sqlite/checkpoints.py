"""Moves what was committed from the write-ahead log into the database, on a thread and a connection of its own."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from queue import SimpleQueue

import apsw

log = logging.getLogger("fogbank.store")

SOFT = 1_000
"""Pages (of 4 KiB) in the log at which a checkpoint starts in the background."""
HARD = 16_000
"""Pages at which one is made between two batches: under unbroken load the log never gets to start anew otherwise."""


class Checkpoints:
    def __init__(self, loop: asyncio.AbstractEventLoop, path: Path, main: apsw.Connection) -> None:
        self._loop = loop
        self._path = path
        self._main = main
        self._pages = 0
        self._running = False
        self._rest = 0
        """Pages that the last checkpoint could not start anew: wait for as many again before the next."""
        self._requests: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-checkpoint", daemon=True)
        self._thread.start()
        main.set_wal_hook(self._committed)

    def _committed(self, connection: apsw.Connection, database: str, pages: int) -> int:
        if pages < self._pages:
            self._rest = 0
        self._pages = pages
        if pages >= self._rest + SOFT and not self._running:
            self._running = True
            self._requests.put(True)
        return apsw.SQLITE_OK

    def between_batches(self) -> None:
        """Called with no batch open. Short: the thread has just moved and synced all but the last few pages."""
        if self._pages >= HARD and not self._running:
            self._main.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            self._pages = 0

    def stop(self) -> None:
        self._main.set_wal_hook(None)
        self._requests.put(False)
        self._thread.join()

    def _run(self) -> None:
        connection: apsw.Connection | None = None
        while self._requests.get():
            try:
                if connection is None:
                    connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)
                    connection.execute("PRAGMA synchronous = NORMAL")
                    connection.execute("PRAGMA wal_autocheckpoint = 0")
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            except apsw.Error as error:
                log.error("a checkpoint failed, the log grows meanwhile: %s", error)
            try:
                self._loop.call_soon_threadsafe(self._checkpointed)
            except RuntimeError:
                break
        if connection is not None:
            connection.close()

    def _checkpointed(self) -> None:
        self._running = False
        self._rest = self._pages
