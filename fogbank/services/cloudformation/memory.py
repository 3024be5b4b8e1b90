"""What CloudFormation keeps in memory: definitions of what it deploys, and the SAM worker. All of it can be lost."""

from __future__ import annotations

from collections import OrderedDict

from fogbank.api import Context
from fogbank.services.cloudformation import lookup
from fogbank.services.cloudformation.definition import Definition, define
from fogbank.services.cloudformation.records import Revision, Stack
from fogbank.services.cloudformation.sam import SamWorker

_MOST = 32


class Memory:
    """One per cloud; a component of the platform."""

    def __init__(self) -> None:
        self.sam = SamWorker()
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

    async def stop(self) -> None:
        await self.sam.close()


def definition(ctx: Context, stack: Stack, number: int) -> Definition:
    return ctx.component(Memory).definition(stack, lookup.revision(ctx, stack, number))
