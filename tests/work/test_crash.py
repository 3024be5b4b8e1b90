"""`kill -9` at random moments under load: what was acknowledged is there, and every delivery takes place."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from fogbank.store import Store, Tx
from fogbank.work import Task
from tests.work.crash_process import Effect, Last, Row

KILLS = 10
WRITERS = 32


def run(folder: Path, output: Path, writers: int, seconds: float | None) -> None:
    """The process, killed after `seconds` of work, or left to end."""
    with output.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.work.crash_process", str(folder), str(writers)], stdout=log,
            cwd=Path(__file__).parent.parent.parent,
        )
    try:
        if seconds is None:
            assert process.wait(30) == 0
            return
        size = output.stat().st_size
        deadline = time.monotonic() + 20
        while output.stat().st_size == size:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
        time.sleep(seconds)
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    with output.open("ab") as log:  # The kill may have cut a line short.
        log.write(b"\n")


def lines(output: Path, kind: str) -> list[list[str]]:
    told = (line.split() for line in output.read_text().splitlines())
    return [words[1:] for words in told if words and words[0] == kind]


async def check(folder: Path, output: Path) -> None:
    acknowledged: dict[int, int] = {}
    for writer, number in lines(output, "A"):
        acknowledged[int(writer)] = max(acknowledged.get(int(writer), 0), int(number))
    store = await Store.open(folder)

    def look(tx: Tx) -> None:
        for writer in range(WRITERS):
            last = tx.get(Last, writer)
            number = last.number if last else 0
            assert number >= acknowledged.get(writer, 0)
            assert [row.number for row in tx.scan(Row, writer)] == list(range(1, number + 1))
        assert {row.number for row in tx.scan(Last)} == {row.number for row in tx.find(Last, "number")}

    store.run(look)
    assert store._engine.execute("PRAGMA integrity_check").get == "ok"  # type: ignore[attr-defined]
    await store.close()


async def test_nothing_acknowledged_is_lost_and_every_delivery_takes_place(tmp_path: Path) -> None:
    folder, output = tmp_path / "data", tmp_path / "told"
    chance = random.Random()
    for _ in range(KILLS):
        run(folder, output, WRITERS, chance.uniform(0.0, 0.3))
        await check(folder, output)
    run(folder, output, 0, None)
    store = await Store.open(folder)
    scheduled = {name for (name,) in lines(output, "S")}
    delivered = {name for (name,) in lines(output, "D")}
    effects = {row.id: row.times for row in store.run(lambda tx: list(tx.scan(Effect)))[0]}
    committed = {
        f"{row.writer}-{row.number}" for row in store.run(lambda tx: list(tx.scan(Row)))[0] if row.number % 4 == 0
    }
    assert len(scheduled) > 100
    assert scheduled <= committed
    assert delivered == committed
    assert effects == dict.fromkeys(committed, 1)
    assert store.run(lambda tx: tx.count(Task))[0] == 0
    await store.close()
