"""CreateStack, UpdateStack, DeleteStack and what else changes a stack as a whole."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import ids
from fogbank.services.cloudformation import (
    access,
    cloudformation,
    differences,
    execution,
    exports,
    lookup,
    phases,
    stack_policy,
)
from fogbank.services.cloudformation.errors import no_stack, validation
from fogbank.services.cloudformation.events import stack_event
from fogbank.services.cloudformation.memory import commit_and_settle
from fogbank.services.cloudformation.prepare import Prepared, prepare
from fogbank.services.cloudformation.records import ChangeSet, Operation, Revision, Stack

UPDATABLE = frozenset(
    (
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "CREATE_FAILED",
        "UPDATE_FAILED",
    )
)


# --- CreateStack


@cloudformation.operation(access=access.on_stack("CreateStack"))
async def create_stack(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    on_failure = chosen_on_failure(req)
    again = await ctx.transact(lambda inner: repeated(inner, req))
    if again is not None:
        return {"StackId": again.id}
    stack = await ctx.transact(lambda inner: _draft(inner, req["StackName"]))
    prepared = await prepare(ctx, req, stack, None, reviewed=False)
    access.check_role(ctx, req.get("RoleARN"))
    policy = stack_policy.parse(req["StackPolicyBody"]) if req.get("StackPolicyBody") else ""
    stack.policy = policy

    def commit(inner: Context) -> Stack:
        fresh = _draft(inner, req["StackName"])
        fresh.uuid, fresh.policy = fresh.uuid if fresh.status == "REVIEW_IN_PROGRESS" else stack.uuid, policy
        begin_create(inner, fresh, prepared, req, on_failure)
        return fresh

    made = await commit_and_settle(ctx, commit)
    return {"StackId": made.id if made else None}


def repeated(ctx: Context, req: dict[str, Any]) -> Stack | None:
    """The stack whose latest operation this very request began, by its ClientRequestToken: a client tries again."""
    token = req.get("ClientRequestToken")
    stack = lookup.find(ctx, req["StackName"], dead=False) if token and req.get("StackName") else None
    return stack if stack is not None and stack.token == token else None


def chosen_on_failure(req: dict[str, Any]) -> str:
    if req.get("OnFailure") is not None and req.get("DisableRollback") is not None:
        raise validation("You can specify either OnFailure or DisableRollback, but not both.")
    return "DO_NOTHING" if req.get("DisableRollback") else str(req.get("OnFailure") or "ROLLBACK")


def new_stack(ctx: Context, name: str, **members: Any) -> Stack:
    uuid = ids.uuid4(ctx.random)
    return Stack(account=ctx.account, region=ctx.region, uuid=uuid, name=name, created=ctx.now, **members)


def _draft(ctx: Context, name: str) -> Stack:
    """The stack to be made: a new one, or one that so far is only reviewed."""
    lookup.check_name(name)
    found = lookup.find(ctx, name)
    if found is None:
        return new_stack(ctx, name)
    if found.status != "REVIEW_IN_PROGRESS":
        raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists", status=400)
    return found


def begin_create(
    ctx: Context, stack: Stack, prepared: Prepared, req: dict[str, Any], on_failure: str, **members: Any
) -> str:
    """Writes the stack and starts to make it; returns its id."""
    stack.role_arn = req.get("RoleARN") or ""
    stack.timeout_minutes = req.get("TimeoutInMinutes") or 0
    stack.disable_rollback = bool(req.get("DisableRollback")) or on_failure == "DO_NOTHING"
    stack.protected = bool(req.get("EnableTerminationProtection"))
    for change_set in list(ctx.tx.scan(ChangeSet, stack.account, stack.region, stack.uuid)):
        change_set.execution = "OBSOLETE"
        ctx.tx.put(change_set)
    stack.target = write_revision(ctx, stack, prepared.revision)
    operation = phases.new_operation(
        ctx, stack, "CREATE", on_failure=on_failure, token=req.get("ClientRequestToken") or "", **members
    )
    phases.create(ctx, stack, operation, prepared.failure)
    return stack.id


def write_revision(ctx: Context, stack: Stack, revision: Revision) -> int:
    """Writes a revision under the stack's next number. The stack is the caller's to write."""
    stack.revisions += 1
    revision.stack, revision.number = stack.uuid, stack.revisions
    ctx.tx.put(revision)
    return revision.number


# --- UpdateStack


@cloudformation.operation(access=access.on_stack("UpdateStack"))
async def update_stack(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    again = await ctx.transact(lambda inner: repeated(inner, req))
    if again is not None:
        return {"StackId": again.id}
    stack, previous = await ctx.transact(lambda inner: updatable(inner, req["StackName"]))
    policy = stack_policy.parse(req["StackPolicyBody"]) if req.get("StackPolicyBody") else None
    during = stack_policy.parse(req["StackPolicyDuringUpdateBody"]) if req.get("StackPolicyDuringUpdateBody") else ""
    prepared = await prepare(ctx, req, stack, previous, reviewed=False)
    access.check_role(ctx, req.get("RoleARN"))
    plain = await differences.resolved(ctx, prepared)

    def commit(inner: Context) -> Stack:
        fresh, _ = updatable(inner, req["StackName"])
        if not prepared.failure and not differences.differs(inner, fresh, prepared, previous, plain):
            raise validation("No updates are to be performed.")
        if policy is not None:
            fresh.policy = policy
        begin_update(inner, fresh, prepared, req, policy=during)
        return fresh

    await commit_and_settle(ctx, commit)
    return {"StackId": stack.id}


def updatable(ctx: Context, name: str) -> tuple[Stack, Revision]:
    """A stack that may be updated, with the revision that stands. Raises AwsError(`ValidationError`)."""
    stack = lookup.find(ctx, name)
    if stack is None:
        raise validation(f"Stack [{name}] does not exist")
    if stack.status not in UPDATABLE:
        raise validation(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
    return stack, lookup.revision(ctx, stack, lookup.standing(stack))


def begin_update(ctx: Context, stack: Stack, prepared: Prepared, req: dict[str, Any], **members: Any) -> None:
    """Writes the new revision and starts to move the stack to it."""
    stack.role_arn = req.get("RoleARN") or stack.role_arn
    stack.change_set_id = ""
    if req.get("DisableRollback") is not None:
        stack.disable_rollback = bool(req["DisableRollback"])
    stack.target = write_revision(ctx, stack, prepared.revision)
    operation = phases.new_operation(
        ctx,
        stack,
        "UPDATE",
        token=req.get("ClientRequestToken") or "",
        on_failure="DO_NOTHING" if req.get("DisableRollback") else "ROLLBACK",
        **members,
    )
    phases.update(ctx, stack, operation, prepared.failure)


@cloudformation.operation(access=access.on_stack("CancelUpdateStack"))
def cancel_update_stack(ctx: Context, req: dict[str, Any]) -> None:
    stack = lookup.require(ctx, req["StackName"], dead=False)
    operation = execution.current(ctx, stack)
    if stack.status != "UPDATE_IN_PROGRESS" or operation is None:
        raise validation(f"CancelUpdateStack cannot be called from current stack status {stack.status}")
    operation.on_failure = "ROLLBACK"
    execution.halt(ctx, operation, "User Initiated")
    execution.advance(ctx, operation)


@cloudformation.operation(access=access.on_stack("ContinueUpdateRollback"))
def continue_update_rollback(ctx: Context, req: dict[str, Any]) -> None:
    stack = lookup.require(ctx, req["StackName"], dead=False)
    failed = execution.current(ctx, stack)
    if stack.status != "UPDATE_ROLLBACK_FAILED" or failed is None:
        raise validation(f"Stack:{stack.id} is in {stack.status} state and can not continue its update rollback.")
    access.check_role(ctx, req.get("RoleARN"))
    stack.role_arn = req.get("RoleARN") or stack.role_arn
    failed.role_arn, failed.principal = stack.role_arn, ctx.principal
    failed.skip = list(req.get("ResourcesToSkip") or [])
    failed.token = req.get("ClientRequestToken") or ""
    phases.roll_back_update(ctx, stack, failed, "User Initiated")


@cloudformation.operation(access=access.on_stack("RollbackStack"))
def rollback_stack(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stack = lookup.require(ctx, req["StackName"], dead=False)
    if stack.status not in ("CREATE_FAILED", "UPDATE_FAILED"):
        raise validation(f"Stack:{stack.id} is in {stack.status} state and can not be rolled back.")
    access.check_role(ctx, req.get("RoleARN"))
    stack.role_arn = req.get("RoleARN") or stack.role_arn
    operation = phases.new_operation(ctx, stack, "ROLLBACK", token=req.get("ClientRequestToken") or "")
    if stack.status == "CREATE_FAILED":
        phases.roll_back_create(ctx, stack, operation, "User Initiated")
    else:
        operation.update = stack.unsettled
        phases.roll_back_update(ctx, stack, operation, "User Initiated")
    return {"StackId": stack.id}


# --- DeleteStack


@cloudformation.operation(access=access.on_stack("DeleteStack"))
async def delete_stack(ctx: Context, req: dict[str, Any]) -> None:
    access.check_role(ctx, req.get("RoleARN"))
    await commit_and_settle(ctx, lambda inner: _delete(inner, req))


def _delete(ctx: Context, req: dict[str, Any]) -> Stack | None:
    stack = lookup.find(ctx, req["StackName"])
    if stack is None or not stack.live:
        return None
    if stack.protected:
        raise validation(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
    if req.get("RetainResources") and stack.status != "DELETE_FAILED":
        raise validation(
            f"Invalid operation on stack [{stack.id}]. Resources can be retained only when the stack is in the "
            "DELETE_FAILED state."
        )
    stack.role_arn = req.get("RoleARN") or stack.role_arn
    retain = list(req.get("RetainResources") or [])
    if req.get("DeletionMode") == "FORCE_DELETE_STACK":
        failed = (row for row in phases.rows(ctx, stack) if row.status == "DELETE_FAILED")
        retain += [row.logical_id for row in failed]
    begin_delete(ctx, stack, retain=retain, token=req.get("ClientRequestToken") or "")
    return stack


def begin_delete(ctx: Context, stack: Stack, **members: Any) -> None:
    """Starts to delete a stack, or stops its creation first."""
    operation = execution.current(ctx, stack)
    if stack.status == "DELETE_IN_PROGRESS":
        return
    if stack.status == "CREATE_IN_PROGRESS" and operation is not None:
        operation.on_failure = "DELETE"
        execution.halt(ctx, operation, "Delete requested while the stack was created. ")
        execution.advance(ctx, operation)
        return
    if stack.status.endswith("_IN_PROGRESS") and stack.status != "REVIEW_IN_PROGRESS":
        raise validation(f"Stack [{stack.name}] cannot be deleted while in status {stack.status}")
    reason = exports.in_use(ctx, stack)
    if reason:
        stack_event(ctx, stack, "DELETE_IN_PROGRESS", "User Initiated")
        stack_event(ctx, stack, "DELETE_FAILED", reason)
        return
    stack.target = 0
    for change_set in list(ctx.tx.scan(ChangeSet, stack.account, stack.region, stack.uuid)):
        if not change_set.execution.startswith("EXECUTE"):
            ctx.tx.delete(ChangeSet, stack.account, stack.region, stack.uuid, change_set.name)
    phases.delete(ctx, stack, phases.new_operation(ctx, stack, "DELETE", **members))


@cloudformation.operation(access=access.on_stack("UpdateTerminationProtection"))
def update_termination_protection(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stack = lookup.find(ctx, req["StackName"], dead=False)
    if stack is None:
        raise no_stack(req["StackName"])
    if stack.parent:
        raise validation(f"Termination protection of the nested stack {stack.name} is that of its root stack.")
    stack.protected = bool(req["EnableTerminationProtection"])
    ctx.tx.put(stack)
    return {"StackId": stack.id}


# --- Policies


@cloudformation.operation(access=access.on_stack("SetStackPolicy"))
async def set_stack_policy(ctx: Context, req: dict[str, Any]) -> None:
    from fogbank.services.cloudformation import sources

    body = req.get("StackPolicyBody")
    if body is not None and req.get("StackPolicyURL") is not None:
        raise validation("You cannot specify both StackPolicyURL and StackPolicyBody")
    if body is None and req.get("StackPolicyURL") is not None:
        body = await sources.fetch(ctx, req["StackPolicyURL"], stack_policy.MAX_BODY)
    policy = stack_policy.parse(body) if body else ""

    def commit(inner: Context) -> None:
        stack = lookup.require(inner, req["StackName"], dead=False)
        stack.policy = policy
        inner.tx.put(stack)

    await ctx.transact(commit)


@cloudformation.operation(access=access.on_stack("GetStackPolicy"))
def get_stack_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stack = lookup.require(ctx, req["StackName"], dead=False)
    return {"StackPolicyBody": stack.policy} if stack.policy else {}


# --- Tasks


@cloudformation.task("cloudformation.timeout")
def time_out(ctx: Context, payload: dict[str, Any]) -> None:
    """A stack's creation took longer than its TimeoutInMinutes."""
    operation = ctx.tx.get(Operation, payload["stack"], payload["operation"])
    if operation is not None and not operation.ended and operation.kind == "CREATE":
        execution.halt(ctx, operation, "Stack creation time exceeded the specified timeout. ")
        execution.advance(ctx, operation)


@cloudformation.task("cloudformation.purge")
def purge(ctx: Context, payload: dict[str, Any]) -> None:
    """Forgets a stack that was deleted long ago."""
    phases.purge(ctx, payload["stack"])
