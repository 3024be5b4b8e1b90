"""Blobs: on disk when told so, gone when not wanted, and reached by their ids alone."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fogbank.store import BlobStore, BlobTooLarge, Store, StoreFailed
from fogbank.store.blobs import PIECE


async def pieces(*sizes: int) -> AsyncIterator[bytes]:
    for number, size in enumerate(sizes):
        await asyncio.sleep(0)
        yield bytes([number % 256]) * size


def files(blobs: BlobStore) -> list[str]:
    return sorted(path.name for path in blobs._folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("sizes", [(), (0,), (1,), (10, 20), (PIECE,), (PIECE + 1, PIECE - 1, 5), (65536,) * 50])
async def test_what_was_written_is_read(store: Store, sizes: tuple[int, ...]) -> None:
    expected = b"".join([piece async for piece in pieces(*sizes)])
    blob = await store.blobs.write(pieces(*sizes))
    assert blob.size == len(expected) and str(blob) == blob.id
    assert await store.blobs.read(blob.id) == expected
    assert b"".join([piece async for piece in store.blobs.stream(blob.id)]) == expected
    assert b"".join([piece async for piece in store.blobs.stream(blob.id, 3, 7)]) == expected[3:10]
    whole = await store.blobs.write(expected)
    assert await store.blobs.read((await store.blobs.concat([blob.id, whole.id])).id) == expected * 2


async def test_a_limit_and_a_failing_source_leave_nothing(store: Store) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x" * (2 * PIECE)
        raise ConnectionResetError

    with pytest.raises(BlobTooLarge):
        await store.blobs.write(pieces(PIECE, PIECE, 1), limit=2 * PIECE)
    with pytest.raises(BlobTooLarge):
        await store.blobs.write(b"123", limit=2)
    with pytest.raises(ConnectionResetError):
        await store.blobs.write(failing())
    async with store.blobs.writer() as writer:
        await writer.write(b"x" * (2 * PIECE))
    assert files(store.blobs) == []
    assert (await store.blobs.write(b"12", limit=2)).size == 2


async def test_a_cancelled_write_leaves_nothing(store: Store) -> None:
    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * PIECE
            await asyncio.sleep(0)

    writing = asyncio.ensure_future(store.blobs.write(endless()))
    while not files(store.blobs):
        await asyncio.sleep(0.001)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert files(store.blobs) == []


async def test_a_full_disk_is_told_and_leaves_nothing(store: Store) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (PIECE, hard))
    try:
        with pytest.raises(StoreFailed):
            await store.blobs.write(b"x" * (PIECE + 1))
        with pytest.raises(StoreFailed):
            await store.blobs.write(pieces(PIECE, PIECE, PIECE))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert files(store.blobs) == []


@pytest.mark.parametrize("id_", ["", "../../etc/passwd", "0" * 31, "0" * 33, "A" * 32, "../" + "0" * 29, "0" * 31 + "."])
async def test_an_id_is_no_path(store: Store, id_: str) -> None:
    with pytest.raises(ValueError):
        store.blobs.path(id_)
    with pytest.raises(ValueError):
        await store.blobs.delete(id_)


async def test_a_sweep_removes_old_blobs_that_nobody_names(store: Store) -> None:
    blobs = [await store.blobs.write(bytes([n])) for n in range(20)]
    old = time.time() - 7200
    for blob in blobs[:15]:
        os.utime(store.blobs.path(blob.id), (old, old))
    named = {blob.id for blob in blobs[::2]}
    assert await store.blobs.sweep(named.__contains__) == 7
    assert files(store.blobs) == sorted({blob.id for n, blob in enumerate(blobs) if n >= 15 or n % 2 == 0})
    await store.blobs.delete(blobs[0].id)
    await store.blobs.delete(blobs[0].id)
    with pytest.raises(FileNotFoundError):
        await store.blobs.read(blobs[0].id)


async def test_what_a_killed_process_had_begun_is_gone_at_the_start(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)
    blob = await store.blobs.write(b"kept")
    (tmp_path / "blobs" / "new" / ("0" * 32)).write_bytes(b"half")
    await store.close()
    store = await Store.open(tmp_path)
    assert files(store.blobs) == [blob.id]
    await store.close()
