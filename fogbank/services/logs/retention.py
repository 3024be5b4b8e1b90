"""How long events are kept, and removing them in small steps: by age, and after their group or stream was deleted."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.logs import errors, logs
from fogbank.services.logs.names import group as require_group
from fogbank.services.logs.names import group_access, milliseconds
from fogbank.services.logs.records import Batch, Group, Usage
from fogbank.services.logs.writing import EVENT_OVERHEAD

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
STEP = 500
"""Rows removed in one transaction: others' requests wait for it."""
PERIOD = 3600.0


@logs.operation(access=group_access("PutRetentionPolicy"))
def put_retention_policy(ctx: Context, req: dict[str, Any]) -> None:
    days = req["retentionInDays"]
    group = require_group(ctx, req["logGroupName"])
    if days not in DAYS:
        raise errors.invalid(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(map(str, DAYS))}]"
        )
    group.retention_days = days
    ctx.tx.put(group)
    ctx.schedule("logs.expire", {"group": group.id}, key=str(group.id))


@logs.operation(access=group_access("DeleteRetentionPolicy"))
def delete_retention_policy(ctx: Context, req: dict[str, Any]) -> None:
    group = require_group(ctx, req["logGroupName"])
    group.retention_days = 0
    ctx.tx.put(group)
    ctx.cancel("logs.expire", str(group.id))


@logs.task("logs.expire")
def expire(ctx: Context, payload: dict[str, Any]) -> None:
    """Removes what is older than the group's retention; comes back at once for more, or in an hour."""
    group = next(ctx.tx.find(Group, "id", payload["group"]), None)
    if group is None or not group.retention_days:
        return
    oldest = (milliseconds(ctx) - group.retention_days * 86_400_000) // 1000
    removed = size = 0
    for batch in list(ctx.tx.scan(Batch, group.id, limit=STEP)):
        if batch.second >= oldest:
            break
        ctx.tx.delete(Batch, batch.group, batch.second, batch.stream, batch.number)
        removed += 1
        size += sum(len(message.encode()) + EVENT_OVERHEAD for _, message in batch.events)
    usage = ctx.tx.get(Usage, group.id)
    if usage and size:
        ctx.tx.put(Usage(group=group.id, stored=max(0, usage.stored - size)))
    ctx.schedule("logs.expire", payload, delay=0.0 if removed == STEP else PERIOD, key=str(group.id))


@logs.task("logs.purge")
def purge(ctx: Context, payload: dict[str, Any]) -> None:
    """Removes the events of a deleted group, or of a deleted stream."""
    if "stream" in payload:
        batches = list(ctx.tx.find(Batch, "stream", payload["stream"], limit=STEP))
    else:
        batches = list(ctx.tx.scan(Batch, payload["group"], limit=STEP))
    for batch in batches:
        ctx.tx.delete(Batch, batch.group, batch.second, batch.stream, batch.number)
    if len(batches) == STEP:
        ctx.schedule("logs.purge", payload, key=str(payload.get("stream", payload["group"])))
