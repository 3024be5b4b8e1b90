"""Reads a queue: batches run side by side; what a function did not do comes again when it is visible again.

Nothing needs to be kept here: a message that was received and not deleted is still in its queue, after a crash too.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.lambda_.mappings import filters, invoking
from fogbank.services.lambda_.mappings.polls import Superseded, unless
from fogbank.services.lambda_.mappings.sources import Message, QueueSource, Reader
from fogbank.services.lambda_.records import EventSourceMapping

log = logging.getLogger("fogbank.lambda")

LONG_POLL = 20.0
MOST_AT_ONCE = 50
"""Batches of one mapping at a time where `MaximumConcurrency` says nothing; the function's own concurrency bounds it too."""
MOST_BYTES = 6_000_000
"""Of an invocation's payload."""


class QueuePoller:
    def __init__(self, ctx: Context, mapping: EventSourceMapping, source: QueueSource, reader: Reader) -> None:
        self._ctx, self._mapping, self._source, self._reader = ctx, mapping, source, reader
        self._settings = mapping.settings
        self._test = filters.compiled(self._settings, source.content)
        self._batches: set[asyncio.Task[None]] = set()
        self._most = (self._settings.get("ScalingConfig") or {}).get("MaximumConcurrency") or MOST_AT_ONCE

    async def run(self, ended: asyncio.Event) -> None:
        """Until the mapping changes; then waits for the batches that are under way."""
        try:
            await self._read(ended)
        except (Superseded, AwsError):
            if self._batches:
                await asyncio.wait(self._batches)
            raise
        finally:
            for batch in self._batches:  # Only where the cloud stops.
                batch.cancel()

    async def _read(self, ended: asyncio.Event) -> None:
        while True:
            if len(self._batches) >= self._most:
                await asyncio.wait(self._batches, return_when=asyncio.FIRST_COMPLETED)
                continue
            messages = await self._gather(ended)
            if messages:
                batch = asyncio.ensure_future(self._handle(messages))
                self._batches.add(batch)
                batch.add_done_callback(self._batches.discard)

    async def _gather(self, ended: asyncio.Event) -> list[Message]:
        """A batch: what one call gives, or with a window as much as fits until it is over."""
        size, window = self._settings["BatchSize"], self._settings["MaximumBatchingWindowInSeconds"]
        found = await self._receive(ended, size, LONG_POLL)
        until = self._ctx.now + window
        while found and len(found) < size and (left := until - self._ctx.now) > 0 and _bytes(found) < MOST_BYTES:
            try:
                more = await self._receive(ended, size - len(found), min(left, LONG_POLL))
            except Superseded:
                return found  # They were received: they are handled still.
            if not more and left < 1:
                await asyncio.sleep(left)
            found += more
        return found

    async def _receive(self, ended: asyncio.Event, most: int, wait: float) -> list[Message]:
        """What passes the filter; the rest is done with, and deleted."""
        messages = await unless(ended, self._source.receive(self._reader, most, wait))
        if self._test is None:
            return messages
        passing = [message for message in messages if self._test(self._source.view(message.record))]
        if len(passing) < len(messages):
            await self._source.delete(self._reader, [message for message in messages if message not in passing])
        return passing

    async def _handle(self, messages: list[Message]) -> None:
        try:
            answer = await self._invoke({"Records": [message.record for message in messages]})
            if answer is None:
                return
            failed = answer.failed(self._mapping, [message.id for message in messages])
            if failed is not None:
                done = [message for message in messages if message.id not in failed]
                await self._source.delete(self._reader, done)
        except AwsError as error:
            log.warning("a batch of %s comes again: %s", self._mapping.source, error)

    async def _invoke(self, event: dict[str, Any]) -> invoking.Answer | None:
        """None where no concurrency was free before the messages became visible again."""
        until = self._ctx.now + await self._source.visibility(self._reader)
        tries = 0
        while True:
            try:
                return await invoking.invoke(self._ctx, self._mapping, event)
            except invoking.Throttled:
                wait = invoking.throttle_wait(tries)
                tries += 1
                if self._ctx.now + wait > until:
                    return None
                await asyncio.sleep(wait)


def _bytes(messages: list[Message]) -> int:
    return sum(len(json.dumps(message.record)) for message in messages)
