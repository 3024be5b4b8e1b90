"""What CloudFormation keeps in memory: definitions, who waits for a stack, the SAM worker. All of it can be lost."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from fogbank.api import Context
from fogbank.services.cloudformation import lookup
from fogbank.services.cloudformation.definition import Definition, define
from fogbank.services.cloudformation.records import Revision, Stack
from fogbank.services.cloudformation.sam import SamWorker

_MOST = 32


class Memory:
    """One per cloud; a component of the platform."""

    def __init__(self) -> None:
        self.patience = 2.0
        """Seconds that a call which starts an operation waits for its end before it answers.

        Clients look again only after some seconds (the SAM CLI and CDK after five, the AWS CLI after thirty), and most
        operations take a fraction of one here: an answer held back that long spares them the whole wait.
        """
        self.sam = SamWorker()
        self._watched: dict[str, set[asyncio.Future[None]]] = {}
        self._definitions: OrderedDict[tuple[str, int], Definition] = OrderedDict()

    def definition(self, stack: Stack, revision: Revision) -> Definition:
        """The definition of a revision, made once: a deployment asks for it at every step."""
        key = (stack.uuid, revision.number)
        found = self._definitions.get(key)
        if found is None:
            found = self._definitions[key] = define(stack, revision)
            if len(self._definitions) > _MOST:
                self._definitions.popitem(last=False)
        return found

    def watch(self, stack: str) -> asyncio.Future[None]:
        """Done when nothing of the stack is in progress any more. `forget` it when it is no longer waited for."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watched.setdefault(stack, set()).add(future)
        return future

    def forget(self, stack: str, future: asyncio.Future[None]) -> None:
        watchers = self._watched.get(stack, set())
        watchers.discard(future)
        if not watchers:
            self._watched.pop(stack, None)

    def wake(self, stack: str) -> None:
        """Tells those who wait that nothing of the stack is in progress any more."""
        for future in self._watched.pop(stack, ()):
            if not future.done():
                future.set_result(None)

    async def stop(self) -> None:
        await self.sam.close()


def definition(ctx: Context, stack: Stack, number: int) -> Definition:
    return ctx.component(Memory).definition(stack, lookup.revision(ctx, stack, number))


async def commit_and_settle(ctx: Context, change: Callable[[Context], Stack | None]) -> Stack | None:
    """Runs `change`, which begins an operation on the stack it returns, and waits for its end as long as is sensible."""
    memory = ctx.component(Memory)
    watched: list[tuple[str, asyncio.Future[None]]] = []

    def begun(inner: Context) -> Stack | None:
        stack = change(inner)
        fresh = lookup.by_uuid(inner, stack.uuid) if stack else None
        if fresh is not None and fresh.status.endswith("_IN_PROGRESS"):
            watched.append((fresh.uuid, memory.watch(fresh.uuid)))
        return stack

    try:
        stack = await ctx.transact(begun)
        for _, future in watched:
            await asyncio.wait((future,), timeout=memory.patience)
        return stack
    finally:
        for uuid, future in watched:
            memory.forget(uuid, future)
