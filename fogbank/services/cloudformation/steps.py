"""The tasks of an operation's steps: evaluate, decide, call the resource type, record; each in short transactions.

A step may run again after a crash: its token, and so the names that its resource gets, are the same.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fogbank.api import AwsError, Context, Retry
from fogbank.services.cloudformation import cloudformation, execution, recording, resuming
from fogbank.services.cloudformation.applying import apply
from fogbank.services.cloudformation.deferral import Outcome
from fogbank.services.cloudformation.jobs import Job, Superseded, open_job
from fogbank.services.cloudformation.memory import definition
from fogbank.services.cloudformation.records import Resource, Signal, Step
from fogbank.services.cloudformation.removing import clean, cleaned, delete
from fogbank.services.cloudformation.reverting import revert

log = logging.getLogger("fogbank.cloudformation")


async def give_up(ctx: Context, payload: dict[str, Any], error: AwsError) -> None:
    """The step could not even be failed, again and again: it must end all the same, or its stack never would."""
    job = await ctx.transact(lambda inner: open_job(inner, payload["stack"], payload["operation"], payload["step"]))
    if job is not None:
        await fail(ctx, job, f"Internal Failure (RequestToken: {job.step.token}, HandlerErrorCode: InternalFailure)")


@cloudformation.task("cloudformation.step", retry=Retry(attempts=5, first=0.2), exhausted=give_up)
async def run(ctx: Context, payload: dict[str, Any]) -> None:
    job = await ctx.transact(lambda inner: open_job(inner, payload["stack"], payload["operation"], payload["step"]))
    if job is None:
        return
    try:
        await _ACTIONS[job.step.action](ctx, job)
    except Superseded:
        return
    except AwsError as error:
        await fail(ctx, job, error.message)
    except Exception:
        log.exception("step %s of stack %s failed", job.step.logical_id, job.stack.id)
        await fail(ctx, job, f"Internal Failure (RequestToken: {job.step.token}, HandlerErrorCode: InternalFailure)")


@cloudformation.task("cloudformation.expire")
def expire(ctx: Context, payload: dict[str, Any]) -> None:
    """Nobody ended a deferred step in time."""
    step = ctx.tx.get(Step, payload["stack"], payload["operation"], payload["step"])
    if step is not None and step.state == "deferred":
        received = ctx.tx.count(Signal, step.stack, step.data["handle"]) if step.data.get("handle") else 0
        reason = str(step.data.get("expired", "The step timed out")).replace("{received}", str(received))
        outcome = Outcome(False, reason=reason)
        resuming.resume(ctx, step.stack, step.operation, step.logical_id, outcome)


async def fail(ctx: Context, job: Job, reason: str) -> None:
    def change(inner: Context) -> None:
        again = job.reload(inner)
        if again.step.action == "clean":
            cleaned(inner, job, reason)
            return
        row = inner.tx.get(Resource, again.stack.uuid, again.logical_id)
        if row is None:
            wanted = definition(inner, again.stack, again.stack.target).template.resources[again.logical_id]
            row = Resource(stack=again.stack.uuid, logical_id=again.logical_id, type=wanted.type)
            recording.creating(inner, again.stack, again.operation, again.step, row, "")
        elif not again.step.started and again.step.action == "apply" and row.physical_id:
            recording.updating(inner, again.stack, again.operation, again.step, row, "")
        recording.failed(inner, again.stack, again.operation, row, reason)
        execution.finish(inner, again.operation, again.step, failed=True)

    try:
        await ctx.transact(change)
    except Superseded:
        return


_ACTIONS: dict[str, Callable[[Context, Job], Awaitable[None]]] = {
    "apply": apply,
    "revert": revert,
    "delete": delete,
    "clean": clean,
}
