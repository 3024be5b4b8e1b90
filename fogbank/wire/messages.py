"""HTTP messages as every room passes them: what the listener read, what it shall write."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol


class BodyStream(Protocol):
    """A request body that is read as it arrives. Reading it is what lets the sender go on (backpressure)."""

    length: int | None
    """Bytes in all where the sender said so (after decoding of `aws-chunked`), else None."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises AwsError(`RequestEntityTooLarge`, 413) past `limit` bytes."""
        ...


@dataclass(slots=True)
class Request:
    method: str
    path: str
    """As received: percent-encoded, never normalised."""
    query: str
    """As received, without the question mark."""
    headers: dict[str, str]
    """Lower-case names; repeated headers joined with a comma."""
    body: bytes | BodyStream = b""
    raw_headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Every header in its order and spelling."""
    scheme: str = "http"
    peer: str = ""
    """The client's address."""
    origin: str | None = None
    """Which function's sandbox the connection came from (its ARN), None for the outside."""


@dataclass(slots=True)
class FileBody:
    """A response body that is part of a file; sent without being held in memory."""

    path: Path
    offset: int
    length: int


@dataclass(slots=True)
class Response:
    status: int
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes | FileBody | AsyncIterator[bytes] = b""
    """An iterator is sent chunked, unless a `content-length` header is given."""
