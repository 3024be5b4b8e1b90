"""FilterLogEvents: the events of a group's streams, interleaved by time, that match a pattern."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.logs import errors, logs, patterns
from fogbank.services.logs.names import group as require_group
from fogbank.services.logs.names import group_access, named_group
from fogbank.services.logs.names import stream as require_stream
from fogbank.services.logs.reading import PAGE_BYTES, PAGE_EVENTS
from fogbank.services.logs.records import Group, Stream
from fogbank.services.logs.timeline import Event, events, shown_id, time_of

SCANNED = 20_000
"""Events looked at in one call: a page may be empty and have a next one, as AWS says of its own."""
MERGED = 100
"""Up to so many streams are read one by one; of more, the whole group is."""


@logs.operation(access=group_access("FilterLogEvents"))
def filter_log_events(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    group = require_group(ctx, named_group(req))
    matches = patterns.compiled(req.get("filterPattern") or "")
    position = _position(req.get("nextToken"))
    streams = _streams(ctx, group, req)
    names = None if streams is None else {stream.name for stream in streams}
    if streams is not None and len(streams) > MERGED:
        streams = None
    start, end, limit = req.get("startTime") or 0, req.get("endTime"), req.get("limit") or PAGE_EVENTS
    page: list[Event] = []
    size = scanned = 0
    token = None
    for event in events(ctx.tx, group, streams, max(start, time_of(position)) // 1000):
        if end is not None and event.time > end:
            break
        if event.id <= position or event.time < start:
            continue
        if size > PAGE_BYTES or len(page) == limit or scanned == SCANNED:
            token = paging.encode(shown_id(position))
            break
        position = event.id
        scanned += 1
        if (names is None or event.stream in names) and matches(event.message):
            page.append(event)
            size += len(event.message) + 26
    return {"events": [_view(event) for event in page], "searchedLogStreams": [], "nextToken": token}


def _streams(ctx: Context, group: Group, req: dict[str, Any]) -> list[Stream] | None:
    """The streams that the request names; None for all."""
    names, prefix = req.get("logStreamNames"), req.get("logStreamNamePrefix")
    if names and prefix:
        raise errors.invalid("logStreamNamePrefix and logStreamNames are mutually exclusive parameters.")
    if names:
        return [require_stream(ctx, group, name) for name in dict.fromkeys(names)]
    if prefix:
        found = []
        for stream in ctx.tx.scan(Stream, group.id, since=prefix):
            if not stream.name.startswith(prefix):
                break
            found.append(stream)
        return found
    return None


def _position(token: str | None) -> int:
    if not token:
        return -1
    try:
        text = paging.decode(token)
    except ValueError as error:
        raise errors.bad_token() from error
    if not isinstance(text, str) or len(text) != 56 or not text.isdecimal():
        raise errors.bad_token()
    return int(text)


def _view(event: Event) -> dict[str, Any]:
    return {
        "logStreamName": event.stream,
        "timestamp": event.time,
        "message": event.message,
        "ingestionTime": event.ingested,
        "eventId": shown_id(event.id),
    }
