"""A write on its way to the disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from typing import Any

log = logging.getLogger("fogbank.store")


class Pending:
    """Shared by all operations of one batch. Awaiting it, or its callbacks, tells when their data is on disk.

    Not a Future: callbacks run at once and in order when the sync is over, without a turn of the loop each.
    """

    __slots__ = ("_callbacks", "_done", "_error")

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Any], None]] = []
        self._done = False
        self._error: BaseException | None = None

    def done(self) -> bool:
        return self._done

    def exception(self) -> BaseException | None:
        """`StoreFailed` where the data did not reach the disk; None where it did, or where that is not known yet."""
        return self._error

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        """Calls `callback(self)` on the loop's thread when it is settled: at once if it is already."""
        if self._done:
            _call(callback, self)
        else:
            self._callbacks.append(callback)

    def settle(self, error: BaseException | None = None) -> None:
        self._done = True
        self._error = error
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            _call(callback, self)

    def __await__(self) -> Generator[Any, None, None]:
        """Waits until the data is on disk. Raises `StoreFailed`."""
        if not self._done:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._callbacks.append(lambda _: _wake(waiter))
            yield from waiter
        if self._error is not None:
            raise self._error


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():  # Its task may have been cancelled.
        waiter.set_result(None)


def _call(callback: Callable[[Any], None], pending: Pending) -> None:
    try:
        callback(pending)
    except Exception:
        log.exception("a callback after a commit failed")
