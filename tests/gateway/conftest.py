"""A listener on a free port, and raw sockets to speak to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio
import uvloop

from fogbank.gateway.handling import Respond
from fogbank.gateway.limits import Limits
from fogbank.gateway.listener import Listener
from fogbank.wire.messages import Request, Response

Answer = Callable[[Request], Awaitable[Response]]


def echo(request: Request, respond: Respond) -> None:
    """Says what was asked for; gathered bodies only."""
    respond(Response(200, [("x-method", request.method)], request.path.encode() + b"|" + bytes(request.body)))


def later(answer: Answer) -> Callable[[Request, Respond], asyncio.Task[None]]:
    """A handler that answers from a task."""

    def handle(request: Request, respond: Respond) -> asyncio.Task[None]:
        async def run() -> None:
            respond(await answer(request))

        return asyncio.get_running_loop().create_task(run())

    return handle


class Client:
    """One raw connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        text = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 5)).decode("latin-1")
        line, *rest = text.split("\r\n")
        headers = dict(row.split(": ", 1) for row in rest if row)
        return int(line.split(" ")[1]), headers

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        status, headers = await self.head()
        if "content-length" in headers:
            body = await asyncio.wait_for(self.reader.readexactly(int(headers["content-length"])), 5)
        elif "transfer-encoding" in headers:
            body = b"".join([piece async for piece in self.chunks()])
        else:
            body = b""
        return status, headers, body

    async def chunks(self) -> AsyncIterator[bytes]:
        while True:
            size = int(await asyncio.wait_for(self.reader.readline(), 5), 16)
            data = await self.reader.readexactly(size + 2)
            if not size:
                return
            yield data[:-2]

    async def rest(self) -> bytes:
        """What comes until the server closes."""
        return await asyncio.wait_for(self.reader.read(), 5)

    async def close(self) -> None:
        self.writer.close()


class Door:
    """Listeners and connections of one test."""

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.clients: list[Client] = []
        self.port = 0

    async def open(self, handle: Any = echo, limits: Limits | None = None, **more: Any) -> Listener:
        listener = Listener(handle, clock=lambda: 0.0, limits=limits, **more)
        self.listeners.append(listener)
        self.port = await listener.listen("127.0.0.1", 0)
        return listener

    async def connect(self) -> Client:
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port))
        self.clients.append(client)
        return client

    async def ask(self, data: bytes) -> tuple[int, dict[str, str], bytes]:
        client = await self.connect()
        await client.send(data)
        return await client.response()


@pytest_asyncio.fixture
async def door() -> AsyncIterator[Door]:
    door = Door()
    yield door
    for client in door.clients:
        await client.close()
    for listener in door.listeners:
        await listener.stop(0.1)


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """The loop that the cloud itself runs on."""
    return {"uvloop": uvloop.new_event_loop}
