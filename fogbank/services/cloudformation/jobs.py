"""What the work of every kind of step has in common: the step's surroundings, errors of resource types, setting aside."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from fogbank.api import AwsError, Context, ResourceType
from fogbank.services.cloudformation import execution, phases, recording, resuming
from fogbank.services.cloudformation.deferral import Deferred, handler_message
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.events import resource_event
from fogbank.services.cloudformation.records import Operation, Resource, Stack, Step

T = TypeVar("T")


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


def start(ctx: Context, job: Job) -> None:
    job.step.started = ctx.now
    ctx.tx.put(job.step)


async def handled(job: Job, kind: ResourceType, work: Awaitable[T]) -> T | Deferred:
    """Runs a resource type's coroutine; errors of other services' operations read as CloudFormation gives them."""
    try:
        return await work
    except Deferred as deferred:
        return deferred
    except AwsError as error:
        if kind.type_name.startswith("AWS::CloudFormation::"):
            raise
        raise validation(handler_message(error, job.step.token)) from error


def defer(ctx: Context, job: Job, deferred: Deferred, wanted: Wanted | None) -> None:
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
