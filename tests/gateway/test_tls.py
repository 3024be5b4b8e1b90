"""One port for plain HTTP and TLS; certificates for our names and for no others."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
from pathlib import Path

import pytest

from fogbank.gateway.limits import Limits
from fogbank.gateway.tls import Authority
from tests.gateway.conftest import Client, Door

GET = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "tls")


async def connect(door: Door, authority: Authority, name: str | None) -> Client:
    context = ssl.create_default_context(cafile=str(authority.ca_bundle()))
    if name is None:
        context.check_hostname = False
    client = Client(*await asyncio.open_connection("127.0.0.1", door.port, ssl=context, server_hostname=name or ""))
    door.clients.append(client)
    return client


@pytest.mark.parametrize("name", [
    "localhost", "127.0.0.1", "sqs.us-east-1.amazonaws.com", "a.b.c.s3.eu-west-1.amazonaws.com", "amazonaws.com",
    "bucket.localhost", "abc.execute-api.localhost", "x.lambda-url.us-east-1.on.aws", "sqs.us-east-1.api.aws",
    "localhost.localstack.cloud", "abc.execute-api.localhost.localstack.cloud", "S3.Amazonaws.com", "my_bucket.localhost",
])
async def test_every_name_of_ours_has_a_certificate(door: Door, authority: Authority, name: str) -> None:
    await door.open(tls=authority.context)
    client = await connect(door, authority, name)
    for _ in range(2):
        await client.send(GET)
        assert (await client.response())[2] == b"/x|"


@pytest.mark.parametrize("name", ["example.com", "amazonaws.com.evil.example", "notamazonaws.com", "localhost.example"])
async def test_other_names_are_refused(door: Door, authority: Authority, name: str) -> None:
    await door.open(tls=authority.context)
    careless = ssl.create_default_context()
    careless.check_hostname = False
    careless.verify_mode = ssl.CERT_NONE
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", door.port, ssl=careless, server_hostname=name)
    await asyncio.open_connection("127.0.0.1", door.port, ssl=careless, server_hostname="localhost")


def test_the_authority_may_speak_for_our_names_only(authority: Authority) -> None:
    """Even whoever steals the key cannot make a certificate for a bank that clients would take."""
    from fogbank.gateway.tls import _leaf

    issuer = authority._load()
    leaf = _leaf(issuer, ["bank.example"], [])
    from cryptography import x509
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    verifier = PolicyBuilder().store(Store([issuer.certificate]))
    with pytest.raises(VerificationError, match="(?i)constraint|permitted"):
        verifier.build_server_verifier(x509.DNSName("bank.example")).verify(leaf, [])
    ours = _leaf(issuer, ["sqs.us-east-1.amazonaws.com"], [])
    verifier.build_server_verifier(x509.DNSName("sqs.us-east-1.amazonaws.com")).verify(ours, [])


async def test_plain_and_tls_on_one_port(door: Door, authority: Authority) -> None:
    seen: list[str] = []

    def handle(request: object, respond: object) -> None:
        from fogbank.wire.messages import Response

        seen.append(request.scheme)  # type: ignore[attr-defined]
        respond(Response(200))  # type: ignore[operator]

    await door.open(handle, tls=authority.context)
    await door.ask(GET)
    client = await connect(door, authority, "localhost")
    await client.send(GET)
    await client.response()
    assert seen == ["http", "https"]


async def test_large_answers_and_bodies_over_tls(door: Door, authority: Authority, tmp_path: Path) -> None:
    from fogbank.wire.messages import FileBody, Request, Response
    from tests.gateway.conftest import later

    file = tmp_path / "blob"
    data = os.urandom(3_000_000)
    file.write_bytes(data)

    async def swap(request: Request) -> Response:
        assert not isinstance(request.body, bytes)
        assert await request.body.read(10**8) == data
        return Response(200, [], FileBody(file, 0, len(data)))

    await door.open(later(swap), tls=authority.context)
    client = await connect(door, authority, "localhost")
    await client.send(b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 3000000\r\n\r\n" + data)
    _, headers = await client.head()
    assert await client.reader.readexactly(int(headers["content-length"])) == data


def test_keys_are_private_and_made_once(tmp_path: Path) -> None:
    first = Authority(tmp_path / "tls")
    bundle = first.ca_bundle()
    certificate = bundle.read_bytes()
    assert b"PRIVATE" not in certificate
    assert stat.S_IMODE((tmp_path / "tls").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "tls" / "authority.pem").stat().st_mode) == 0o600
    first.context()
    assert sorted(p.name for p in (tmp_path / "tls").iterdir()) == ["authority.pem", "ca.pem"]
    bundle.unlink()
    assert Authority(tmp_path / "tls").ca_bundle().read_bytes() == certificate


def test_certificates_in_memory_are_bounded(authority: Authority) -> None:
    one = authority._for("x.a.localhost")
    assert authority._for("y.a.localhost") is one
    for n in range(200):
        authority._for(f"b{n}.localhost")
    assert len(authority._contexts) == 128


async def test_a_client_that_says_nothing_is_let_go(door: Door, authority: Authority) -> None:
    listener = await door.open(tls=authority.context, limits=Limits(handshake_time=0.01, sweep=0.02))
    silent = await door.connect()
    half = await door.connect()
    await half.send(b"\x16\x03\x01")
    assert await silent.rest() == b""
    assert await half.rest() == b""
    assert not listener._waiting and not listener._shaking and not listener._connections


async def test_without_tls_a_handshake_is_closed(door: Door) -> None:
    await door.open()
    client = await door.connect()
    await client.send(b"\x16\x03\x01\x02\x00")
    with pytest.raises(ConnectionResetError):
        await client.rest()


async def test_adopted_sockets_carry_their_origin(door: Door, authority: Authority) -> None:
    from fogbank.wire.messages import Response

    listener = await door.open(
        lambda request, respond: respond(Response(200, [], str(request.origin).encode())), tls=authority.context
    )
    abandon = []
    ports = []
    for n in range(50):
        sock = socket.create_server(("127.0.0.1", 0))
        ports.append(sock.getsockname()[1])
        abandon.append(listener.adopt(sock, f"arn:function:{n}"))
    for n in (0, 17, 49):
        door.port = ports[n]
        client = await door.connect()
        await client.send(GET)
        assert (await client.response())[2] == f"arn:function:{n}".encode()
        secure = await connect(door, authority, "sqs.us-east-1.amazonaws.com")
        await secure.send(GET)
        assert (await secure.response())[2] == f"arn:function:{n}".encode()
    for close in abandon:
        close()
        close()
    with pytest.raises(ConnectionRefusedError):
        await door.connect()
