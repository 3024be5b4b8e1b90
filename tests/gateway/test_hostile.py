"""What must not get through: smuggling, malformed heads, slow clients, floods."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.gateway import head
from fogbank.gateway.dechunk import Dechunker, MalformedChunk
from fogbank.gateway.limits import Limits
from fogbank.wire.messages import Request, Response
from tests.gateway.conftest import Door

HOST = b"Host: x\r\n"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

REFUSED = {
    "length and coding": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "coding and length": (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"),
    "two lengths": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n"),
    "same length twice": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\ncontent-length: 4\r\n\r\n"),
    "length list": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4, 4\r\n\r\n"),
    "signed length": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +4\r\n\r\n"),
    "negative length": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -4\r\n\r\n"),
    "hex length": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x4\r\n\r\n"),
    "empty length": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n"),
    "underscored length": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1_0\r\n\r\n"),
    "long length": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999999999999\r\n\r\n"),
    "foreign digits": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \xb2\r\n\r\n"),
    "gzip coding": (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    "chunked twice": (501, b"PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "identity coding": (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n"),
    "quoted coding": (501, b'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "chunked"\r\n\r\n'),
    "vertical tab in coding": (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\x0bchunked\r\n\r\n"),
    "chunked in 1.0": (400, b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
    "blank before colon": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 4\r\n\r\n"),
    "blank before name": (400, b"POST / HTTP/1.1\r\nHost: x\r\n Content-Length: 4\r\n\r\n"),
    "folded line": (400, b"POST / HTTP/1.1\r\nHost: x\r\nX: 1\r\n 2\r\n\r\n"),
    "folded coding": (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\n chunked\r\n\r\n"),
    "bare LF": (400, b"GET / HTTP/1.1\nHost: x\n\n"),
    "bare LF in headers": (400, b"GET / HTTP/1.1\r\nHost: x\nX: 1\r\n\r\n"),
    "bare CR in a value": (400, b"GET / HTTP/1.1\r\nHost: x\r\nX: a\rContent-Length: 4\r\n\r\n"),
    "NUL in a value": (400, b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"),
    "no colon": (400, b"GET / HTTP/1.1\r\nHost: x\r\nX\r\n\r\n"),
    "no name": (400, b"GET / HTTP/1.1\r\nHost: x\r\n: 1\r\n\r\n"),
    "name with a bracket": (400, b"GET / HTTP/1.1\r\nHost: x\r\nX[]: 1\r\n\r\n"),
    "name beyond ASCII": (400, b"GET / HTTP/1.1\r\nHost: x\r\nX\xe9: 1\r\n\r\n"),
    "no host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two hosts": (400, b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    "host with a path": (400, b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"),
    "host with a user": (400, b"GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"),
    "empty host": (400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    "host and target differ": (400, b"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n"),
    "other scheme": (400, b"GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "tunnel": (501, b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n"),
    "asterisk": (400, b"GET * HTTP/1.1\r\nHost: x\r\n\r\n"),
    "no slash": (400, b"GET x HTTP/1.1\r\nHost: x\r\n\r\n"),
    "fragment": (400, b"GET /#x HTTP/1.1\r\nHost: x\r\n\r\n"),
    "blank in target": (400, b"GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"),
    "target beyond ASCII": (400, b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n"),
    "two blanks": (400, b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "method with a blank before": (400, b" GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "method with brackets": (400, b"G[T / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "endless method": (400, b"G" * 33 + b" / HTTP/1.1\r\nHost: x\r\n\r\n"),
    "version 2": (400, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "version 1.2": (400, b"GET / HTTP/1.2\r\nHost: x\r\n\r\n"),
    "no version": (400, b"GET /\r\n\r\n"),
    "other expectation": (417, b"POST / HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n"),
    "long target": (414, b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n"),
    "long target without an end": (414, b"GET /" + b"a" * 40_000),
    "large headers": (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"a" * 70_000),
    "large headers with an end": (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"a" * 70_000 + b"\r\n\r\n"),
    "many headers": (431, b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: 1\r\n" * 200 + b"\r\n"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refused_and_closed(door: Door, case: str) -> None:
    seen: list[str] = []
    await door.open(lambda request, respond: seen.append(request.path) or respond(Response(200)))
    status, message = REFUSED[case]
    client = await door.connect()
    await client.send(message + CHUNKS + SMUGGLED if message.endswith(b"\n") else message)
    got, headers, _ = await client.response()
    assert (got, headers["connection"]) == (status, "close")
    assert await client.rest() == b""
    assert seen == []


@pytest.mark.parametrize("start", [
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED),
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % len(SMUGGLED),
])
async def test_a_request_inside_a_body_stays_there(door: Door, start: bytes) -> None:
    seen: list[str] = []
    await door.open(lambda request, respond: seen.append(request.path) or respond(Response(200)))
    client = await door.connect()
    end = b"\r\n0\r\n\r\n" if b"chunked" in start else b""
    await client.send(start + SMUGGLED + end)
    assert (await client.response())[0] == 200
    if b"chunked" not in start:
        await client.send(b"GET /next HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.response()
    assert "/smuggled" not in seen


# Pure parsers under random input.

_LIMITS = Limits()
_BYTES = st.one_of(st.binary(max_size=80), st.text("GET /\r\n:x0\t a", max_size=60).map(str.encode))


@settings(max_examples=500, deadline=None)
@given(_BYTES, _BYTES)
def test_any_head_is_read_or_refused(line: bytes, headers: bytes) -> None:
    data = b"GET /" + line + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n\r\n"
    data = data[: data.index(head.END) + 4]
    try:
        request, _ = head.parse(data, _LIMITS, "http", "", None)
    except head.Refused:
        return
    # Whatever was accepted says the same when it is written down strictly and read once more.
    again = f"{request.method} {request.path}{'?' if b'?' in line else ''}{request.query} HTTP/1.1\r\n".encode()
    again += b"".join(name + b": " + value + b"\r\n" for name, value in request.raw_headers) + b"\r\n"
    assert head.parse(again, _LIMITS, "http", "", None)[0] == request
    for name, value in request.headers.items():
        assert not set(name + value) & {"\r", "\n", "\0"}


@settings(max_examples=300, deadline=None)
@given(chunks=st.lists(st.binary(min_size=1, max_size=40), max_size=6), cuts=st.lists(st.integers(0, 400), max_size=8),
       rest=st.binary(max_size=20))
def test_chunks_in_any_pieces(chunks: list[bytes], cuts: list[int], rest: bytes) -> None:
    data = b"".join(b"%x;e=1\r\n%b\r\n" % (len(c), c) for c in chunks) + b"0\r\nT: 1\r\n\r\n" + rest
    points = sorted(cut % (len(data) + 1) for cut in cuts)
    decoder = Dechunker()
    found, left = b"", b""
    for begin, end in zip([0, *points], [*points, len(data)], strict=True):
        if decoder.done:
            left += data[begin:end]
            continue
        pieces, after = decoder.feed(data[begin:end])
        found += b"".join(pieces)
        left += after
    assert (found, left, decoder.done) == (b"".join(chunks), rest, True)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=100))
def test_any_chunks_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedChunk):
        pieces, _ = Dechunker().feed(data)
        assert sum(map(len, pieces)) <= len(data)


# Time and number.

QUICK = Limits(head_time=0.02, idle_time=0.02, body_time=0.02, send_time=0.02, linger_time=0.02, sweep=0.01)


@pytest.mark.parametrize(("data", "answer"), [
    (b"", b""),
    (b"GET / HT", b"408"),
    (b"GET / HTTP/1.1\r\nHost: x\r\n", b"408"),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", b"408"),
])
async def test_slow_requests_end(door: Door, data: bytes, answer: bytes) -> None:
    listener = await door.open(limits=QUICK)
    client = await door.connect()
    if data:
        await client.send(data)
    else:
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await client.response()
    assert answer in (await client.rest())[:13]
    while listener._connections:
        await asyncio.sleep(0.01)


async def test_a_head_in_drips_does_not_gain_time(door: Door) -> None:
    await door.open(limits=QUICK)
    client = await door.connect()
    sent = 0
    with contextlib.suppress(ConnectionError):
        for byte in b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 1000:
            await client.send(bytes([byte]))
            sent += 1
            await asyncio.sleep(0.001)
    assert sent < 1000


async def test_a_streamed_body_that_stops_is_told_to_its_reader(door: Door) -> None:
    from fogbank.kit.errors import AwsError
    from tests.gateway.conftest import later

    async def read(request: Request) -> Response:
        try:
            await request.body.read(10**6)  # type: ignore[union-attr]
        except AwsError as error:
            return Response(error.status or 0, [], error.code.encode())
        return Response(200)

    await door.open(later(read), QUICK)
    status, headers, body = await door.ask(b"PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc")
    assert (status, headers["connection"], body) == (400, "close", b"RequestTimeout")


async def test_a_client_that_does_not_read_is_cut_off(door: Door) -> None:
    listener = await door.open(lambda request, respond: respond(Response(200, [], b"x" * 20_000_000)), QUICK)
    sock = socket.create_connection(("127.0.0.1", door.port))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 3)
    async with asyncio.timeout(5):
        while not listener._connections:
            await asyncio.sleep(0)
        while listener._connections:
            await asyncio.sleep(0.01)
    sock.close()


async def test_answers_nobody_reads_stop_the_next_requests(door: Door) -> None:
    handled = 0

    def handle(request: Request, respond: object) -> None:
        nonlocal handled
        handled += 1
        respond(Response(200, [], b"x" * 100_000))  # type: ignore[operator]

    await door.open(handle)
    sock = socket.create_connection(("127.0.0.1", door.port))
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
    for _ in range(300):
        await asyncio.sleep(0)
    assert 0 < handled < 500
    sock.close()


async def test_pipelined_input_is_bounded(door: Door) -> None:
    listener = await door.open(lambda request, respond: None)
    sock = socket.create_connection(("127.0.0.1", door.port))
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_sendall(sock, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(3000):
        with contextlib.suppress(BlockingIOError):
            sock.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        await asyncio.sleep(0)
    (connection,) = listener._connections
    assert len(connection._buffer) < 1_000_000
    sock.close()


async def test_connections_are_bounded_and_the_idle_make_room(door: Door) -> None:
    listener = await door.open(
        lambda request, respond: request.path == "/" and respond(Response(200)), Limits(connections=3)
    )
    busy = await door.connect()
    await busy.send(b"GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
    for _ in range(5):
        status, _, _ = await door.ask(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status == 200
        assert len(listener._connections) <= 3
    assert any(not connection.idle for connection in listener._connections)


async def test_a_full_house_turns_the_next_away(door: Door) -> None:
    await door.open(lambda request, respond: None, Limits(connections=2))
    for _ in range(2):
        client = await door.connect()
        await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.01)
    late = await door.connect()
    with contextlib.suppress(ConnectionResetError):
        assert await late.rest() == b""


async def test_one_sandbox_cannot_take_every_connection(door: Door) -> None:
    listener = await door.open(lambda request, respond: None, Limits(per_origin=2))
    sock = socket.create_server(("127.0.0.1", 0))
    outside = door.port
    listener.adopt(sock, "arn:function")
    door.port = sock.getsockname()[1]
    for _ in range(4):
        with contextlib.suppress(ConnectionResetError):
            client = await door.connect()
            await client.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.01)
    assert [c.origin for c in listener._connections] == ["arn:function"] * 2
    door.port = outside
    await (await door.connect()).send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(0.01)
    assert len(listener._connections) == 3
    for client in door.clients:
        await client.close()
    await asyncio.sleep(0.02)
    assert not listener._by_origin
