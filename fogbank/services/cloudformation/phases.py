"""What a stack's operations are made of and what follows each: the stack's state machine.

    CREATE --ok--> CREATE_COMPLETE            --failed--> ROLLBACK --> ROLLBACK_COMPLETE | ROLLBACK_FAILED
    UPDATE --ok--> UPDATE_CLEANUP --> UPDATE_COMPLETE
           --failed--> UPDATE_ROLLBACK --ok--> UPDATE_ROLLBACK_CLEANUP --> UPDATE_ROLLBACK_COMPLETE
                                       --failed--> UPDATE_ROLLBACK_FAILED (ContinueUpdateRollback starts it again)
    DELETE --> DELETE_COMPLETE | DELETE_FAILED

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html (stack status codes)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.cloudformation import execution, exports, resuming, stack_policy
from fogbank.services.cloudformation.definition import StackLookup
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.events import stack_event
from fogbank.services.cloudformation.memory import Memory, definition
from fogbank.services.cloudformation.records import (
    ChangeSet,
    Event,
    Former,
    Leftover,
    Operation,
    Resource,
    Revision,
    Signal,
    Stack,
    Step,
)

MOST_EVENTS = 5000
KEPT_DAYS = 90
"""How long a deleted stack can be looked up by its id."""


def stack_of(ctx: Context, operation: Operation) -> Stack:
    stack = ctx.tx.get(Stack, operation.account, operation.region, operation.stack)
    assert stack is not None
    return stack


def new_operation(ctx: Context, stack: Stack, kind: str, like: Operation | None = None, **members: Any) -> Operation:
    """The stack's next operation: in the name of who asks, or as the one it follows."""
    stack.operations += 1
    stack.token = str(members.get("token") or "") if like is None else stack.token
    ctx.tx.put(stack)
    if like is not None:
        inherited = {
            "principal": like.principal,
            "role_arn": like.role_arn,
            "token": like.token,
            "on_failure": like.on_failure,
            "delete_new": like.delete_new,
        }
    else:
        inherited = {"principal": ctx.principal, "role_arn": stack.role_arn}
    return Operation(
        stack=stack.uuid,
        number=stack.operations,
        kind=kind,
        account=stack.account,
        region=stack.region,
        **{**inherited, **members},
    )


# --- beginnings


def create(ctx: Context, stack: Stack, operation: Operation, failure: str = "") -> None:
    """Begins to make the stack's target revision. `failure`: why its transforms failed, so that it only rolls back."""
    stack_event(ctx, stack, "CREATE_IN_PROGRESS", "User Initiated", operation.token)
    if stack.timeout_minutes:
        payload = {"stack": stack.uuid, "operation": operation.number}
        ctx.schedule("cloudformation.timeout", payload, delay=stack.timeout_minutes * 60.0, key=stack.uuid)
    _apply(ctx, stack, operation, failure)


def update(ctx: Context, stack: Stack, operation: Operation, failure: str = "") -> None:
    """Begins to move the stack to its target revision."""
    operation.update = stack.unsettled or operation.number
    stack.updated = ctx.now
    stack_event(ctx, stack, "UPDATE_IN_PROGRESS", "User Initiated", operation.token)
    _apply(ctx, stack, operation, failure)


def _apply(ctx: Context, stack: Stack, operation: Operation, failure: str) -> None:
    plan: execution.Plan = {}
    try:
        if failure:
            raise validation(failure)
        wanted = definition(ctx, stack, stack.target)
        exports.check_imports(ctx, stack, wanted)
        _check_removals(ctx, stack, operation, wanted.present)
        plan = {name: ("apply", needs) for name, needs in wanted.needs.items()}
    except AwsError as error:
        operation.halted, operation.reason = True, f"{error.message}. "
    execution.begin(ctx, operation, plan)


