"""Response bodies that are not at hand: files and iterators, cut into writes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator

from fogbank.gateway import render
from fogbank.wire.messages import FileBody, Response

Pieces = AsyncGenerator[tuple[bytes, ...], None]
"""What to write, one write at a time."""

FILE_PIECE = 512 * 1024


class WrongLength(Exception):
    """A body that is not as long as its head said: the connection must end, or the next answer would be read as part
    of this one."""


def pieces(body: FileBody | AsyncIterator[bytes], length: int) -> Pieces:
    if isinstance(body, FileBody):
        return _file(body)
    if length == render.CHUNKED:
        return _chunked(body)
    return _measured(body, length)


async def _file(body: FileBody) -> Pieces:
    """Reads in a thread, one piece ahead of the socket."""
    loop = asyncio.get_running_loop()
    file = os.open(body.path, os.O_RDONLY | os.O_CLOEXEC)
    ahead = None
    try:
        at, end = body.offset, body.offset + body.length
        if body.length <= FILE_PIECE // 8:
            data = os.pread(file, body.length, at)  # so little that a thread would cost more than it saves
        else:
            data = await loop.run_in_executor(None, os.pread, file, min(FILE_PIECE, end - at), at)
        while data:
            at += len(data)
            ahead = None
            if at < end:
                ahead = loop.run_in_executor(None, os.pread, file, min(FILE_PIECE, end - at), at)
            yield (data,)
            data = await ahead if ahead else b""
        if at != end:
            raise WrongLength(f"{body.path.name} ends {end - at} bytes early")
    finally:
        if ahead is not None and not ahead.done():
            await asyncio.wait([ahead])  # a descriptor must not be closed, and reused, under a running read
        os.close(file)


async def _chunked(body: AsyncIterator[bytes]) -> Pieces:
    try:
        async for data in body:
            if data:
                yield (b"%x\r\n" % len(data), data, b"\r\n")
        yield (b"0\r\n\r\n",)
    finally:
        await close(body)


async def _measured(body: AsyncIterator[bytes], length: int) -> Pieces:
    """`length` below 0: as much as comes, to a client too old for chunks."""
    sent = 0
    try:
        async for data in body:
            sent += len(data)
            if 0 <= length < sent:
                raise WrongLength(f"more than the {length} bytes announced")
            if data:
                yield (data,)
        if length >= 0 and sent != length:
            raise WrongLength(f"{sent} of {length} bytes")
    finally:
        await close(body)


async def close(body: AsyncIterator[bytes]) -> None:
    """Ends a producer that will not be asked again."""
    aclose = getattr(body, "aclose", None)
    if aclose is not None:
        await aclose()


def dispose(response: Response) -> None:
    """Ends the producer of a body that nobody will read."""
    body = response.body
    if not isinstance(body, (bytes, FileBody)) and hasattr(body, "aclose"):
        asyncio.get_running_loop().create_task(close(body))
