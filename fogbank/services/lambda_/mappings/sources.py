"""What an event source is to a poller. A new source is an adapter here and a kind in `kinds`.

Adapters call the source's public operations as the function's execution role, IAM included.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from fogbank.api import Context
from fogbank.iam.principal import Principal


class Message(NamedTuple):
    """A queue's message. `record` is what the function sees."""

    id: str
    receipt: str
    record: dict[str, Any]


class Entry(NamedTuple):
    """A stream's record."""

    sequence: str
    key: str
    """Records with the same key keep their order."""
    arrived: float
    """Epoch seconds."""
    record: dict[str, Any]


class Page(NamedTuple):
    entries: list[Entry]
    next: str
    """The iterator to go on with; empty where the shard is closed and all of it is read."""


class Shard(NamedTuple):
    id: str
    parents: tuple[str, ...]


class Reader(NamedTuple):
    """Who reads from where."""

    ctx: Context
    arn: str
    principal: Principal

    async def call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        return await self.ctx.call_async(service, operation, params, principal=self.principal)


class QueueSource(Protocol):
    content: str
    """The member of a filtered view whose text patterns may look into as JSON; empty where there is none."""

    def view(self, record: dict[str, Any]) -> dict[str, Any]:
        """What filter patterns are asked about."""
        ...

    async def check(self, reader: Reader, timeout: int) -> None:
        """Raises InvalidParameterValueException where the queue is missing, forbidden, or unfit for a function's timeout."""
        ...

    async def receive(self, reader: Reader, most: int, wait: float) -> list[Message]:
        """Waits up to `wait` seconds for the first message."""
        ...

    async def delete(self, reader: Reader, messages: list[Message]) -> None: ...

    async def visibility(self, reader: Reader) -> float:
        """Seconds for which a received message stays hidden."""
        ...


class StreamSource(Protocol):
    content: str
    batch_info: str
    """The member of an on-failure record that tells of the batch."""

    def view(self, record: dict[str, Any]) -> dict[str, Any]: ...

    async def check(self, reader: Reader) -> None: ...

    async def shards(self, reader: Reader) -> list[Shard]: ...

    async def iterator(self, reader: Reader, shard: str, after: str, position: str, timestamp: float | None) -> str:
        """Begins after the sequence number `after`; where that is empty, at the starting position."""
        ...

    async def read(self, reader: Reader, shard: str, iterator: str, most: int) -> Page: ...
