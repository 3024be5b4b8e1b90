"""What a connection may ask of the gateway. Every number here bounds memory, time or a count."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes, times in seconds."""

    request_line: int = 32 * 1024
    """Long enough for a presigned URL with a session token, which is longer than any that AWS itself takes."""
    head: int = 64 * 1024
    """Request line and all headers."""
    headers: int = 200
    gathered: int = 64 * 1024
    """A body whose stated length is at most this is collected before the request is handled."""
    buffered: int = 256 * 1024
    """A streamed body stops being read from the socket while this much of it waits for its reader."""
    pipelined: int = 64 * 1024
    """Bytes of later requests kept while one is being answered; the socket is not read past them."""
    drained: int = 256 * 1024
    """What is read and dropped of a body nobody wanted, to keep the connection; past it the connection is closed."""

    head_time: float = 10.0
    """From the first byte of a request to the end of its headers."""
    idle_time: float = 75.0
    body_time: float = 30.0
    """For a gathered body as a whole; for a streamed one, for each `body_step` bytes of it."""
    body_step: int = 1024
    send_time: float = 60.0
    """How long a client may leave a full send buffer unread."""
    linger_time: float = 2.0
    """How long a closing connection still reads, so that the last answer is not lost to a reset."""
    handshake_time: float = 10.0
    """For a TLS handshake, and before it for the first byte that tells TLS from plain HTTP."""

    sweep: float = 1.0
    """How often deadlines are looked at: they are kept to within this."""

    connections: int = 4096
    per_origin: int = 512
    """Connections from one function's sandbox."""
