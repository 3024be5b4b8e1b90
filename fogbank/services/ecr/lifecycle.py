"""Lifecycle policies: stored, checked, and carried out once a day.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/lifecycle_policy_parameters.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.ecr import deleting, ecr, errors, sweeping
from fogbank.services.ecr.errors import Key
from fogbank.services.ecr.names import access, scope
from fogbank.services.ecr.records import Image, Repository
from fogbank.services.ecr.repositories import named, require

DAY = 24 * 3600.0
_STATUSES = ("tagged", "untagged", "any")
_COUNTS = ("imageCountMoreThan", "sinceImagePushed")


@ecr.operation(access=access("PutLifecyclePolicy"))
def put_lifecycle_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    repository = require(ctx, key)
    rules(req["lifecyclePolicyText"])
    repository.lifecycle = req["lifecyclePolicyText"]
    ctx.tx.put(repository)
    ctx.schedule("ecr.expire", {"key": list(key)}, delay=DAY, key="/".join(key))
    return {**named(key), "lifecyclePolicyText": repository.lifecycle}


@ecr.operation(access=access("GetLifecyclePolicy"))
def get_lifecycle_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    repository = require(ctx, key)
    if repository.lifecycle is None:
        raise errors.no_lifecycle_policy(key)
    evaluated = repository.lifecycle_evaluated or 0.0
    return {**named(key), "lifecyclePolicyText": repository.lifecycle, "lastEvaluatedAt": evaluated}


@ecr.operation(access=access("DeleteLifecyclePolicy"))
def delete_lifecycle_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    answer = get_lifecycle_policy(ctx, req)
    repository = require(ctx, key)
    repository.lifecycle = repository.lifecycle_evaluated = None
    ctx.tx.put(repository)
    ctx.cancel("ecr.expire", "/".join(key))
    return answer


@ecr.task("ecr.expire")
def expire(ctx: Context, payload: dict[str, Any]) -> None:
    key: Key = (payload["key"][0], payload["key"][1], payload["key"][2])
    repository = ctx.tx.get(Repository, *key)
    if repository is None or repository.lifecycle is None:
        return
    images = list(ctx.tx.scan(Image, *key))
    for digest in expired(rules(repository.lifecycle), images, ctx.now):
        try:
            deleting.delete(ctx, key, {"imageDigest": digest})
        except AwsError:  # a list still has it: it goes when the list has gone
            continue
    repository.lifecycle_evaluated = ctx.now
    ctx.tx.put(repository)
    sweeping.later(ctx, key)
    ctx.schedule("ecr.expire", payload, delay=DAY, key="/".join(key))


def rules(text: str) -> list[dict[str, Any]]:
    """The rules by their priority. Raises InvalidParameterException."""
    try:
        found = json.loads(text)["rules"]
        right = all(_right(rule) for rule in found) and len({rule["rulePriority"] for rule in found}) == len(found)
        ordered = sorted(found, key=lambda rule: int(rule["rulePriority"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        right, ordered = False, []
    if not right or not ordered:
        raise errors.invalid("LifecyclePolicyText", "Lifecycle policy validation failure: invalid lifecycle policy")
    return ordered


def _right(rule: dict[str, Any]) -> bool:
    selection = rule["selection"]
    status, count = selection["tagStatus"], selection["countNumber"]
    named_tags = bool(selection.get("tagPrefixList")) != bool(selection.get("tagPatternList"))
    days = selection["countType"] != "sinceImagePushed" or selection.get("countUnit") == "days"
    return (
        isinstance(rule["rulePriority"], int) and rule["rulePriority"] >= 1
        and status in _STATUSES and selection["countType"] in _COUNTS
        and isinstance(count, int) and count >= 1 and days
        and (named_tags if status == "tagged" else True)
        and rule["action"]["type"] == "expire"
    )


def expired(policy: list[dict[str, Any]], images: Iterable[Image], now: float) -> list[str]:
    """Digests of the images that expire. An image is the matter of the first rule alone whose tags it meets."""
    left = sorted(images, key=lambda image: image.pushed, reverse=True)
    gone: list[str] = []
    for rule in policy:
        selection = rule["selection"]
        mine = [image for image in left if _selected(selection, image)]
        left = [image for image in left if image not in mine]
        if selection["countType"] == "imageCountMoreThan":
            gone += [image.digest for image in mine[selection["countNumber"] :]]
        else:
            oldest = now - selection["countNumber"] * DAY
            gone += [image.digest for image in mine if image.pushed < oldest]
    return gone


def _selected(selection: dict[str, Any], image: Image) -> bool:
    status = selection["tagStatus"]
    if status != "tagged":
        return status == "any" or not image.tags
    prefixes, patterns = selection.get("tagPrefixList") or [], selection.get("tagPatternList") or []
    if prefixes:
        return all(any(tag.startswith(prefix) for tag in image.tags) for prefix in prefixes)
    return all(any(fnmatchcase(tag, pattern) for tag in image.tags) for pattern in patterns)
