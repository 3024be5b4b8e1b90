"""The runner under a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest

from fogbank.api.service import Retry, TaskHandler
from fogbank.kit.errors import AwsError
from fogbank.store import Record, Store, Tx, record
from fogbank.work import GiveUp, RetryAfter, Runner, SimulatedClock, Task, tasks


@record("test.effect", key=("name",))
class Effect(Record):
    name: str
    times: int = 1


@dataclass
class Call:
    task: Task
    tx: Tx | None


@dataclass
class House:
    """A store, a clock and a runner with handlers that a test registers."""

    store: Store
    clock: SimulatedClock
    random: Random = field(default_factory=lambda: Random(1))
    handlers: dict[str, TaskHandler] = field(default_factory=dict)
    runner: Runner | None = None
    log: list[Any] = field(default_factory=list)

    def handler(self, kind: str, function: Callable[..., Any], retry: Retry | None = None,
                exhausted: Callable[..., Any] | None = None) -> None:
        self.handlers[kind] = TaskHandler(
            kind, function, asyncio.iscoroutinefunction(function), retry or Retry(), exhausted
        )

    async def start(self, **options: Any) -> None:
        self.runner = Runner(self.store, self.clock, self.random, self.handlers.__getitem__, Call, **options)
        self.clock.settle = self.runner.settled
        await self.runner.start()

    async def schedule(self, kind: str, payload: dict[str, Any] | None = None, delay: float = 0.0, **names: str) -> str:
        return await self.store.transact(
            lambda tx: tasks.schedule(
                tx, kind, payload or {}, due=self.clock.now() + delay, random=self.random, **names
            )
        )

    async def settled(self) -> None:
        assert self.runner
        await self.runner.settled()

    def waiting(self) -> list[Task]:
        return self.store.run(lambda tx: list(tx.scan(Task)))[0]

    def noted(self, call: Call, payload: dict[str, Any]) -> None:
        self.log.append((payload.get("n"), self.clock.now() - 1_700_000_000))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await Store.open(tmp_path)
    house = House(store, SimulatedClock())
    yield house
    if house.runner:
        await house.runner.stop(0.1)
    await store.close()


async def test_tasks_run_when_due_in_order_of_due_and_of_scheduling(house: House) -> None:
    house.handler("t.note", house.noted)
    await house.start()
    await house.schedule("t.note", {"n": 3}, delay=5)
    await house.schedule("t.note", {"n": 1}, delay=2)
    await house.schedule("t.note", {"n": 2}, delay=2)
    await house.clock.advance(1)
    assert house.log == []
    await house.clock.advance(10)
    assert house.log == [(1, 2.0), (2, 2.0), (3, 5.0)]
    assert house.waiting() == []


async def test_a_plain_handler_and_its_task_are_one_transaction(house: House) -> None:
    def handler(call: Call, payload: dict[str, Any]) -> None:
        assert call.tx
        effect = call.tx.get(Effect, "x")
        call.tx.put(Effect(name="x", times=effect.times + 1 if effect else 1))
        house.log.append("try")
        if len(house.log) < 3:
            raise AwsError("Throttled", "not now")

    house.handler("t.once", handler, Retry(attempts=5, first=1.0))
    await house.start()
    await house.schedule("t.once")
    await house.clock.advance(60)
    assert house.log == ["try"] * 3
    assert house.store.run(lambda tx: tx.get(Effect, "x"))[0] == Effect(name="x", times=1)
    assert house.waiting() == []


async def test_backoff_is_bounded_and_ends_with_exhausted(house: House) -> None:
    times: list[float] = []

    async def handler(call: Call, payload: dict[str, Any]) -> None:
        times.append(house.clock.now())
        raise AwsError("Broken", "it is broken")

    def exhausted(call: Call, payload: dict[str, Any], error: AwsError) -> None:
        assert call.tx
        house.log.append((payload["n"], error.code, error.message))

    house.handler("t.fails", handler, Retry(attempts=6, first=1.0, factor=2.0, most=4.0), exhausted)
    await house.start()
    await house.schedule("t.fails", {"n": 7})
    await house.clock.advance(100)
    waits = [b - a for a, b in zip(times, times[1:], strict=False)]
    assert len(times) == 6
    assert all(wait <= most for wait, most in zip(waits, [1, 2, 4, 4, 4], strict=True))
    assert len(set(waits)) == 5
    assert house.log == [(7, "Broken", "it is broken")]
    assert house.waiting() == []


async def test_a_failing_exhausted_handler_is_tried_until_it_succeeds(house: House) -> None:
    def handler(call: Call, payload: dict[str, Any]) -> None:
        raise ValueError("no")

    async def exhausted(call: Call, payload: dict[str, Any], error: AwsError) -> None:
        house.log.append((error.code, error.message))
        if len(house.log) < 4:
            raise AwsError("QueueDoesNotExist", "nowhere to put it")

    house.handler("t.fails", handler, Retry(attempts=1), exhausted)
    await house.start()
    await house.schedule("t.fails")
    await house.clock.advance(400)
    assert len(house.log) == 4
    assert house.log[0] == ("ValueError", "no")
    assert house.waiting() == []


async def test_retry_after_does_not_count_and_give_up_ends_at_once(house: House) -> None:
    async def handler(call: Call, payload: dict[str, Any]) -> None:
        house.noted(call, payload)
        if len(house.log) <= 3:
            raise RetryAfter(10.0)
        raise GiveUp("no use") from AwsError("Gone", "the target is gone")

    def exhausted(call: Call, payload: dict[str, Any], error: AwsError) -> None:
        house.log.append(error.code)

    house.handler("t.later", handler, Retry(attempts=2), exhausted)
    await house.start()
    await house.schedule("t.later", {"n": 1})
    await house.clock.advance(100)
    assert house.log == [(1, 0.0), (1, 10.0), (1, 20.0), (1, 30.0), "Gone"]


async def test_a_key_names_one_waiting_task(house: House) -> None:
    house.handler("t.note", house.noted)
    await house.start()
    await house.schedule("t.note", {"n": 1}, delay=5, key="a")
    await house.schedule("t.note", {"n": 2}, delay=7, key="a")
    await house.schedule("t.note", {"n": 3}, delay=6, key="b")
    await house.schedule("t.note", {"n": 4}, delay=6, key="c")
    await house.store.transact(lambda tx: tasks.cancel(tx, "t.note", "c"))
    await house.clock.advance(10)
    assert house.log == [(3, 6.0), (2, 7.0)]


async def test_one_task_may_cancel_the_next_at_the_last_moment(house: House) -> None:
    def first(call: Call, payload: dict[str, Any]) -> None:
        assert call.tx
        house.log.append(payload["n"])
        tasks.cancel(call.tx, "t.pair", "second")

    house.handler("t.pair", first)
    await house.schedule("t.pair", {"n": 1})
    await house.schedule("t.pair", {"n": 2}, key="second")
    await house.start()
    await house.settled()
    assert house.log == [1]


async def test_one_replaced_while_it_runs_is_not_tried_again(house: House) -> None:
    async def handler(call: Call, payload: dict[str, Any]) -> None:
        house.log.append(payload["n"])
        if payload["n"] == 1:
            await house.clock.sleep(10)
            raise AwsError("Late", "")

    house.handler("t.slow", handler)
    await house.start()
    await house.schedule("t.slow", {"n": 1}, key="k")
    await house.clock.advance(1)
    await house.schedule("t.slow", {"n": 2}, delay=1, key="k")
    await house.clock.advance(100)
    assert house.log == [1, 2]
    assert house.waiting() == []


async def test_a_recurring_task_schedules_itself(house: House) -> None:
    def tick(call: Call, payload: dict[str, Any]) -> None:
        assert call.tx
        house.noted(call, payload)
        tasks.schedule(call.tx, "t.tick", payload, due=house.clock.now() + 60, random=house.random, key="tick")

    house.handler("t.tick", tick)
    await house.start()
    await house.schedule("t.tick", {"n": 0}, key="tick")
    await house.clock.advance(180)
    assert house.log == [(0, 0.0), (0, 60.0), (0, 120.0), (0, 180.0)]
    assert len(house.waiting()) == 1


async def test_a_slow_lane_does_not_hold_up_others(house: House) -> None:
    running = most = 0

    async def slow(call: Call, payload: dict[str, Any]) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await house.clock.sleep(1000)
        running -= 1

    async def quick(call: Call, payload: dict[str, Any]) -> None:
        house.noted(call, payload)

    house.handler("t.send", slow)
    house.handler("t.quick", quick)
    await house.start(at_once=8)
    for n in range(40):
        await house.schedule("t.send", {"n": n})
    await house.clock.advance(1)
    await house.schedule("t.quick", {"n": 1})
    await house.clock.advance(1)
    assert house.log == [(1, 1.0)]
    assert most == 8
    await house.clock.advance(5000)
    assert running == 0 and most == 8 and house.waiting() == []


async def test_lanes_of_one_kind_have_bounds_of_their_own(house: House) -> None:
    async def deliver(call: Call, payload: dict[str, Any]) -> None:
        house.log.append(payload["to"])
        if payload["to"] == "slow":
            await house.clock.sleep(1000)

    house.handler("t.deliver", deliver)
    await house.start(at_once=2, overall=6)
    for _ in range(5):
        await house.schedule("t.deliver", {"to": "slow"}, lane="slow")
    await house.schedule("t.deliver", {"to": "good"}, lane="good")
    await house.clock.advance(1)
    assert sorted(house.log) == ["good", "slow", "slow"]


async def test_the_bound_on_all_lanes_lets_each_have_its_turn(house: House) -> None:
    async def deliver(call: Call, payload: dict[str, Any]) -> None:
        await house.clock.sleep(10)
        house.log.append(payload["to"])

    house.handler("t.deliver", deliver)
    await house.start(overall=3)
    for n in range(12):
        await house.schedule("t.deliver", {"to": n % 4}, lane=str(n % 4))
    await house.clock.advance(200)
    assert sorted(house.log) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert house.waiting() == []


async def test_leases_are_renewed_while_a_handler_runs(house: House) -> None:
    async def long(call: Call, payload: dict[str, Any]) -> None:
        house.log.append("begun")
        await house.clock.sleep(3600)
        house.log.append("done")

    house.handler("t.long", long)
    await house.start(lease=30.0)
    await house.schedule("t.long")
    await house.clock.advance(1800)
    assert house.log == ["begun"]
    (task,) = house.waiting()
    assert task.owner and house.clock.now() < task.due <= house.clock.now() + 30
    await house.clock.advance(1801)
    assert house.log == ["begun", "done"]
    assert house.waiting() == []


async def test_what_a_former_process_had_begun_is_taken_over_at_start(house: House) -> None:
    def old(tx: Tx) -> None:
        task_id = tasks.schedule(tx, "t.note", {"n": 9}, due=house.clock.now(), random=house.random)
        task = tx.get(Task, task_id)
        assert task
        task.owner, task.due = "dead", house.clock.now() + 3600
        tx.put(task)

    await house.store.transact(old)
    house.handler("t.note", house.noted)
    await house.start()
    await house.settled()
    assert house.log == [(9, 0.0)]


async def test_a_stop_in_the_middle_leaves_the_task_for_the_next_start(house: House) -> None:
    async def handler(call: Call, payload: dict[str, Any]) -> None:
        house.log.append("begun")
        if len(house.log) == 1:
            await asyncio.Event().wait()

    house.handler("t.stuck", handler, Retry(attempts=1))
    await house.start()
    await house.schedule("t.stuck")
    await house.settled()
    assert house.runner
    await house.runner.stop(0.01)
    await house.start()
    await house.settled()
    assert house.log == ["begun", "begun"]
    assert house.waiting() == []


async def test_an_unknown_kind_stays_and_runs_when_it_is_known_again(house: House) -> None:
    await house.start()
    await house.schedule("t.note", {"n": 1})
    await house.settled()
    assert [task.kind for task in house.waiting()] == ["t.note"]
    assert house.runner
    await house.runner.stop()
    house.handler("t.note", house.noted)
    await house.start()
    await house.settled()
    assert house.log == [(1, 0.0)]


async def test_ids_are_uuids_and_grow(house: House) -> None:
    import uuid

    first = await house.schedule("t.note")
    second = await house.schedule("t.note")
    assert first < second
    assert uuid.UUID(first).version == 8 and uuid.UUID(first).variant == uuid.RFC_4122
