"""Blobs: bytes too large for a record, each a file of its own, on disk before a record names it."""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fogbank.kit.errors import AwsError

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Blob:
    id: str
    size: int


class BlobStore:
    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self._folder = folder
        self._loop = loop
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    def path(self, blob_id: str) -> Path:
        """Where the bytes are. Raises ValueError for what is no id of ours."""
        if not _ID.fullmatch(blob_id):
            raise ValueError(f"{blob_id!r} is no blob")
        return self._folder / blob_id[:2] / blob_id

    def writer(self) -> BlobWriter:
        return BlobWriter(self, self._loop)

    async def write(self, source: bytes | AsyncIterator[bytes], *, limit: int | None = None) -> Blob:
        """Stores all of `source`; returns when it is on disk. Raises EntityTooLarge past `limit`."""
        async with self.writer() as writer:
            if isinstance(source, bytes):
                await writer.write(source)
            else:
                async for chunk in source:
                    if limit is not None and writer.size + len(chunk) > limit:
                        raise AwsError("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
                    await writer.write(chunk)
            return await writer.commit()

    async def delete(self, blob_id: str) -> None:
        path = self.path(blob_id)
        await self._loop.run_in_executor(None, lambda: path.unlink(missing_ok=True))


class BlobWriter:
    """`async with blobs.writer() as w: await w.write(chunk); blob = await w.commit()`; without the commit it is gone."""

    def __init__(self, blobs: BlobStore, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.id = secrets.token_hex(16)
        self.size = 0
        self._path = blobs.path(self.id)
        self._part = self._path.with_suffix(".part")
        self._fd = -1

    async def __aenter__(self) -> BlobWriter:
        self._part.parent.mkdir(exist_ok=True, mode=0o700)
        self._fd = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        return self

    async def write(self, chunk: bytes) -> None:
        self.size += len(chunk)
        if len(chunk) <= 65536:
            os.write(self._fd, chunk)
        else:
            await self._loop.run_in_executor(None, _write_all, self._fd, chunk)

    async def commit(self) -> Blob:
        await self._loop.run_in_executor(None, self._finish)
        return Blob(self.id, self.size)

    def _finish(self) -> None:
        os.fdatasync(self._fd)
        os.close(self._fd)
        self._fd = -1
        os.rename(self._part, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    async def __aexit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._part.unlink(missing_ok=True)


def _write_all(fd: int, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        view = view[os.write(fd, view):]
