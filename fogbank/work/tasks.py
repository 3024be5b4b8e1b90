"""Durable tasks: rows that say what shall be done, and when."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from fogbank.store import Record, Tx, record

TOPIC = "work.task"
"""Published with `(lane, due)` for each task that was scheduled."""


@record("work.task", key=("id",), indexes={"due": ("lane", "due"), "key": ("kind", "key"), "owner": ("owner",)})
class Task(Record):
    id: str
    """A UUID whose beginning grows: of tasks due at the same moment, the one scheduled first comes first."""
    kind: str
    lane: str
    """Tasks of one lane run in the order of `due`, so many at a time: `kind`, or `kind` and a name after a space."""
    due: float
    """Epoch seconds. While it is being run: when its lease ends."""
    payload: dict[str, Any]
    key: str | None = None
    account: str = ""
    region: str = ""
    attempts: int = 0
    """How many have failed."""
    owner: str | None = None
    """The process that runs it now. One that was killed is not the one that starts next, which takes it over."""
    superseded: bool = False
    """Cancelled or replaced while it ran: it is not tried again."""
    exhausted: bool = False
    """Whether all attempts have failed, and what is left to run is the handler for that."""
    code: str = ""
    message: str = ""
    """Of the last error."""


def schedule(
    tx: Tx,
    kind: str,
    payload: Mapping[str, Any],
    *,
    due: float,
    random: Random,
    key: str = "",
    account: str = "",
    region: str = "",
    lane: str = "",
) -> str:
    """Writes a task, to run at `due` (epoch seconds); returns its id. One that waits under the same kind and key goes.

    Tasks of a kind share a lane, with its bound on how many run at once, unless `lane` names one within the kind:
    deliveries to one slow target then do not hold up those to others.
    """
    if key:
        cancel(tx, kind, key)
    task = Task(
        id=_id(tx, random), kind=kind, lane=f"{kind} {lane}" if lane else kind, due=due, payload=dict(payload),
        key=key or None, account=account, region=region,
    )
    tx.insert(task)
    tx.publish(TOPIC, (task.lane, due))
    return task.id


def cancel(tx: Tx, kind: str, key: str) -> None:
    """Removes the waiting task of that kind and key. One that is running ends, but is not tried again if it fails."""
    for task in tx.find(Task, "key", kind, key):
        if task.owner is None:
            tx.delete(Task, task.id)
        elif not task.superseded:
            task.superseded = True
            tx.put(task)


def _id(tx: Tx, random: Random) -> str:
    """A UUID of version 8 (RFC 9562: the maker's own layout): 48 bits of a sequence, the rest by chance."""
    head, tail = f"{tx.sequence('work.task'):012x}", f"{random.getrandbits(76):019x}"
    variant = "89ab"[int(tail[3], 16) & 3]
    return f"{head[:8]}-{head[8:]}-8{tail[:3]}-{variant}{tail[4:7]}-{tail[7:]}"
