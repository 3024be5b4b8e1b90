"""Retention on a simulated clock, against a real store."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fogbank.api import Context
from fogbank.iam.principal import root
from fogbank.services.logs import retention
from fogbank.services.logs.records import Batch, Group, Usage
from fogbank.store import Store

DAY = 86_400


class Cloud:
    """What the task handlers need of the platform."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = self
        self.at = 100 * DAY
        self.scheduled: list[tuple[str, float]] = []

    def now(self) -> float:
        return float(self.at)

    def schedule(self, ctx: Context, kind: str, payload: Any, delay: float, key: str) -> str:
        self.scheduled.append((kind, delay))
        return ""


@pytest.fixture
async def cloud(tmp_path: Path) -> AsyncIterator[Cloud]:
    store = await Store.open(tmp_path)
    yield Cloud(store)
    await store.close()


async def run(cloud: Cloud, change: Any) -> Any:
    ctx = Context(cloud, "logs", "1" * 12, "us-east-1", root("1" * 12), "id")  # type: ignore[arg-type]
    return await ctx.transact(change)


def batch(second: int, number: int, stream: int = 1) -> Batch:
    return Batch(group=7, second=second, stream=stream, number=number, stream_name="s", ingested=0,
                 events=[(second * 1000, "x" * 10)])


async def test_what_is_older_than_the_retention_goes(cloud: Cloud) -> None:
    def prepare(ctx: Context) -> None:
        ctx.tx.put(Group(account="1" * 12, region="us-east-1", name="g", id=7, created=0, retention_days=3))
        ctx.tx.put(Usage(group=7, stored=3 * 36))
        for number, day in enumerate((96, 97, 98)):
            ctx.tx.put(batch(day * DAY, number))

    await run(cloud, prepare)
    await run(cloud, lambda c: retention.expire(c, {"group": 7}))
    left = await run(cloud, lambda c: [b.second // DAY for b in c.tx.scan(Batch, 7)])
    assert left == [97, 98]
    assert (await run(cloud, lambda c: c.tx.get(Usage, 7))).stored == 2 * 36
    assert cloud.scheduled == [("logs.expire", retention.PERIOD)]


async def test_many_rows_go_in_steps(cloud: Cloud) -> None:
    def prepare(ctx: Context) -> None:
        for number in range(retention.STEP + 1):
            ctx.tx.put(batch(5, number))
            ctx.tx.put(batch(5, number, stream=2))

    await run(cloud, prepare)
    for expected in (1, 0):
        await run(cloud, lambda c: retention.purge(c, {"group": 7, "stream": 1}))
        assert await run(cloud, lambda c: sum(1 for _ in c.tx.find(Batch, "stream", 1))) == expected
    assert cloud.scheduled == [("logs.purge", 0.0)]
    assert await run(cloud, lambda c: sum(1 for _ in c.tx.find(Batch, "stream", 2))) == retention.STEP + 1


async def test_a_group_that_keeps_for_ever_is_left_alone(cloud: Cloud) -> None:
    await run(cloud, lambda c: c.tx.put(batch(5, 1)))
    await run(cloud, lambda c: retention.expire(c, {"group": 7}))
    assert await run(cloud, lambda c: sum(1 for _ in c.tx.scan(Batch, 7))) == 1
    assert cloud.scheduled == []
