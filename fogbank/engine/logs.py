"""From a sandbox's pipes to the log sink: lines and frames are read, batched, and handed over without being waited for."""

from __future__ import annotations

import asyncio
import os
import select
from collections import deque
from collections.abc import Callable

from fogbank.engine.spec import Clock, FunctionSpec, Hooks, LogRecord

_FRAME_HEAD = 16
_MAGIC = 0xA55A0000
_JSON_KIND = 2
MAX_EVENT = 1024 * 1024
"""CloudWatch Logs takes 1 MB an event; a longer line is cut into several."""
_READ = 1 << 17
_BACKLOG = 16 * 1024 * 1024
TAIL = 4096


class LogSink:
    """Collects the lines of all environments and gives them to the hook in batches, in order within a stream."""

    def __init__(self, hooks: Hooks, delay: float = 0.1) -> None:
        self._hooks = hooks
        self._delay = delay
        self._batches: dict[tuple[str, str], tuple[FunctionSpec, list[LogRecord]]] = {}
        self._size = 0
        self._task: asyncio.Task[None] | None = None
        self._paused: list[Callable[[], None]] = []

    def add(self, spec: FunctionSpec, stream: str, record: LogRecord) -> None:
        key = (spec.function_arn, stream)
        batch = self._batches.get(key)
        if batch is None:
            batch = self._batches[key] = (spec, [])
        batch[1].append(record)
        self._size += len(record.message) + 64
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._drain())

    @property
    def full(self) -> bool:
        return self._size > _BACKLOG

    def when_drained(self, resume: Callable[[], None]) -> None:
        """Calls `resume` when there is room: until then a reader stops, and a function that floods its log waits."""
        self._paused.append(resume)

    async def _drain(self) -> None:
        await asyncio.sleep(self._delay)
        await self.flush()

    async def flush(self) -> None:
        while self._batches:
            batches, self._batches = self._batches, {}
            self._size = 0
            for (_, stream), (spec, records) in batches.items():
                try:
                    await self._hooks.logs(spec, stream, records)
                except Exception as error:
                    loop = asyncio.get_running_loop()
                    loop.call_exception_handler({"message": "the log sink failed", "exception": error})
            paused, self._paused = self._paused, []
            for resume in paused:
                resume()
        self._task = None


class LogReader:
    """The pipes of one sandbox: plain lines, and frames. `handle(timestamp_ms, text, is_json)` gets each message."""

    def __init__(
        self, lines: int, frames: int | None, clock: Clock, sink: LogSink, handle: Callable[[int, str, bool], None]
    ) -> None:
        self._lines = lines
        self._frames = frames
        self._clock = clock
        self._sink = sink
        self._handle = handle
        self._text = b""
        self._framed = b""
        self._loop = asyncio.get_running_loop()
        self._poller = select.poll()
        self._poller.register(lines, select.POLLIN)
        if frames is not None:
            self._poller.register(frames, select.POLLIN)
        self._open = True
        self._reading = False
        self._watch()

    def _watch(self) -> None:
        if self._open and not self._reading:
            self._reading = True
            self._loop.add_reader(self._lines, self._read_lines)
            if self._frames is not None:
                self._loop.add_reader(self._frames, self._read_frames)

    def drain(self) -> None:
        """Takes what has been written so far: called where an invocation's log must be complete."""
        if self._open:
            for _ in range(64):
                if not self._poller.poll(0) or not (self._read_frames() | self._read_lines()):
                    break

    def finish(self) -> None:
        """Reads to the end after the processes are gone, and stops."""
        if not self._open:
            return
        self.drain()
        if self._text:
            self._emit(self._text)
            self._text = b""
        self._open = False
        self._pause()

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._lines)
            if self._frames is not None:
                self._loop.remove_reader(self._frames)

    def _take(self, pipe: int) -> bytes:
        if self._sink.full and self._reading:
            self._pause()
            self._sink.when_drained(self._watch)
        try:
            data = os.read(pipe, _READ)
        except BlockingIOError:
            return b""
        except OSError:
            data = b""
        if not data:  # every writer is gone
            self._loop.remove_reader(pipe)
        return data

    def _read_lines(self) -> bool:
        data = self._take(self._lines)
        if not data:
            return False
        *lines, rest = (self._text + data).split(b"\n")
        for item in lines:
            self._emit(item + b"\n")
        while len(rest) > MAX_EVENT:
            self._emit(rest[:MAX_EVENT])
            rest = rest[MAX_EVENT:]
        self._text = rest
        return True

    def _emit(self, data: bytes) -> None:
        self._handle(int(self._clock.now() * 1000), data.decode("utf-8", "replace"), False)

    def _read_frames(self) -> bool:
        data = self._take(self._frames) if self._frames is not None else b""
        if not data:
            return False
        buffer = self._framed + data
        position = 0
        while len(buffer) - position >= _FRAME_HEAD:
            kind = int.from_bytes(buffer[position : position + 4], "big")
            size = int.from_bytes(buffer[position + 4 : position + 8], "big")
            if kind & 0xFFFF0000 != _MAGIC or size > MAX_EVENT:
                # Not a frame: user code wrote to the descriptor. What follows is shown as plain text.
                self._emit(buffer[position:])
                position = len(buffer)
                break
            end = position + _FRAME_HEAD + size
            if len(buffer) < end:
                break
            stamp = int.from_bytes(buffer[position + 8 : position + 16], "big") // 1000
            text = buffer[position + _FRAME_HEAD : end].decode("utf-8", "replace")
            now = int(self._clock.now() * 1000)
            if not now - 3_600_000 < stamp <= now + 1000:
                stamp = now
            self._handle(stamp, text, kind & 3 == _JSON_KIND)
            position = end
        self._framed = buffer[position:]
        return True


class Tail:
    """The last 4 KB of an invocation's log."""

    def __init__(self) -> None:
        self._parts: deque[bytes] = deque()
        self._size = 0

    def add(self, text: str) -> None:
        data = text.encode()
        self._parts.append(data if data.endswith(b"\n") else data + b"\n")
        self._size += len(self._parts[-1])
        while self._size - len(self._parts[0]) >= TAIL:
            self._size -= len(self._parts.popleft())

    def bytes(self) -> bytes:
        return b"".join(self._parts)[-TAIL:]
