"""How a deferred step ends: a custom resource's answer, the signals of a wait condition, a nested stack's end, a timeout."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.cloudformation import execution, phases, recording
from fogbank.services.cloudformation.deferral import Outcome
from fogbank.services.cloudformation.records import Event, Operation, Stack, Step


def resume(ctx: Context, stack: str, operation_number: int, logical_id: str, outcome: Outcome) -> bool:
    """Ends a deferred step; False where nothing waits for it any more.

    The answer may come before the step is set aside: then it is kept with the step.
    """
    step = ctx.tx.get(Step, stack, operation_number, logical_id)
    operation = ctx.tx.get(Operation, stack, operation_number)
    if step is None or operation is None or operation.ended:
        return False
    if step.state == "running":
        step.data = {**step.data, "outcome": _packed(outcome)}
        ctx.tx.put(step)
        return True
    if step.state != "deferred":
        return False
    close(ctx, operation, step, outcome)
    return True


def close(ctx: Context, operation: Operation, step: Step, outcome: Outcome) -> None:
    recording.deferred_ended(ctx, phases.stack_of(ctx, operation), operation, step, outcome)
    execution.finish(ctx, operation, step, failed=not outcome.ok)


def early(step: Step) -> Outcome | None:
    """The outcome that came before the step was set aside."""
    kept = step.data.get("outcome")
    return Outcome(**kept) if kept else None


def _packed(outcome: Outcome) -> dict[str, Any]:
    return {
        "ok": outcome.ok,
        "physical_id": outcome.physical_id,
        "attributes": outcome.attributes,
        "reason": outcome.reason,
        "no_echo": outcome.no_echo,
    }


def child_ended(ctx: Context, child: Stack) -> None:
    """Tells the parent of a nested stack that the operation it waits for is over."""
    number, logical_id = child.parent_step
    if not number:
        return
    child.parent_step = (0, "")
    ctx.tx.put(child)
    ok = child.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE_AS_ASKED")
    verbs = {"CREATE": "created", "ROLLBACK": "created", "UPDATE": "updated", "DELETE": "deleted"}
    reason = ""
    if not ok:
        verb = verbs.get(child.status.split("_")[0], "updated")
        reason = f"Embedded stack {child.id} was not successfully {verb}: {_cause(ctx, child)}"
    outputs = {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in child.outputs}
    resume(ctx, child.parent, number, logical_id, Outcome(ok, child.id, outputs, reason))


def _cause(ctx: Context, child: Stack) -> str:
    """The reason of the child's failure, which its last events have."""
    for event in ctx.tx.scan(Event, child.uuid, reverse=True):
        if event.physical_id == child.id and event.reason and event.reason != "User Initiated":
            return event.reason.removesuffix("Rollback requested by user.").strip()
    return child.status
