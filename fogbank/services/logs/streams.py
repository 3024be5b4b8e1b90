"""Log streams: create, delete, describe."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.logs import errors, logs
from fogbank.services.logs.names import check_length, group_access, milliseconds, named_group, stream_access
from fogbank.services.logs.names import group as require_group
from fogbank.services.logs.names import stream as require_stream
from fogbank.services.logs.records import Group, Stream


@logs.operation(access=stream_access("CreateLogStream"))
def create_log_stream(ctx: Context, req: dict[str, Any]) -> None:
    name = req["logStreamName"]
    check_length(name)
    group = require_group(ctx, req["logGroupName"])
    if ctx.tx.get(Stream, group.id, name):
        raise errors.exists("The specified log stream already exists")
    ctx.tx.put(Stream(group=group.id, name=name, id=ctx.random.getrandbits(62), created=milliseconds(ctx)))


@logs.operation(access=stream_access("DeleteLogStream"))
def delete_log_stream(ctx: Context, req: dict[str, Any]) -> None:
    group = require_group(ctx, req["logGroupName"])
    stream = require_stream(ctx, group, req["logStreamName"])
    ctx.tx.delete(Stream, group.id, stream.name)
    ctx.schedule("logs.purge", {"group": group.id, "stream": stream.id}, key=str(stream.id))


@logs.operation(access=group_access("DescribeLogStreams"))
def describe_log_streams(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    prefix, by_time = req.get("logStreamNamePrefix") or "", req.get("orderBy") == "LastEventTime"
    if prefix and by_time:
        raise errors.invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
    group = require_group(ctx, named_group(req))
    limit, descending = req.get("limit") or 50, bool(req.get("descending"))
    position = _position(req.get("nextToken"), by_time)
    if by_time:
        page, more = _by_time(ctx, group, position, limit, descending)
    else:
        page, more = _by_name(ctx, group, prefix, position, limit, descending)
    token = None
    if more:
        token = paging.encode([page[-1].last_event or 0, page[-1].name] if by_time else page[-1].name)
    return {"logStreams": [_view(ctx, group, stream) for stream in page], "nextToken": token}


def _by_name(
    ctx: Context, group: Group, prefix: str, position: Any, limit: int, descending: bool
) -> tuple[list[Stream], bool]:
    if descending:
        start: dict[str, Any] = {"after": position} if position else {"since": prefix + "\U0010ffff" if prefix else None}
    else:
        start = {"after": position} if position else {"since": prefix or None}
    page = list(ctx.tx.scan(Stream, group.id, **start, limit=limit + 1, reverse=descending))
    page = [stream for stream in page if stream.name.startswith(prefix)]
    return page[:limit], len(page) > limit


def _by_time(
    ctx: Context, group: Group, position: Any, limit: int, descending: bool
) -> tuple[list[Stream], bool]:
    """Sorted here: an index on the time of the last event would make every write of events dearer."""
    def key(stream: Stream) -> list[Any]:
        return [stream.last_event or 0, stream.name]

    streams = sorted(ctx.tx.scan(Stream, group.id), key=key, reverse=descending)
    if position:
        streams = [s for s in streams if (key(s) < position if descending else key(s) > position)]
    return streams[:limit], len(streams) > limit


def _position(token: str | None, by_time: bool) -> Any:
    if not token:
        return None
    try:
        position = paging.decode(token)
    except ValueError as error:
        raise errors.bad_token() from error
    shape = list(map(type, position)) if isinstance(position, list) else type(position)
    if shape != ([int, str] if by_time else str):
        raise errors.bad_token()
    return position


def _view(ctx: Context, group: Group, stream: Stream) -> dict[str, Any]:
    return {
        "logStreamName": stream.name,
        "creationTime": stream.created,
        "firstEventTimestamp": stream.first_event,
        "lastEventTimestamp": stream.last_event,
        "lastIngestionTime": stream.last_ingestion,
        "uploadSequenceToken": sequence_token(stream) if stream.batches else None,
        "arn": ctx.arn(f"log-group:{group.name}:log-stream:{stream.name}"),
        "storedBytes": 0,
    }


def sequence_token(stream: Stream) -> str:
    """Given for the sake of old clients; any token is accepted, as AWS does since 2023."""
    return f"{490_000_000_000_000_000_000 + stream.id:056d}"