def _check_removals(ctx: Context, stack: Stack, operation: Operation, present: set[str]) -> None:
    """Raises AwsError where the stack policy keeps a resource that the update would remove."""
    for row in rows(ctx, stack) if operation.kind == "UPDATE" else ():
        if row.logical_id not in present:
            stack_policy.check(operation.policy or stack.policy, row.logical_id, row.type, "Delete")


def delete(ctx: Context, stack: Stack, operation: Operation, reason: str = "User Initiated") -> None:
    """Begins to delete the stack's resources, users before what they use."""
    stack_event(ctx, stack, "DELETE_IN_PROGRESS", reason, operation.token)
    # After a failed rollback there are leftovers too.
    execution.begin(ctx, operation, {**_backwards(rows(ctx, stack)), **_leftovers(ctx, stack)})


def rows(ctx: Context, stack: Stack) -> list[Resource]:
    return [row for row in ctx.tx.scan(Resource, stack.uuid) if row.status != "DELETE_COMPLETE"]


def _backwards(rows: list[Resource]) -> execution.Plan:
    users: dict[str, list[str]] = {row.logical_id: [] for row in rows}
    for row in rows:
        for other in row.needs:
            if other in users:
                users[other].append(row.logical_id)
    return {row.logical_id: ("delete", users[row.logical_id]) for row in rows}


def roll_back_create(ctx: Context, stack: Stack, operation: Operation, reason: str) -> None:
    """Begins to delete what a failed creation made."""
    stack_event(ctx, stack, "ROLLBACK_IN_PROGRESS", reason, operation.token)
    execution.begin(ctx, operation, _backwards(rows(ctx, stack)))


def roll_back_update(ctx: Context, stack: Stack, failed: Operation, reason: str) -> None:
    """Begins to bring every resource that the update touched back to what it was."""
    stack_event(ctx, stack, "UPDATE_ROLLBACK_IN_PROGRESS", reason, failed.token)
    operation = new_operation(ctx, stack, "UPDATE_ROLLBACK", failed, update=failed.update, skip=failed.skip)
    rows = [row for row in ctx.tx.scan(Resource, stack.uuid) if row.touched == failed.update]
    execution.begin(ctx, operation, {row.logical_id: ("revert", row.before.needs if row.before else ()) for row in rows})


def _clean_up(ctx: Context, stack: Stack, after: Operation, kind: str, status: str) -> None:
    """Begins to delete what the update, or its rollback, left over."""
    stack_event(ctx, stack, status, "", after.token)
    execution.begin(ctx, new_operation(ctx, stack, kind, after, update=after.update), _leftovers(ctx, stack))


def _leftovers(ctx: Context, stack: Stack) -> execution.Plan:
    leftovers = list(ctx.tx.scan(Leftover, stack.uuid))
    users: dict[str, list[str]] = {}
    for leftover in leftovers:
        for other in leftover.former.needs:
            users.setdefault(other, []).append(leftover_key(leftover))
    return {leftover_key(leftover): ("clean", users.get(leftover.logical_id, ())) for leftover in leftovers}


def leftover_key(leftover: Leftover) -> str:
    return f"{leftover.logical_id}/{leftover.physical_id}"


def former_of(row: Resource) -> Former:
    return Former(
        type=row.type,
        physical_id=row.physical_id,
        properties=row.properties,
        attributes=row.attributes,
        needs=row.needs,
        metadata=row.metadata,
        deletion_policy=row.deletion_policy,
        update_replace_policy=row.update_replace_policy,
        tags=row.tags,
        status=row.status,
    )


def leave_over(ctx: Context, stack: str, logical_id: str, former: Former, policy: str) -> None:
    ctx.tx.put(Leftover(stack=stack, logical_id=logical_id, physical_id=former.physical_id, former=former, policy=policy))


# --- ends


