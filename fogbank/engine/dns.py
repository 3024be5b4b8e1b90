"""The resolver of a sandbox: AWS names lead to the platform, others to the machine's resolver where that is allowed."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from pathlib import Path

from fogbank.engine.rootfs import PLATFORM_ADDRESS

OWN_SUFFIXES = (
    ".amazonaws.com",
    ".amazonaws.com.cn",
    ".on.aws",
    ".api.aws",
    ".amazonaws-us-gov.com",
    ".localstack.cloud",
    ".fogbank.internal",
)
_LOCAL = {"localhost"}
_A, _AAAA, _ANY = 1, 28, 255
_REFUSED, _FORMAT_ERROR, _NAME_ERROR = 5, 1, 3
_MAX_WAITING = 64


def parse_question(packet: bytes) -> tuple[str, int, int] | None:
    """Name in lower case, type, and the end of the first question; None for what is no plain query."""
    if len(packet) < 17:
        return None
    flags, questions = struct.unpack_from(">HH", packet, 2)
    if flags & 0xF800 or questions != 1:
        return None
    labels = []
    position = 12
    while True:
        if position >= len(packet):
            return None
        size = packet[position]
        if size == 0:
            break
        if size > 63 or position + 1 + size > len(packet):
            return None
        labels.append(packet[position + 1 : position + 1 + size].decode("latin-1").lower())
        position += 1 + size
    if position + 5 > len(packet):
        return None
    kind = struct.unpack_from(">H", packet, position + 1)[0]
    return ".".join(labels), kind, position + 5


def is_own(name: str) -> bool:
    return name in _LOCAL or any(name.endswith(suffix) or name == suffix[1:] for suffix in OWN_SUFFIXES)


def answer(packet: bytes, end: int, code: int, address: str | None = None) -> bytes:
    """A response to the query, with one A record if there is an address."""
    flags = 0x8480 | (struct.unpack_from(">H", packet, 2)[0] & 0x0100) | code
    head = packet[:2] + struct.pack(">HHHHH", flags, 1, 1 if address else 0, 0, 0) + packet[12:end]
    if not address:
        return head
    return head + struct.pack(">HHHIH", 0xC00C, _A, 1, 60, 4) + socket.inet_aton(address)


class Resolver:
    """Shared by all sandboxes; each brings its own socket."""

    def __init__(self, internet: bool, resolv_conf: Path = Path("/etc/resolv.conf")) -> None:
        self._upstream: str | None = None
        self._waiting = 0
        if internet:
            with suppress(OSError):
                for line in resolv_conf.read_text().splitlines():
                    words = line.split()
                    if len(words) > 1 and words[0] == "nameserver" and ":" not in words[1]:
                        self._upstream = words[1]
                        break

    def serve(self, channel: socket.socket) -> None:
        asyncio.get_running_loop().add_reader(channel, self._readable, channel)

    def stop(self, channel: socket.socket) -> None:
        asyncio.get_running_loop().remove_reader(channel)

    def _readable(self, channel: socket.socket) -> None:
        for _ in range(16):
            try:
                packet, peer = channel.recvfrom(4096)
            except OSError:
                return
            self._answer(channel, packet, peer)

    def _answer(self, channel: socket.socket, packet: bytes, peer: tuple[str, int]) -> None:
        question = parse_question(packet)
        if question is None:
            return
        name, kind, end = question
        if is_own(name):
            address = "127.0.0.1" if name in _LOCAL else PLATFORM_ADDRESS
            reply = answer(packet, end, 0, address if kind in (_A, _ANY) else None)
        elif self._upstream is None or self._waiting >= _MAX_WAITING:
            reply = answer(packet, end, _REFUSED)
        else:
            asyncio.get_running_loop().create_task(self._forward(channel, packet, end, peer))
            return
        with suppress(OSError):
            channel.sendto(reply, peer)

    async def _forward(self, channel: socket.socket, packet: bytes, end: int, peer: tuple[str, int]) -> None:
        assert self._upstream is not None
        loop = asyncio.get_running_loop()
        self._waiting += 1
        reply = answer(packet, end, 2)
        try:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as query:
                query.setblocking(False)
                query.connect((self._upstream, 53))
                query.send(packet)
                reply = await asyncio.wait_for(loop.sock_recv(query, 4096), 4)
        except (TimeoutError, OSError):
            pass
        finally:
            self._waiting -= 1
        with suppress(OSError):
            channel.sendto(reply, peer)
