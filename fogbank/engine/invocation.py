"""One invocation on its way: what the caller sent, when it must end, and the promise of its outcome."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable

from fogbank.engine.api_http import Call
from fogbank.engine.logs import Tail
from fogbank.engine.spec import Outcome

MAX_PAYLOAD = 6 * 1024 * 1024
MAX_RESPONSE = MAX_PAYLOAD + 100
MAX_STREAMED = 200 * 1024 * 1024
_QUEUE = 1024 * 1024
_FREE = 6 * 1024 * 1024

_SIGNALS = {
    1: "hangup", 2: "interrupt", 3: "quit", 4: "illegal instruction", 5: "trace/breakpoint trap", 6: "aborted",
    7: "bus error", 8: "floating point exception", 9: "killed", 10: "user defined signal 1", 11: "segmentation fault",
    12: "user defined signal 2", 13: "broken pipe", 14: "alarm clock", 15: "terminated", 31: "bad system call",
}  # fmt: skip


def exit_reason(status: int) -> str:
    """The text Lambda has for a wait status."""
    if status & 0x7F:
        return f"Runtime exited with error: signal: {_SIGNALS.get(status & 0x7F, f'signal {status & 0x7F}')}"
    if status >> 8:
        return f"Runtime exited with error: exit status {status >> 8}"
    return "Runtime exited without providing a reason"


def error_document(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}, separators=(",", ":")).encode()


RESPONSE_TOO_LARGE = json.dumps({
    "errorMessage": f"Response payload size exceeded maximum allowed payload size ({MAX_RESPONSE} bytes).",
    "errorType": "Function.ResponseSizeTooLarge",
}, separators=(",", ":")).encode()  # fmt: skip


class Stream:
    """A response that arrives in pieces. The writer is held back when the reader is slow."""

    def __init__(self, limit: int) -> None:
        self._parts: deque[bytes] = deque()
        self._queued = 0
        self._wake: asyncio.Event = asyncio.Event()
        self._ended = False
        self._held: Call | None = None
        self._sent = 0
        self.size = 0
        self.limit = limit
        self.broken = False
        self.bandwidth: float | None = None

    def feed(self, data: bytes) -> bool:
        """Returns whether the writer should wait."""
        self.size += len(data)
        if self.size <= self.limit:
            self._parts.append(data)
            self._queued += len(data)
            self._wake.set()
        return self._queued > _QUEUE

    async def _pace(self, size: int) -> None:
        """The first 6 MB of a stream go as fast as they can; what follows keeps to the documented rate."""
        self._sent += size
        if self.bandwidth and self._sent > _FREE:
            await asyncio.sleep(min(size, self._sent - _FREE) / self.bandwidth)

    def take(self) -> bytes:
        """All that has arrived and nobody has read."""
        parts, self._parts = self._parts, deque()
        self._queued = 0
        return b"".join(parts)

    def end(self, broken: bool = False) -> None:
        self._ended = True
        self.broken = self.broken or broken
        self._wake.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._parts:
                part = self._parts.popleft()
                self._queued -= len(part)
                if self._held is not None and self._queued <= _QUEUE:
                    held, self._held = self._held, None
                    held.resume()
                yield part
                await self._pace(len(part))
            if self._ended:
                return
            self._wake.clear()
            await self._wake.wait()

    def writer(self, call: Call, loop: asyncio.AbstractEventLoop) -> Callable[[bytes | None], None]:
        """What the connection gives each piece of the body to, and None at its end."""

        def feed(data: bytes | None) -> None:
            if data is None:
                self.end(broken=not call.connected)
            elif self.feed(data) and self.size <= self.limit:
                self._held = call
                call.pause()

        return feed


class Invocation:
    """`answer` is resolved when the caller may have the outcome; `ended` when the Invoke phase is over."""

    def __init__(
        self, request_id: str, payload: bytes, *, invoked_arn: str, client_context: str | None, identity: str | None,
        trace_id: str | None, tenant_id: str | None, tail: bool, stream: bool, provisioned: bool = False,
    ) -> None:
        loop = asyncio.get_running_loop()
        self.request_id = request_id
        self.payload = payload
        self.invoked_arn = invoked_arn
        self.client_context = client_context
        self.identity = identity
        self.trace_id = trace_id
        self.tenant_id = tenant_id
        self.wants_tail = tail
        self.wants_stream = stream
        self.provisioned = provisioned
        self.tail = Tail() if tail else None
        self.answer: asyncio.Future[Outcome] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self.outcome: Outcome | None = None
        self.started = 0.0
        self.deadline_ms = 0
        self.status = "success"
        self.error_type = ""
        self.cold = False
        self.init_ms: float | None = None
        self.restore_ms: float | None = None

    def headers(self) -> bytes:
        """The header lines of the `next` answer."""
        lines = [
            f"Lambda-Runtime-Aws-Request-Id: {self.request_id}",
            f"Lambda-Runtime-Deadline-Ms: {self.deadline_ms}",
            f"Lambda-Runtime-Invoked-Function-Arn: {self.invoked_arn}",
        ]
        for name, value in (
            ("Lambda-Runtime-Trace-Id", self.trace_id),
            ("Lambda-Runtime-Client-Context", self.client_context),
            ("Lambda-Runtime-Cognito-Identity", self.identity),
            ("Lambda-Runtime-Aws-Tenant-Id", self.tenant_id),
        ):
            if value:
                lines.append(f"{name}: {_one_line(value)}")
        lines.append("Content-Type: application/json\r\n")
        return "\r\n".join(lines).encode("utf-8", "replace")

    def fail(self, kind: str, payload: bytes, status: str = "error") -> None:
        """Sets a failed outcome, unless the runtime has answered already."""
        self.status = status
        self.error_type = kind
        if self.outcome is None:
            self.outcome = Outcome("function_error", payload, self.request_id, "Unhandled", kind)
            self.outcome.content_type = "application/json"

    def settled(self) -> Outcome:
        """The outcome; an error where the runtime asked for the next event without an answer to this one."""
        if self.outcome is None:
            self.fail("Runtime.Unknown", error_document("Runtime.Unknown", "The runtime did not answer"))
        assert self.outcome is not None
        return self.outcome

    def release(self) -> None:
        """Gives the caller its outcome."""
        assert self.outcome is not None
        self.outcome.end = self.ended
        if not self.answer.done():
            self.answer.set_result(self.outcome)

    def finish(self) -> None:
        self.release()
        if not self.ended.done():
            self.ended.set_result(None)


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")
