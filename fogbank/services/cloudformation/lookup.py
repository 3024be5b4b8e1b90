"""Finding stacks and change sets by what callers call them: a name, an id, a part of one."""

from __future__ import annotations

import re
from typing import Any

from fogbank.api import Context
from fogbank.services.cloudformation.errors import no_change_set, no_stack, validation
from fogbank.services.cloudformation.records import ChangeSet, Revision, Stack

_STACK_ID = re.compile(r"arn:[^:]+:cloudformation:([^:]*):([^:]*):stack/([^/]+)/([^/]+)\Z")
_CHANGE_SET_ID = re.compile(r"arn:[^:]+:cloudformation:[^:]*:[^:]*:changeSet/([^/]+)/([^/]+)\Z")

_STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}\Z")


def by_uuid(ctx: Context, uuid: str) -> Stack | None:
    return ctx.tx.get(Stack, ctx.account, ctx.region, uuid)


def find(ctx: Context, name: str, *, dead: bool = True) -> Stack | None:
    """The stack of a name or id. A name finds only a living stack; an id finds a deleted one too, if `dead`."""
    match = _STACK_ID.match(name)
    if match:
        if match[1] != ctx.region or match[2] != ctx.account:
            return None
        stack = by_uuid(ctx, match[4])
        return stack if stack is not None and stack.name == match[3] and (stack.live or dead) else None
    for stack in ctx.tx.find(Stack, "name", ctx.account, ctx.region, name, 1):
        return stack
    return None


def require(ctx: Context, name: str, *, dead: bool = True) -> Stack:
    stack = find(ctx, name, dead=dead)
    if stack is None:
        raise no_stack(name)
    return stack


def revision(ctx: Context, stack: Stack, number: int) -> Revision:
    found = ctx.tx.get(Revision, stack.uuid, number)
    if found is None:
        raise RuntimeError(f"{stack.id} has no revision {number}")
    return found


def standing(stack: Stack) -> int:
    """The revision that an update starts from: the one that stands, or that of an update that failed half-way."""
    return stack.target or stack.current


def shown_revision(ctx: Context, stack: Stack) -> Revision | None:
    """The revision that descriptions speak of: the one under way, else the one that stands."""
    number = standing(stack)
    return revision(ctx, stack, number) if number else None


def change_set(ctx: Context, req: dict[str, Any]) -> tuple[Stack, ChangeSet]:
    """The change set of a request. Raises AwsError(`ChangeSetNotFound`) and AWS's errors about its names."""
    name = req["ChangeSetName"]
    match = _CHANGE_SET_ID.match(name)
    if match:
        for found in ctx.tx.find(ChangeSet, "id", ctx.account, ctx.region, match[2]):
            stack = by_uuid(ctx, found.stack)
            if stack is not None:
                return stack, found
        raise no_change_set(name)
    if not req.get("StackName"):
        raise validation("StackName must be specified if ChangeSetName is not specified as an ARN.")
    stack = find(ctx, req["StackName"])
    if stack is None:
        raise validation(f"Stack [{req['StackName']}] does not exist")
    named = ctx.tx.get(ChangeSet, ctx.account, ctx.region, stack.uuid, name)
    if named is None:
        raise no_change_set(name)
    return stack, named


def arn_of(ctx: Context, name: str | None) -> str:
    """The ARN to authorise a call about a stack against: its id, or the pattern of a stack that is not there."""
    if not name:
        return ctx.arn("stack/*", service="cloudformation")
    stack = find(ctx, name)
    if stack is not None:
        return stack.id
    return name if name.startswith("arn:") else ctx.arn(f"stack/{name}/*", service="cloudformation")


def check_name(name: str) -> None:
    """A new stack's name. Raises AwsError(`ValidationError`)."""
    if not _STACK_NAME.match(name):
        raise validation(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
            if len(name) <= 128
            else f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            "Member must have length less than or equal to 128"
        )
