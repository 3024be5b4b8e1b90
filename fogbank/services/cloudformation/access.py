"""What a call must be allowed: the action, on the stack that it names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.cloudformation import lookup
from fogbank.services.cloudformation.calls import PRINCIPAL
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.records import ChangeSet

Rule = Callable[[Context, dict[str, Any]], list[tuple[str, str]]]


def on_stack(operation: str) -> Rule:
    """The access rule of an operation whose request names its stack, if any, in StackName."""
    return lambda ctx, req: [(f"cloudformation:{operation}", lookup.arn_of(ctx, req.get("StackName")))]


def on_change_set(operation: str) -> Rule:
    """The access rule of an operation on a change set: it is authorised against the change set's stack."""

    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
        name = req.get("StackName")
        if not name:
            uuid = str(req.get("ChangeSetName", "")).rpartition("/")[2]
            for change_set in ctx.tx.find(ChangeSet, "id", ctx.account, ctx.region, uuid):
                stack = lookup.by_uuid(ctx, change_set.stack)
                name = stack.id if stack else None
        return [(f"cloudformation:{operation}", lookup.arn_of(ctx, name))]

    return rule


def check_role(ctx: Context, role_arn: str | None) -> None:
    """That the caller may pass the role, and CloudFormation assume it. Raises AwsError."""
    if not role_arn:
        return
    ctx.authorise("iam:PassRole", role_arn, {"iam:PassedToService": PRINCIPAL})
    try:
        ctx.cloud.assume(ctx, role_arn, "AWSCloudFormation", PRINCIPAL)
    except AwsError as error:
        raise validation(f"Role {role_arn} is invalid or cannot be assumed") from error
