"""The one runner of durable tasks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import Random
from typing import Any

from fogbank.store import Store, Tx
from fogbank.work.clock import Clock
from fogbank.work.tasks import Task

log = logging.getLogger("fogbank.work")


class Runner:
    def __init__(self, store: Store, clock: Clock, random: Random, resolve: Callable[[str], Any],
                 make_context: Callable[[Task, Tx | None], Any]) -> None:
        self._store, self._clock, self._random = store, clock, random
        self._resolve, self._make_context = resolve, make_context
        self._running: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._seen = -1

    async def start(self) -> None:
        self._loop_task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        for task in [self._loop_task, *self._running.values()]:
            if task:
                task.cancel()
        await asyncio.gather(*[t for t in [self._loop_task, *self._running.values()] if t], return_exceptions=True)

    async def _run(self) -> None:
        while True:
            now = self._clock.now()
            soon, wait = self._store.run(lambda tx: self._due(tx, now))[0]
            for task in soon:
                self._running[task.id] = asyncio.get_running_loop().create_task(self._guard(task))
            await asyncio.sleep(min(wait, 0.02))

    def _due(self, tx: Tx, now: float) -> tuple[list[Task], float]:
        found = []
        for task in tx.find(Task, "due"):
            if task.due > now:
                return found, task.due - now
            if task.id not in self._running and len(self._running) + len(found) < 256:
                found.append(task)
        return found, 1.0

    async def _guard(self, task: Task) -> None:
        try:
            handler = self._resolve(task.kind)
            if handler.is_async:
                await handler.handler(self._make_context(task, None), task.payload)
                await self._store.transact(lambda tx: tx.delete(Task, task.id))
            else:
                def both(tx: Tx) -> None:
                    handler.handler(self._make_context(task, tx), task.payload)
                    tx.delete(Task, task.id)
                await self._store.transact(both)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            await self._failed(task, error)
        finally:
            self._running.pop(task.id, None)

    async def _failed(self, task: Task, error: Exception) -> None:
        try:
            retry = self._resolve(task.kind).retry
        except Exception:
            log.exception("task %s of %s", task.id, task.kind)
            return
        task.attempts += 1
        task.error = repr(error)
        if task.attempts >= retry.attempts:
            log.error("task %s of kind %s failed for good: %r", task.id, task.kind, error, exc_info=error)
            await self._store.transact(lambda tx: tx.delete(Task, task.id))
            return
        wait = min(retry.most, retry.first * retry.factor ** (task.attempts - 1)) * (0.5 + self._random.random() / 2)
        task.due = self._clock.now() + wait
        await self._store.transact(lambda tx: tx.put(task))