def conclude(ctx: Context, operation: Operation) -> None:
    """What follows an operation that has nothing left to do."""
    stack = stack_of(ctx, operation)
    _ENDS[operation.kind](ctx, stack, operation)
    ctx.tx.clear(Step, operation.stack, operation.number)
    if not _in_progress(stack):
        ctx.tx.clear(Operation, stack.uuid)
        _forget_events(ctx, stack)
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            _forget_revisions(ctx, stack)
        else:
            ctx.tx.put(operation)  # ContinueUpdateRollback goes on from it
        _mark_executed(ctx, stack)
        memory = ctx.component(Memory)
        ctx.tx.after_commit(lambda: memory.wake(stack.uuid))
        resuming.child_ended(ctx, stack)


def _mark_executed(ctx: Context, stack: Stack) -> None:
    """Tells the change set that was executed what came of it."""
    uuid = stack.change_set_id.rpartition("/")[2]
    for change_set in list(ctx.tx.find(ChangeSet, "id", stack.account, stack.region, uuid)) if uuid else ():
        if change_set.execution == "EXECUTE_IN_PROGRESS":
            ok = stack.status in ("CREATE_COMPLETE", "UPDATE_COMPLETE")
            change_set.execution = "EXECUTE_COMPLETE" if ok else "EXECUTE_FAILED"
            ctx.tx.put(change_set)


def _in_progress(stack: Stack) -> bool:
    return stack.status.endswith("_IN_PROGRESS")


def _created(ctx: Context, stack: Stack, operation: Operation) -> None:
    ctx.cancel("cloudformation.timeout", stack.uuid)
    if not operation.failed and not operation.halted and _settle(ctx, stack, operation):
        stack.current, stack.target = stack.target, 0
        stack_event(ctx, stack, "CREATE_COMPLETE", "", operation.token)
        return
    reason = _why(operation, created=operation.failed)
    if operation.on_failure == "DO_NOTHING":
        stack.current, stack.target = stack.target, 0
        stack_event(ctx, stack, "CREATE_FAILED", reason, operation.token)
    elif operation.on_failure == "DELETE":
        delete(ctx, stack, new_operation(ctx, stack, "DELETE", operation), reason + "Delete requested by user.")
    else:
        again = new_operation(ctx, stack, "ROLLBACK", operation)
        roll_back_create(ctx, stack, again, reason + "Rollback requested by user.")


def _rolled_back(ctx: Context, stack: Stack, operation: Operation) -> None:
    stack.current, stack.target = stack.target or stack.current, 0
    if operation.failed:
        stack_event(ctx, stack, "ROLLBACK_FAILED", _failed_to("delete", operation.failed), operation.token)
    else:
        stack_event(ctx, stack, "ROLLBACK_COMPLETE", "", operation.token)


