"""HTTP/1.1 inside a sandbox, for the Runtime, Extensions and Telemetry APIs: small, strict, and hostile-proof.

Requests of one connection are answered one after the other. A body is buffered up to a limit, or handed on in pieces
where the route wants a stream.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import httptools

MAX_HEADERS = 2 * 1024 * 1024
"""The X-Ray error cause may take 1 MB of headers."""
REASONS = {200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
           405: "Method Not Allowed", 413: "Payload Too Large", 500: "Internal Server Error"}  # fmt: skip


_NAMES = {name.encode(): name.lower() for name in ("Host", "Content-Type", "Content-Length")}
"""What every request has, spared the decoding."""


class BodyTooLarge(Exception):
    pass


class Budget:
    """What the unfinished requests of one sandbox may hold of the platform's memory, all connections together."""

    def __init__(self, limit: int = 4 * 6 * 1024 * 1024) -> None:
        self._left = limit

    def take(self, size: int) -> bool:
        self._left -= size
        return self._left >= 0

    def give_back(self, size: int) -> None:
        self._left += size


class Call:
    """One request. Reply once: at once or later."""

    __slots__ = ("_connection", "body", "done", "headers", "method", "path", "stream", "too_large", "trailers")

    def __init__(self, connection: Connection, method: str, path: str, headers: dict[str, str]) -> None:
        self._connection = connection
        self.method = method
        self.path = path
        self.headers = headers
        self.trailers: dict[str, str] = {}
        self.body = b""
        self.stream: Callable[[bytes | None], None] | None = None
        self.too_large = False
        self.done = False

    @property
    def connected(self) -> bool:
        return self._connection.connected

    def reply(self, status: int, body: bytes = b"", headers: bytes = b"") -> None:
        """Sends the answer in one write. `headers` are complete lines, each with its CRLF."""
        if self.done:
            return
        self.done = True
        self._connection.send(self, status, body, headers)

    def reply_json(self, status: int, document: dict[str, Any], headers: bytes = b"") -> None:
        self.reply(status, json.dumps(document).encode(), b"Content-Type: application/json\r\n" + headers)

    def pause(self) -> None:
        self._connection.pause(True)

    def resume(self) -> None:
        self._connection.pause(False)


class Connection(asyncio.Protocol):
    """`route(call)` is asked when the headers are there: it may set `call.stream`. `handle(call)` when all is read."""

    def __init__(
        self, route: Callable[[Call], int], handle: Callable[[Call], None], lost: Callable[[Connection], None],
        budget: Budget | None = None,
    ) -> None:
        self._budget = budget or Budget()
        self._held = 0
        self._route = route
        self._handle = handle
        self._lost = lost
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._url = b""
        self._headers: dict[str, str] = {}
        self._header_size = 0
        self._call: Call | None = None
        self._limit = 0
        self._parts: list[bytes] = []
        self._size = 0
        self._waiting: deque[Call] = deque()
        self._unsent = b""
        self._parsing = False
        self.connected = False
        self.current: Call | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self.connected = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.connected = False
        if self._call is not None and self._call.stream is not None:
            self._call.stream(None)
        self._release()
        self._lost(self)

    def _hold(self, size: int) -> None:
        """Counts bytes that stay until the request is complete. Over the budget the connection ends."""
        self._held += size
        if not self._budget.take(size):
            self.abort()
            raise BodyTooLarge

    def _release(self) -> None:
        self._budget.give_back(self._held)
        self._held = 0

    def data_received(self, data: bytes) -> None:
        # An answer is held while a request that came in the same packet waits for its own (a response to an invocation,
        # and the request for the next one): both leave in one write, and the runtime wakes once.
        self._parsing = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self.close()
        except httptools.HttpParserError as error:
            if not isinstance(error.__context__, BodyTooLarge):
                self._refuse(400)
        except BodyTooLarge:
            pass
        self._parsing = False
        if self._unsent and self.current is None:
            self._flush()

    def _flush(self) -> None:
        unsent, self._unsent = self._unsent, b""
        if self._transport is not None and self.connected:
            self._transport.write(unsent)

    def on_message_begin(self) -> None:
        self._url = b""
        self._headers = {}
        self._header_size = 0
        self._call = None
        self._parts = []
        self._size = 0

    def on_url(self, url: bytes) -> None:
        self._url += url
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        target = self._headers if self._call is None else self._call.trailers
        target[_NAMES.get(name) or name.decode("latin-1").lower()] = value.decode("latin-1")

    def _count(self, size: int) -> None:
        self._header_size += size
        self._hold(size)
        if self._header_size > MAX_HEADERS:
            self._refuse(400)
            raise BodyTooLarge

    def on_headers_complete(self) -> None:
        method = self._parser.get_method().decode()
        path = self._url.split(b"?", 1)[0].decode("latin-1")
        self._call = Call(self, method, path, self._headers)
        self._limit = self._route(self._call)
        if self._headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        call = self._call
        assert call is not None
        if call.stream is not None:
            call.stream(data)
            return
        self._size += len(data)
        if self._size > self._limit:
            call.too_large = True
            self._parts = []
        else:
            self._hold(len(data))
            self._parts.append(data)

    def on_message_complete(self) -> None:
        call, self._call = self._call, None
        if call is None:
            return
        call.body = b"".join(self._parts)
        self._parts = []
        self._release()
        if call.stream is not None:
            call.stream(None)
        if self.current is None:
            self.current = call
            self._handle(call)
        elif len(self._waiting) >= 16:
            self.close()
        else:
            self._waiting.append(call)

    def send(self, call: Call, status: int, body: bytes, headers: bytes) -> None:
        if self._transport is None or not self.connected or call is not self.current:
            return
        head = b"HTTP/1.1 %d %s\r\n%sContent-Length: %d\r\n\r\n" % (
            status, REASONS.get(status, "OK").encode(), headers, len(body),
        )  # fmt: skip
        self._unsent += head + body
        self.current = None
        if self._waiting:
            self.current = self._waiting.popleft()
            self._handle(self.current)
        elif not self._parsing:
            self._flush()

    def pause(self, on: bool) -> None:
        if self._transport is not None and self.connected:
            if on:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def _refuse(self, status: int) -> None:
        if self._transport is not None and self.connected:
            self._transport.write(b"HTTP/1.1 %d Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n" % status)
        self.close()

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()
