"""Steps of an update's rollback."""

from __future__ import annotations

from fogbank.api import Context, Provisioned
from fogbank.services.cloudformation import execution, phases, recording, resolving, types
from fogbank.services.cloudformation.calls import StackCall, acting
from fogbank.services.cloudformation.changes import same
from fogbank.services.cloudformation.deferral import Deferred
from fogbank.services.cloudformation.events import resource_event
from fogbank.services.cloudformation.jobs import Job, Wanted, defer, handled, start
from fogbank.services.cloudformation.records import Former, Leftover, Resource


async def revert(ctx: Context, job: Job) -> None:
    """Brings a resource back to what it was before the update."""
    before = await ctx.transact(lambda inner: _revert_records(inner, job))
    if before is None:
        return
    row, former = before
    kind = types.require(ctx, row.type)
    _, actual = await resolving.resolve(acting(ctx, job.operation), row.type, former.properties)
    call = StackCall.of(ctx, job.stack, job.operation, job.step, job.logical_id, former.tags, row.type)
    old = row.attempted or row.properties
    result = await handled(job, kind, kind.update(call, old, actual, Provisioned(row.physical_id, row.attributes)))
    if isinstance(result, Deferred):
        members = {name: getattr(former, name) for name in _FORMER_MEMBERS}
        wanted = Wanted(row.type, former.properties, actual, "", members)
        await ctx.transact(lambda inner: defer(inner, job, result, wanted))
    else:
        await ctx.transact(lambda inner: _reverted(inner, job, result))


_FORMER_MEMBERS = (
    "properties",
    "needs",
    "metadata",
    "deletion_policy",
    "update_replace_policy",
    "tags",
)


def _revert_records(ctx: Context, job: Job) -> tuple[Resource, Former] | None:
    """Does what records alone can; returns the row and its former state where the resource itself must be changed."""
    job = job.reload(ctx)
    row = ctx.tx.get(Resource, job.stack.uuid, job.logical_id)
    if row is None:
        execution.finish(ctx, job.operation, job.step)
        return None
    former = row.before
    if former is None:
        if row.physical_id:
            gone = row.deletion_policy == "RetainExceptOnCreate" or job.operation.delete_new
            policy = "Delete" if gone else row.deletion_policy
            phases.leave_over(ctx, row.stack, row.logical_id, phases.former_of(row), policy)
        ctx.tx.delete(Resource, row.stack, row.logical_id)
        execution.finish(ctx, job.operation, job.step)
        return None
    replaced = former.physical_id != row.physical_id
    untouched = not replaced and not row.attempted and same(row.properties, former.properties)
    if not job.step.started:
        start(ctx, job)
        resource_event(ctx, job.stack, job.operation, row, "UPDATE_IN_PROGRESS")
        ctx.tx.put(row)
    if not (replaced or untouched or job.logical_id in job.operation.skip):
        return row, former
    if replaced:
        phases.leave_over(ctx, row.stack, row.logical_id, phases.former_of(row), "Delete")
        ctx.tx.delete(Leftover, row.stack, row.logical_id, former.physical_id)
        row.physical_id, row.attributes, row.type = former.physical_id, former.attributes, former.type
    _restore(ctx, job, row, former)
    return None


def _reverted(ctx: Context, job: Job, provisioned: Provisioned) -> None:
    job = job.reload(ctx)
    row = ctx.tx.get(Resource, job.stack.uuid, job.logical_id)
    assert row is not None and row.before is not None
    row.physical_id, row.attributes = provisioned.physical_id, provisioned.attributes
    _restore(ctx, job, row, row.before)


def _restore(ctx: Context, job: Job, row: Resource, former: Former) -> None:
    recording.apply_members(row, {name: getattr(former, name) for name in _FORMER_MEMBERS})
    row.attempted = {}
    resource_event(ctx, job.stack, job.operation, row, "UPDATE_COMPLETE")
    ctx.tx.put(row)
    execution.finish(ctx, job.operation, job.step)
