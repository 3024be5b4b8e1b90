"""Steps that make a resource, change it, or replace it."""

from __future__ import annotations

from typing import Any, Literal

from fogbank.api import Context, Provisioned, ResourceType
from fogbank.services.cloudformation import execution, lookup, recording, resolving, stack_policy, types
from fogbank.services.cloudformation.calls import StackCall, acting
from fogbank.services.cloudformation.changes import changed_properties, same
from fogbank.services.cloudformation.deferral import Deferred
from fogbank.services.cloudformation.definition import StackLookup
from fogbank.services.cloudformation.events import shown
from fogbank.services.cloudformation.jobs import Job, Wanted, defer, handled, start
from fogbank.services.cloudformation.memory import definition
from fogbank.services.cloudformation.records import Resource

Mode = Literal["nothing", "create", "update", "replace"]


async def apply(ctx: Context, job: Job) -> None:
    """Makes the resource, changes it, replaces it, or leaves it, as its evaluated properties ask."""
    wanted = await _wanted(ctx, job)
    kind = types.require(ctx, wanted.type)
    mode, row = await ctx.transact(lambda inner: _decide(inner, job, kind, wanted))
    if mode == "nothing":
        return
    types.check_properties(kind, wanted.actual)
    call = StackCall.of(ctx, job.stack, job.operation, job.step, job.logical_id, wanted.members["tags"], wanted.type)
    call.creation_policy = wanted.creation_policy
    current = Provisioned(row.physical_id, row.attributes)
    try:
        if mode == "update":
            result = await handled(job, kind, kind.update(call, row.properties, wanted.actual, current))
        else:
            result = await handled(job, kind, kind.create(call, wanted.actual))
    except NotImplementedError:
        if mode != "update":
            raise
        await ctx.transact(lambda inner: _mark_replacing(inner, job))
        result = await handled(job, kind, kind.create(call, wanted.actual))
    if isinstance(result, Deferred):
        await ctx.transact(lambda inner: defer(inner, job, result, wanted))
    else:
        await ctx.transact(lambda inner: _record(inner, job, wanted, result))


async def _wanted(ctx: Context, job: Job) -> Wanted:
    def evaluate(inner: Context) -> tuple[str, dict[str, Any], str, dict[str, Any]]:
        name = job.logical_id
        wanted = definition(inner, job.stack, job.stack.target)
        source = StackLookup(inner.tx, job.stack)
        properties = wanted.properties(name, source)
        visible = properties if wanted.echoes else wanted.properties(name, source, masked=True)
        deletion, replacement = wanted.policies(name)
        evaluator = wanted.evaluator.with_lookup(source)
        members = {
            "needs": wanted.needs[name],
            "metadata": evaluator.value(wanted.template.resources[name].metadata),
            "deletion_policy": deletion,
            "update_replace_policy": replacement,
            "tags": lookup.revision(inner, job.stack, job.stack.target).tags,
            "creation_policy": evaluator.value(wanted.template.resources[name].creation_policy),
        }
        return wanted.template.resources[name].type, properties, shown(visible), members

    kind, properties, visible, members = await ctx.transact(evaluate)
    kept, actual = await resolving.resolve(acting(ctx, job.operation), kind, properties)
    creation_policy = members.pop("creation_policy")
    return Wanted(kind, kept, actual, visible, {**members, "properties": kept}, creation_policy)


def _decide(ctx: Context, job: Job, kind: ResourceType, wanted: Wanted) -> tuple[Mode, Resource]:
    """What is to be done; where it is something, its beginning is in the events."""
    job = job.reload(ctx)
    row = ctx.tx.get(Resource, job.stack.uuid, job.logical_id)
    if row is None or (not row.physical_id and row.status != "UPDATE_IN_PROGRESS"):
        new = row or Resource(stack=job.stack.uuid, logical_id=job.logical_id, type=wanted.type, **wanted.members)
        if not job.step.started:
            start(ctx, job)
            recording.creating(ctx, job.stack, job.operation, job.step, new, wanted.shown)
        return "create", new
    if job.operation.kind == "CREATE":
        return "create", row  # run again after a crash
    changed = changed_properties(row.properties, wanted.kept)
    tagged = row.tags != wanted.members["tags"] and kind.properties is not None and "Tags" in kind.properties
    if not changed and not tagged and not job.step.started:
        for member, value in wanted.members.items():
            if member != "properties" and not same(getattr(row, member), value):
                setattr(row, member, value)
        ctx.tx.put(row)
        execution.finish(ctx, job.operation, job.step)
        return "nothing", row
    if not job.step.started:
        job.step.replaces = any(name in kind.create_only for name in changed)
        stack_policy.check(
            job.operation.policy or job.stack.policy, job.logical_id, row.type, "Replace" if job.step.replaces else "Modify"
        )
        start(ctx, job)
        row.attempted = {} if job.step.replaces else wanted.kept
        recording.updating(ctx, job.stack, job.operation, job.step, row, wanted.shown)
    return ("replace" if job.step.replaces else "update"), row


def _mark_replacing(ctx: Context, job: Job) -> None:
    job = job.reload(ctx)
    job.step.replaces = True
    ctx.tx.put(job.step)


def _record(ctx: Context, job: Job, wanted: Wanted, provisioned: Provisioned) -> None:
    job = job.reload(ctx)
    row = ctx.tx.get(Resource, job.stack.uuid, job.logical_id)
    assert row is not None
    recording.apply_members(row, {**wanted.members, "attempted": {}})
    recording.made(ctx, job.stack, job.operation, job.step, row, provisioned, wanted.shown)
    execution.finish(ctx, job.operation, job.step, failed=job.operation.halted)
