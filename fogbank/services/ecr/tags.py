"""Tags of repositories."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.ecr import ecr, errors
from fogbank.services.ecr.names import from_arn
from fogbank.services.ecr.records import Repository

MOST = 50


def merged(old: dict[str, str], new: list[dict[str, str]]) -> dict[str, str]:
    """Raises TooManyTagsException, InvalidTagParameterException."""
    tags = {**old, **{tag["Key"]: tag["Value"] for tag in new}}
    if len(tags) > MOST:
        raise AwsError("TooManyTagsException", f"The list of tags has more than the {MOST} tags that a repository may have.")
    if any(key.lower().startswith("aws:") for key in tags if key not in old and not key.startswith("aws:cloudformation:")):
        raise AwsError("InvalidTagParameterException", "Tag keys that begin with 'aws:' are reserved for AWS's own use.")
    return tags


def _access(action: str) -> Callable[[Context, dict[str, Any]], list[tuple[str, str]]]:
    return lambda ctx, req: [(f"ecr:{action}", req["resourceArn"])]


@ecr.operation(access=_access("TagResource"))
def tag_resource(ctx: Context, req: dict[str, Any]) -> None:
    repository = _resource(ctx, req)
    repository.tags = merged(repository.tags, req["tags"])
    ctx.tx.put(repository)


@ecr.operation(access=_access("UntagResource"))
def untag_resource(ctx: Context, req: dict[str, Any]) -> None:
    repository = _resource(ctx, req)
    repository.tags = {key: value for key, value in repository.tags.items() if key not in req["tagKeys"]}
    ctx.tx.put(repository)


@ecr.operation(access=_access("ListTagsForResource"))
def list_tags_for_resource(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"tags": [{"Key": key, "Value": value} for key, value in _resource(ctx, req).tags.items()]}


def _resource(ctx: Context, req: dict[str, Any]) -> Repository:
    key = from_arn(ctx, req["resourceArn"])
    if key is None:
        raise errors.invalid("resourceArn", "Invalid ARN")
    repository = ctx.tx.get(Repository, *key)
    if repository is None:
        raise errors.repository_not_found(key)
    return repository
