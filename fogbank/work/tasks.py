"""Durable tasks: rows that say what shall be done, and when."""

from __future__ import annotations

from random import Random
from typing import Any

from fogbank.kit import ids
from fogbank.store import Record, Tx, record


@record("work.task", key=("id",), indexes={"due": ("due", "id"), "key": ("kind", "key")})
class Task(Record):
    id: str
    kind: str
    key: str
    due: float
    payload: dict[str, Any]
    account: str
    region: str
    attempts: int = 0
    error: str = ""


def schedule(tx: Tx, kind: str, payload: dict[str, Any], *, due: float, key: str, account: str, region: str,
             random: Random) -> str:
    if key:
        cancel(tx, kind, key)
    task = Task(id=ids.uuid4(random), kind=kind, key=key, due=due, payload=payload, account=account, region=region)
    tx.put(task)
    tx.after_commit(lambda: None)
    return task.id


def cancel(tx: Tx, kind: str, key: str) -> None:
    for task in list(tx.find(Task, "key", kind, key)):
        tx.delete(Task, task.id)
