"""How groups and streams are named, and the ARNs that IAM is asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import arn as arns
from fogbank.services.logs import errors
from fogbank.services.logs.records import Group, Stream


def group_arn(ctx: Context, name: str) -> str:
    return ctx.arn(f"log-group:{name}")


def group_access(action: str, member: str = "logGroupName") -> Callable[[Context, dict[str, Any]], list[tuple[str, str]]]:
    """The check of an operation on a group.

    AWS asks about `log-group:NAME:log-stream:`, so that a policy on `log-group:NAME:*` allows it.
    """

    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
        name = named_group(req) if member == "logGroupName" else req.get(member) or ""
        return [(f"logs:{action}", group_arn(ctx, f"{name}:log-stream:"))]

    return rule


def stream_access(action: str) -> Callable[[Context, dict[str, Any]], list[tuple[str, str]]]:
    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
        return [(f"logs:{action}", group_arn(ctx, f"{named_group(req)}:log-stream:{req['logStreamName']}"))]

    return rule


def named_group(req: dict[str, Any]) -> str:
    """The name in `logGroupName`, or in `logGroupIdentifier`, which may be an ARN with or without `:*`."""
    name, identifier = req.get("logGroupName"), req.get("logGroupIdentifier")
    if name and identifier:
        raise AwsError(
            "ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.", status=400
        )
    return name or from_identifier(identifier or "")


def from_identifier(identifier: str) -> str:
    parsed = arns.parse(identifier)
    if parsed is None:
        return identifier
    return parsed.resource.removeprefix("log-group:").removesuffix(":*")


def check_length(name: str) -> None:
    if len(name) > 512:
        raise errors.invalid("Invalid LogGroup or LogStream, both must have length less than or equal to 512.")


def group(ctx: Context, name: str) -> Group:
    found = ctx.tx.get(Group, ctx.account, ctx.region, name)
    if found is None:
        check_length(name)
        raise errors.group_not_found()
    return found


def stream(ctx: Context, group: Group, name: str) -> Stream:
    found = ctx.tx.get(Stream, group.id, name)
    if found is None:
        raise errors.stream_not_found()
    return found


def milliseconds(ctx: Context) -> int:
    return int(ctx.now * 1000)
