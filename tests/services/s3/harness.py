"""S3's own functions against a real store and a clock that the test moves: for what happens by and by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from fogbank.api import Context
from fogbank.iam.principal import root
from fogbank.store import Store
from fogbank.work import SimulatedClock

ACCOUNT = "000000000000"
START = 1_700_000_000.0
T = TypeVar("T")


class Bench:
    """The platform, as far as these tests need it: tasks are collected, everything is allowed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = SimulatedClock(START)
        self.random = Random(7)
        self.endpoint = "http://localhost:4566"
        self.tasks: list[tuple[str, dict[str, Any], float]] = []
        self.delivered: list[tuple[str, dict[str, Any]]] = []
        self.now = START

    @classmethod
    async def open(cls, folder: Path) -> Bench:
        return cls(await Store.open(folder))

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """`function(ctx, *arguments)` in a transaction."""
        return await self.store.transact(lambda tx: function(self.context().within(tx), *arguments))

    def context(self) -> Context:
        return _Moved(self, "s3", ACCOUNT, "us-east-1", root(ACCOUNT), "request")  # type: ignore[arg-type]

    def schedule(self, ctx: Context, kind: str, payload: Mapping[str, Any], delay: float, key: str) -> str:
        self.tasks = [task for task in self.tasks if (task[0], task[1].get("bucket")) != (kind, key)]
        self.tasks.append((kind, dict(payload), delay))
        return "task"

    def cancel(self, ctx: Context, kind: str, key: str) -> None:
        self.tasks = [task for task in self.tasks if task[0] != kind]

    def deliver(self, ctx: Context, target: str, event: Mapping[str, Any], options: Mapping[str, Any]) -> None:
        self.delivered.append((target, dict(event)))

    def authorise(self, *_: Any) -> None:
        return


class _Moved(Context):
    """Shows the bench's own time."""

    __slots__ = ()

    @property
    def now(self) -> float:
        return float(self.cloud.now)  # type: ignore[attr-defined]

    def within(self, tx: Any) -> Context:
        return _Moved(
            self.cloud, self.service, self.account, self.region, self.principal, self.request_id, self.request, tx
        )
