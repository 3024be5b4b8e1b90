"""The open door: accepts connections on one port for plain HTTP and TLS alike, and on sockets made inside sandboxes."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from fogbank.gateway.handling import Handle, Upgrade
from fogbank.gateway.http1 import Connection
from fogbank.gateway.limits import Limits
from fogbank.gateway.render import Dates

log = logging.getLogger("fogbank.gateway")

_TLS_HANDSHAKE = 0x16
"""The first byte of a TLS record that opens a handshake; no HTTP method begins with it."""
_ACCEPTS = 64


class Listener:
    """Serves `handle` on any number of listening sockets.

    `clock` gives the time of the Date header; `tls` makes the TLS context when the first such client comes (None: only
    plain HTTP is spoken).
    """

    def __init__(
        self,
        handle: Handle,
        *,
        clock: Callable[[], float],
        limits: Limits | None = None,
        tls: Callable[[], ssl.SSLContext] | None = None,
        upgrade: Upgrade | None = None,
    ) -> None:
        self.handle = handle
        self.upgrade = upgrade
        self.limits = limits or Limits()
        self.now = 0.0
        """The loop's clock, read at each sweep: close enough for deadlines."""
        self._clock = clock
        self._tls = tls
        self._context: ssl.SSLContext | None = None
        self._dates = Dates()
        self._sockets: set[socket.socket] = set()
        self._connections: dict[Connection, None] = {}
        self._waiting: dict[socket.socket, tuple[float, str | None]] = {}
        """Accepted, but no byte has come yet: until when to wait, and the origin."""
        self._shaking: set[asyncio.Task[None]] = set()
        self._by_origin: Counter[str] = Counter()
        self._sweeper: asyncio.TimerHandle | None = None
        self._stopped: asyncio.Event | None = None

    # Opening and closing.

    async def listen(self, host: str, port: int) -> int:
        """Listens on every address of `host`; returns the port (chosen by the system where `port` is 0)."""
        loop = asyncio.get_running_loop()
        infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, kind, proto, _, address in dict.fromkeys(infos):
            sock = socket.socket(family, kind, proto)
            try:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                sock.bind((address[0], port, *address[2:]))
                sock.listen(1024)
            except OSError:
                sock.close()
                raise
            port = port or sock.getsockname()[1]
            self.adopt(sock, None)
        return port

    def adopt(self, sock: socket.socket, origin: str | None) -> Callable[[], None]:
        """Serves an already listening socket; requests from it carry `origin`. The result closes the socket."""
        sock.setblocking(False)
        self._sockets.add(sock)
        asyncio.get_running_loop().add_reader(sock.fileno(), self._accept, sock, origin)
        return partial(self._abandon, sock)

    def _abandon(self, sock: socket.socket) -> None:
        if sock in self._sockets:
            self._sockets.discard(sock)
            asyncio.get_running_loop().remove_reader(sock.fileno())
            sock.close()

    async def stop(self, grace: float = 5.0) -> None:
        """Takes no more connections, lets requests in hand be answered for `grace` seconds, then closes everything."""
        for sock in list(self._sockets):
            self._abandon(sock)
        for sock in list(self._waiting):
            self._forget(sock)
            sock.close()
        self._stopped = asyncio.Event()
        for connection in list(self._connections):
            connection.stop()
        if self._connections:
            try:
                await asyncio.wait_for(self._stopped.wait(), grace)
            except TimeoutError:
                log.warning("%d connections were cut off", len(self._connections))
        for connection in list(self._connections):
            connection.abort()
        for task in list(self._shaking):
            task.cancel()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    # Accepting.

    def _accept(self, listening: socket.socket, origin: str | None) -> None:
        for _ in range(_ACCEPTS):
            try:
                sock, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._accept_failed(listening, origin, error)
                return
            sock.setblocking(False)
            if not self._admit(origin):
                sock.close()
                continue
            if origin is not None:
                self._by_origin[origin] += 1
            self._peek(sock, origin)

    def _accept_failed(self, listening: socket.socket, origin: str | None, error: OSError) -> None:
        """Out of descriptors or memory: waits instead of spinning. Anything else: the socket is of no more use."""
        if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            log.warning("a listening socket failed: %s", error)
            self._abandon(listening)
            return
        log.warning("cannot accept connections: %s", error)
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening.fileno())
        loop.call_later(0.5, self._try_again, listening, origin)

    def _try_again(self, listening: socket.socket, origin: str | None) -> None:
        if listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening.fileno(), self._accept, listening, origin)

    def _admit(self, origin: str | None) -> bool:
        """Room for one more? The oldest idle connection makes room where there is none."""
        if origin is not None and self._by_origin[origin] >= self.limits.per_origin:
            return self._evict(origin)
        if len(self._connections) + len(self._waiting) + len(self._shaking) < self.limits.connections:
            return True
        return self._evict(None)

    def _evict(self, origin: str | None) -> bool:
        for connection in self._connections:
            if connection.idle and (origin is None or connection.origin == origin):
                connection.abort()
                return True
        return False

    def _peek(self, sock: socket.socket, origin: str | None) -> None:
        """TLS or plain? The first byte tells, and stays in the socket for whoever reads it."""
        try:
            first = sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            if sock not in self._waiting:
                loop = asyncio.get_running_loop()
                self._waiting[sock] = (loop.time() + self.limits.handshake_time, origin)
                loop.add_reader(sock.fileno(), self._peek, sock, origin)
                self._sweep_soon()
            return
        except OSError:
            first = b""
        if sock in self._waiting:
            self._forget(sock)
        if not first or (first[0] == _TLS_HANDSHAKE and self._tls is None):
            self._leave(origin)
            sock.close()
            return
        self.shake(self._open(sock, origin, first[0] == _TLS_HANDSHAKE))

    def shake(self, opening: Coroutine[Any, Any, None]) -> None:
        """Runs what makes a connection ready; it counts as a connection meanwhile."""
        task = asyncio.get_running_loop().create_task(opening)
        self._shaking.add(task)
        task.add_done_callback(self._shaking.discard)

    def _forget(self, sock: socket.socket) -> None:
        del self._waiting[sock]
        asyncio.get_running_loop().remove_reader(sock.fileno())

    async def _open(self, sock: socket.socket, origin: str | None, secure: bool) -> None:
        loop = asyncio.get_running_loop()
        connection = Connection(self, "https" if secure else "http", origin)
        try:
            if secure:
                context = await self.secure_context()
                await loop.connect_accepted_socket(
                    lambda: connection, sock, ssl=context, ssl_handshake_timeout=self.limits.handshake_time
                )
            else:
                await loop.connect_accepted_socket(lambda: connection, sock)
        except (OSError, ssl.SSLError) as error:
            log.debug("no connection: %s", error)
            sock.close()
        except BaseException:
            sock.close()
            raise
        finally:
            if not connection.made:
                self._leave(origin)

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken here."""
        return self._tls is not None

    async def secure_context(self) -> ssl.SSLContext:
        """Made in a thread: the first one may have to make keys."""
        if self._context is None:
            assert self._tls is not None
            self._context = await asyncio.get_running_loop().run_in_executor(None, self._tls)
        return self._context

    # What connections tell and ask.

    def opened(self, connection: Connection) -> None:
        self._connections[connection] = None
        self._sweep_soon()

    def closed(self, connection: Connection) -> None:
        if self._connections.pop(connection, connection) is None:
            self._leave(connection.origin)
        if self._stopped is not None and not self._connections:
            self._stopped.set()

    def _leave(self, origin: str | None) -> None:
        if origin is not None:
            self._by_origin[origin] -= 1
            if self._by_origin[origin] <= 0:
                del self._by_origin[origin]

    def date(self) -> str:
        return self._dates.at(self._clock())

    # Deadlines: one timer for all connections, and none while there are no connections.

    def _sweep_soon(self) -> None:
        if self._sweeper is None:
            loop = asyncio.get_running_loop()
            self.now = loop.time()
            self._sweeper = loop.call_later(self.limits.sweep, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        loop = asyncio.get_running_loop()
        now = self.now = loop.time()
        late = [c for c in self._connections if c.deadline <= now or c.send_deadline <= now]
        for connection in late:
            connection.expire(now)
        for sock, (until, origin) in list(self._waiting.items()):
            if until <= now:
                self._forget(sock)
                self._leave(origin)
                sock.close()
        if self._connections or self._waiting:
            self._sweep_soon()
