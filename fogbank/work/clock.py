"""Two clocks: the machine's, and one that tests move."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    def call_at(self, when: float, callback: Callable[[], Any]) -> Timer:
        """Calls back once it is `when` (epoch seconds), on the loop."""
        ...


_LOOK_AGAIN = 30.0
"""Seconds. A machine that slept, or whose clock was set, is noticed after this time: the loop's own timers stand still."""


class SystemClock:
    def now(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def call_at(self, when: float, callback: Callable[[], Any]) -> Timer:
        return _SystemTimer(when, callback)


class _SystemTimer:
    def __init__(self, when: float, callback: Callable[[], Any]) -> None:
        self._when = when
        self._callback = callback
        self._loop = asyncio.get_running_loop()
        self._handle = self._loop.call_later(self._wait(), self._look)

    def cancel(self) -> None:
        self._handle.cancel()

    def _wait(self) -> float:
        return min(max(self._when - time.time(), 0.0), _LOOK_AGAIN)

    def _look(self) -> None:
        if time.time() < self._when:
            self._handle = self._loop.call_later(self._wait(), self._look)
        else:
            self._callback()


class SimulatedClock:
    """Stands still until `advance`. What waits for the same moment wakes in the order in which it began to wait."""

    def __init__(self, now: float = 1_700_000_000.0) -> None:
        self._now = now
        self._order = 0
        self._waiting: list[tuple[float, int, _SimulatedTimer]] = []
        self.settle: Callable[[], Awaitable[None]] = _turns
        """Awaited after each wake-up, until all that it causes has been done (`Runner.settled`)."""

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        timer = self.call_at(self._now + seconds, lambda: woken.set_result(None))
        try:
            await woken
        finally:
            timer.cancel()

    def call_at(self, when: float, callback: Callable[[], Any]) -> Timer:
        timer = _SimulatedTimer(callback)
        self._order += 1
        heapq.heappush(self._waiting, (when, self._order, timer))
        return timer

    async def advance(self, seconds: float) -> None:
        """Lets that much time pass, stopping at each moment for which something waits."""
        end = self._now + seconds
        await self.settle()
        while self._waiting and self._waiting[0][0] <= end:
            when, _, timer = heapq.heappop(self._waiting)
            if timer.cancelled:
                continue
            self._now = max(self._now, when)
            timer.callback()
            await self.settle()
        self._now = end
        await self.settle()


class _SimulatedTimer:
    def __init__(self, callback: Callable[[], Any]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)
