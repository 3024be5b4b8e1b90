"""The work of one step: evaluate, decide, call the resource type, record. Each part is a short transaction of its own.

A step may run again after a crash: its token, and so the names that its resource gets, are the same.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from fogbank.api import AwsError, Context, Provisioned, ResourceType, Retry
from fogbank.services.cloudformation import (
    cloudformation,
    execution,
    lookup,
    phases,
    recording,
    resolving,
    resuming,
    stack_policy,
    types,
)
from fogbank.services.cloudformation.calls import StackCall, acting
from fogbank.services.cloudformation.changes import changed_properties, same
from fogbank.services.cloudformation.deferral import Deferred, handler_message
from fogbank.services.cloudformation.definition import StackLookup
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.events import resource_event, shown
from fogbank.services.cloudformation.memory import definition
from fogbank.services.cloudformation.records import Former, Leftover, Operation, Resource, Signal, Stack, Step

log = logging.getLogger("fogbank.cloudformation")

T = TypeVar("T")
Mode = Literal["nothing", "create", "update", "replace"]


@dataclass(slots=True)
class Job:
    """A step with what stands around it, as its last transaction saw it."""

    stack: Stack
    operation: Operation
    step: Step

    @property
    def logical_id(self) -> str:
        return self.step.logical_id.partition("/")[0]

    def reload(self, ctx: Context) -> Job:
        found = open_job(ctx, self.step.stack, self.step.operation, self.step.logical_id)
        if found is None:
            raise Superseded
        return found


class Superseded(Exception):
    """The step was ended by someone else while it ran."""


@dataclass(slots=True)
class Wanted:
    """What a template wants of a resource, resolved."""

    type: str
    kept: dict[str, Any]
    """Properties without secrets, as they are recorded."""
    actual: dict[str, Any]
    shown: str
    members: dict[str, Any]
    """The row's other members."""
    creation_policy: dict[str, Any] = field(default_factory=dict)


def open_job(ctx: Context, stack: str, operation: int, step: str) -> Job | None:
    found = ctx.tx.get(Step, stack, operation, step)
    parent = ctx.tx.get(Operation, stack, operation)
    if found is None or parent is None or found.state != "running":
        return None
    return Job(phases.stack_of(ctx, parent), parent, found)


async def give_up(ctx: Context, payload: dict[str, Any], error: AwsError) -> None:
    """The step could not even be failed, again and again: it must end all the same, or its stack never would."""
    job = await ctx.transact(lambda inner: open_job(inner, payload["stack"], payload["operation"], payload["step"]))
    if job is not None:
        await _fail(ctx, job, f"Internal Failure (RequestToken: {job.step.token}, HandlerErrorCode: InternalFailure)")


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
        await _fail(ctx, job, error.message)
    except Exception:
        log.exception("step %s of stack %s failed", job.step.logical_id, job.stack.id)
        await _fail(ctx, job, f"Internal Failure (RequestToken: {job.step.token}, HandlerErrorCode: InternalFailure)")


@cloudformation.task("cloudformation.expire")
def expire(ctx: Context, payload: dict[str, Any]) -> None:
    """Nobody ended a deferred step in time."""
    step = ctx.tx.get(Step, payload["stack"], payload["operation"], payload["step"])
    if step is not None and step.state == "deferred":
        received = ctx.tx.count(Signal, step.stack, step.data["handle"]) if step.data.get("handle") else 0
        reason = str(step.data.get("expired", "The step timed out")).replace("{received}", str(received))
        outcome = resuming.Outcome(False, reason=reason)
        resuming.resume(ctx, step.stack, step.operation, step.logical_id, outcome)


# --- making and changing


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
            result = await _handled(job, kind, kind.update(call, row.properties, wanted.actual, current))
        else:
            result = await _handled(job, kind, kind.create(call, wanted.actual))
    except NotImplementedError:
        if mode != "update":
            raise
        await ctx.transact(lambda inner: _mark_replacing(inner, job))
        result = await _handled(job, kind, kind.create(call, wanted.actual))
    if isinstance(result, Deferred):
        await ctx.transact(lambda inner: _defer(inner, job, result, wanted))
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
            _start(ctx, job)
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
        _start(ctx, job)
        row.attempted = {} if job.step.replaces else wanted.kept
        recording.updating(ctx, job.stack, job.operation, job.step, row, wanted.shown)
    return ("replace" if job.step.replaces else "update"), row


