"""Moves what was committed from the write-ahead log into the database, and lets the log start anew.

A thread with a connection of its own does nearly all of it while commits go on. The log can only start anew at a moment
when nothing in it is left to move; under unbroken load that moment has to be made: the last few pages are moved on the
loop, between two batches. A log that is written over also syncs quicker than one that grows.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from queue import SimpleQueue

import apsw

log = logging.getLogger("fogbank.store")

START = 4_000
"""Pages (of 4 KiB) in the log at which a checkpoint starts."""
FEW = 400
"""Pages that may be moved on the loop."""
_PASSES = 2
"""Runs of the thread after which the rest is moved on the loop however much it is: the log must not grow for ever."""


class Checkpoints:
    def __init__(self, loop: asyncio.AbstractEventLoop, path: Path, main: apsw.Connection) -> None:
        self._loop = loop
        self._path = path
        self._main = main
        self._pages = 0
        """In the log."""
        self._running = False
        self._passes = 0
        self._finishing = False
        """Whether the thread has done its part, and the loop's is due."""
        self._requests: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-checkpoint", daemon=True)
        self._thread.start()
        main.set_wal_hook(self._committed)

    def _committed(self, connection: apsw.Connection, database: str, pages: int) -> int:
        self._pages = pages
        if pages >= START and not self._running and not self._finishing:
            self._request()
        return apsw.SQLITE_OK

    def _request(self) -> None:
        self._running = True
        self._requests.put(True)

    def between_batches(self) -> None:
        """Called with no transaction open."""
        if not self._finishing:
            return
        self._finishing = False
        self._passes = 0
        try:
            self._main.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.Error as error:
            log.error("a checkpoint failed, the log grows meanwhile: %s", error)

    def stop(self) -> None:
        self._main.set_wal_hook(None)
        self._requests.put(False)
        self._thread.join()

    def _moved(self, moved: int) -> None:
        """On the loop: the thread has made a pass."""
        self._running = False
        self._passes += 1
        if self._pages - moved <= FEW or self._passes >= _PASSES:
            self._finishing = True
        else:
            self._request()

    def _run(self) -> None:
        connection: apsw.Connection | None = None
        while self._requests.get():
            moved = 0
            try:
                if connection is None:
                    connection = apsw.Connection(str(self._path), flags=apsw.SQLITE_OPEN_READWRITE)
                    connection.execute("PRAGMA synchronous = NORMAL")
                    connection.wal_autocheckpoint(0)
                _, moved = connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            except apsw.Error as error:
                log.error("a checkpoint failed, the log grows meanwhile: %s", error)
            try:
                self._loop.call_soon_threadsafe(self._moved, moved)
            except RuntimeError:  # The loop is closed.
                break
        if connection is not None:
            connection.close()
