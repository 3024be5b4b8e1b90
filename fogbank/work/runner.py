"""The one runner of durable tasks.

A plain handler's changes and the end of its task are one transaction: it takes effect exactly once. A task whose handler
waits is leased first and ended when the handler has returned: after a crash it runs again. Nothing polls: commits
announce new tasks, and one timer waits for the earliest moment at which any is due.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from inspect import iscoroutinefunction
from math import inf
from random import Random
from typing import Any, Protocol

from fogbank.kit import ids
from fogbank.kit.errors import AwsError
from fogbank.store import Pending, Store, StoreFailed, Tx
from fogbank.work.clock import Clock, Timer
from fogbank.work.failures import Retrying, settle_failure
from fogbank.work.tasks import TOPIC, Task

log = logging.getLogger("fogbank.work")

_SLICE = 16
"""Plain tasks of a lane that run before other lanes, and the loop's other work, have their turn."""
_STORE_WAIT = 1.0
"""Seconds until the next try when the store could not write."""


class Handler(Protocol):
    """As `api.TaskHandler`, which is upstairs."""

    @property
    def handler(self) -> Callable[..., Any]: ...
    @property
    def is_async(self) -> bool: ...
    @property
    def retry(self) -> Retrying: ...
    @property
    def exhausted(self) -> Callable[..., Any] | None: ...


class Lane:
    """Tasks that are taken in order."""

    __slots__ = ("name", "next", "queued", "running")

    def __init__(self, name: str) -> None:
        self.name = name
        self.next = inf
        """Nothing in it is due before."""
        self.queued = False
        self.running = 0

    @property
    def kind(self) -> str:
        return self.name.partition(" ")[0]


