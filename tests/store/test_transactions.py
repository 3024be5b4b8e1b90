"""Transactions: all or nothing, in order, and told to nobody before they are on disk."""

from __future__ import annotations

import asyncio
import errno
import os
import resource
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from fogbank.store import InUse, Record, Store, StoreError, StoreFailed, Tx, record
from fogbank.store.sqlite import checkpoints


@record("test.row", key=("id",), indexes={"text": ("text",)})
class Row(Record):
    id: int
    text: str = ""


@record("test.other", key=("id",))
class Other(Record):
    id: int


def put(number: int, text: str = "") -> Callable[[Tx], None]:
    return lambda tx: tx.put(Row(id=number, text=text))


def ids(store: Store) -> list[int]:
    return store.run(lambda tx: [row.id for row in tx.scan(Row)])[0]


class Disk:
    """A disk whose syncs a test holds up or makes fail."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.free.set()
        self.error: OSError | None = None
        self.syncs = 0

    def __call__(self, fd: int) -> None:
        self.free.wait(10)
        time.sleep(0.001)  # Long enough that the loop does not wait for it itself.
        self.syncs += 1
        if self.error is not None:
            raise self.error
        os.fdatasync(fd)


async def test_an_exception_undoes_the_operation_and_no_other(store: Store) -> None:
    def broken(tx: Tx) -> None:
        tx.put(Row(id=2))
        tx.put(Other(id=1))  # Its table is made here, and gone with it.
        tx.delete(Row, 1)
        raise ValueError("no")

    store.run(put(1))
    with pytest.raises(ValueError):
        store.run(broken)
    store.run(put(3))
    assert ids(store) == [1, 3]
    assert store.run(lambda tx: tx.count(Other))[0] == 0
    await store.transact(lambda tx: tx.put(Other(id=5)))
    with pytest.raises(ValueError):
        store.run(broken)  # Now as the first of its batch.
    assert ids(store) == [1, 3]
    assert store.pending is None


async def test_savepoints_nest(store: Store) -> None:
    def change(tx: Tx) -> None:
        tx.put(Row(id=1))
        with pytest.raises(KeyError), tx.savepoint():
            tx.put(Row(id=2))
            with tx.savepoint():
                tx.put(Row(id=3))
            tx.after_commit(lambda: pytest.fail("undone"))
            raise KeyError
        with tx.savepoint():
            tx.put(Row(id=4))

    await store.transact(change)
    assert ids(store) == [1, 4]


async def test_a_transaction_ends_with_its_function(store: Store) -> None:
    await store.transact(lambda tx: [tx.put(Row(id=n)) for n in range(100)])
    kept: list[Any] = []
    store.run(lambda tx: kept.extend((tx, tx.scan(Row))))
    tx, rows = kept
    with pytest.raises(RuntimeError, match="over"):
        tx.get(Row, 1)
    with pytest.raises(RuntimeError, match="over"):
        tx.put(Row(id=1))
    with pytest.raises(RuntimeError, match="over"):
        list(rows)
    with pytest.raises(RuntimeError, match="pass its tx"):
        store.run(lambda tx: store.run(put(1)))


async def test_concurrent_operations_share_syncs(tmp_path: Path) -> None:
    disk = Disk()
    store = await Store.open(tmp_path, sync=disk)
    await asyncio.gather(*(store.transact(put(n)) for n in range(500)))
    assert disk.syncs <= 3
    assert ids(store) == list(range(500))
    await store.close()


async def test_nobody_hears_of_what_is_not_on_disk(tmp_path: Path) -> None:
    disk = Disk()
    store = await Store.open(tmp_path, sync=disk)
    await store.transact(lambda tx: tx.put(Other(id=1)))
    disk.free.clear()
    order: list[str] = []
    _, first = store.run(put(1))
    assert first is not None
    first.add_done_callback(lambda _: order.append("first"))
    await asyncio.sleep(0.01)  # The first batch is committed, and its sync hangs.
    _, second = store.run(put(2))
    assert second is not None and second is not first
    second.add_done_callback(lambda _: order.append("second"))
    found, seen = store.run(lambda tx: tx.get(Row, 1))
    assert found and seen is second  # Told by table: it may have read the newer one.
    assert store.run(lambda tx: tx.get(Other, 1))[1] is None
    assert store.pending is second
    reader = asyncio.ensure_future(store.transact(lambda tx: tx.count(Row)))
    await asyncio.sleep(0.01)
    assert order == [] and not reader.done()
    disk.free.set()
    assert await reader == 2
    assert order == ["first", "second"]
    assert store.run(lambda tx: tx.get(Row, 1))[1] is None and store.pending is None
    await store.close()


async def test_errors_wait_for_what_they_may_tell_of(tmp_path: Path) -> None:
    disk = Disk()
    store = await Store.open(tmp_path, sync=disk)
    disk.free.clear()

    def exists(tx: Tx) -> None:
        if tx.get(Row, 1):
            raise ValueError("there already")

    store.run(put(1))
    telling = asyncio.ensure_future(store.transact(exists))
    await asyncio.sleep(0.01)
    assert not telling.done()
    disk.free.set()
    with pytest.raises(ValueError):
        await telling
    await store.close()


async def test_each_acknowledged_write_is_in_the_sync_before_it(tmp_path: Path) -> None:
    """As after a power cut: the files as they were at a sync hold all that was acknowledged after it."""
    data, shots = tmp_path / "data", tmp_path / "shots"
    shots.mkdir()
    done = 0

    def sync(fd: int) -> None:
        nonlocal done
        shot = shots / str(done)
        shot.mkdir()
        for name in ("fogbank.db", "fogbank.db-wal"):
            shutil.copy(data / name, shot / name)
        os.fdatasync(fd)
        done += 1

    store = await Store.open(data, sync=sync)
    acknowledged: list[tuple[int, int]] = []

    async def writer(start: int) -> None:
        for n in range(start, start + 10):
            await store.transact(put(n, "x" * 500))
            acknowledged.append((done - 1, n))

    await asyncio.gather(*(writer(start) for start in range(0, 200, 10)))
    await store.close()
    for shot in range(0, done, max(1, done // 5)):
        copy = await Store.open(shots / str(shot))
        assert {n for at, n in acknowledged if at <= shot} <= set(ids(copy))
        await copy.close()


async def test_callbacks_and_subscribers_hear_of_what_is_on_disk(tmp_path: Path) -> None:
    disk = Disk()
    store = await Store.open(tmp_path, sync=disk)
    heard: list[Any] = []
    store.subscribe("topic", heard.append)
    disk.free.clear()

    def change(tx: Tx) -> None:
        tx.put(Row(id=1))
        tx.publish("topic", 1)
        tx.publish("silence", 1)
        tx.after_commit(lambda: heard.append(2))

    def broken(tx: Tx) -> None:
        change(tx)
        raise ValueError

    ending = asyncio.ensure_future(store.transact(change))
    await asyncio.sleep(0.01)
    with pytest.raises(ValueError):
        store.run(broken)
    assert heard == []
    disk.free.set()
    await ending
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert heard == [1, 2]
    await store.close()


async def test_generations_change_with_their_tables(store: Store) -> None:
    first = store.generation("test.")
    other = store.generation("test.other")
    nothing = store.generation("iam.")
    assert store.generation("test.") == first
    store.run(put(1))
    second = store.generation("test.")
    assert second != first
    assert store.generation("test.other") == other and store.generation("iam.") == nothing

    def broken(tx: Tx) -> None:
        tx.put(Row(id=2))
        seen.append(store.generation("test."))
        raise ValueError

    seen: list[int] = []
    with pytest.raises(ValueError):
        store.run(broken)
    assert len({first, second, seen[0], store.generation("test.")}) == 4


async def test_sequences_grow_over_restarts_and_rollbacks(tmp_path: Path) -> None:
    committed: list[int] = []
    for _ in range(3):
        store = await Store.open(tmp_path)
        for n in range(2500):
            def take(tx: Tx, n: int = n) -> int:
                value = tx.sequence("s")
                if n % 7 == 3:
                    raise ValueError
                return value

            with suppress(ValueError):
                committed.append(store.run(take)[0])
        await store.close()
    assert committed == sorted(set(committed))


async def test_a_sequence_begun_in_vain_does_not_repeat(tmp_path: Path) -> None:
    def broken(tx: Tx) -> None:
        tx.sequence("s")
        raise ValueError

    store = await Store.open(tmp_path)
    with pytest.raises(ValueError):
        store.run(broken)
    value = await store.transact(lambda tx: tx.sequence("s"))
    await store.close()
    store = await Store.open(tmp_path)
    assert await store.transact(lambda tx: tx.sequence("s")) > value
    await store.close()


async def test_after_a_failed_sync_nothing_is_acknowledged(tmp_path: Path) -> None:
    disk = Disk()
    store = await Store.open(tmp_path, sync=disk)
    await store.transact(put(1))
    await store.transact(lambda tx: tx.put(Other(id=1)))
    disk.free.clear()
    first = asyncio.ensure_future(store.transact(put(2)))
    await asyncio.sleep(0.01)
    second = asyncio.ensure_future(store.transact(put(3)))  # Waits in the next batch, which stands on the first.
    reader = asyncio.ensure_future(store.transact(lambda tx: tx.get(Row, 2)))
    await asyncio.sleep(0.01)
    disk.error = OSError(errno.EIO, "Input/output error")
    disk.free.set()
    for waiting in (first, second, reader):
        with pytest.raises(StoreFailed, match="Input/output error"):
            await waiting
    disk.error = None
    with pytest.raises(StoreFailed) as caught:
        await store.transact(put(4))
    assert caught.value.status == 503
    with pytest.raises(StoreFailed):
        await store.transact(lambda tx: tx.get(Row, 2))  # It was seen, and may be gone after a restart.
    assert await store.transact(lambda tx: tx.get(Other, 1))  # What is on disk can still be read.
    await store.close()
    store = await Store.open(tmp_path)
    assert set(ids(store)) in ({1}, {1, 2})
    await store.close()


async def test_a_full_disk_fails_the_batch_and_is_got_over(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await store.transact(put(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.stat(tmp_path / "fogbank.db-wal").st_size, hard))
    try:
        results = await asyncio.gather(
            *(store.transact(put(n, "x" * 2000)) for n in range(2, 30)),
            store.transact(lambda tx: tx.put(Other(id=1))), return_exceptions=True,
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [type(result) for result in results] == [StoreFailed] * 29
    assert ids(store) == [1] and store.pending is None
    await store.transact(put(2))
    await store.transact(lambda tx: tx.put(Other(id=1)))
    await store.close()
    store = await Store.open(tmp_path)
    assert ids(store) == [1, 2]
    await store.close()


async def test_a_full_database_fails_the_operation_that_meets_it(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await store.transact(put(1))
    execute = store._engine.execute  # type: ignore[attr-defined]
    execute("PRAGMA max_page_count = 20").fetchall()
    with pytest.raises(StoreFailed):
        await store.transact(lambda tx: [tx.put(Row(id=n, text="x" * 4000)) for n in range(100, 200)])
    execute("PRAGMA max_page_count = 1000000").fetchall()
    await store.transact(put(2))
    assert ids(store) == [1, 2]
    await store.close()


async def test_a_handler_that_goes_on_after_a_full_disk_has_written_nothing(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    await store.transact(put(1))
    execute = store._engine.execute  # type: ignore[attr-defined]

    def stubborn(tx: Tx) -> None:
        for n in range(100, 200):
            with suppress(Exception):
                tx.put(Row(id=n, text="x" * 4000))
        execute("PRAGMA max_page_count = 1000000").fetchall()
        with suppress(Exception):
            tx.put(Row(id=5))

    for batched in (False, True):
        if batched:
            store.run(put(2))
        execute("PRAGMA max_page_count = 20").fetchall()
        with pytest.raises(StoreFailed):
            await store.transact(stubborn)
        assert ids(store) == [1]
    await store.close()


async def test_a_damaged_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fogbank.db").write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="cannot be read"):
        await Store.open(tmp_path)
    (tmp_path / "fogbank.db").unlink()
    await (await Store.open(tmp_path)).close()


async def test_the_log_is_bounded_under_unbroken_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "START", 250)  # 1 MiB.
    monkeypatch.setattr(checkpoints, "FEW", 50)
    store = await Store.open(tmp_path)

    async def writer(start: int) -> None:
        for n in range(start * 1000, start * 1000 + 800, 8):
            await store.transact(lambda tx, n=n: [tx.put(Row(id=n + k, text="x" * 3000)) for k in range(8)])

    await asyncio.gather(*(writer(start) for start in range(8)))
    assert os.stat(tmp_path / "fogbank.db").st_size > 16 << 20
    assert os.stat(tmp_path / "fogbank.db-wal").st_size < 10 << 20
    await store.close()


async def test_a_commit_does_not_sync_by_itself(store: Store) -> None:
    execute = store._engine.execute  # type: ignore[attr-defined]
    pragmas = {name: execute(f"PRAGMA {name}").get for name in ("journal_mode", "synchronous", "wal_autocheckpoint")}
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "wal_autocheckpoint": 0}


async def test_one_process_owns_the_directory(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    with pytest.raises(InUse, match=f"in use by process {os.getpid()}"):
        await Store.open(tmp_path)
    await store.close()
    await store.close()
    with pytest.raises(RuntimeError, match="closed"):
        store.run(put(1))
    await (await Store.open(tmp_path)).close()


async def test_others_on_the_machine_cannot_read_it(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "data")
    await store.transact(put(1))
    assert os.stat(tmp_path / "data").st_mode & 0o077 == 0
    for name in ("fogbank.db", "fogbank.db-wal", "lock"):
        assert os.stat(tmp_path / "data" / name).st_mode & 0o077 == 0, name
    await store.close()
