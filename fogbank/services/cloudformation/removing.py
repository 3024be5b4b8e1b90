"""Steps that delete a stack's resources, and what updates leave over."""

from __future__ import annotations

from fogbank.api import Context, Provisioned
from fogbank.services.cloudformation import execution, recording, resolving, types
from fogbank.services.cloudformation.calls import StackCall, acting
from fogbank.services.cloudformation.deferral import Deferred
from fogbank.services.cloudformation.events import resource_event
from fogbank.services.cloudformation.jobs import Job, defer, handled, start
from fogbank.services.cloudformation.records import Resource


async def delete(ctx: Context, job: Job) -> None:
    """Deletes a resource of the stack, or leaves it where its policy says so."""
    row = await ctx.transact(lambda inner: _delete_begins(inner, job))
    if row is None:
        return
    result = await _removed(ctx, job, row)
    if result is not None:
        await ctx.transact(lambda inner: defer(inner, job, result, None))
    else:
        await ctx.transact(lambda inner: _deleted(inner, job))


def _delete_begins(ctx: Context, job: Job) -> Resource | None:
    job = job.reload(ctx)
    row = ctx.tx.get(Resource, job.stack.uuid, job.logical_id)
    if row is None or not row.physical_id:
        ctx.tx.delete(Resource, job.stack.uuid, job.logical_id)
        execution.finish(ctx, job.operation, job.step)
        return None
    rolling_back = job.operation.kind == "ROLLBACK"
    kept = (row.deletion_policy == "Retain" and not (rolling_back and job.operation.delete_new)) or (
        row.deletion_policy == "RetainExceptOnCreate" and not rolling_back
    )
    if kept or row.logical_id in job.operation.retain:
        recording.deleted(ctx, job.stack, job.operation, row, skipped=True)
        row.status = "DELETE_COMPLETE" if job.operation.kind == "DELETE" else row.status
        execution.finish(ctx, job.operation, job.step)
        return None
    if not job.step.started:
        start(ctx, job)
        recording.deleting(ctx, job.stack, job.operation, row)
    return row


async def _removed(ctx: Context, job: Job, row: Resource) -> Deferred | None:
    kind = types.require(ctx, row.type)
    call = StackCall.of(ctx, job.stack, job.operation, job.step, row.logical_id, row.tags, row.type)
    _, actual = await resolving.resolve(acting(ctx, job.operation), row.type, row.properties)
    return await handled(job, kind, kind.delete(call, actual, Provisioned(row.physical_id, row.attributes)))


def _deleted(ctx: Context, job: Job) -> None:
    job = job.reload(ctx)
    row = ctx.tx.get(Resource, job.stack.uuid, job.logical_id)
    if row is not None:
        recording.deleted(ctx, job.stack, job.operation, row)
    execution.finish(ctx, job.operation, job.step)


async def clean(ctx: Context, job: Job) -> None:
    """Deletes what an update left over; a failure is told in the events and forgotten."""
    row = await ctx.transact(lambda inner: _clean_begins(inner, job))
    if row is None:
        return
    result = await _removed(ctx, job, row)
    if result is not None:
        await ctx.transact(lambda inner: defer(inner, job, result, None))
    else:
        await ctx.transact(lambda inner: cleaned(inner, job, ""))


def _clean_begins(ctx: Context, job: Job) -> Resource | None:
    job = job.reload(ctx)
    leftover = recording.find_leftover(ctx, job.step)
    if leftover is None:
        execution.finish(ctx, job.operation, job.step)
        return None
    row = recording.leftover_row(leftover)
    if leftover.policy.startswith("Retain"):
        resource_event(ctx, job.stack, job.operation, row, "DELETE_SKIPPED")
        execution.finish(ctx, job.operation, job.step)
        return None
    if not job.step.started:
        start(ctx, job)
        resource_event(ctx, job.stack, job.operation, row, "DELETE_IN_PROGRESS")
    return row


def cleaned(ctx: Context, job: Job, reason: str) -> None:
    job = job.reload(ctx)
    leftover = recording.find_leftover(ctx, job.step)
    if leftover is not None:
        status = "DELETE_FAILED" if reason else "DELETE_COMPLETE"
        row = recording.leftover_row(leftover)
        resource_event(ctx, job.stack, job.operation, row, status, reason)
    execution.finish(ctx, job.operation, job.step)
