"""Tags of parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.ssm import ssm
from fogbank.services.ssm.names import parameter_arn
from fogbank.services.ssm.records import Parameter

MOST = 50


def _access(action: str) -> Callable[[Context, dict[str, Any]], list[tuple[str, str]]]:
    return lambda ctx, req: [(f"ssm:{action}", parameter_arn(ctx, req["ResourceId"]))]


@ssm.operation(access=_access("AddTagsToResource"))
def add_tags_to_resource(ctx: Context, req: dict[str, Any]) -> None:
    parameter = _resource(ctx, req)
    parameter.tags = {**parameter.tags, **{tag["Key"]: tag["Value"] for tag in req["Tags"]}}
    if len(parameter.tags) > MOST:
        raise AwsError("TooManyTagsError", f"The Tags parameter includes too many tags: the most is {MOST}.")
    ctx.tx.put(parameter)


@ssm.operation(access=_access("RemoveTagsFromResource"))
def remove_tags_from_resource(ctx: Context, req: dict[str, Any]) -> None:
    parameter = _resource(ctx, req)
    parameter.tags = {key: value for key, value in parameter.tags.items() if key not in req["TagKeys"]}
    ctx.tx.put(parameter)


@ssm.operation(access=_access("ListTagsForResource"))
def list_tags_for_resource(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"TagList": [{"Key": key, "Value": value} for key, value in _resource(ctx, req).tags.items()]}


def _resource(ctx: Context, req: dict[str, Any]) -> Parameter:
    if req["ResourceType"] != "Parameter":
        raise AwsError(
            "InvalidResourceType", f"Fogbank does not have resources of the type {req['ResourceType']} yet.", status=400
        )
    parameter = ctx.tx.get(Parameter, ctx.account, ctx.region, req["ResourceId"])
    if parameter is None:
        raise AwsError("InvalidResourceId", f"The resource ID \"{req['ResourceId']}\" is not valid. Verify that you "
                       "entered the correct ID.")
    return parameter
