"""The connection, by raw sockets: framing, order, streaming, limits, and what happens when somebody goes away."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from email.utils import formatdate
from pathlib import Path

import pytest

from fogbank.gateway import render
from fogbank.gateway.bodies import Disconnected, IncomingBody
from fogbank.gateway.limits import Limits
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import FileBody, Request, Response
from tests.gateway.conftest import Door, echo, later

GET = b"GET /%s HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def test_keep_alive_and_order_of_pipelined_requests(door: Door) -> None:
    waiting: list[tuple[str, object]] = []

    def handle(request: Request, respond: object) -> None:
        waiting.append((request.path, respond))

    await door.open(handle)
    client = await door.connect()
    await client.send(GET % b"a" + GET % b"b" + GET % b"c")
    for expected in ("/a", "/b", "/c"):
        while not waiting:
            await asyncio.sleep(0)
        assert len(waiting) == 1, "the next request is not begun before this one is answered"
        path, respond = waiting.pop()
        assert path == expected
        respond(Response(200, [], path.encode()))  # type: ignore[operator]
        assert (await client.response())[2] == expected.encode()


async def test_a_synchronous_answer_to_many_pipelined_requests(door: Door) -> None:
    await door.open()
    client = await door.connect()
    await client.send(b"".join(GET % str(n).encode() for n in range(500)))
    for n in range(500):
        assert (await client.response())[2] == f"/{n}|".encode()


async def test_any_split_of_the_input_reads_the_same(door: Door) -> None:
    await door.open()
    message = b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + GET % b"q"
    for cut in range(1, len(message)):
        client = await door.connect()
        await client.send(message[:cut])
        await asyncio.sleep(0)
        await client.send(message[cut:])
        assert (await client.response())[2] == b"/p|hello"
        assert (await client.response())[2] == b"/q|"
        await client.close()


async def test_request_is_handed_over_as_it_was_received(door: Door) -> None:
    seen: list[Request] = []

    def handle(request: Request, respond: object) -> None:
        seen.append(request)
        respond(Response(204))  # type: ignore[operator]

    await door.open(handle)
    status, headers, _ = await door.ask(
        b"PUT /a%2Fb//../c?x=%20&y HTTP/1.1\r\nhOst: Bucket.localhost:4566\r\nX-Two: 1\r\n"
        b"x-two:\t2 \r\nX-Utf: \xc3\xa9\r\n\r\n"
    )
    assert (status, "content-length" in headers) == (204, False)
    request = seen[0]
    assert (request.method, request.path, request.query) == ("PUT", "/a%2Fb//../c", "x=%20&y")
    assert request.headers == {"host": "Bucket.localhost:4566", "x-two": "1,2", "x-utf": "Ã©"}
    assert request.raw_headers[1:3] == [(b"X-Two", b"1"), (b"x-two", b"2")]
    assert (request.scheme, request.peer, request.origin, request.body) == ("http", "127.0.0.1", None, b"")


async def test_absolute_form_and_options_asterisk(door: Door) -> None:
    seen: list[Request] = []

    def handle(request: Request, respond: object) -> None:
        seen.append(request)
        respond(Response(200))  # type: ignore[operator]

    await door.open(handle)
    await door.ask(b"GET http://sqs.us-east-1.amazonaws.com/q?a=1 HTTP/1.1\r\nHost: sqs.us-east-1.amazonaws.com\r\n\r\n")
    await door.ask(b"GET http://example.localhost HTTP/1.0\r\n\r\n")
    await door.ask(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
    assert [(r.headers["host"], r.path, r.query) for r in seen] == [
        ("sqs.us-east-1.amazonaws.com", "/q", "a=1"), ("example.localhost", "/", ""), ("x", "*", ""),
    ]


async def test_http_1_0_closes_and_gets_no_chunks(door: Door) -> None:
    async def numbers() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    await door.open(lambda request, respond: respond(Response(200, [], numbers())))
    client = await door.connect()
    await client.send(b"GET / HTTP/1.0\r\n\r\n")
    _, headers = await client.head()
    assert headers["connection"] == "close" and "transfer-encoding" not in headers
    assert await client.rest() == b"onetwo"


async def test_head_has_the_length_and_no_body(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "f"
    file.write_bytes(b"x" * 10)
    bodies = {"/bytes": b"hello", "/file": FileBody(file, 2, 7)}
    await door.open(lambda request, respond: respond(Response(200, [], bodies[request.path])))
    client = await door.connect()
    for path, length in (("/bytes", "5"), ("/file", "7")):
        await client.send(f"HEAD {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await client.head())[1]["content-length"] == length
    await client.send(GET % b"bytes")
    assert (await client.response())[2] == b"hello"


async def test_stated_length_of_a_head_answer_is_kept(door: Door) -> None:
    await door.open(lambda request, respond: respond(Response(200, [("Content-Length", "12345")])))
    client = await door.connect()
    await client.send(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await client.head())[1]["content-length"] == "12345"


# Bodies that stream in.


async def test_large_body_is_handled_while_it_arrives(door: Door) -> None:
    async def count(request: Request) -> Response:
        assert not isinstance(request.body, bytes)
        assert request.body.length == 3_000_000
        total = 0
        async for piece in request.body:
            assert piece
            total += len(piece)
        return Response(200, [], str(total).encode())

    await door.open(later(count))
    client = await door.connect()
    for _ in range(2):
        await client.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000)
        assert (await client.response())[2] == b"3000000"


async def test_an_unread_body_holds_its_sender_back(door: Door) -> None:
    bodies: list[IncomingBody] = []
    size = 64 * 1024 * 1024
    await door.open(lambda request, respond: bodies.append(request.body), Limits(buffered=100_000))
    loop = asyncio.get_running_loop()
    sock = socket.create_connection(("127.0.0.1", door.port))
    sock.setblocking(False)
    await loop.sock_sendall(sock, f"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode())
    sent = 0
    for _ in range(2000):
        try:
            sent += sock.send(b"x" * 65536)
        except BlockingIOError:
            await asyncio.sleep(0)
    assert 0 < sent < size / 2
    assert bodies[0]._size < 1_000_000
    sock.close()
    with pytest.raises(Disconnected):
        await bodies[0].read(2 * size)


async def test_chunked_body(door: Door) -> None:
    async def whole(request: Request) -> Response:
        assert not isinstance(request.body, bytes)
        return Response(200, [], await request.body.read(100))

    await door.open(later(whole))
    client = await door.connect()
    start = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    await client.send(start + b"5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 1\r\n\r\n" + GET % b"")
    assert (await client.response())[2] == b"hello world"


async def test_read_has_a_limit(door: Door) -> None:
    async def whole(request: Request) -> Response:
        assert not isinstance(request.body, bytes)
        try:
            await request.body.read(10)
        except AwsError as error:
            return Response(error.status or 0, [], error.code.encode())
        return Response(200)

    await door.open(later(whole), Limits(gathered=5))
    for start in (b"Content-Length: 11\r\n\r\n" + b"x" * 11, b"Transfer-Encoding: chunked\r\n\r\nb\r\n" + b"x" * 11):
        status, _, body = await door.ask(b"POST / HTTP/1.1\r\nHost: x\r\n" + start)
        assert (status, body) == (413, b"RequestEntityTooLarge")


async def test_expect_continue_is_sent_when_the_body_is_wanted(door: Door) -> None:
    gate = asyncio.Event()

    async def whole(request: Request) -> Response:
        await gate.wait()
        assert not isinstance(request.body, bytes)
        return Response(200, [], await request.body.read(100))

    await door.open(later(whole))
    client = await door.connect()
    await client.send(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.reader.read(1), 0.05)
    gate.set()
    assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    await client.send(b"abc")
    assert (await client.response())[2] == b"abc"
    await client.send(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc")
    data = await client.reader.readuntil(b"abc")
    assert b"200 OK" in data, "a client that does not wait is served as well"


async def test_expect_refused_without_the_body(door: Door) -> None:
    await door.open(lambda request, respond: respond(Response(403, [], b"no")))
    client = await door.connect()
    await client.send(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n")
    status, headers, body = await client.response()
    assert (status, headers["connection"], body) == (403, "close", b"no")
    assert await client.rest() == b""


async def test_an_unwanted_body_is_dropped_or_costs_the_connection(door: Door) -> None:
    await door.open(lambda request, respond: respond(Response(200, [], request.path.encode())), Limits(gathered=10))
    client = await door.connect()
    await client.send(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n" + b"x" * 500)
    assert (await client.response())[2] == b"/a"
    await client.send(b"x" * 500 + GET % b"b")
    assert (await client.response())[2] == b"/b"
    await client.send(b"POST /c HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 500)
    _, headers, body = await client.response()
    assert (headers["connection"], body) == ("close", b"/c")
    assert await client.rest() == b""


@pytest.mark.parametrize("tail", [b"z\r\n", b"5\nhello\r\n", b"5\r\nhelloX\r\n", b"0x5\r\nhello\r\n", b"-1\r\n", b"5 \r\n",
                                  b"1" * 16 + b"\r\n", b"5;" + b"e" * 2000, b"\r\n", b"0\r\nbad name: 1\r\n\r\n"])
async def test_a_broken_chunk_fails_the_body_and_the_connection(door: Door, tail: bytes) -> None:
    async def whole(request: Request) -> Response:
        assert not isinstance(request.body, bytes)
        try:
            await request.body.read(1000)
        except AwsError as error:
            return Response(error.status or 0, [], error.code.encode())
        return Response(200)

    await door.open(later(whole))
    client = await door.connect()
    await client.send(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + tail + GET % b"smuggled")
    status, headers, body = await client.response()
    assert (status, headers["connection"], body) == (400, "close", b"IncompleteBody")
    assert await client.rest() == b""


async def test_a_client_that_goes_away_fails_the_body(door: Door) -> None:
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def whole(request: Request) -> None:
        try:
            await request.body.read(10**9)  # type: ignore[union-attr]
        except Disconnected as error:
            failed.set_result(str(error))

    await door.open(lambda request, respond: asyncio.ensure_future(whole(request)) and None)
    client = await door.connect()
    await client.send(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc")
    await asyncio.sleep(0.02)
    await client.close()
    assert await asyncio.wait_for(failed, 5) == "the client went away"


# Bodies that stream out.


async def test_iterator_is_sent_in_chunks(door: Door) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one"
        yield b""
        yield b"two"

    await door.open(lambda request, respond: respond(Response(200, [("content-type", "x/y")], pieces())))
    client = await door.connect()
    for _ in range(2):
        await client.send(GET % b"")
        assert (await client.head())[1]["transfer-encoding"] == "chunked"
        assert [c async for c in client.chunks()] == [b"one", b"two"]


async def test_iterator_with_a_stated_length(door: Door) -> None:
    async def pieces(count: int) -> AsyncIterator[bytes]:
        for _ in range(count):
            yield b"abc"

    await door.open(
        lambda request, respond: respond(Response(200, [("Content-Length", "6")], pieces(int(request.path[1:]))))
    )
    client = await door.connect()
    await client.send(GET % b"2" + GET % b"2")
    assert (await client.response())[2] == b"abcabc"
    assert (await client.response())[2] == b"abcabc"
    for wrong, received in ((b"1", b"abc"), (b"3", b"abcabc")):
        client = await door.connect()
        await client.send(GET % wrong)
        assert (await client.head())[1]["content-length"] == "6"
        with contextlib.suppress(ConnectionResetError):
            assert await client.rest() == received
        assert not client.reader._buffer  # type: ignore[attr-defined]


@pytest.mark.parametrize("size", [0, 10, 65536, 65537, 5_000_000])
async def test_file_body(door: Door, tmp_path: Path, size: int) -> None:
    file = tmp_path / "blob"
    data = os.urandom(size)
    file.write_bytes(b"###" + data + b"###")
    await door.open(lambda request, respond: respond(Response(200, [], FileBody(file, 3, size))))
    client = await door.connect()
    for _ in range(2):
        await client.send(GET % b"")
        _, headers = await client.head()
        assert int(headers["content-length"]) == size
        assert await client.reader.readexactly(size) == data


async def test_a_file_that_is_shorter_than_said_breaks_the_connection(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "blob"
    file.write_bytes(b"x" * 100)
    await door.open(lambda request, respond: respond(Response(200, [], FileBody(file, 0, 200))))
    client = await door.connect()
    await client.send(GET % b"" + GET % b"")
    assert (await client.head())[1]["content-length"] == "200"
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await client.reader.readexactly(200)


async def test_a_producer_waits_for_a_slow_reader_and_ends_with_it(door: Door) -> None:
    made = 0
    ended = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        nonlocal made
        try:
            while True:
                made += 1
                yield b"x" * 65536
        finally:
            ended.set()

    await door.open(lambda request, respond: respond(Response(200, [], endless())))
    loop = asyncio.get_running_loop()
    sock = socket.create_connection(("127.0.0.1", door.port))
    sock.setblocking(False)
    await loop.sock_sendall(sock, GET % b"")
    for _ in range(200):
        await asyncio.sleep(0)
    before = made
    for _ in range(200):
        await asyncio.sleep(0)
    assert 0 < made == before
    sock.close()
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_failing_producer_breaks_the_chunks_off(door: Door) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"x"
        raise RuntimeError("disk on fire")

    await door.open(lambda request, respond: respond(Response(200, [], broken())))
    client = await door.connect()
    await client.send(GET % b"")
    await client.head()
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError, ValueError)):
        assert [c async for c in client.chunks()] == []
        raise AssertionError("the body seemed whole")


# Handlers.


async def test_what_a_handler_waits_for_is_cancelled_with_its_client(door: Door) -> None:
    cancelled = asyncio.Event()

    async def wait(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return Response(200)

    await door.open(later(wait))
    client = await door.connect()
    await client.send(GET % b"")
    await asyncio.sleep(0.02)
    await client.close()
    await asyncio.wait_for(cancelled.wait(), 5)


async def test_a_raising_handler_is_a_500(door: Door) -> None:
    def handle(request: Request, respond: object) -> None:
        raise RuntimeError("bug")

    await door.open(handle)
    client = await door.connect()
    for _ in range(2):
        await client.send(GET % b"")
        assert (await client.response())[0] == 500


async def test_second_and_late_answers_go_nowhere(door: Door) -> None:
    kept: list[object] = []

    def handle(request: Request, respond: object) -> None:
        kept.append(respond)
        if request.path == "/a":
            respond(Response(200, [], b"first"))  # type: ignore[operator]
            respond(Response(200, [], b"second"))  # type: ignore[operator]

    await door.open(handle)
    client = await door.connect()
    await client.send(GET % b"a" + GET % b"b")
    assert (await client.response())[2] == b"first"
    while len(kept) < 2:
        await asyncio.sleep(0)
    kept[0](Response(200, [], b"of another request"))  # type: ignore[operator]
    kept[1](Response(200, [], b"b"))  # type: ignore[operator]
    assert (await client.response())[2] == b"b"


@pytest.mark.parametrize("header", [
    ("x", "a\r\nSet-Cookie: b"), ("x", "a\nb"), ("x", "a\rb"), ("x", "a\0"), ("x\r\ny", "1"), ("x y", "1"), ("", "1"),
    ("x:", "1"), ("é", "1"),
])
async def test_response_headers_cannot_be_injected(door: Door, header: tuple[str, str]) -> None:
    await door.open(lambda request, respond: respond(Response(200, [("ok", "1"), header], b"hello")))
    client = await door.connect()
    await client.send(GET % b"" + GET % b"")
    for _ in range(2):
        status, headers, body = await client.response()
        assert status == 500 and body == b"internal failure\n"
        assert set(headers) == {"content-type", "content-length", "date"}


async def test_framing_headers_of_a_handler_do_not_count(door: Door) -> None:
    headers = [("Content-Length", "99"), ("Transfer-Encoding", "chunked"), ("Connection", "close"), ("X-É".lower()[:2], "é")]
    await door.open(lambda request, respond: respond(Response(200, headers, b"hello")))
    client = await door.connect()
    await client.send(GET % b"" + GET % b"")
    for _ in range(2):
        _, got, body = await client.response()
        assert body == b"hello" and got["content-length"] == "5" and "connection" not in got
        assert got["date"] == "Thu, 01 Jan 1970 00:00:00 GMT"


async def test_stop_lets_the_request_in_hand_finish(door: Door) -> None:
    gate = asyncio.Event()

    async def wait(request: Request) -> Response:
        await gate.wait()
        return Response(200, [], b"done")

    listener = await door.open(later(wait))
    busy, idle = await door.connect(), await door.connect()
    await busy.send(GET % b"")
    await asyncio.sleep(0.02)
    stopping = asyncio.ensure_future(listener.stop(5))
    assert await idle.rest() == b""
    gate.set()
    _, headers, body = await busy.response()
    assert (headers["connection"], body) == ("close", b"done")
    await stopping
    with pytest.raises(ConnectionRefusedError):
        await door.connect()


async def test_upgrade_hands_the_connection_over(door: Door) -> None:
    class Shout(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            transport.write(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")  # type: ignore[attr-defined]

        def data_received(self, data: bytes) -> None:
            self.transport.write(data.upper())  # type: ignore[attr-defined]

    await door.open(echo, upgrade=lambda request: Shout if request.path == "/ws" else None)
    client = await door.connect()
    await client.send(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
    assert (await client.response())[0] == 200
    await client.send(b"GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nearly")
    assert (await client.head())[0] == 101
    await client.send(b" late")
    assert await client.reader.readexactly(10) == b"EARLY LATE"


@pytest.mark.parametrize("second", [0, 784111777, 951782400, 1735689599, 4102444800])
def test_the_date_is_written_as_http_wants_it(second: int) -> None:
    assert render.Dates().at(second + 0.5) == formatdate(second, usegmt=True)
