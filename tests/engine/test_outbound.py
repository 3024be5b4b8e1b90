"""The internet for functions: public addresses through the platform, everything else unreachable."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from fogbank.engine import outbound
from tests.engine.conftest import Bench
from tests.engine.test_node import MAJOR, RUNTIME

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _own_address() -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])


OWN = _own_address()


@pytest.mark.parametrize(
    ("address", "reachable"),
    [
        ("8.8.8.8", True), ("2606:4700::1111", True), ("127.0.0.1", False), ("10.1.2.3", False),
        ("192.168.1.1", False), ("172.16.0.1", False), ("169.254.169.254", False), ("100.64.0.1", False),
        ("224.0.0.1", False), ("0.0.0.0", False), ("::1", False), ("fe80::1", False), ("fd00::1", False),
        ("::ffff:10.0.0.1", False), ("::ffff:8.8.8.8", True), ("255.255.255.255", False),
    ],
)  # fmt: skip
async def test_what_is_public(address: str, reachable: bool) -> None:
    assert outbound.public(ipaddress.ip_address(address)) is reachable


@pytest_asyncio.fixture(loop_scope="session")
async def outside(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, int]]:
    """A server on this machine's own address, which for once counts as the internet."""
    if not OWN or OWN.startswith("127."):
        pytest.skip("this machine has no address but the loopback's")

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data.upper())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, OWN, 0)
    monkeypatch.setattr(outbound, "public", lambda address: str(address) == OWN)
    monkeypatch.setattr(outbound, "own", lambda connection: False)
    yield OWN, server.sockets[0].getsockname()[1]
    server.close()


async def test_python_reaches_a_public_address(bench: Bench, outside: tuple[str, int]) -> None:
    code = """
import asyncio, socket, threading
async def by_asyncio(host, port):
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"async")
    return (await reader.read(100)).decode()
def handler(event, context):
    host, port = event
    seen = []
    with socket.create_connection((host, port), timeout=3) as channel:
        channel.sendall(b"hello" * 20000)
        got = 0
        while got < 100000:
            got += len(channel.recv(65536))
        seen += [got, channel.getpeername()[0] == host]
    seen.append(asyncio.run(by_asyncio(host, port)))
    threads = [threading.Thread(target=lambda: seen.append(socket.create_connection((host, port)) and 1)) for _ in range(5)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    try:
        socket.create_connection((host, 1), timeout=3)
    except ConnectionRefusedError:
        seen.append("refused")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        try:
            channel.connect((host, port))
            channel.send(b"x")
        except OSError:
            seen.append("no datagrams")
    return seen
"""
    spec = bench.spec(code)
    assert await bench.value(spec, outside) == [100000, True, "ASYNC", 1, 1, 1, 1, 1, "refused", "no datagrams"]


@pytest.mark.skipif(not MAJOR, reason="Node.js is not installed")
async def test_node_reaches_a_public_address(bench: Bench, outside: tuple[str, int]) -> None:
    code = """
const net = require('net');
exports.handler = ([host, port]) => new Promise((resolve, reject) => {
  const channel = net.connect({ host, port }, () => channel.write('hello'));
  channel.on('data', (data) => { channel.end(); resolve(data.toString()); });
  channel.on('error', reject);
});
"""
    assert await bench.value(bench.spec(code, RUNTIME), outside) == "HELLO"


async def test_this_machine_is_not_the_internet(bench: Bench) -> None:
    if not OWN:
        pytest.skip("no address")
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        code = """
import errno, socket
def handler(event, context):
    seen = []
    for host in event[0]:
        try:
            socket.create_connection((host, event[1]), timeout=2)
            seen.append(host)
        except OSError as error:
            assert error.errno in (errno.ENETUNREACH, errno.ECONNREFUSED), error
    return seen
"""
        hosts = [OWN, "127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1"]
        assert await bench.value(bench.spec(code), [hosts, listener.getsockname()[1]]) == []


async def test_a_flood_of_connections_delays_nobody(bench: Bench) -> None:
    flood = """
import socket, time
def handler(event, context):
    end = time.time() + 1
    count = 0
    while time.time() < end:
        with socket.socket() as channel:
            try:
                channel.connect(("127.0.0.1", 1))
            except OSError:
                count += 1
    return count
"""
    echo = bench.spec("def handler(event, context):\n    return event")
    await bench.value(echo, 1)
    spec = bench.spec(flood)
    flooding = asyncio.ensure_future(bench.value(spec))
    slowest = 0.0
    loop = asyncio.get_running_loop()
    while not flooding.done():
        began = loop.time()
        await bench.value(echo, 1)
        slowest = max(slowest, loop.time() - began)
        await asyncio.sleep(0.02)
    assert await flooding > 100
    assert slowest < 0.3
