"""GetLogEvents: one stream, forwards or backwards by token."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fogbank.api import Context
from fogbank.services.logs import errors, logs
from fogbank.services.logs.names import group as require_group
from fogbank.services.logs.names import named_group, stream_access
from fogbank.services.logs.names import stream as require_stream
from fogbank.services.logs.timeline import Event, events, shown_id, time_of

PAGE_EVENTS = 10_000
PAGE_BYTES = 1_048_576
_TOKEN = re.compile(r"([fb])/([0-9]{56})(?:/s)?")


@logs.operation(access=stream_access("GetLogEvents"))
def get_log_events(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    group = require_group(ctx, named_group(req))
    stream = require_stream(ctx, group, req["logStreamName"])
    forward, position = _position(req)
    start, end = req.get("startTime"), req.get("endTime")
    reached = None if position is None else time_of(position)
    edges = [edge for edge in (start if forward else end, reached) if edge is not None]
    edge = (max(edges) if forward else min(edges)) // 1000 if edges else None
    page = _take(events(ctx.tx, group, [stream], edge, reverse=not forward), req, forward, position)
    return {
        "events": [{"timestamp": e.time, "message": e.message, "ingestionTime": e.ingested} for e in page],
        "nextForwardToken": _token("f", page[-1].id if page else position or 0),
        "nextBackwardToken": _token("b", page[0].id if page else position or 0),
    }


def _take(walk: Iterable[Event], req: dict[str, Any], forward: bool, position: int | None) -> list[Event]:
    """A page of events between the request's times and past the position, in the order of time."""
    start, end, limit = req.get("startTime") or 0, req.get("endTime"), req.get("limit") or PAGE_EVENTS
    page: list[Event] = []
    size = 0
    for event in walk:
        early, late = event.time < start, end is not None and event.time >= end
        if late if forward else early:
            break
        passed = position is not None and (event.id <= position if forward else event.id >= position)
        if early or late or passed:
            continue
        size += len(event.message) + 26
        if page and size > PAGE_BYTES:
            break
        page.append(event)
        if len(page) == limit:
            break
    return page if forward else page[::-1]


def _position(req: dict[str, Any]) -> tuple[bool, int | None]:
    """Whether to read forwards, and from where. A token knows its direction."""
    token = req.get("nextToken")
    if not token:
        return bool(req.get("startFromHead")), None
    match = _TOKEN.fullmatch(token)
    if not match:
        raise errors.bad_token()
    return match[1] == "f", int(match[2])


def _token(direction: str, position: int) -> str:
    return f"{direction}/{shown_id(position)}/s"
