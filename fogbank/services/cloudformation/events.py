"""Stack events, and the statuses they tell of."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.cloudformation.functions import text
from fogbank.services.cloudformation.records import Event, Operation, Resource, Stack
from fogbank.services.cloudformation.types import STACK


def stack_event(ctx: Context, stack: Stack, status: str, reason: str = "", token: str = "") -> None:
    """Moves the stack to `status`, says so in its events, and writes it."""
    stack.status, stack.reason = status, reason
    _add(ctx, stack, ids.uuid4(ctx.random), stack.name, stack.id, STACK, status, reason, "", token)


def resource_event(
    ctx: Context,
    stack: Stack,
    operation: Operation,
    row: Resource,
    status: str,
    reason: str = "",
    *,
    physical_id: str | None = None,
    properties: str = "",
) -> None:
    """Moves a resource to `status` and says so in the events. The row itself is the caller's to write."""
    row.status, row.reason, row.updated = status, reason, ctx.now
    moment = datetime.fromtimestamp(ctx.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    _add(
        ctx,
        stack,
        f"{row.logical_id}-{status}-{moment}",
        row.logical_id,
        row.physical_id if physical_id is None else physical_id,
        row.type,
        status,
        reason,
        properties,
        operation.token,
    )


def _add(
    ctx: Context,
    stack: Stack,
    id: str,
    logical_id: str,
    physical_id: str,
    kind: str,
    status: str,
    reason: str,
    properties: str,
    token: str,
) -> None:
    stack.events += 1
    stack.last_event = max(round(ctx.now, 3), round(stack.last_event + 0.001, 3))
    ctx.tx.put(stack)
    ctx.tx.put(
        Event(
            stack=stack.uuid,
            sequence=stack.events,
            id=id,
            time=stack.last_event,
            logical_id=logical_id,
            physical_id=physical_id,
            type=kind,
            status=status,
            reason=reason[:1024],
            properties=properties,
            token=token,
        )
    )


def shown(properties: dict[str, Any]) -> str:
    """Properties as an event shows them: JSON with strings for scalars."""
    return json.dumps(strings(properties), separators=(",", ":"))


def strings(value: Any) -> Any:
    """A value with its scalars as strings, as CloudFormation passes properties on."""
    if isinstance(value, dict):
        return {key: strings(item) for key, item in value.items()}
    return [strings(item) for item in value] if isinstance(value, list) else text(value)