def _updated(ctx: Context, stack: Stack, operation: Operation) -> None:
    if not operation.failed and not operation.halted and _settle(ctx, stack, operation):
        wanted = definition(ctx, stack, stack.target).present
        for gone in [row for row in rows(ctx, stack) if row.logical_id not in wanted]:
            if gone.physical_id:
                leave_over(ctx, stack.uuid, gone.logical_id, former_of(gone), gone.deletion_policy)
            ctx.tx.delete(Resource, stack.uuid, gone.logical_id)
        stack.current, stack.target, stack.unsettled = stack.target, 0, 0
        _clean_up(ctx, stack, operation, "UPDATE_CLEANUP", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        return
    made = [
        name
        for name in operation.failed
        if (row := ctx.tx.get(Resource, stack.uuid, name)) is not None and row.status.startswith("CREATE")
    ]
    changed = [name for name in operation.failed if name not in made and name]
    reason = _why(operation, created=made, updated=changed)
    if operation.on_failure == "DO_NOTHING":
        # The revision that stood is kept: RollbackStack, or a further update that fails, goes back to it.
        stack.unsettled = operation.update
        stack_event(ctx, stack, "UPDATE_FAILED", reason, operation.token)
    else:
        roll_back_update(ctx, stack, operation, reason)


def _update_rolled_back(ctx: Context, stack: Stack, operation: Operation) -> None:
    if operation.failed:
        reason = _failed_to("update", operation.failed)
        stack_event(ctx, stack, "UPDATE_ROLLBACK_FAILED", reason, operation.token)
        return
    stack.target = stack.unsettled = 0
    _clean_up(ctx, stack, operation, "UPDATE_ROLLBACK_CLEANUP", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")


def _cleaned_up(status: str) -> Callable[[Context, Stack, Operation], None]:
    def end(ctx: Context, stack: Stack, operation: Operation) -> None:
        # What a cleanup could not delete stays behind without failing the update, as in CloudFormation.
        ctx.tx.clear(Leftover, stack.uuid)
        stack_event(ctx, stack, status, "", operation.token)

    return end


def _deleted(ctx: Context, stack: Stack, operation: Operation) -> None:
    if operation.failed:
        stack_event(ctx, stack, "DELETE_FAILED", _failed_to("delete", operation.failed), operation.token)
        return
    exports.forget(ctx, stack)
    ctx.tx.clear(Leftover, stack.uuid)
    stack.live, stack.deleted = 0, ctx.now
    stack_event(ctx, stack, "DELETE_COMPLETE", "", operation.token)
    ctx.schedule("cloudformation.purge", {"stack": stack.uuid}, delay=KEPT_DAYS * 86400.0, key=stack.uuid)


_ENDS: dict[str, Callable[[Context, Stack, Operation], None]] = {
    "CREATE": _created,
    "ROLLBACK": _rolled_back,
    "UPDATE": _updated,
    "UPDATE_ROLLBACK": _update_rolled_back,
    "UPDATE_CLEANUP": _cleaned_up("UPDATE_COMPLETE"),
    "UPDATE_ROLLBACK_CLEANUP": _cleaned_up("UPDATE_ROLLBACK_COMPLETE"),
    "DELETE": _deleted,
}


def _settle(ctx: Context, stack: Stack, operation: Operation) -> bool:
    """Tells the outputs and exports of a target that was reached; False, with the reason, where that cannot be."""
    try:
        wanted = definition(ctx, stack, stack.target)
        lookup = StackLookup(ctx.tx, stack)
        stack.outputs = wanted.outputs(lookup)
        exports.replace(ctx, stack, wanted)
    except AwsError as error:
        operation.reason = error.message + ". "
        return False
    return True


def _why(operation: Operation, created: Iterable[str] = (), updated: Iterable[str] = ()) -> str:
    if operation.reason:
        return operation.reason
    return _failed_to("create", created) + _failed_to("update", updated)


def _failed_to(verb: str, names: Iterable[str]) -> str:
    names = [name for name in names if name]
    return f"The following resource(s) failed to {verb}: [{', '.join(names)}]. " if names else ""


def _forget_events(ctx: Context, stack: Stack) -> None:
    """Keeps the latest events only."""
    for event in list(ctx.tx.scan(Event, stack.uuid, limit=MOST_EVENTS)):
        if event.sequence > stack.events - MOST_EVENTS:
            break
        ctx.tx.delete(Event, stack.uuid, event.sequence)


def _forget_revisions(ctx: Context, stack: Stack) -> None:
    """Keeps the revision that stands; those of change sets are kept as long as the change sets are."""
    used = {stack.current, stack.target}
    for change_set in ctx.tx.scan(ChangeSet, stack.account, stack.region, stack.uuid):
        used.update((change_set.revision, change_set.base))
    for revision in list(ctx.tx.scan(Revision, stack.uuid)):
        if revision.number not in used:
            ctx.tx.delete(Revision, stack.uuid, revision.number)


def purge(ctx: Context, uuid: str) -> None:
    """Removes every record of a stack."""
    stack = ctx.tx.get(Stack, ctx.account, ctx.region, uuid)
    if stack is None or stack.live:
        return
    for kind in (Revision, Resource, Leftover, Event, Operation, Step, Signal):
        ctx.tx.clear(kind, uuid)
    ctx.tx.clear(ChangeSet, stack.account, stack.region, uuid)
    ctx.tx.delete(Stack, stack.account, stack.region, uuid)
