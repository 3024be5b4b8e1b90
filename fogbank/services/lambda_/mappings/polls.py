"""The pollers that run in this process: told when their mapping changes, and kept to one at a time for each mapping."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Superseded(Exception):
    """The mapping has changed while its poller waited."""


class Polls:
    def __init__(self) -> None:
        self._running: dict[str, asyncio.Event] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def lock(self, uuid: str) -> asyncio.Lock:
        return self._locks[uuid]

    def begin(self, uuid: str) -> asyncio.Event:
        """The event that is set when the poller shall end."""
        event = self._running[uuid] = asyncio.Event()
        return event

    def over(self, uuid: str) -> None:
        self._running.pop(uuid, None)

    def end(self, uuid: str) -> None:
        event = self._running.get(uuid)
        if event is not None:
            event.set()

    async def stop(self) -> None:
        for event in self._running.values():
            event.set()


async def unless(ended: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, which is given up when the poller shall end. Raises Superseded."""
    task, end = asyncio.ensure_future(work), asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait((task, end), return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise Superseded
    finally:
        end.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
