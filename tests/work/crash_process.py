"""The process that `test_crash.py` kills: writers and a runner under load, telling a pipe what they have been promised.

`python -m tests.work.crash_process DIR WRITERS`; with no writers it runs what is due, and ends. Lines that it prints:
`A writer n` a write is acknowledged, `S id` a delivery was acknowledged with it, `D id` a delivery took place.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from random import Random
from typing import Any

from fogbank.api.service import Retry, TaskHandler
from fogbank.kit.errors import AwsError
from fogbank.store import Record, Store, Tx, record
from fogbank.work import Runner, SystemClock, Task, tasks


@record("crash.row", key=("writer", "number"))
class Row(Record):
    writer: int
    number: int
    padding: str = ""


@record("crash.last", key=("writer",), indexes={"number": ("number",)})
class Last(Record):
    writer: int
    number: int


@record("crash.effect", key=("id",))
class Effect(Record):
    id: str
    times: int


def tell(line: str) -> None:
    os.write(1, f"{line}\n".encode())


def handlers() -> dict[str, TaskHandler]:
    chance = Random()

    def once(tx: Tx, payload: dict[str, Any]) -> None:
        effect = tx.get(Effect, payload["id"]) or Effect(id=payload["id"], times=0)
        effect.times += 1
        tx.put(effect)
        if chance.random() < 0.1:
            raise AwsError("Sometimes", "a failure now and then")

    async def deliver(tx: None, payload: dict[str, Any]) -> None:
        await asyncio.sleep(0.001)
        tell(f"D {payload['id']}")

    retry = Retry(attempts=50, first=0.01, most=0.05)
    return {
        "crash.once": TaskHandler("crash.once", once, False, retry),
        "crash.deliver": TaskHandler("crash.deliver", deliver, True, retry),
    }


async def write(store: Store, clock: SystemClock, random: Random, writer: int) -> None:
    found = await store.transact(lambda tx: tx.get(Last, writer))
    number = found.number if found else 0
    while True:
        number += 1
        name = f"{writer}-{number}"

        def change(tx: Tx, number: int = number, name: str = name) -> None:
            tx.insert(Row(writer=writer, number=number, padding="x" * random.randrange(2000)))
            tx.put(Last(writer=writer, number=number))
            if number % 4 == 0:
                due = clock.now() + random.choice([0.0, 0.0, 0.02])
                for kind in ("crash.once", "crash.deliver"):
                    tasks.schedule(tx, kind, {"id": name}, due=due, random=random)

        await store.transact(change)
        tell(f"A {writer} {number}")
        if number % 4 == 0:
            tell(f"S {name}")


async def main(folder: Path, writers: int) -> None:
    store = await Store.open(folder)
    clock, random = SystemClock(), Random()
    runner = Runner(store, clock, random, handlers().__getitem__, lambda task, tx: tx)
    await runner.start()
    tell("ready")
    if writers:
        await asyncio.gather(*(write(store, clock, random, writer) for writer in range(writers)))
    while (await store.transact(lambda tx: tx.count(Task))):
        await asyncio.sleep(0.02)
    await runner.stop()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
