"""The cloud as the HTTPS proxy of this machine's programs: `CONNECT NAME:443` turns the connection into TLS with us.

So a program reaches `https://ID.execute-api.us-west-2.amazonaws.com/` without being changed. Nothing is ever connected
onwards: names other than AWS's are refused, and so is whoever is not a process of this machine.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import ssl
from typing import TYPE_CHECKING, cast

from fogbank.gateway import head
from fogbank.gateway.hosts import AWS_BASES
from fogbank.wire.messages import Request

if TYPE_CHECKING:
    from fogbank.gateway.listener import Listener

log = logging.getLogger("fogbank.gateway")

_SUFFIXES = tuple(f".{base}" for base in (*AWS_BASES, "on.aws"))
_OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


def admit(request: Request, framing: head.Framing, early: bool, secure: bool) -> None:
    """Raises Refused unless the tunnel may be opened.

    `early`: bytes came before the client was answered. `secure`: whether the listener speaks TLS.
    """
    name, _, port = request.path.rpartition(":")
    if not secure:
        raise head.Refused(501, "CONNECT is not supported")
    if framing.length or early:
        raise head.Refused(400, "CONNECT has no body")
    if request.origin is not None or not _loopback(request.peer):
        raise head.Refused(403, "this cloud is a proxy for programs of its own machine only")
    if not name.lower().endswith(_SUFFIXES) or port != "443":
        raise head.Refused(403, "this proxy leads to AWS's names at port 443, which are the cloud's, and nowhere else")


def _loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


class Tunnel(asyncio.Protocol):
    """Takes a connection over from `http1`, and gives it to a new HTTP connection once TLS is spoken on it."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._early: list[bytes] = []
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        outer = cast(asyncio.Transport, transport)
        outer.pause_reading()  # until TLS reads
        outer.write(_OPEN)
        self._listener.shake(self._secure(outer))

    def data_received(self, data: bytes) -> None:
        """Decrypted, between the end of the handshake and the new connection."""
        self._early.append(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True

    async def _secure(self, outer: asyncio.Transport) -> None:
        from fogbank.gateway.http1 import Connection

        try:
            context = await self._listener.secure_context()
            inner = await asyncio.get_running_loop().start_tls(
                outer, self, context, server_side=True, ssl_handshake_timeout=self._listener.limits.handshake_time
            )
        except (OSError, ssl.SSLError) as error:
            log.debug("no tunnel: %s", error)
            outer.abort()
            return
        except BaseException:
            outer.abort()
            raise
        if inner is None or self._lost:
            return
        connection = Connection(self._listener, "https", None)
        inner.set_protocol(connection)
        connection.connection_made(inner)
        if self._early:
            connection.data_received(b"".join(self._early))
