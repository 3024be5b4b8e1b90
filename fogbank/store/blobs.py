"""Blobs: large values in files of their own, written once, durable before the record that names them."""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from fogbank.store.errors import StoreFailed

T = TypeVar("T")

PIECE = 1 << 20
"""Bytes gathered before they are handed to a thread: at most two pieces of a blob are in memory."""
_THREADS = 4
_ID_LENGTH = 32
_HEX = frozenset("0123456789abcdef")


class BlobTooLarge(ValueError):
    """The source gave more than `limit` bytes. Nothing of it stays."""


@dataclass(frozen=True, slots=True)
class Blob:
    id: str
    size: int

    def __str__(self) -> str:
        return self.id


class BlobStore:
    """Files `blobs/ab/abcdef...`. Their ids are random, and checked wherever one is taken in."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._new = folder / "new"
        self._new.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._new.iterdir():  # Of a process that was killed.
            left.unlink()
        self._threads = ThreadPoolExecutor(_THREADS, "blobs")

    async def write(self, source: bytes | AsyncIterable[bytes], *, limit: int | None = None) -> Blob:
        """Stores all that `source` gives; the blob is on disk when this returns.

        Raises BlobTooLarge beyond `limit` bytes, StoreFailed where the disk fails, and what the source raises.
        """
        if isinstance(source, bytes):
            if limit is not None and len(source) > limit:
                raise BlobTooLarge(f"more than {limit} bytes")
            return await self._thread(self._write_whole, secrets.token_hex(_ID_LENGTH // 2), source)
        async with self.writer(limit=limit) as writer:
            async for chunk in source:
                await writer.write(chunk)
            return await writer.commit()

    def writer(self, *, limit: int | None = None) -> BlobWriter:
        """`async with blobs.writer() as w: await w.write(chunk); blob = await w.commit()`; without a commit, nothing."""
        return BlobWriter(self, secrets.token_hex(_ID_LENGTH // 2), limit)

    async def concat(self, ids: Iterable[str]) -> Blob:
        """A new blob of the bytes of others, in order. Copied by the kernel, shared on disk where it can."""
        return await self._thread(self._concat, secrets.token_hex(_ID_LENGTH // 2), [self.path(id_) for id_ in ids])

    def path(self, id_: str) -> Path:
        """The file, for reading only. Raises ValueError for what is no blob's id."""
        if len(id_) != _ID_LENGTH or not _HEX.issuperset(id_):
            raise ValueError(f"not a blob's id: {id_[:80]!r}")
        return self._folder / id_[:2] / id_

    def open(self, id_: str) -> BinaryIO:
        """The file, opened for reading (blocking). Raises FileNotFoundError."""
        return self.path(id_).open("rb", buffering=0)

    async def read(self, id_: str) -> bytes:
        """All of a blob that is known to be small. Raises FileNotFoundError."""
        return await self._thread(self.path(id_).read_bytes)

    async def stream(self, id_: str, offset: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """`length` bytes from `offset`, in pieces. Raises FileNotFoundError."""
        file = await self._thread(self.open, id_)
        try:
            file.seek(offset)
            left = length
            while left is None or left > 0:
                piece = await self._thread(file.read, PIECE if left is None else min(left, PIECE))
                if not piece:
                    return
                left = None if left is None else left - len(piece)
                yield piece
        finally:
            file.close()

    async def delete(self, id_: str) -> None:
        """Removes a blob, if it is there. From a task, after the record that named it is gone."""
        await self._thread(self.path(id_).unlink, True)

    async def sweep(self, referenced: Callable[[str], bool], grace: float = 3600.0) -> int:
        """Removes blobs older than `grace` seconds that no record names (`referenced(id)` tells); returns how many.

        They are left behind by a crash between a blob's write and its record's commit.
        """
        gone = 0
        for folder in await self._thread(lambda: sorted(self._folder.iterdir())):
            if folder == self._new:
                continue
            for id_ in await self._thread(_older_than, folder, time.time() - grace):
                if not referenced(id_):
                    await self.delete(id_)
                    gone += 1
        return gone

    def close(self) -> None:
        self._threads.shutdown(wait=True)

    # --- in threads

    async def _thread(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)

    def _write_whole(self, id_: str, data: bytes) -> Blob:
        path = self._new / id_
        try:
            with path.open("xb", buffering=0) as file:
                _write_all(file.fileno(), data)
                self._publish(id_, file.fileno())
        except OSError as error:
            path.unlink(missing_ok=True)
            raise StoreFailed(error) from error
        return Blob(id_, len(data))

    def _concat(self, id_: str, sources: list[Path]) -> Blob:
        path = self._new / id_
        size = 0
        try:
            with path.open("xb", buffering=0) as target:
                for source in sources:
                    with source.open("rb", buffering=0) as part:
                        size += _copy(part.fileno(), target.fileno())
                self._publish(id_, target.fileno())
        except FileNotFoundError:
            path.unlink(missing_ok=True)
            raise
        except OSError as error:
            path.unlink(missing_ok=True)
            raise StoreFailed(error) from error
        return Blob(id_, size)

    def _publish(self, id_: str, fd: int) -> None:
        """On disk, under its name, in this order."""
        os.fsync(fd)
        target = self.path(id_)
        if not target.parent.exists():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_directory(self._folder)
        os.rename(self._new / id_, target)
        _sync_directory(target.parent)


class BlobWriter:
    """Takes a blob in as it arrives. One piece is written in a thread while the next one fills."""

    def __init__(self, blobs: BlobStore, id_: str, limit: int | None) -> None:
        self._blobs = blobs
        self._id = id_
        self._limit = limit
        self._file: BinaryIO | None = None
        self._pieces: list[bytes] = []
        self._waiting = 0
        self._writing: asyncio.Future[None] | None = None
        self._committed = False
        self.size = 0

    async def __aenter__(self) -> BlobWriter:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._writing is not None:
            with suppress(BaseException):
                await asyncio.shield(self._writing)
        if self._file is not None:
            self._file.close()
            if not self._committed:
                (self._blobs._new / self._id).unlink(missing_ok=True)

    async def write(self, chunk: bytes) -> None:
        """Raises BlobTooLarge and StoreFailed."""
        self.size += len(chunk)
        if self._limit is not None and self.size > self._limit:
            raise BlobTooLarge(f"more than {self._limit} bytes")
        self._pieces.append(chunk)
        self._waiting += len(chunk)
        if self._waiting >= PIECE:
            await self._flush()

    async def commit(self) -> Blob:
        """Returns when the blob is on disk. Raises StoreFailed."""
        if self._writing is None and self._file is None:
            data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
            return await self._blobs._thread(self._blobs._write_whole, self._id, data)
        await self._flush()
        await self._written()
        assert self._file is not None
        try:
            await self._blobs._thread(self._blobs._publish, self._id, self._file.fileno())
        except OSError as error:
            raise StoreFailed(error) from error
        self._committed = True
        return Blob(self._id, self.size)

    async def _flush(self) -> None:
        await self._written()
        if not self._pieces:
            return
        pieces, self._pieces, self._waiting = self._pieces, [], 0
        loop = asyncio.get_running_loop()
        self._writing = loop.run_in_executor(self._blobs._threads, self._append, pieces)

    async def _written(self) -> None:
        if self._writing is None:
            return
        try:
            await self._writing
        except OSError as error:
            raise StoreFailed(error) from error
        finally:
            self._writing = None

    def _append(self, pieces: list[bytes]) -> None:
        if self._file is None:
            self._file = (self._blobs._new / self._id).open("xb", buffering=0)
        for piece in pieces:
            _write_all(self._file.fileno(), piece)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def _copy(source: int, target: int) -> int:
    size = 0
    while moved := _move(source, target):
        size += moved
    return size


def _move(source: int, target: int) -> int:
    if hasattr(os, "copy_file_range"):
        return os.copy_file_range(source, target, 1 << 30)
    data = os.read(source, PIECE)
    _write_all(target, data)
    return len(data)


def _older_than(folder: Path, moment: float) -> list[str]:
    with os.scandir(folder) as entries:
        return [entry.name for entry in entries if len(entry.name) == _ID_LENGTH and entry.stat().st_mtime < moment]


def _sync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
