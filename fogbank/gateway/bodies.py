"""Request bodies that are read as they arrive."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from fogbank.kit.errors import AwsError
from fogbank.wire.messages import BodyStream


class Disconnected(ConnectionError):
    """The client went away in the middle of its body: there is nobody to answer."""


class Source(Protocol):
    """Where a body comes from: the connection."""

    def wanted(self) -> None:
        """The first read: sends `100 Continue` if the client waits for it."""

    def hold(self) -> None: ...

    def go_on(self) -> None: ...


class IncomingBody:
    """A body on its way in. One reader. At most `high` bytes wait in memory before the socket is left unread."""

    __slots__ = ("_ended", "_error", "_held", "_high", "_pieces", "_size", "_source", "_waiter", "_wanted", "length",
                 "trailers")

    def __init__(self, source: Source, length: int | None, high: int) -> None:
        self.length = length
        self.trailers: dict[str, str] = {}
        """Always empty here: `chunked` fills those of the streams that have some."""
        self._source = source
        self._high = high
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._held = False
        self._wanted = False
        self._ended = False
        self._error: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        """The next piece, never empty. Raises Disconnected, or AwsError(`RequestTimeout`, `IncompleteBody`)."""
        if not self._wanted:
            self._wanted = True
            self._source.wanted()
        while not self._pieces:
            if self._error is not None:
                raise self._error
            if self._ended:
                raise StopAsyncIteration
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        piece = self._pieces.popleft()
        self._size -= len(piece)
        if self._held and self._size <= self._high // 2:
            self._held = False
            self._source.go_on()
        return piece

    async def read(self, limit: int) -> bytes:
        return await read_all(self, limit)

    # The connection's side.

    def feed(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._size += len(piece)
        if self._size > self._high and not self._held:
            self._held = True
            self._source.hold()
        self._wake()

    def finish(self) -> None:
        self._ended = True
        self._wake()

    def fail(self, error: Exception) -> None:
        """What has arrived is dropped: nobody may take half a body for a whole one."""
        if not self._ended and self._error is None:
            self._error = error
            self._pieces.clear()
            self._size = 0
            self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class GatheredBody:
    """Bytes that are at hand already, behind the interface of a stream."""

    __slots__ = ("_data", "length", "trailers")

    def __init__(self, data: bytes) -> None:
        self.trailers: dict[str, str] = {}
        self.length: int | None = len(data)
        self._data = data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._data:
            yield self._data

    async def read(self, limit: int) -> bytes:
        return await read_all(self, limit)


async def read_all(stream: BodyStream, limit: int) -> bytes:
    """The whole of `stream`. Raises AwsError(`RequestEntityTooLarge`, 413) before it holds more than `limit` bytes."""
    if stream.length is not None and stream.length > limit:
        raise too_large(limit)
    pieces: list[bytes] = []
    size = 0
    async for piece in stream:
        size += len(piece)
        if size > limit:
            raise too_large(limit)
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def too_large(limit: int) -> AwsError:
    return AwsError("RequestEntityTooLarge", f"Request body is larger than {limit} bytes", status=413)


def timed_out() -> AwsError:
    """S3's code and text for a body that stops arriving."""
    return AwsError(
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout period. "
        "Idle connections will be closed.",
        status=400,
    )


def incomplete() -> AwsError:
    """S3's code and text for a body that is shorter, or other, than its headers said."""
    return AwsError("IncompleteBody", "The request body terminated unexpectedly", status=400)
