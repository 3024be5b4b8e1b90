"""PutLogEvents: the path that every line a function prints takes, so it writes few rows."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from fogbank.api import Context
from fogbank.services.logs import errors, logs, metrics, subscriptions
from fogbank.services.logs.names import group as require_group
from fogbank.services.logs.names import milliseconds, stream_access
from fogbank.services.logs.names import stream as require_stream
from fogbank.services.logs.records import Batch, Group, Stream, Usage
from fogbank.services.logs.streams import sequence_token

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
BATCH_LIMIT = EVENT_LIMIT = 1_048_576
EVENT_OVERHEAD = 26
DAY = 86_400_000
TOO_OLD = 14 * DAY
TOO_NEW = 7_200_000

Event = tuple[int, str]


@logs.operation(access=stream_access("PutLogEvents"))
def put_log_events(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    events = [(event["timestamp"], _text(event["message"])) for event in req["logEvents"]]
    size = check(events)
    group = require_group(ctx, req["logGroupName"])
    stream = require_stream(ctx, group, req["logStreamName"])
    now = milliseconds(ctx)
    accepted, rejected = accept(events, now, group.retention_days)
    if accepted:
        _write(ctx, group, stream, accepted, now)
        _count(ctx, group, size)
        metrics.publish(ctx, group, accepted, size)
        if group.subscriptions:
            subscriptions.forward(ctx, group, stream, stream.batches, accepted)
    return {"nextSequenceToken": sequence_token(stream), "rejectedLogEventsInfo": rejected}


def check(events: list[Event]) -> int:
    """The size of a request's events as AWS counts it. Raises InvalidParameterException past its limits."""
    size = 0
    for _, message in events:
        length = len(message) if message.isascii() else len(message.encode())
        if length + EVENT_OVERHEAD > EVENT_LIMIT:
            raise errors.invalid(f"Log event too large: {length + EVENT_OVERHEAD} bytes exceeds limit of {EVENT_LIMIT}")
        size += length + EVENT_OVERHEAD
    if size > BATCH_LIMIT:
        raise errors.invalid(f"Upload too large: {size} bytes exceeds limit of {BATCH_LIMIT}")
    if any(later[0] < earlier[0] for earlier, later in zip(events, events[1:], strict=False)):
        raise errors.invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if events[-1][0] - events[0][0] > DAY:
        raise errors.invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    return size


def accept(events: list[Event], now: int, retention_days: int) -> tuple[list[Event], dict[str, int] | None]:
    """The events that are neither too old, expired nor too new, and what is told of the others (ends are exclusive)."""
    too_old, expires = now - TOO_OLD, now - retention_days * DAY if retention_days else 0
    if events[0][0] >= max(too_old, expires) and events[-1][0] <= now + TOO_NEW:
        return events, None
    old = sum(time < too_old for time, _ in events)
    expired = sum(too_old <= time < expires for time, _ in events)
    new = sum(time > now + TOO_NEW for time, _ in events)
    told = {}
    if new:
        told["tooNewLogEventStartIndex"] = len(events) - new
    if old:
        told["tooOldLogEventEndIndex"] = old
    if expired:
        told["expiredLogEventEndIndex"] = old + expired
    return events[old + expired : len(events) - new], told or None


def _write(ctx: Context, group: Group, stream: Stream, events: list[Event], now: int) -> None:
    for second, part in groupby(events, key=lambda event: event[0] // 1000):
        stream.batches += 1
        batch = Batch(
            group=group.id,
            second=second,
            stream=stream.id,
            number=stream.batches,
            stream_name=stream.name,
            ingested=now,
            events=list(part),
        )
        ctx.tx.put(batch)
    first, last = events[0][0], events[-1][0]
    stream.first_event = first if stream.first_event is None else min(first, stream.first_event)
    stream.last_event = last if stream.last_event is None else max(last, stream.last_event)
    stream.last_ingestion = now
    ctx.tx.put(stream)


def _count(ctx: Context, group: Group, size: int) -> None:
    usage = ctx.tx.get(Usage, group.id)
    ctx.tx.put(Usage(group=group.id, stored=size + (usage.stored if usage else 0)))


def _text(message: str) -> str:
    """JSON can spell half a surrogate pair, which is no text: it becomes a question mark, as in AWS's answers."""
    return message if message.isascii() else message.encode("utf-8", "replace").decode()
