"""One HTTP/1.1 connection: reads requests one after the other, hands each on, writes its answer.

A connection is in one state at a time, and only these follow each other:

    HEAD --> GATHER --> HELD --> HEAD            a small body is collected before the request is handled
    HEAD --> BODY ----> HELD --> HEAD            a large one is handled while it arrives
    any  --> LINGER --> (closed)                 the last answer is out; what still comes in is dropped

A pipelined request waits in the buffer while the one before it is answered, so answers keep their order by themselves.
"""

from __future__ import annotations

import asyncio
import logging
from enum import Enum, auto
from functools import partial
from math import inf
from typing import TYPE_CHECKING, cast

from fogbank.gateway import bodies, head, render, sending, tunnel
from fogbank.gateway.dechunk import Dechunker, MalformedChunk
from fogbank.gateway.handling import Cancellable, plain
from fogbank.wire.messages import Request, Response

if TYPE_CHECKING:
    from fogbank.gateway.listener import Listener

log = logging.getLogger("fogbank.gateway")


class State(Enum):
    HEAD = auto()
    GATHER = auto()
    BODY = auto()
    HELD = auto()
    LINGER = auto()


class Connection(asyncio.Protocol):
    __slots__ = (
        "_advancing", "_answered", "_body", "_buffer", "_dechunker", "_drained", "_expecting", "_framing", "_keep",
        "_lingered", "_listener", "_missing", "_pending", "_progress", "_reading", "_request", "_scanned", "_sender",
        "_state", "_stopping", "_transport", "deadline", "origin", "peer", "scheme", "send_deadline",
    )

    def __init__(self, listener: Listener, scheme: str, origin: str | None) -> None:
        self._listener = listener
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self.scheme = scheme
        self.origin = origin
        self.peer = ""
        self.deadline = inf
        """When reading has taken too long, by the loop's clock."""
        self.send_deadline = inf
        self._state = State.HEAD
        self._buffer: bytes | bytearray = b""
        self._scanned = 0
        self._advancing = False
        self._reading = True
        self._stopping = False
        self._lingered = False
        self._request: Request | None = None
        self._framing = head.Framing(0, False, False, 1)
        self._answered = True
        self._keep = True
        self._pending: Cancellable | None = None
        self._body: bodies.IncomingBody | None = None
        self._dechunker: Dechunker | None = None
        self._missing = 0
        self._progress = 0
        self._expecting = False
        self._sender: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        self.peer = str(name[0]) if isinstance(name, tuple) else ""
        self._listener.opened(self)
        self.deadline = self._listener.now + self._listener.limits.head_time

    def connection_lost(self, exc: Exception | None) -> None:
        self.deadline = self.send_deadline = inf
        self._state = State.LINGER
        self._buffer = b""
        self._request = None
        if self._body is not None:
            self._body.fail(bodies.Disconnected("the client went away"))
            self._body = None
        if self._sender is not None:
            self._sender.cancel()
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None
        self._wake_sender()
        self._listener.closed(self)

    def data_received(self, data: bytes) -> None:
        state = self._state
        if state is State.HEAD:
            self._append(data)
            self._advance()
            if self._drained is not None and len(self._buffer) > self._listener.limits.pipelined:
                self._pause()
        elif state is State.BODY:
            self._take_body(data)
        elif state is State.HELD:
            self._append(data)
            if len(self._buffer) > self._listener.limits.pipelined:
                self._pause()
        elif state is State.GATHER:
            self._append(data)
            self._advance()

    def eof_received(self) -> None:
        """A client that has closed its side is gone: half-open connections are not served."""

    def pause_writing(self) -> None:
        self._drained = asyncio.get_running_loop().create_future()
        self.send_deadline = self._listener.now + self._listener.limits.send_time

    def resume_writing(self) -> None:
        self.send_deadline = inf
        self._wake_sender()
        if self._state is State.HEAD:
            self._resume()
            self._advance()

    # What the listener asks.

    @property
    def idle(self) -> bool:
        return self._state is State.HEAD and not self._buffer

    @property
    def made(self) -> bool:
        """Whether a transport was ever ready."""
        return cast(asyncio.Transport | None, self._transport) is not None

    def expire(self, now: float) -> None:
        """A deadline has passed."""
        if self.send_deadline <= now:
            self._transport.abort()
        elif self._state is State.LINGER:
            if self._lingered or not self._transport.get_write_buffer_size():
                self._transport.abort()
            self._lingered = True
            self.deadline = now + self._listener.limits.send_time
        elif self._state is State.HEAD and not self._buffer:
            self._close()
        elif self._state is State.BODY and not self._answered:
            self.deadline = inf
            self._keep = False
            if self._body is not None:
                self._body.fail(bodies.timed_out())
        elif self._state is State.BODY:
            self._transport.abort()
        else:
            self._refuse(408, "request not received in time")

    def stop(self) -> None:
        """Closes once the request in hand is answered."""
        self._stopping = True
        if self.idle:
            self._close()

    def abort(self) -> None:
        self._transport.abort()

    # Reading.

    def _append(self, data: bytes) -> None:
        if not self._buffer:
            self._buffer = data
        elif isinstance(self._buffer, bytearray):
            self._buffer += data
        else:
            self._buffer = bytearray(self._buffer)
            self._buffer += data

    def _advance(self) -> None:
        """Handles what is complete in the buffer. A client that does not read its answers gets no further ones."""
        if self._advancing:
            return
        self._advancing = True
        try:
            while self._buffer and self._drained is None and self._next():
                pass
        except head.Refused as refused:
            self._refuse(refused.status, refused.reason)
        finally:
            self._advancing = False

    def _next(self) -> bool:
        """Takes one step; False where more input is needed, or an answer is awaited."""
        if self._state is State.HEAD:
            return self._take_head()
        if self._state is State.GATHER and len(self._buffer) >= self._framing.length:
            request = cast(Request, self._request)
            self._dispatch(request, bytes(self._cut(self._framing.length)))
            return True
        return False

    def _take_head(self) -> bool:
        listener = self._listener
        buffer = self._buffer
        if buffer.startswith(b"\r\n"):  # RFC 9112, 2.2: an empty line before a request is ignored
            self._cut(2)
            return bool(self._buffer)
        end = buffer.find(head.END, self._scanned) + 4
        if end < 4:
            head.incomplete(buffer, listener.limits)
            if not self._scanned:
                self.deadline = listener.now + listener.limits.head_time
            self._scanned = max(1, len(buffer) - 3)
            return False
        if end > listener.limits.head:
            raise head.Refused(431, "headers too large")
        request, framing = head.parse(bytes(self._cut(end)), listener.limits, self.scheme, self.peer, self.origin)
        self._scanned = 0
        self._request = request
        self._framing = framing
        self._keep = framing.keep
        if request.method == "CONNECT":
            tunnel.admit(request, framing, bool(self._buffer), listener.secure)
            self._hand_over(tunnel.Tunnel(listener))
            return False
        if "upgrade" in request.headers and listener.upgrade is not None:
            factory = listener.upgrade(request)
            if factory is not None:
                self._hand_over(factory())
                return False
        length = framing.length
        if not length:
            self._dispatch(request, b"")
        elif 0 < length <= listener.limits.gathered and not framing.expects:
            self._state = State.GATHER
            self.deadline = listener.now + listener.limits.body_time
        else:
            self._open_body(request, framing)
        return True

    def _cut(self, size: int) -> bytes | bytearray:
        """Takes `size` bytes off the front of the buffer."""
        buffer = self._buffer
        if len(buffer) == size:
            self._buffer = b""
            return buffer
        front = buffer[:size]
        if isinstance(buffer, bytearray):
            del buffer[:size]
        else:
            self._buffer = buffer[size:]
        return front

    def _dispatch(self, request: Request, body: bytes) -> None:
        request.body = body
        self._state = State.HELD
        self.deadline = inf
        self._handle(request)

    def _handle(self, request: Request) -> None:
        self._answered = False
        try:
            pending = self._listener.handle(request, partial(self._answer, request))
        except Exception:
            log.exception("the pipeline failed on %s %s", request.method, request.path[:200])
            if self._request is request:
                self._answer(request, plain(500, "internal failure"))
            return
        if self._request is request:
            self._pending = pending

    # A body that is read as it arrives.

    def _open_body(self, request: Request, framing: head.Framing) -> None:
        limits = self._listener.limits
        chunked = framing.length == head.CHUNKED
        self._missing = framing.length
        self._dechunker = Dechunker() if chunked else None
        self._expecting = framing.expects
        self._state = State.BODY
        self._progress = 0
        self.deadline = inf if framing.expects else self._listener.now + limits.body_time
        body = bodies.IncomingBody(self, None if chunked else framing.length, limits.buffered)
        request.body = self._body = body
        self._handle(request)
        if self._buffer and self._state is State.BODY:
            self._take_body(bytes(self._cut(len(self._buffer))))

    def _take_body(self, data: bytes) -> None:
        if self._dechunker is not None:
            try:
                pieces, rest = self._dechunker.feed(data)
            except MalformedChunk:
                self._spoil()
                return
            done = self._dechunker.done
        else:
            pieces, rest = [data[: self._missing]], data[self._missing :]
            self._missing -= len(pieces[0])
            done = not self._missing
        self._expecting = False
        self._progress += len(data)
        if self._progress >= self._listener.limits.body_step:
            self._progress = 0
            self.deadline = self._listener.now + self._listener.limits.body_time
        if self._body is not None:
            for piece in pieces:
                self._body.feed(piece)
        if done:
            self._end_body(rest)

    def _end_body(self, rest: bytes) -> None:
        self.deadline = inf
        self._dechunker = None
        if self._body is not None:
            self._body.finish()
            self._body = None
        self._state = State.HELD
        if rest:
            self._append(rest)
        self._resume()
        if self._answered:
            self._ready()

    def _spoil(self) -> None:
        """The body broke its coding: its reader is told, and the connection ends with the answer."""
        self._keep = False
        self._buffer = b""
        self.deadline = inf
        self._pause()
        if self._body is not None:
            self._body.fail(bodies.incomplete())
        if self._answered:
            self._close()

    def wanted(self) -> None:
        if self._expecting:
            self._expecting = False
            self.deadline = self._listener.now + self._listener.limits.body_time
            if not self._answered:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def hold(self) -> None:
        self._pause()
        self.deadline = inf

    def go_on(self) -> None:
        if self._state is State.BODY:
            self.deadline = self._listener.now + self._listener.limits.body_time
            self._resume()

    # Answering.

    def _answer(self, request: Request, response: Response) -> None:
        """The first answer to the request in hand counts; one that comes after its client has gone is dropped."""
        if self._request is not request:
            sending.dispose(response)
            return
        self._request = None
        self._pending = None
        if self._state is State.BODY and (
            self._expecting or not 0 <= self._missing <= self._listener.limits.drained
        ):
            self._keep = False
        keep = self._keep and not self._stopping
        version = self._framing.version
        length = render.length_of(response, request.method, version)
        if length == render.NO_LENGTH and request.method != "HEAD" and response.status not in render.BODILESS:
            keep = False
        self._keep = keep
        try:
            start = render.head(response, length, not keep, self._listener.date())
        except render.UnsafeHeader:
            log.error("an answer to %s %s had an unsafe header", request.method, request.path[:200])
            sending.dispose(response)
            response = plain(500, "internal failure")
            length = len(cast(bytes, response.body))
            start = render.head(response, length, not keep, self._listener.date())
        body = response.body
        if request.method == "HEAD" or response.status in render.BODILESS:
            sending.dispose(response)
            self._transport.write(start)
            self._sent()
        elif isinstance(body, bytes):
            self._transport.write(start + body if body else start)
            self._sent()
        else:
            self._transport.write(start)
            self._sender = asyncio.get_running_loop().create_task(self._send(sending.pieces(body, length)))

    async def _send(self, pieces: sending.Pieces) -> None:
        transport = self._transport
        try:
            async for piece in pieces:
                transport.writelines(piece)
                if self._drained is not None:
                    await self._drained
        except Exception as error:
            if not transport.is_closing():
                log.error("a response broke off: %s", error, exc_info=not isinstance(error, sending.WrongLength))
            transport.abort()
            return
        finally:
            self._sender = None
            await pieces.aclose()
        if not transport.is_closing():
            self._sent()

    def _sent(self) -> None:
        self._answered = True
        if not self._keep:
            self._close()
        elif self._state is State.HELD:
            self._ready()
        elif self._body is not None:  # the rest of it is read and dropped
            self._body.fail(bodies.Disconnected("answered already"))
            self._body = None
            self.deadline = self._listener.now + self._listener.limits.body_time
            self._resume()

    def _ready(self) -> None:
        """For the next request."""
        if self._stopping or not self._keep:
            self._close()
            return
        self._state = State.HEAD
        self.deadline = self._listener.now + self._listener.limits.idle_time
        if not self._reading:
            self._resume()
        if self._buffer:
            self._advance()

    def _refuse(self, status: int, reason: str) -> None:
        """Answers a request that never became one, and closes."""
        self._request = None
        response = plain(status, reason)
        body = cast(bytes, response.body)
        self._transport.write(render.head(response, len(body), True, self._listener.date()) + body)
        self._close(more=True)

    def _close(self, more: bool = False) -> None:
        """Lets the client read the answer first: closing over unread input would reset the connection.

        `more`: input may still come although none is expected.
        """
        if self._state is State.LINGER:
            return
        quiet = self._state in (State.HEAD, State.HELD) and not self._buffer and not more
        self._keep = False
        self._state = State.LINGER
        self._buffer = b""
        limits = self._listener.limits
        self.deadline = self._listener.now + (limits.send_time if quiet else limits.linger_time)
        if quiet:
            self._lingered = True
            self._transport.close()
            return
        self._resume()
        if self._transport.can_write_eof():
            self._transport.write_eof()

    # The transport.

    def _hand_over(self, protocol: asyncio.Protocol) -> None:
        early, self._buffer = bytes(self._buffer), b""
        self.deadline = inf
        self._listener.closed(self)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        if early:
            protocol.data_received(early)

    def _pause(self) -> None:
        if self._reading and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    def _resume(self) -> None:
        if not self._reading and not self._transport.is_closing():
            self._reading = True
            self._transport.resume_reading()

    def _wake_sender(self) -> None:
        if self._drained is not None:
            if not self._drained.done():
                self._drained.set_result(None)
            self._drained = None
