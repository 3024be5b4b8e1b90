"""Tags of functions."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import arn as arns
from fogbank.services.lambda_ import errors, lambda_, lookup
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Function

MOST_TAGS = 50


def check(tags: dict[str, str]) -> None:
    if len(tags) > MOST_TAGS:
        raise errors.invalid("Number of tags exceeds resource tag limit.")


@lambda_.operation(resource="{Resource}")
def tag_resource(ctx: Context, req: dict[str, Any]) -> None:
    function = _function(ctx, req["Resource"])
    if not req["Tags"]:
        raise errors.invalid("An error occurred and the request cannot be processed.")
    function.tags = {**function.tags, **req["Tags"]}
    check(function.tags)
    ctx.tx.put(function)


@lambda_.operation(resource="{Resource}")
def untag_resource(ctx: Context, req: dict[str, Any]) -> None:
    function = _function(ctx, req["Resource"])
    function.tags = {key: value for key, value in function.tags.items() if key not in req["TagKeys"]}
    ctx.tx.put(function)


@lambda_.operation(resource="{Resource}")
def list_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"Tags": _function(ctx, req["Resource"]).tags}


def _function(ctx: Context, arn: str) -> Function:
    parsed = arns.parse(arn)
    if parsed is None or parsed.type != "function":
        raise errors.not_found(f"The resource {arn} does not exist.")
    name, _, qualifier = parsed.id.partition(":")
    if qualifier:
        raise errors.invalid(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    return lookup.function(ctx, FunctionName(parsed.account, parsed.region, name, ""))
