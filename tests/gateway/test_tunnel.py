"""CONNECT: AWS's names lead to the cloud, every other name leads nowhere."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from fogbank.gateway import head, tunnel
from fogbank.gateway.limits import Limits
from fogbank.gateway.tls import Authority
from fogbank.wire.messages import Request
from tests.gateway.conftest import Client, Door

NAME = "abc.execute-api.us-west-2.amazonaws.com"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls")


async def through(door: Door, authority: Authority, name: str) -> Client:
    """A client that speaks TLS through the tunnel to `name`."""
    client = await door.connect()
    await client.send(f"CONNECT {name}:443 HTTP/1.1\r\nHost: {name}:443\r\n\r\n".encode())
    assert (await client.head())[0] == 200
    context = ssl.create_default_context(cafile=str(authority.ca_bundle()))
    await client.writer.start_tls(context, server_hostname=name)
    return client


@pytest.mark.parametrize("name", [
    NAME, "sqs.us-east-1.amazonaws.com", "x.lambda-url.us-east-1.on.aws", "s3.eu-west-1.api.aws",
])
async def test_the_tunnel_speaks_tls_as_the_name(door: Door, authority: Authority, name: str) -> None:
    await door.open(tls=authority.context)
    client = await through(door, authority, name)
    for number in range(3):  # the connection is kept
        await client.send(f"GET /{number} HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
        assert (await client.response())[2] == f"/{number}|".encode()


async def test_a_request_sent_with_the_end_of_the_handshake_is_not_lost(door: Door, authority: Authority) -> None:
    """TLS 1.3 lets a client send its request in the same packet as its Finished."""
    await door.open(tls=authority.context)

    def speak() -> bytes:
        with socket.create_connection(("127.0.0.1", door.port), 5) as sock:
            sock.sendall(f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n".encode())
            assert b" 200 " in sock.recv(4096)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            context = ssl.create_default_context(cafile=str(authority.ca_bundle()))
            tls = context.wrap_bio(incoming, outgoing, server_hostname=NAME)
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    sock.sendall(outgoing.read())
                    incoming.write(sock.recv(65536))
            tls.write(f"GET /early HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
            sock.sendall(outgoing.read())
            answer = b""
            while True:
                try:
                    piece = tls.read()
                    if not piece:
                        return answer
                    answer += piece
                except ssl.SSLWantReadError:
                    data = sock.recv(65536)
                    if not data:
                        return answer
                    incoming.write(data)
                except ssl.SSLZeroReturnError:
                    return answer

    assert b"/early|" in await asyncio.to_thread(speak)


async def test_a_client_that_comes_by_tls_may_ask_for_a_tunnel_within(door: Door, authority: Authority) -> None:
    """`HTTPS_PROXY=https://localhost:4566`."""
    await door.open(tls=authority.context)
    context = ssl.create_default_context(cafile=str(authority.ca_bundle()))

    def speak() -> bytes:
        plain = socket.create_connection(("127.0.0.1", door.port), 5)
        with context.wrap_socket(plain, server_hostname="localhost") as outer:
            outer.sendall(f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n".encode())
            assert b" 200 " in outer.recv(4096)
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(incoming, outgoing, server_hostname=NAME)

            def until(step: object) -> bytes:
                while True:
                    try:
                        found = step()  # type: ignore[operator]
                    except ssl.SSLWantReadError:
                        outer.sendall(outgoing.read())
                        incoming.write(outer.recv(65536))
                    else:
                        return bytes(found or b"")

            until(tls.do_handshake)
            tls.write(f"GET /within HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
            outer.sendall(outgoing.read())
            return until(tls.read)

    assert (await asyncio.to_thread(speak)).endswith(b"/within|")


@pytest.mark.parametrize("target", [
    "example.com:443", "amazonaws.com.evil.example:443", "evilamazonaws.com:443", "127.0.0.1:443", "localhost:443",
    "[::1]:443", "169.254.169.254:443", "sqs.us-east-1.amazonaws.com:80", "sqs.us-east-1.amazonaws.com:22",
])
async def test_it_is_no_way_out(door: Door, authority: Authority, target: str) -> None:
    await door.open(tls=authority.context)
    client = await door.connect()
    await client.send(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
    assert (await client.response())[0] == 403
    assert await client.rest() == b""


@pytest.mark.parametrize("target", [
    "/", "http://x.amazonaws.com:443/", "x.amazonaws.com:443/path", "u@x.amazonaws.com:443", "*",
])
async def test_a_malformed_target_is_refused(door: Door, authority: Authority, target: str) -> None:
    await door.open(tls=authority.context)
    status, _, _ = await door.ask(f"CONNECT {target} HTTP/1.1\r\nHost: x.amazonaws.com:443\r\n\r\n".encode())
    assert status in (400, 403)


async def test_bytes_before_the_answer_are_refused(door: Door, authority: Authority) -> None:
    await door.open(tls=authority.context)
    early = f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n\x16\x03\x01".encode()
    assert (await door.ask(early))[0] == 400
    body = f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\nContent-Length: 4\r\n\r\n".encode()
    assert (await door.ask(body))[0] == 400


@pytest.mark.parametrize(("peer", "origin"), [
    ("192.0.2.7", None), ("", None), ("127.0.0.1", "arn:aws:lambda:us-east-1:000000000000:function:f"),
])
def test_others_than_programs_of_this_machine_are_refused(peer: str, origin: str | None) -> None:
    request = Request("CONNECT", f"{NAME}:443", "", {}, peer=peer, origin=origin)
    with pytest.raises(head.Refused) as refused:
        tunnel.admit(request, head.Framing(0, False, True, 1), False, True)
    assert refused.value.status == 403


async def test_a_client_that_says_nothing_in_its_tunnel_is_let_go(door: Door, authority: Authority) -> None:
    await door.open(tls=authority.context, limits=Limits(handshake_time=0.2, sweep=0.05))
    client = await door.connect()
    await client.send(f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n".encode())
    assert (await client.head())[0] == 200
    assert await client.rest() == b""


async def test_plain_http_in_the_tunnel_ends_it(door: Door, authority: Authority) -> None:
    await door.open(tls=authority.context)
    client = await door.connect()
    await client.send(f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n".encode())
    assert (await client.head())[0] == 200
    await client.send(f"GET / HTTP/1.1\r\nHost: {NAME}\r\n\r\n".encode())
    assert b"HTTP" not in await client.rest()


async def test_a_target_in_absolute_form_is_answered(door: Door) -> None:
    """`HTTP_PROXY`: the request is ours already."""
    await door.open()
    host = "sqs.us-east-1.amazonaws.com"
    status, _, body = await door.ask(f"GET http://{host}/q?x=1 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert (status, body) == (200, b"/q|")