class Runner:
    """`resolve(kind)` gives the handler, `make_context(task, tx)` what it is called with first (tx None: it waits)."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        random: Random,
        resolve: Callable[[str], Handler],
        make_context: Callable[[Task, Tx | None], Any],
        *,
        at_once: int = 64,
        overall: int = 1024,
        lease: float = 60.0,
    ) -> None:
        """At most `at_once` handlers of a lane and `overall` wait at a time; a `lease` (seconds) is renewed meanwhile."""
        self._store = store
        self._clock = clock
        self._random = random
        self._resolve = resolve
        self._make_context = make_context
        self._at_once = at_once
        self._overall = overall
        self._lease_time = lease
        self._owner = ids.hex_id(random, 16)
        self._lanes: dict[str, Lane] = {}
        self._ready: deque[Lane] = deque()
        self._turning = False
        self._starved: set[Lane] = set()
        """Lanes with work that wait for others to end, since all together are at the bound."""
        self._running: dict[str, Lane] = {}
        """By task id: leased by us, from the lease's write to the end's."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarms: list[tuple[float, str]] = []
        self._alarm: Timer | None = None
        self._alarm_at = inf
        self._renewal: Timer | None = None
        self._open = False

    async def start(self) -> None:
        """Takes up all that is due, and what a former process had begun."""
        self._open = True
        self._store.subscribe(TOPIC, lambda message: self._announced(*message))
        for name, due in await self._store.transact(self._take_up):
            self._announced(name, due)

    async def stop(self, grace: float = 2.0) -> None:
        """Starts nothing more; handlers that run have `grace` seconds to end, and else run again at the next start."""
        self._open = False
        for timer in (self._alarm, self._renewal):
            if timer is not None:
                timer.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def settled(self) -> None:
        """Returns when all that is due has run, or waits for the clock or the world outside. For tests."""
        quiet = 0
        while quiet < 10:
            pending = self._store.pending
            quiet = 0 if self._turning or (pending and not pending.done()) else quiet + 1
            if pending is not None:
                with suppress(StoreFailed):
                    await pending
            await asyncio.sleep(0)

    # --- what is due

    def _take_up(self, tx: Tx) -> list[tuple[str, float]]:
        """Ends the leases of processes that are no more; finds the lanes, and what is due first in each."""
        now = self._clock.now()
        for task in tx.find(Task, "owner"):
            task.owner, task.due = None, now
            if task.superseded:
                tx.delete(Task, task.id)
            else:
                tx.put(task)
        lanes: list[tuple[str, float]] = []
        while first := next(tx.find(Task, "due", after=lanes[-1][0] if lanes else None, limit=1), None):
            lanes.append((first.lane, first.due))
        return lanes

    def _announced(self, name: str, due: float) -> None:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name)
        if due < lane.next:
            lane.next = due
            self._consider(lane)

    def _consider(self, lane: Lane) -> None:
        """Gives the lane a turn, now or when something in it is due."""
        if not self._open or lane.queued:
            return
        if lane.next > self._clock.now():
            self._set_alarm(lane)
        elif lane.running >= self._at_once:
            pass  # Its next one to end comes here again.
        elif len(self._running) >= self._overall:
            self._starved.add(lane)
        else:
            lane.queued = True
            self._ready.append(lane)
            if not self._turning:
                self._turning = True
                asyncio.get_running_loop().call_soon(self._turn)

    def _set_alarm(self, lane: Lane) -> None:
        if lane.next == inf:
            if not lane.running:
                self._lanes.pop(lane.name, None)
            return
        heapq.heappush(self._alarms, (lane.next, lane.name))
        self._reset_alarm()

    def _reset_alarm(self) -> None:
        first = self._alarms[0][0] if self._alarms else inf
        if first == self._alarm_at:
            return
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm_at = first
        self._alarm = self._clock.call_at(first, self._ring) if first < inf else None

    def _ring(self) -> None:
        self._alarm, self._alarm_at = None, inf
        now = self._clock.now()
        while self._alarms and self._alarms[0][0] <= now:
            _, name = heapq.heappop(self._alarms)
            if (lane := self._lanes.get(name)) is not None:
                self._consider(lane)
        if self._open:
            self._reset_alarm()

    def _turn(self) -> None:
        """Some tasks of one lane; then the loop's other work, then the next lane."""
        lane = self._ready.popleft()
        lane.queued = False
        if self._open:
            try:
                self._advance(lane)
            except StoreFailed:
                self._postpone(lane)
            except Exception:
                log.exception("the tasks of %s cannot be run", lane.name)
                lane.next = inf  # Until the next one is scheduled, or the next start.
        if self._ready:
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            self._turning = False
        self._consider(lane)

    def _advance(self, lane: Lane) -> None:
        handler = self._resolve(lane.kind)
        room = min(self._at_once - lane.running, self._overall - len(self._running), _SLICE)
        now = self._clock.now()
        found = self._store.run(lambda tx: list(tx.find(Task, "due", lane.name, limit=room + 1)))[0]
        lane.next = found[-1].due if len(found) > room else inf
        due = [task for task in found[:room] if task.due <= now]
        if len(due) < min(len(found), room):
            lane.next = found[len(due)].due
        leasing = []
        pending: Pending | None = None
        for task in due:
            if task.id in self._running:
                continue  # Its lease is about to be renewed.
            if iscoroutinefunction(_function(task, handler)):
                leasing.append(task)
            else:
                pending = self._run_plain(lane, task, handler) or pending
        if pending is not None:
            pending.add_done_callback(lambda done: self._postpone(lane) if done.exception() else None)
        if leasing:
            self._lease(lane, leasing, handler)

    def _postpone(self, lane: Lane) -> None:
        """What the store could not write is still to be done."""
        lane = self._lanes.setdefault(lane.name, lane)
        lane.next = self._clock.now() + _STORE_WAIT
        self._consider(lane)

    # --- plain handlers

    def _run_plain(self, lane: Lane, task: Task, handler: Handler) -> Pending | None:
        def both(tx: Tx) -> None:
            if tx.delete(Task, task.id):  # An earlier one may have cancelled it.
                _call(handler, task, self._make_context(task, tx))

        try:
            return self._store.run(both)[1]
        except StoreFailed:
            raise
        except Exception as error:
            failure = error
        return self._store.run(lambda tx: self._failed(tx, task, handler, failure))[1]

    # --- handlers that wait

    def _lease(self, lane: Lane, tasks: list[Task], handler: Handler) -> None:
        until = self._clock.now() + self._lease_time

        def take(tx: Tx) -> None:
            for task in tasks:
                task.owner, task.due = self._owner, until
                tx.put(task)

        _, pending = self._store.run(take)
        for task in tasks:
            self._running[task.id] = lane
        lane.running += len(tasks)
        assert pending is not None
        pending.add_done_callback(lambda done: self._leased(lane, tasks, handler, done.exception()))
        if self._renewal is None:
            self._renewal = self._clock.call_at(self._clock.now() + self._lease_time / 3, self._renew)

    def _leased(self, lane: Lane, tasks: list[Task], handler: Handler, error: BaseException | None) -> None:
        if error is not None or not self._open:
            for task in tasks:
                self._ended(task, lane)
            if error is not None:
                self._postpone(lane)
            return
        for task in tasks:
            running = asyncio.get_running_loop().create_task(self._run_waiting(lane, task, handler))
            self._tasks.add(running)
            running.add_done_callback(self._tasks.discard)

    async def _run_waiting(self, lane: Lane, task: Task, handler: Handler) -> None:
        try:
            failure: BaseException | None = None
            try:
                await _call(handler, task, self._make_context(task, None))
            except asyncio.CancelledError as error:
                if not self._open:
                    raise
                failure = error
            except Exception as error:
                failure = error
            await self._end(task, handler, failure)
        finally:
            self._ended(task, lane)

    async def _end(self, task: Task, handler: Handler, failure: BaseException | None) -> None:
        """Writes the outcome, as often as it takes: while the store cannot, the task stays ours."""

        def outcome(tx: Tx) -> None:
            if failure is None:
                tx.delete(Task, task.id)
            else:
                self._failed(tx, task, handler, failure)

        while True:
            try:
                await self._store.transact(outcome)
                return
            except StoreFailed:
                await self._clock.sleep(_STORE_WAIT)

    def _ended(self, task: Task, lane: Lane) -> None:
        del self._running[task.id]
        lane.running -= 1
        self._consider(lane)
        starved, self._starved = self._starved, set()
        for other in starved:
            self._consider(other)

    def _renew(self) -> None:
        self._renewal = None
        if not self._open or not self._running:
            return
        until = self._clock.now() + self._lease_time

        def extend(tx: Tx) -> None:
            for task_id in self._running:
                task = tx.get(Task, task_id)
                if task is not None and task.owner == self._owner:
                    task.due = until
                    tx.put(task)

        with suppress(StoreFailed):
            self._store.run(extend)
        self._renewal = self._clock.call_at(self._clock.now() + self._lease_time / 3, self._renew)

    # --- failures

    def _failed(self, tx: Tx, task: Task, handler: Handler, error: BaseException) -> None:
        row = tx.get(Task, task.id)
        if row is None:
            return
        settle_failure(tx, row, handler.retry, handler.exhausted is not None, error, self._clock.now(), self._random)


def _function(task: Task, handler: Handler) -> Callable[..., Any]:
    function = handler.exhausted if task.exhausted else handler.handler
    if function is None:  # A newer release has none any more.
        return lambda *_: None
    return function


def _call(handler: Handler, task: Task, context: Any) -> Any:
    function = _function(task, handler)
    if task.exhausted:
        return function(context, task.payload, AwsError(task.code, task.message))
    return function(context, task.payload)
