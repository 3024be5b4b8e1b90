"""The internet for sandboxes that have no route to it: their TCP connections are made here and handed over.

Each process of a function runs under a filter that reports `connect` to this end of a descriptor (seccomp's user
notification). A connection within the sandbox goes on as it is. One to a public address is opened by the platform, and
the socket takes the place of the function's own under the same descriptor number. Addresses of this machine, private,
link-local and multicast ones are as unreachable as they are on Lambda. No privilege is needed, and none is given: what
a function could change behind our back leads nowhere, since its own network has no way out.
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import fcntl
import ipaddress
import os
import select
import socket
import struct
from contextlib import suppress
from typing import NamedTuple

_RECV, _SEND, _ADDFD = 0xC0502100, 0xC0182101, 0x40182103
_NOTICE = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")
_REPLACE = struct.Struct("=QIIII")
_CONTINUE, _SETFD = 1, 1
_PIDFD_GETFD = 438
_BATCH = 4
_PAUSE = 0.002
"""A function that does nothing but connect is served some 2,000 times a second, and delays nobody else."""
_MAX_OPEN = 64
_TIMEOUT = 30.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def public(address: Address) -> bool:
    """Whether a function may reach it."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_global and not address.is_multicast


def own(connection: socket.socket) -> bool:
    """Whether it led to this machine, by whatever address."""
    return bool(connection.getpeername()[0] == connection.getsockname()[0])


class Wish(NamedTuple):
    """A `connect` that waits for its answer."""

    identity: int
    pid: int
    descriptor: int
    address: Address | None
    port: int


class Outbound:
    """For all sandboxes: `serve` takes a listener of one."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._open: dict[int, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._libc = ctypes.CDLL(None, use_errno=True)

    def serve(self, listener: int) -> None:
        self._open[listener] = 0
        self._loop.add_reader(listener, self._readable, listener)

    def stop(self, listener: int) -> None:
        if self._open.pop(listener, None) is not None:
            self._loop.remove_reader(listener)
            os.close(listener)

    def _readable(self, listener: int) -> None:
        for _ in range(_BATCH):
            notice = bytearray(_NOTICE.size)
            try:
                fcntl.ioctl(listener, _RECV, notice)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.EINTR):
                    self._loop.remove_reader(listener)
                return
            self._consider(listener, _read_wish(bytes(notice)))
            if not _waiting(listener):
                return
        self._loop.remove_reader(listener)
        self._loop.call_later(_PAUSE, self._resume, listener)

    def _resume(self, listener: int) -> None:
        if listener in self._open:
            self._loop.add_reader(listener, self._readable, listener)

    def _consider(self, listener: int, wish: Wish) -> None:
        address = wish.address
        if address is None or address.is_loopback or address.is_unspecified:
            _answer(listener, wish.identity, 0, _CONTINUE)
        elif not public(address):
            _answer(listener, wish.identity, errno.ENETUNREACH)
        elif self._open[listener] >= _MAX_OPEN:
            _answer(listener, wish.identity, errno.EAGAIN)
        else:
            self._open[listener] += 1
            task = self._loop.create_task(self._connect(listener, wish))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _connect(self, listener: int, wish: Wish) -> None:
        result = 0
        try:
            with self._socket_of(wish) as theirs:
                kind = theirs.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
                flags = fcntl.fcntl(theirs, fcntl.F_GETFL)
                if kind != socket.SOCK_STREAM:
                    result = errno.ENETUNREACH
                    return
                family = socket.AF_INET6 if isinstance(wish.address, ipaddress.IPv6Address) else socket.AF_INET
                with socket.socket(family, socket.SOCK_STREAM) as ours:
                    ours.setblocking(False)
                    for level, option in (
                        (socket.IPPROTO_TCP, socket.TCP_NODELAY), (socket.SOL_SOCKET, socket.SO_KEEPALIVE),
                    ):  # fmt: skip
                        ours.setsockopt(level, option, theirs.getsockopt(level, option))
                    await asyncio.wait_for(self._loop.sock_connect(ours, (str(wish.address), wish.port)), _TIMEOUT)
                    if own(ours):
                        result = errno.ENETUNREACH
                        return
                    fcntl.fcntl(ours, fcntl.F_SETFL, flags)
                    _hand_over(listener, wish, ours)
        except TimeoutError:
            result = errno.ETIMEDOUT
        except OSError as error:
            result = error.errno or errno.ECONNREFUSED
        finally:
            if listener in self._open:
                self._open[listener] -= 1
                _answer(listener, wish.identity, result)

    def _socket_of(self, wish: Wish) -> socket.socket:
        """The function's own socket, to see what it is."""
        leader = wish.pid
        with open(f"/proc/{wish.pid}/status") as status:
            for line in status:
                if line.startswith("Tgid:"):
                    leader = int(line.split()[1])
                    break
        process = os.pidfd_open(leader)
        try:
            found = self._libc.syscall(_PIDFD_GETFD, process, wish.descriptor, 0)
        finally:
            os.close(process)
        if found < 0:
            raise OSError(ctypes.get_errno(), "the function's socket is not to be had")
        return socket.socket(fileno=found)


def _read_wish(notice: bytes) -> Wish:
    identity, pid, _, _, _, _, descriptor, pointer, size, *_ = _NOTICE.unpack(notice)
    address: Address | None = None
    port = 0
    with suppress(OSError, ValueError), open(f"/proc/{pid}/mem", "rb", 0) as memory:
        memory.seek(pointer)
        name = memory.read(min(size & 0xFFFFFFFF, 28))
        family = struct.unpack_from("=H", name)[0] if len(name) >= 8 else 0
        if family == socket.AF_INET:
            port, raw = struct.unpack_from(">H4s", name, 2)
            address = ipaddress.ip_address(raw)
        elif family == socket.AF_INET6 and len(name) >= 24:
            port = struct.unpack_from(">H", name, 2)[0]
            long = ipaddress.IPv6Address(name[8:24])
            address = long.ipv4_mapped or long
    return Wish(identity, pid, descriptor & 0xFFFFFFFF, address, port)


def _waiting(listener: int) -> bool:
    poller = select.poll()
    poller.register(listener, select.POLLIN)
    return bool(poller.poll(0))


def _answer(listener: int, identity: int, error: int, flags: int = 0) -> None:
    with suppress(OSError):  # the process has gone meanwhile
        fcntl.ioctl(listener, _SEND, _ANSWER.pack(identity, 0, -error, flags))


def _hand_over(listener: int, wish: Wish, ours: socket.socket) -> None:
    order = _REPLACE.pack(wish.identity, _SETFD, ours.fileno(), wish.descriptor, os.O_CLOEXEC)
    fcntl.ioctl(listener, _ADDFD, order)
