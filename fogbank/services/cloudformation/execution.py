"""How an operation on a stack advances. Every transition here is one transaction, so a crash between two loses nothing.

An operation is a set of steps, one for each resource it concerns, with what each waits for. A step that becomes ready is
given to a durable task (`steps.py`); when it ends, the same transaction records the result, frees the steps behind it
and schedules them. When nothing runs and nothing is ready the operation is over, and `phases.py` says what follows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.cloudformation import phases
from fogbank.services.cloudformation.events import resource_event
from fogbank.services.cloudformation.records import Callback, Operation, Resource, Stack, Step

PARALLEL = 16
"""Steps of one operation that run at the same time."""

Plan = Mapping[str, tuple[str, Iterable[str]]]
"""For each step its action and the steps it waits for."""

_HALTING = frozenset(("CREATE", "UPDATE"))


def begin(ctx: Context, operation: Operation, plan: Plan) -> None:
    """Writes an operation with its steps and starts those that wait for nothing."""
    users: dict[str, list[str]] = defaultdict(list)
    waits: dict[str, int] = {}
    for name, (_, needs) in plan.items():
        inside = {other for other in needs if other in plan and other != name}
        waits[name] = len(inside)
        for other in inside:
            users[other].append(name)
    for name, (action, _) in plan.items():
        ctx.tx.put(
            Step(
                stack=operation.stack,
                operation=operation.number,
                logical_id=name,
                action=action,
                state="blocked" if waits[name] else "ready",
                waits=waits[name],
                users=users[name],
                token=ids.uuid4(ctx.random),
            )
        )
    advance(ctx, operation)


def advance(ctx: Context, operation: Operation) -> None:
    """Starts what is ready; ends the operation when nothing is left that runs."""
    if not operation.halted and operation.running < PARALLEL:
        ready = list(
            ctx.tx.find(Step, "state", operation.stack, operation.number, "ready", limit=PARALLEL - operation.running)
        )
        for step in ready:
            step.state = "running"
            ctx.tx.put(step)
            operation.running += 1
            ctx.schedule("cloudformation.step", _name(step), key=f"{step.stack}/{step.operation}/{step.logical_id}")
    if operation.running == 0 and operation.deferred == 0:
        operation.ended = True
        ctx.tx.put(operation)
        phases.conclude(ctx, operation)
    else:
        ctx.tx.put(operation)


def finish(ctx: Context, operation: Operation, step: Step, *, failed: bool = False) -> None:
    """Ends a step that ran or was deferred, and lets the operation go on."""
    if step.state == "deferred":
        operation.deferred -= 1
        _forget(ctx, step)
    else:
        operation.running -= 1
    step.state = "failed" if failed else "done"
    ctx.tx.put(step)
    if failed:
        operation.failed.append(step.logical_id)
        if operation.kind in _HALTING:
            halt(ctx, operation)
    else:
        for name in step.users:
            user = ctx.tx.get(Step, step.stack, step.operation, name)
            if user is not None and user.state == "blocked":
                user.waits -= 1
                if user.waits == 0:
                    user.state = "ready"
                ctx.tx.put(user)
    advance(ctx, operation)


def defer(ctx: Context, operation: Operation, step: Step, timeout: float) -> None:
    """Sets a step aside until something outside (`resume`), or its timeout, ends it."""
    step.state = "deferred"
    ctx.tx.put(step)
    operation.running -= 1
    operation.deferred += 1
    ctx.schedule("cloudformation.expire", _name(step), delay=timeout, key=expiry_key(step))
    if operation.halted and not step.data.get("binding"):
        cancel(ctx, operation, step)
    advance(ctx, operation)


def halt(ctx: Context, operation: Operation, reason: str = "") -> None:
    """Lets no further step begin, and ends those that only wait. What runs is let finish: it may make a resource."""
    if operation.halted:
        return
    operation.halted = True
    operation.reason = operation.reason or reason
    for step in list(ctx.tx.find(Step, "state", operation.stack, operation.number, "deferred")):
        if not step.data.get("binding"):
            cancel(ctx, operation, step)
    ctx.tx.put(operation)


def cancel(ctx: Context, operation: Operation, step: Step) -> None:
    """Ends a deferred step for another's failure."""
    stack = phases.stack_of(ctx, operation)
    row = ctx.tx.get(Resource, step.stack, step.logical_id)
    if row is not None:
        creating = row.status.startswith("CREATE")
        resource_event(
            ctx,
            stack,
            operation,
            row,
            "CREATE_FAILED" if creating else "UPDATE_FAILED",
            "Resource creation cancelled" if creating else "Resource update cancelled",
        )
        ctx.tx.put(row)
    operation.deferred -= 1
    operation.failed.append(step.logical_id)
    step.state = "failed"
    ctx.tx.put(step)
    _forget(ctx, step)


def _forget(ctx: Context, step: Step) -> None:
    """What waited for a deferred step's end waits no more."""
    ctx.cancel("cloudformation.expire", expiry_key(step))
    ctx.tx.delete(Callback, step.token)


def current(ctx: Context, stack: Stack) -> Operation | None:
    """The stack's latest operation."""
    return ctx.tx.get(Operation, stack.uuid, stack.operations) if stack.operations else None


def expiry_key(step: Step) -> str:
    return f"{step.stack}/{step.operation}/{step.logical_id}"


def _name(step: Step) -> dict[str, Any]:
    return {"stack": step.stack, "operation": step.operation, "step": step.logical_id}