def _start(ctx: Context, job: Job) -> None:
    job.step.started = ctx.now
    ctx.tx.put(job.step)


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


async def _handled(job: Job, kind: ResourceType, work: Awaitable[T]) -> T | Deferred:
    """Runs a resource type's coroutine; errors of other services' operations read as CloudFormation gives them."""
    try:
        return await work
    except Deferred as deferred:
        return deferred
    except AwsError as error:
        if kind.type_name.startswith("AWS::CloudFormation::"):
            raise
        raise validation(handler_message(error, job.step.token)) from error


def _defer(ctx: Context, job: Job, deferred: Deferred, wanted: Wanted | None) -> None:
    """Sets the step aside, unless its outcome came already."""
    job = job.reload(ctx)
    step = job.step
    row = ctx.tx.get(Resource, job.stack.uuid, job.logical_id)
    if wanted is not None and row is not None:
        step.data = {
            **step.data,
            "members": {**wanted.members, "attempted": {}},
            "shown": wanted.shown,
        }
        if not row.physical_id:
            row.physical_id = deferred.physical_id or deferred.provisional
            if deferred.physical_id:
                resource_event(
                    ctx,
                    job.stack,
                    job.operation,
                    row,
                    "CREATE_IN_PROGRESS",
                    recording.INITIATED,
                    properties=wanted.shown,
                )
                step.physical_id = deferred.physical_id
            ctx.tx.put(row)
    step.data = {
        **step.data,
        "expired": deferred.expired,
        "binding": deferred.binding,
        "handle": deferred.handle,
        "count": deferred.count,
    }
    ctx.tx.put(step)
    if deferred.begin is not None:
        deferred.begin(ctx)
        job = job.reload(ctx)
        step = job.step
    outcome = resuming.early(step)
    if outcome is not None:
        resuming.close(ctx, job.operation, step, outcome)
    else:
        execution.defer(ctx, job.operation, step, deferred.timeout)


# --- going back


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
    result = await _handled(job, kind, kind.update(call, old, actual, Provisioned(row.physical_id, row.attributes)))
    if isinstance(result, Deferred):
        members = {name: getattr(former, name) for name in _FORMER_MEMBERS}
        wanted = Wanted(row.type, former.properties, actual, "", members)
        await ctx.transact(lambda inner: _defer(inner, job, result, wanted))
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
        _start(ctx, job)
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


# --- deleting


async def delete(ctx: Context, job: Job) -> None:
    """Deletes a resource of the stack, or leaves it where its policy says so."""
    row = await ctx.transact(lambda inner: _delete_begins(inner, job))
    if row is None:
        return
    result = await _removed(ctx, job, row)
    if result is not None:
        await ctx.transact(lambda inner: _defer(inner, job, result, None))
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
        _start(ctx, job)
        recording.deleting(ctx, job.stack, job.operation, row)
    return row


async def _removed(ctx: Context, job: Job, row: Resource) -> Deferred | None:
    kind = types.require(ctx, row.type)
    call = StackCall.of(ctx, job.stack, job.operation, job.step, row.logical_id, row.tags, row.type)
    _, actual = await resolving.resolve(acting(ctx, job.operation), row.type, row.properties)
    return await _handled(job, kind, kind.delete(call, actual, Provisioned(row.physical_id, row.attributes)))


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
        await ctx.transact(lambda inner: _defer(inner, job, result, None))
    else:
        await ctx.transact(lambda inner: _cleaned(inner, job, ""))


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
        _start(ctx, job)
        resource_event(ctx, job.stack, job.operation, row, "DELETE_IN_PROGRESS")
    return row


def _cleaned(ctx: Context, job: Job, reason: str) -> None:
    job = job.reload(ctx)
    leftover = recording.find_leftover(ctx, job.step)
    if leftover is not None:
        status = "DELETE_FAILED" if reason else "DELETE_COMPLETE"
        row = recording.leftover_row(leftover)
        resource_event(ctx, job.stack, job.operation, row, status, reason)
    execution.finish(ctx, job.operation, job.step)


# --- failing


async def _fail(ctx: Context, job: Job, reason: str) -> None:
    def change(inner: Context) -> None:
        again = job.reload(inner)
        if again.step.action == "clean":
            _cleaned(inner, job, reason)
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
