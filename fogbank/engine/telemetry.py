"""Telemetry and Logs API subscriptions: events are buffered and sent to a listener inside the sandbox."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from fogbank.engine.report import Event

TYPES = ("platform", "function", "extension")
_SCHEMAS = {
    "telemetry": ("2022-07-01", "2022-12-13", "2025-01-29"),
    "logs": ("2020-08-15", "2021-03-18"),
}
_BOUNDS = {"maxItems": (1000, 10000, 10000), "maxBytes": (262144, 1048576, 262144), "timeoutMs": (25, 30000, 1000)}
_LOGS_TYPES = frozenset({
    "platform.start", "platform.end", "platform.report", "platform.extension", "platform.logsSubscription",
    "platform.logsDropped", "platform.fault", "platform.runtimeDone", "function", "extension",
})  # fmt: skip
_SEND_TIMEOUT = 5.0
_HOLD = 4
"""Batches that wait for a slow listener before events are dropped."""

Connect = Callable[[], Awaitable[socket.socket]]
"""Makes an unconnected TCP socket inside the sandbox's network."""


class SubscriptionRefused(Exception):
    def __init__(self, message: str, kind: str = "ValidationError", status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


@dataclass(frozen=True, slots=True)
class Destination:
    protocol: str
    port: int
    path: str = "/"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a subscriber asked for."""

    types: tuple[str, ...]
    destination: Destination
    max_items: int
    max_bytes: int
    timeout_s: float


def terms(api: str, body: dict[str, Any]) -> Terms:
    """Checks a subscription's body. Raises SubscriptionRefused with every problem found."""
    problems = []
    version = body.get("schemaVersion", _SCHEMAS[api][0] if api == "logs" else None)
    if version not in _SCHEMAS[api]:
        problems.append(f"schemaVersion should be one of {', '.join(_SCHEMAS[api])}")
    types = body.get("types")
    if not isinstance(types, list) or not types:
        problems.append("types should not be empty")
        types = []
    if any(kind not in TYPES for kind in types):
        problems.append("types should be of platform, function, extension")
    destination = _destination(body.get("destination"), problems)
    buffering = body.get("buffering") or {}
    values = {}
    for name, (least, most, default) in _BOUNDS.items():
        value = buffering.get(name, default) if isinstance(buffering, dict) else None
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            problems.append(f"{name} should be between {least} and {most}")
            value = default
        values[name] = value
    if problems:
        raise SubscriptionRefused("; ".join(problems))
    assert destination is not None
    return Terms(tuple(types), destination, values["maxItems"], values["maxBytes"], values["timeoutMs"] / 1000)


def _destination(value: object, problems: list[str]) -> Destination | None:
    if not isinstance(value, dict):
        problems.append("destination is not provided")
        return None
    protocol = str(value.get("protocol", "")).upper()
    if protocol == "TCP":
        port = value.get("port")
        if not isinstance(port, int) or not 0 < port < 65536 or port == 9001:
            problems.append("TCP port is not valid")
            return None
        return Destination("TCP", port)
    if protocol != "HTTP":
        problems.append("protocol should be HTTP or TCP")
        return None
    try:
        parts = urlsplit(str(value.get("URI", "")))
        port = parts.port
    except ValueError:
        problems.append("URI is not valid")
        return None
    if parts.scheme != "http" or parts.hostname not in ("sandbox.localdomain", "sandbox"):
        problems.append("URI should be of the host sandbox.localdomain")
        return None
    if not port or port == 9001:
        problems.append("URI port is not provided")
        return None
    return Destination("HTTP", port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


class Subscription:
    """One listener. Nothing here waits for it: what it does not take in time is dropped, and it is told so."""

    def __init__(self, name: str, api: str, wanted: Terms, connect: Connect, now: Callable[[], str]) -> None:
        self.name = name
        self.wanted = wanted
        self._api = api
        self._connect = connect
        self._now = now
        self._events: list[bytes] = []
        self._size = 0
        self._batches: list[list[bytes]] = []
        self._dropped = [0, 0]
        self._timer: asyncio.TimerHandle | None = None
        self._sender: asyncio.Task[None] | None = None
        self._stream: socket.socket | None = None
        self._closed = False

    def publish(self, item: Event) -> None:
        kind = item["type"]
        if kind.split(".")[0] not in self.wanted.types or self._closed:
            return
        if self._api == "logs":
            if kind not in _LOGS_TYPES:
                return
        elif kind == "platform.end":
            return
        data = json.dumps(item, separators=(",", ":")).encode()
        self._events.append(data)
        self._size += len(data)
        if len(self._events) >= self.wanted.max_items or self._size >= self.wanted.max_bytes:
            self.flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self.wanted.timeout_s, self.flush)

    def flush(self) -> None:
        """Sends what is buffered; called by time, by size, and at the end of the sandbox."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._events:
            return
        batch, self._events, self._size = self._events, [], 0
        if len(self._batches) >= _HOLD:
            self._dropped[0] += len(batch)
            self._dropped[1] += sum(map(len, batch))
            return
        self._batches.append(batch)
        if self._sender is None:
            self._sender = asyncio.get_running_loop().create_task(self._send_all())

    async def _send_all(self) -> None:
        try:
            while self._batches and not self._closed:
                batch = self._batches[0]
                if self._dropped[0]:
                    batch.append(self._dropped_record())
                try:
                    await asyncio.wait_for(self._send(batch), _SEND_TIMEOUT)
                except (OSError, TimeoutError):
                    self._dropped[0] += len(batch)
                    self._dropped[1] += sum(map(len, batch))
                self._batches.pop(0)
        finally:
            self._sender = None

    def _dropped_record(self) -> bytes:
        records, size = self._dropped
        self._dropped = [0, 0]
        reason = "Consumer seems to have fallen behind as it has not acknowledged receipt of logs."
        record = {"reason": reason, "droppedRecords": records, "droppedBytes": size}
        return json.dumps({"time": self._now(), "type": "platform.logsDropped", "record": record}).encode()

    async def _send(self, batch: list[bytes]) -> None:
        loop = asyncio.get_running_loop()
        target = self.wanted.destination
        if target.protocol == "TCP":
            if self._stream is None:
                self._stream = await self._connect()
                await loop.sock_connect(self._stream, ("127.0.0.1", target.port))
            await loop.sock_sendall(self._stream, b"".join(data + b"\n" for data in batch))
            return
        channel = await self._connect()
        with channel:
            await loop.sock_connect(channel, ("127.0.0.1", target.port))
            body = b"[" + b",".join(batch) + b"]"
            head = (
                f"POST {target.path} HTTP/1.1\r\nHost: sandbox.localdomain:{target.port}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            await loop.sock_sendall(channel, head.encode() + body)
            answer = await loop.sock_recv(channel, 4096)
            if not answer.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
                raise OSError("the listener did not take the events")

    async def drain(self, seconds: float) -> None:
        """Sends what is left, within the time."""
        self.flush()
        if self._sender is not None:
            await asyncio.wait([self._sender], timeout=seconds)

    def close(self) -> None:
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        if self._sender is not None:
            self._sender.cancel()
        if self._stream is not None:
            self._stream.close()
