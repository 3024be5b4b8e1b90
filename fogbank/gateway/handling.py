"""What the listener hands its requests to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from fogbank.wire.messages import Request, Response


class Cancellable(Protocol):
    def cancel(self) -> Any: ...


Respond = Callable[[Response], None]
Handle = Callable[[Request, Respond], Cancellable | None]
"""Called on the loop for each request; answers through its second argument, at once or later. What it returns, if
anything, is cancelled when the client goes away before it was answered."""

Upgrade = Callable[[Request], Callable[[], asyncio.Protocol] | None]
"""Asked about a request with an `Upgrade` header: the protocol that takes the connection over (a WebSocket's), or None.
The protocol gets the transport by `connection_made`, then the bytes that have arrived by `data_received`, and answers
the request itself."""


def plain(status: int, reason: str) -> Response:
    """The gateway's own answer, below any AWS protocol."""
    return Response(status, [("content-type", "text/plain")], f"{reason}\n".encode())
