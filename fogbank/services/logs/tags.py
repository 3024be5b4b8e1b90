"""Tags of groups, by the present family of calls (ARNs) and the older one (names)."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import arn as arns
from fogbank.services.logs import errors, logs
from fogbank.services.logs.names import from_identifier, group_access
from fogbank.services.logs.names import group as require_group
from fogbank.services.logs.records import Group

MOST = 50


@logs.operation(resource="{resourceArn}")
def tag_resource(ctx: Context, req: dict[str, Any]) -> None:
    _add(ctx, _resource(ctx, req), req["tags"])


@logs.operation(resource="{resourceArn}")
def untag_resource(ctx: Context, req: dict[str, Any]) -> None:
    _remove(ctx, _resource(ctx, req), req["tagKeys"])


@logs.operation(resource="{resourceArn}")
def list_tags_for_resource(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"tags": _resource(ctx, req).tags}


@logs.operation(access=group_access("TagLogGroup"))
def tag_log_group(ctx: Context, req: dict[str, Any]) -> None:
    _add(ctx, require_group(ctx, req["logGroupName"]), req["tags"])


@logs.operation(access=group_access("UntagLogGroup"))
def untag_log_group(ctx: Context, req: dict[str, Any]) -> None:
    _remove(ctx, require_group(ctx, req["logGroupName"]), req["tags"])


@logs.operation(access=group_access("ListTagsLogGroup"))
def list_tags_log_group(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"tags": require_group(ctx, req["logGroupName"]).tags}


def _resource(ctx: Context, req: dict[str, Any]) -> Group:
    parsed = arns.parse(req["resourceArn"])
    if parsed is None or parsed.service != "logs" or not parsed.resource.startswith("log-group:"):
        raise errors.invalid("1 validation error detected: Invalid resourceArn")
    return require_group(ctx, from_identifier(req["resourceArn"]))


def _add(ctx: Context, group: Group, tags: dict[str, str]) -> None:
    group.tags = {**group.tags, **tags}
    if len(group.tags) > MOST:
        raise AwsError("TooManyTagsException", f"A resource can have no more than {MOST} tags.")
    ctx.tx.put(group)


def _remove(ctx: Context, group: Group, keys: list[str]) -> None:
    group.tags = {key: value for key, value in group.tags.items() if key not in keys}
    ctx.tx.put(group)
