"""Stacks, their resources and their events, as they are shown."""

from __future__ import annotations

import json
from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.cloudformation import access, cloudformation, lookup
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.memory import Memory
from fogbank.services.cloudformation.pages import page_of, position, token_after
from fogbank.services.cloudformation.records import Event, Resource, Stack

_PAGE = 100
_NOT_CHECKED = {"StackDriftStatus": "NOT_CHECKED"}


@cloudformation.operation(access=access.on_stack("DescribeStacks"))
def describe_stacks(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if ctx.request is not None and "aws-sam-cli" in ctx.request.headers.get("user-agent", ""):
        # The SAM CLI looks before it deploys: its template comes next.
        ctx.component(Memory).sam.expect()
    if req.get("StackName"):
        return {"Stacks": [_described(ctx, lookup.require(ctx, req["StackName"]))]}
    found = list(ctx.tx.find(Stack, "living", ctx.account, ctx.region, 1, reverse=True))
    return {
        "Stacks": [_described(ctx, stack) for stack in page_of(req, found, _PAGE)],
        "NextToken": token_after(req, found, _PAGE),
    }


def _described(ctx: Context, stack: Stack) -> dict[str, Any]:
    revision = lookup.shown_revision(ctx, stack)
    out: dict[str, Any] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.change_set_id or None,
        "Description": (revision and revision.description) or None,
        "CreationTime": stack.created,
        "DeletionTime": stack.deleted or None,
        "LastUpdatedTime": stack.updated or None,
        "RollbackConfiguration": revision.rollback_configuration if revision else {},
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "DisableRollback": stack.disable_rollback,
        "NotificationARNs": revision.notification_arns if revision else [],
        "TimeoutInMinutes": stack.timeout_minutes or None,
        "RoleARN": stack.role_arn or None,
        "Tags": [{"Key": key, "Value": value} for key, value in revision.tags.items()] if revision else [],
        "DriftInformation": _NOT_CHECKED,
        "ParentId": _stack_id(ctx, stack.parent),
        "RootId": _stack_id(ctx, stack.root),
    }
    if stack.live:
        out["EnableTerminationProtection"] = stack.protected
    if revision and revision.capabilities:
        out["Capabilities"] = revision.capabilities
    if revision and revision.parameters:
        out["Parameters"] = [parameter.described() for parameter in revision.parameters]
    if stack.outputs and stack.live:
        out["Outputs"] = stack.outputs
    return out


def _stack_id(ctx: Context, uuid: str) -> str | None:
    stack = lookup.by_uuid(ctx, uuid) if uuid else None
    return stack.id if stack else None


@cloudformation.operation(access=access.on_stack("ListStacks"))
def list_stacks(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    wanted = set(req.get("StackStatusFilter") or ())
    found = [
        stack
        for stack in ctx.tx.find(Stack, "created", ctx.account, ctx.region, reverse=True)
        if not wanted or stack.status in wanted
    ]
    return {
        "StackSummaries": [_summary(ctx, stack) for stack in page_of(req, found, _PAGE)],
        "NextToken": token_after(req, found, _PAGE),
    }


def _summary(ctx: Context, stack: Stack) -> dict[str, Any]:
    revision = lookup.shown_revision(ctx, stack)
    return {
        "StackId": stack.id,
        "StackName": stack.name,
        "TemplateDescription": (revision and revision.description) or None,
        "CreationTime": stack.created,
        "LastUpdatedTime": stack.updated or None,
        "DeletionTime": stack.deleted or None,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason or None,
        "ParentId": _stack_id(ctx, stack.parent),
        "RootId": _stack_id(ctx, stack.root),
        "DriftInformation": _NOT_CHECKED,
    }


@cloudformation.operation(access=access.on_stack("DescribeStackEvents"))
def describe_stack_events(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if not req.get("StackName"):
        raise validation(
            "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be null"
        )
    stack = lookup.find(ctx, req["StackName"])
    if stack is None:
        raise validation(f"Stack [{req['StackName']}] does not exist")
    # Newest first; the token names the last event shown, so that new events do not shift the pages.
    start = position(req) or None
    rows = list(ctx.tx.scan(Event, stack.uuid, after=start, limit=_PAGE, reverse=True))
    more = len(rows) == _PAGE and rows[-1].sequence > 1
    return {
        "StackEvents": [_event(stack, row) for row in rows],
        "NextToken": paging.encode(rows[-1].sequence) if more else None,
    }


def _event(stack: Stack, event: Event) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "EventId": event.id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.time,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason or None,
        "ResourceProperties": event.properties or None,
        "ClientRequestToken": event.token or None,
    }


@cloudformation.operation(access=access.on_stack("DescribeStackResource"))
def describe_stack_resource(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stack = lookup.find(ctx, req["StackName"])
    if stack is None:
        raise validation(f"Stack '{req['StackName']}' does not exist")
    row = ctx.tx.get(Resource, stack.uuid, req["LogicalResourceId"])
    if row is None or not row.status or (not row.physical_id and row.status == "CREATE_FAILED"):
        raise validation(f"Resource {req['LogicalResourceId']} does not exist for stack {req['StackName']}")
    return {
        "StackResourceDetail": {
            "StackName": stack.name,
            "StackId": stack.id,
            "LogicalResourceId": row.logical_id,
            "PhysicalResourceId": row.physical_id,
            "ResourceType": row.type,
            "LastUpdatedTimestamp": row.updated,
            "ResourceStatus": row.status,
            "ResourceStatusReason": row.reason or None,
            "Metadata": json.dumps(row.metadata if row.metadata is not None else {}, separators=(",", ":")),
            "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
        }
    }


@cloudformation.operation(access=access.on_stack("DescribeStackResources"))
def describe_stack_resources(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name, physical_id = req.get("StackName"), req.get("PhysicalResourceId")
    if bool(name) == bool(physical_id):
        raise validation("Either StackName or PhysicalResourceId must be specified, and not both.")
    stack = lookup.require(ctx, name) if name else _owner(ctx, str(physical_id))
    wanted = req.get("LogicalResourceId")
    if wanted:
        found = ctx.tx.get(Resource, stack.uuid, wanted)
        if found is None:
            raise validation(f"Resource {wanted} does not exist for stack {name or stack.name}")
        rows = [found]
    else:
        rows = list(ctx.tx.scan(Resource, stack.uuid, limit=_PAGE))
    return {
        "StackResources": [{"StackName": stack.name, "StackId": stack.id, **_resource(row, "Timestamp")} for row in rows]
    }


def _owner(ctx: Context, physical_id: str) -> Stack:
    for row in ctx.tx.find(Resource, "physical", physical_id):
        stack = lookup.by_uuid(ctx, row.stack)
        if stack is not None and stack.live:
            return stack
    raise validation(f"Stack for {physical_id} does not exist")


def _resource(row: Resource, when: str) -> dict[str, Any]:
    return {
        "LogicalResourceId": row.logical_id,
        "PhysicalResourceId": row.physical_id or None,
        "ResourceType": row.type,
        when: row.updated,
        "ResourceStatus": row.status,
        "ResourceStatusReason": row.reason or None,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


@cloudformation.operation(access=access.on_stack("ListStackResources"))
def list_stack_resources(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stack = lookup.require(ctx, req["StackName"])
    rows = list(ctx.tx.scan(Resource, stack.uuid))
    return {
        "StackResourceSummaries": [_resource(row, "LastUpdatedTimestamp") for row in page_of(req, rows, _PAGE)],
        "NextToken": token_after(req, rows, _PAGE),
    }
