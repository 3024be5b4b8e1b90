"""Durable small transactions: shared commits against one synced commit for each, and whether size changes the cost.

    python -m bench.store [WRITERS ...]

Every transaction is on disk when it counts as done. "each its own" is what one writes without thought: SQLite through
apsw, WAL, synchronous=FULL, one COMMIT for each transaction, of the same row.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import apsw
import uvloop

from fogbank.store import Record, Store, Tx, record

SECONDS = 2.0
BIG = 1_000_000


@record("bench.row", key=("owner", "number"), indexes={"text": ("owner", "text")})
class Row(Record):
    owner: str
    number: int
    text: str
    padding: str = "x" * 200


def main() -> None:
    print("| writers | transactions/s | p50 ms | p99 ms | CPU µs each | each its own, /s | ratio |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for writers in [int(word) for word in sys.argv[1:]] or [1, 32, 200]:
        alone = _naive()  # In turn with ours, since the disk's mood changes.
        with tempfile.TemporaryDirectory() as folder:
            times, seconds, cpu = uvloop.run(_shared(Path(folder), writers))
        times.sort()
        rate, p50, p99 = len(times) / seconds, times[len(times) // 2] * 1e3, times[int(len(times) * 0.99)] * 1e3
        print(f"| {writers} | {rate:,.0f} | {p50:.2f} | {p99:.2f} | {cpu / len(times) * 1e6:.0f} | {alone:,.0f} "
              f"| {rate / alone:.1f}x |", flush=True)
    print(f"\n| µs each | empty table | {BIG:,} rows |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        small, large = uvloop.run(_sizes(Path(folder)))
    for name in small:
        print(f"| {name} | {small[name]:.1f} | {large[name]:.1f} |")


async def _shared(folder: Path, writers: int) -> tuple[list[float], float, float]:
    """Runs for SECONDS. The log has been written over once before, as it is in a cloud that has run for a while."""
    store = await Store.open(folder)
    times: list[float] = []
    end = 0.0

    async def writer(owner: str) -> None:
        number = 0
        while (began := time.perf_counter()) < end:
            number += 1
            row = Row(owner=owner, number=number, text=f"{number % 100:03}")
            await store.transact(lambda tx, row=row: tx.put(row))  # type: ignore[misc]
            times.append(time.perf_counter() - began)

    for seconds in (SECONDS / 2, SECONDS):
        times.clear()
        began, cpu = time.perf_counter(), time.process_time()
        end = began + seconds
        await asyncio.gather(*(writer(f"writer-{n:03}") for n in range(writers)))
    took, used = time.perf_counter() - began, time.process_time() - cpu
    await store.close()
    return times, took, used


def _naive() -> float:
    """Transactions a second by themselves."""
    with tempfile.TemporaryDirectory() as folder:
        connection = apsw.Connection(f"{folder}/naive.db")
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL",
                          "CREATE TABLE t (owner, number, text, row, PRIMARY KEY (owner, number)) WITHOUT ROWID",
                          "CREATE INDEX i ON t (owner, text)"):
            connection.execute(statement).fetchall()
        number, end = 0, time.perf_counter() + SECONDS / 2
        while time.perf_counter() < end:
            number += 1
            connection.execute("BEGIN IMMEDIATE")
            values = ("writer", number, f"{number % 100:03}", b"x" * 260)
            connection.execute("INSERT OR REPLACE INTO t VALUES (?, ?, ?, ?)", values)
            connection.execute("COMMIT")
        connection.close()
    return number / (SECONDS / 2)


async def _sizes(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    store = await Store.open(folder)
    small = await _measure(store, 1_000)
    for start in range(0, BIG, 10_000):
        await store.transact(lambda tx, start=start: _fill(tx, start, 10_000))  # type: ignore[misc]
    large = await _measure(store, BIG)
    await store.close()
    return small, large


def _fill(tx: Tx, start: int, count: int) -> None:
    for number in range(start, start + count):
        tx.put(Row(owner=f"owner-{number % 7}", number=number, text=f"{number % 1000:04}"))


async def _measure(store: Store, rows: int) -> dict[str, float]:
    await store.transact(lambda tx: _fill(tx, 0, 1_000))
    chance = Random(1)

    def one() -> tuple[str, int]:
        number = chance.randrange(rows)
        return f"owner-{number % 7}", number

    def scan(tx: Tx) -> None:
        owner, number = one()
        list(tx.scan(Row, owner, since=number, limit=10))

    def find(tx: Tx) -> None:
        owner, number = one()
        list(tx.find(Row, "text", owner, since=(f"{number % 1000:04}", number), limit=10))

    def put(tx: Tx) -> None:
        owner, number = one()
        tx.put(Row(owner=owner, number=number, text=f"{number % 1000:04}"))

    work: dict[str, Callable[[Tx], None]] = {
        "get": lambda tx: tx.get(Row, *one()) and None, "scan of 10 from anywhere": scan,
        "find of 10 from anywhere": find, "put": put,
    }
    result = {}
    for name, function in work.items():
        began = time.process_time()
        for _ in range(5):
            for _ in range(400):
                store.run(function)
            if store.pending is not None:
                await store.pending
        result[name] = (time.process_time() - began) / 2000 * 1e6
    return result


if __name__ == "__main__":
    main()
