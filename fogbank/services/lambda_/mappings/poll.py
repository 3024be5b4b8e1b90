"""The durable task behind each enabled mapping: it polls until the mapping changes, after a restart again."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from fogbank.api import AwsError, Context, Retry
from fogbank.services.lambda_ import lambda_, lookup
from fogbank.services.lambda_.mappings import invoking, kinds
from fogbank.services.lambda_.mappings.polls import Polls, Superseded, unless
from fogbank.services.lambda_.mappings.queue_poller import QueuePoller
from fogbank.services.lambda_.mappings.sources import QueueSource, Reader, StreamSource
from fogbank.services.lambda_.mappings.sqs import Sqs
from fogbank.services.lambda_.mappings.stream_poller import StreamPoller
from fogbank.services.lambda_.mappings.streams import DynamoDb, Kinesis
from fogbank.services.lambda_.records import EventSourceMapping, StreamPlace
from fogbank.work import tasks

log = logging.getLogger("fogbank.lambda")

PAUSE_FIRST, PAUSE_MOST = 1.0, 30.0
"""Seconds until a source that could not be read, or whose function is gone, is tried again."""
QUEUES: dict[str, QueueSource] = {"SQS": Sqs()}
STREAMS: dict[str, StreamSource] = {"Kinesis": Kinesis(), "DynamoDB": DynamoDb()}


def schedule(ctx: Context, mapping: EventSourceMapping) -> None:
    """A mapping was made or changed: a running poller ends, and another begins if there is something to poll."""
    uuid = mapping.uuid
    tasks.cancel(ctx.tx, "lambda.poll", uuid)
    if mapping.state == "Enabled":
        tasks.schedule(
            ctx.tx, "lambda.poll", {"uuid": uuid, "generation": mapping.generation}, due=ctx.now, random=ctx.random,
            key=uuid, account=ctx.account, region=ctx.region, lane=uuid,
        )
    polls = ctx.component(Polls)
    ctx.tx.after_commit(lambda: polls.end(uuid))


@lambda_.task("lambda.poll", retry=Retry(attempts=1_000_000, first=PAUSE_FIRST, most=PAUSE_MOST))
async def poll(ctx: Context, payload: dict[str, Any]) -> None:
    polls = ctx.component(Polls)
    uuid, pause = payload["uuid"], PAUSE_FIRST
    async with polls.lock(uuid):
        ended = polls.begin(uuid)
        try:
            while (mapping := await ctx.transact(lambda c: _current(c, payload))) is not None:
                try:
                    await _poller(ctx, mapping).run(ended)
                except AwsError as error:
                    log.warning("%s cannot be read: %s", mapping.source, error)
                await unless(ended, asyncio.sleep(pause))
                pause = min(pause * 2, PAUSE_MOST)
        except Superseded:
            pass
        finally:
            polls.over(uuid)


def _current(ctx: Context, payload: dict[str, Any]) -> EventSourceMapping | None:
    found = ctx.tx.get(EventSourceMapping, ctx.account, ctx.region, payload["uuid"])
    return found if found and found.generation == payload["generation"] and found.state == "Enabled" else None


def reader(ctx: Context, mapping: EventSourceMapping) -> Reader:
    """In a transaction. Raises AwsError where the function is gone, or its role cannot be assumed."""
    name = invoking.function_of(ctx, mapping)
    role = lookup.version(ctx, name).settings.role
    return Reader(ctx.within(None), mapping.source, ctx.assume(role, name.name, "lambda.amazonaws.com"))


def _poller(ctx: Context, mapping: EventSourceMapping) -> QueuePoller | StreamPoller:
    kind = kinds.of(mapping.source)
    reads = ctx.cloud.store.run(lambda tx: reader(ctx.within(tx), mapping))[0]
    if kind.is_stream:
        return StreamPoller(ctx, mapping, STREAMS[kind.name], reads)
    return QueuePoller(ctx, mapping, QUEUES[kind.name], reads)


def forget(ctx: Context, mapping: EventSourceMapping) -> None:
    """Of a mapping that is deleted."""
    ctx.tx.clear(StreamPlace, mapping.uuid)
