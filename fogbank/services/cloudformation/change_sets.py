"""Change sets: made and compared in one call, looked at, executed."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import ids
from fogbank.services.cloudformation import (
    access,
    cloudformation,
    differences,
    lookup,
    phases,
    stacks,
)
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.events import stack_event
from fogbank.services.cloudformation.memory import commit_and_settle
from fogbank.services.cloudformation.pages import page_of, token_after
from fogbank.services.cloudformation.prepare import Prepared, prepare
from fogbank.services.cloudformation.records import ChangeSet, Revision, Stack

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
_PAGE = 100


@cloudformation.operation(access=access.on_stack("CreateChangeSet"))
async def create_change_set(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    kind = req.get("ChangeSetType") or "UPDATE"
    if kind == "IMPORT":
        raise AwsError("NotImplemented", "Fogbank does not import resources into stacks yet.", status=501)
    stack, previous = await ctx.transact(lambda inner: _target(inner, req, kind))
    prepared = await prepare(ctx, req, stack, previous, reviewed=True)
    access.check_role(ctx, req.get("RoleARN"))
    failure, plain = prepared.failure, {}
    if not failure:
        try:
            plain = await differences.resolved(ctx, prepared)
        except AwsError as error:
            failure = error.message

    def commit(inner: Context) -> dict[str, Any]:
        again, base = _target(inner, req, kind)
        if not again.revisions and again.status != "REVIEW_IN_PROGRESS":
            again.uuid = stack.uuid
            stack_event(inner, again, "REVIEW_IN_PROGRESS", "User Initiated")
        change_set = _new(inner, req, again, prepared, kind, base)
        if failure:
            change_set.status, change_set.reason, change_set.execution = "FAILED", failure, "UNAVAILABLE"
        else:
            _compare(inner, again, prepared, base, plain, change_set)
        inner.tx.put(again)
        inner.tx.put(change_set)
        return {"Id": change_set.id, "StackId": again.id}

    return await ctx.transact(commit)


def _target(ctx: Context, req: dict[str, Any], kind: str) -> tuple[Stack, Revision | None]:
    """The stack a change set is for, and what stands there. Raises AwsError(`ValidationError`)."""
    name = req["StackName"]
    stack = lookup.find(ctx, name)
    if kind == "CREATE":
        if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
            raise validation(
                f"Stack [{name}] already exists and cannot be created again with the changeSet [{req['ChangeSetName']}]."
            )
        if stack is None:
            lookup.check_name(name)
            stack = stacks.new_stack(ctx, name)
        previous = None
    else:
        stack, previous = stacks.updatable(ctx, name)
    if ctx.tx.get(ChangeSet, stack.account, stack.region, stack.uuid, req["ChangeSetName"]) is not None:
        raise AwsError("AlreadyExistsException", f"ChangeSet [{req['ChangeSetName']}] already exists", status=400)
    return stack, previous


def _new(ctx: Context, req: dict[str, Any], stack: Stack, prepared: Prepared, kind: str, base: Revision | None) -> ChangeSet:
    return ChangeSet(
        account=stack.account,
        region=stack.region,
        stack=stack.uuid,
        name=req["ChangeSetName"],
        uuid=ids.uuid4(ctx.random),
        revision=stacks.write_revision(ctx, stack, prepared.revision),
        created=ctx.now,
        kind=kind,
        description=req.get("Description") or "",
        base=base.number if base else 0,
        role_arn=req.get("RoleARN") or "",
        on_failure=req.get("OnStackFailure") or "",
        include_nested=bool(req.get("IncludeNestedStacks")),
    )


def _compare(
    ctx: Context,
    stack: Stack,
    prepared: Prepared,
    base: Revision | None,
    plain: dict[str, str],
    change_set: ChangeSet,
) -> None:
    found, source = differences.changes(ctx, stack, prepared, base, plain)
    assert prepared.definition is not None
    # With NoEcho parameters no values are kept at all: any of them may have gone into any property.
    change_set.changes = [change.described(prepared.definition.echoes) for change in found]
    change_set.reason = differences.import_warning(found, prepared.definition, source)
    if base is not None and not found and not differences.has_other_changes(stack, prepared, base, source):
        change_set.status, change_set.reason, change_set.execution = "FAILED", NO_CHANGES, "UNAVAILABLE"


@cloudformation.operation(access=access.on_change_set("DescribeChangeSet"))
def describe_change_set(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stack, change_set = lookup.change_set(ctx, req)
    revision = ctx.tx.get(Revision, stack.uuid, change_set.revision)
    page = page_of(req, change_set.changes, _PAGE)
    out: dict[str, Any] = {
        **_summary(stack, change_set),
        "Changes": page if req.get("IncludePropertyValues") else [_bare(change) for change in page],
        "NotificationARNs": revision.notification_arns if revision else [],
        "RollbackConfiguration": revision.rollback_configuration if revision else {},
        "Capabilities": revision.capabilities if revision else [],
        "NextToken": token_after(req, change_set.changes, _PAGE),
        "OnStackFailure": change_set.on_failure or None,
    }
    if revision and revision.parameters:
        out["Parameters"] = [parameter.described() for parameter in revision.parameters]
    if revision and revision.tags:
        out["Tags"] = [{"Key": key, "Value": value} for key, value in revision.tags.items()]
    return out


def _summary(stack: Stack, change_set: ChangeSet) -> dict[str, Any]:
    return {
        "ChangeSetName": change_set.name,
        "ChangeSetId": change_set.id,
        "StackId": stack.id,
        "StackName": stack.name,
        "Description": change_set.description or None,
        "CreationTime": change_set.created,
        "ExecutionStatus": change_set.execution,
        "Status": change_set.status,
        "StatusReason": change_set.reason or None,
        "IncludeNestedStacks": change_set.include_nested,
    }


def _bare(change: dict[str, Any]) -> dict[str, Any]:
    """A change without property values."""
    resource = {
        name: value for name, value in change["ResourceChange"].items() if name not in ("BeforeContext", "AfterContext")
    }
    resource["Details"] = [
        {
            **detail,
            "Target": {
                name: value
                for name, value in detail["Target"].items()
                if name in ("Attribute", "Name", "RequiresRecreation")
            },
        }
        for detail in resource["Details"]
    ]
    return {"Type": change["Type"], "ResourceChange": resource}


@cloudformation.operation(access=access.on_change_set("ExecuteChangeSet"))
async def execute_change_set(ctx: Context, req: dict[str, Any]) -> None:
    await commit_and_settle(ctx, lambda inner: _begin(inner, req))


def _begin(ctx: Context, req: dict[str, Any]) -> Stack:
    stack, change_set = lookup.change_set(ctx, req)
    if change_set.execution != "AVAILABLE":
        raise AwsError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.id}] cannot be executed in its current status of [{_state(change_set)}]",
            status=400,
        )
    if change_set.kind == "UPDATE" and stack.status not in stacks.UPDATABLE:
        raise validation(f"Stack:{stack.id} is in {stack.status} state and can not be updated.")
    if change_set.base != (lookup.standing(stack) if change_set.kind == "UPDATE" else 0):
        raise AwsError("InvalidChangeSetStatus", f"ChangeSet [{change_set.id}] is outdated", status=400)
    change_set.execution = "EXECUTE_IN_PROGRESS"
    ctx.tx.put(change_set)
    for other in list(ctx.tx.scan(ChangeSet, stack.account, stack.region, stack.uuid)):
        if other.name != change_set.name:
            ctx.tx.delete(ChangeSet, stack.account, stack.region, stack.uuid, other.name)
    _execute(ctx, req, stack, change_set)
    return stack


def _state(change_set: ChangeSet) -> str:
    return change_set.execution if change_set.execution.startswith("EXECUTE") else change_set.status


def _execute(ctx: Context, req: dict[str, Any], stack: Stack, change_set: ChangeSet) -> None:
    on_failure = change_set.on_failure or "ROLLBACK"
    if req.get("DisableRollback") is not None:
        stack.disable_rollback = bool(req["DisableRollback"])
        on_failure = "DO_NOTHING" if req["DisableRollback"] else on_failure
    stack.role_arn = change_set.role_arn or stack.role_arn
    stack.change_set_id = change_set.id
    stack.target = change_set.revision
    stack.updated = ctx.now
    operation = phases.new_operation(
        ctx,
        stack,
        change_set.kind,
        token=req.get("ClientRequestToken") or "",
        on_failure=on_failure,
        delete_new=bool(req.get("RetainExceptOnCreate")),
    )
    if change_set.kind == "CREATE":
        phases.create(ctx, stack, operation)
    else:
        phases.update(ctx, stack, operation)


@cloudformation.operation(access=access.on_change_set("DeleteChangeSet"))
def delete_change_set(ctx: Context, req: dict[str, Any]) -> None:
    try:
        stack, change_set = lookup.change_set(ctx, req)
    except AwsError as error:
        if error.code == "ChangeSetNotFound":
            return  # deleting what is not there succeeds
        raise
    if change_set.execution == "EXECUTE_IN_PROGRESS":
        raise AwsError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{change_set.id}] cannot be deleted in its current status of [{change_set.execution}]",
            status=400,
        )
    ctx.tx.delete(ChangeSet, stack.account, stack.region, stack.uuid, change_set.name)
    if change_set.revision not in (stack.current, stack.target):
        ctx.tx.delete(Revision, stack.uuid, change_set.revision)


@cloudformation.operation(access=access.on_stack("ListChangeSets"))
def list_change_sets(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stack = lookup.find(ctx, req["StackName"])
    if stack is None:
        raise validation(f"Stack [{req['StackName']}] does not exist")
    found = [
        _summary(stack, change_set)
        for change_set in ctx.tx.scan(ChangeSet, stack.account, stack.region, stack.uuid)
        if not change_set.execution.startswith("EXECUTE")
    ]
    return {"Summaries": page_of(req, found, _PAGE), "NextToken": token_after(req, found, _PAGE)}
