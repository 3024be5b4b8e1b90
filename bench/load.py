"""A load of prepared HTTP requests over keep-alive connections, in a process of its own, bounded in time."""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import uvloop


@dataclass
class Result:
    requests: int
    failures: int
    seconds: float
    per_second: float
    p50_ms: float
    p99_ms: float
    first_failure: str = ""


class _Sender:
    """One request in flight at a time; connects again where the server closes after each answer."""

    def __init__(self, host: str, port: int, requests: list[bytes], start: int, until: float) -> None:
        self.host, self.port, self.requests, self.next, self.until = host, port, requests, start, until
        self.times: list[float] = []
        self.failures: list[str] = []

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while time.perf_counter() < self.until:
            began = time.perf_counter()
            closed = loop.create_future()
            await loop.create_connection(lambda b=began, c=closed: _Connection(self, b, c), self.host, self.port)
            await closed

    def request(self) -> bytes:
        self.next += 1
        return self.requests[self.next % len(self.requests)]


class _Connection(asyncio.Protocol):
    """Knows just enough HTTP to find where an answer ends."""

    def __init__(self, sender: _Sender, began: float, closed: asyncio.Future[None]) -> None:
        self.sender, self.began, self.closed = sender, began, closed
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.sender.request())  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        if b"transfer-encoding: chunked" in head:
            if not self.buffer.endswith(b"0\r\n\r\n"):
                return
        else:
            at = head.find(b"content-length:")
            length = int(head[at + 15 :].split(b"\r", 1)[0]) if at >= 0 else 0
            if len(self.buffer) < end + 4 + length:
                return
        now = time.perf_counter()
        self.sender.times.append(now - self.began)
        if not self.buffer.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
            self.sender.failures.append(self.buffer[:400].decode(errors="replace"))
        keep = b"connection: close" not in head and self.buffer.startswith(b"HTTP/1.1")
        self.buffer = b""
        if keep and now < self.sender.until:
            self.began = time.perf_counter()
            self.transport.write(self.sender.request())  # type: ignore[attr-defined]
        else:
            self.transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)


async def _run(host: str, port: int, requests: list[bytes], connections: int, seconds: float) -> Result:
    began = time.perf_counter()
    senders = [
        _Sender(host, port, requests, number * len(requests) // connections, began + seconds)
        for number in range(connections)
    ]
    await asyncio.wait_for(asyncio.gather(*[sender.run() for sender in senders]), seconds + 30)
    took = time.perf_counter() - began
    times = sorted(t for sender in senders for t in sender.times)
    failures = [f for sender in senders for f in sender.failures]
    return Result(
        len(times), len(failures), took, len(times) / took, statistics.median(times) * 1000,
        times[int(len(times) * 0.99)] * 1000, failures[0] if failures else "",
    )


def run(host: str, port: int, requests: list[bytes], *, connections: int, seconds: float, work: Path) -> Result:
    """Sends `requests` in turn over `connections` connections for `seconds`; the sender is a separate process."""
    file = work / "requests.json"
    file.write_text(json.dumps([r.decode("latin-1") for r in requests]))
    command = [sys.executable, "-m", "bench.load", host, str(port), str(file), str(connections), str(seconds)]
    answer = subprocess.run(command, check=True, capture_output=True, timeout=seconds + 60)
    return Result(**json.loads(answer.stdout))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    parser.add_argument("file", type=Path)
    parser.add_argument("connections", type=int)
    parser.add_argument("seconds", type=float)
    options = parser.parse_args()
    requests = [r.encode("latin-1") for r in json.loads(options.file.read_text())]
    result = uvloop.run(_run(options.host, options.port, requests, options.connections, options.seconds))
    print(json.dumps(asdict(result)))


if __name__ == "__main__":
    main()
