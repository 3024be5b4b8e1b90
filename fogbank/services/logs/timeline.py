"""Walking through stored events in the order of time, in either direction, of one stream or many."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from fogbank.services.logs.records import Batch, Group, Stream
from fogbank.store import Tx

_TIME, _STREAM, _NUMBER = 144, 80, 16
"""Where the parts of an event's id begin, in bits: its time, its stream, its batch; the last bits are its place there."""


class Event(NamedTuple):
    id: int
    """Grows with time, then by stream and order of writing: the order of reading, and a position in it."""
    time: int
    message: str
    ingested: int
    stream: str


def event_id(time: int, stream: int, number: int, place: int) -> int:
    return (time << _TIME) | (stream << _STREAM) | (number << _NUMBER) | place


def shown_id(identifier: int) -> str:
    """56 digits, as AWS's."""
    return f"{identifier:056d}"


def time_of(identifier: int) -> int:
    return identifier >> _TIME


def events(
    tx: Tx, group: Group, streams: list[Stream] | None, second: int | None, *, reverse: bool = False
) -> Iterator[Event]:
    """Events from `second` on (all of that second's), of `streams` or of the whole group."""
    for _, batches in groupby(_batches(tx, group, streams, second, reverse), key=lambda batch: batch.second):
        yield from sorted(
            (
                Event(event_id(time, batch.stream, batch.number, place), time, message, batch.ingested, batch.stream_name)
                for batch in batches
                for place, (time, message) in enumerate(batch.events)
            ),
            reverse=reverse,
        )


def _batches(
    tx: Tx, group: Group, streams: list[Stream] | None, second: int | None, reverse: bool
) -> Iterator[Batch]:
    if streams is None:
        return tx.scan(Batch, group.id, since=second, reverse=reverse)
    each = [tx.find(Batch, "stream", stream.id, since=second, reverse=reverse) for stream in streams]
    if len(each) == 1:
        return each[0]
    return heapq.merge(*each, key=lambda batch: batch.second, reverse=reverse)
