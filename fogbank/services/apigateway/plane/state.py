"""What the addresses keep in memory: stages made ready, authorizers' answers, rates. All of it can be lost."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway.plane.compiled import CompiledStage, Sources, compile_stage, sources

MOST_STAGES = 2_000
MOST_ANSWERS = 20_000
MOST_BUCKETS = 50_000


class Plane:
    """One for the cloud: `ctx.component(Plane)`."""

    def __init__(self) -> None:
        self._stages: OrderedDict[tuple[str, str], tuple[int, Sources, CompiledStage]] = OrderedDict()
        self._answers: OrderedDict[Any, tuple[float, Any]] = OrderedDict()
        self._buckets: OrderedDict[Any, tuple[float, float]] = OrderedDict()
        self._serial = 0
        self._tasks: set[asyncio.Task[Any]] = set()

    async def stage(self, ctx: Context, api: str, name: str) -> CompiledStage | None:
        """The stage made ready. After a change to any API it is looked whether this one changed."""
        generation = ctx.cloud.store.generation("apigateway.")
        held = self._stages.get((api, name))
        if held is not None and held[0] == generation:
            return held[2]
        return await ctx.transact(lambda c: self.stage_now(c, api, name))

    def stage_now(self, ctx: Context, api: str, name: str) -> CompiledStage | None:
        """As `stage`, in a transaction."""
        generation = ctx.cloud.store.generation("apigateway.")
        held = self._stages.get((api, name))
        if held is not None and held[0] == generation:
            return held[2]
        found = sources(ctx, api, name)
        if found is None:
            self._stages.pop((api, name), None)
            return None
        compiled = held[2] if held is not None and held[1] == found else compile_stage(ctx, found)
        if compiled is not None:
            if not compiled.serial:
                self._serial += 1
                compiled.serial = self._serial
                if compiled.canary:
                    self._serial += 1
                    compiled.canary.serial = self._serial
            self._stages[(api, name)] = generation, found, compiled
            self._stages.move_to_end((api, name))
            while len(self._stages) > MOST_STAGES:
                self._stages.popitem(last=False)
        return compiled

    def answer(self, key: Any, now: float) -> Any:
        """An authorizer's answer that is still good, or None."""
        held = self._answers.get(key)
        return held[1] if held and held[0] > now else None

    def keep_answer(self, key: Any, value: Any, until: float) -> None:
        self._answers[key] = until, value
        self._answers.move_to_end(key)
        while len(self._answers) > MOST_ANSWERS:
            self._answers.popitem(last=False)

    def take(self, key: Any, rate: float, burst: float, now: float) -> bool:
        """A token from the bucket of that key, which fills with `rate` a second up to `burst`; False where it is empty."""
        level, at = self._buckets.get(key, (burst, now))
        level = min(burst, level + (now - at) * rate)
        allowed = level >= 1
        self._buckets[key] = (level - 1 if allowed else level), now
        self._buckets.move_to_end(key)
        while len(self._buckets) > MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return allowed

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A task that outlives its request."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
