"""What a step leaves in the stack's records and events when it begins and when it ends. All within transactions."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context, Provisioned
from fogbank.services.cloudformation import phases
from fogbank.services.cloudformation.deferral import Outcome
from fogbank.services.cloudformation.events import resource_event
from fogbank.services.cloudformation.records import Leftover, Operation, Resource, Stack, Step

INITIATED = "Resource creation Initiated"
REPLACING = "Requested update requires the creation of a new physical resource; hence creating one."


def creating(ctx: Context, stack: Stack, operation: Operation, step: Step, row: Resource, shown: str) -> None:
    """The row of a resource that is about to be made."""
    if operation.kind == "UPDATE":
        row.touched, row.before = operation.update, None
    resource_event(ctx, stack, operation, row, "CREATE_IN_PROGRESS", properties=shown)
    ctx.tx.put(row)


def updating(ctx: Context, stack: Stack, operation: Operation, step: Step, row: Resource, shown: str) -> None:
    """The row of a resource that is about to be changed or replaced: what it was is kept for a rollback."""
    if row.touched != operation.update:
        row.touched, row.before = operation.update, phases.former_of(row)
    reason = REPLACING if step.replaces else ""
    resource_event(ctx, stack, operation, row, "UPDATE_IN_PROGRESS", reason, properties=shown)
    ctx.tx.put(row)


def made(
    ctx: Context,
    stack: Stack,
    operation: Operation,
    step: Step,
    row: Resource,
    provisioned: Provisioned,
    shown: str,
    *,
    initiated: bool = True,
) -> None:
    """A create, update or replacement that succeeded. `row` carries the new properties and policies."""
    verb = "CREATE" if row.status.startswith("CREATE") else "UPDATE"
    replaced = verb == "UPDATE" and provisioned.physical_id != row.physical_id
    if replaced:
        # Replaced a second time, before the first update was settled, it is not what it was before.
        kept = row.before is not None and row.before.physical_id == row.physical_id
        former = row.before if kept and row.before is not None else phases.former_of(row)
        phases.leave_over(ctx, stack.uuid, row.logical_id, former, row.update_replace_policy)
    row.physical_id = provisioned.physical_id
    row.attributes = provisioned.attributes
    if (verb == "CREATE" or step.replaces) and initiated:
        resource_event(ctx, stack, operation, row, f"{verb}_IN_PROGRESS", INITIATED, properties=shown)
    if operation.halted and operation.kind in ("CREATE", "UPDATE"):
        # Another resource failed meanwhile; what was made is recorded so that the rollback finds it.
        cancelled = "Resource creation cancelled" if verb == "CREATE" else "Resource update cancelled"
        resource_event(ctx, stack, operation, row, f"{verb}_FAILED", cancelled, properties=shown)
    else:
        resource_event(ctx, stack, operation, row, f"{verb}_COMPLETE", properties=shown)
    ctx.tx.put(row)


def failed(ctx: Context, stack: Stack, operation: Operation, row: Resource, reason: str, shown: str = "") -> None:
    """A create, update or delete that failed."""
    verb = row.status.split("_")[0] if row.status else "CREATE"
    resource_event(ctx, stack, operation, row, f"{verb}_FAILED", reason, properties=shown)
    ctx.tx.put(row)


def deleting(ctx: Context, stack: Stack, operation: Operation, row: Resource) -> None:
    resource_event(ctx, stack, operation, row, "DELETE_IN_PROGRESS")
    ctx.tx.put(row)


def deleted(ctx: Context, stack: Stack, operation: Operation, row: Resource, *, skipped: bool = False) -> None:
    resource_event(ctx, stack, operation, row, "DELETE_SKIPPED" if skipped else "DELETE_COMPLETE")
    ctx.tx.put(row)


def leftover_row(leftover: Leftover) -> Resource:
    """A leftover as a row, for events; it is never written as one."""
    former = leftover.former
    return Resource(
        stack=leftover.stack,
        logical_id=leftover.logical_id,
        type=former.type,
        physical_id=leftover.physical_id,
        properties=former.properties,
        attributes=former.attributes,
        deletion_policy=leftover.policy,
    )


def deferred_ended(ctx: Context, stack: Stack, operation: Operation, step: Step, outcome: Outcome) -> None:
    """Records how a deferred step ended."""
    if step.action == "clean":
        leftover = find_leftover(ctx, step)
        if leftover is not None:
            row = leftover_row(leftover)
            row.status = "DELETE_IN_PROGRESS"
            resource_event(ctx, stack, operation, row, "DELETE_COMPLETE" if outcome.ok else "DELETE_FAILED", outcome.reason)
        return
    found = ctx.tx.get(Resource, step.stack, step.logical_id)
    if found is None:
        return
    if not outcome.ok:
        if outcome.physical_id and found.status.startswith("CREATE"):
            found.physical_id = outcome.physical_id
        failed(ctx, stack, operation, found, outcome.reason)
    elif found.status == "DELETE_IN_PROGRESS":
        deleted(ctx, stack, operation, found)
    else:
        apply_members(found, step.data.get("members") or {})
        found.no_echo = outcome.no_echo
        made(
            ctx,
            stack,
            operation,
            step,
            found,
            Provisioned(outcome.physical_id or step.physical_id or found.physical_id, outcome.attributes),
            step.data.get("shown", ""),
            initiated=not step.physical_id,
        )


def apply_members(row: Resource, members: dict[str, Any]) -> None:
    """Sets what an update changes in a row once it has succeeded."""
    for name, value in members.items():
        setattr(row, name, value)


def find_leftover(ctx: Context, step: Step) -> Leftover | None:
    logical_id, _, physical_id = step.logical_id.partition("/")
    return ctx.tx.get(Leftover, step.stack, logical_id, physical_id)
