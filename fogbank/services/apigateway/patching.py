"""Patch operations: JSON Patch as API Gateway speaks it.

https://docs.aws.amazon.com/apigateway/latest/api/patch-operations.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from fogbank.api import AwsError
from fogbank.services.apigateway import errors


class Patch(NamedTuple):
    op: str
    path: str
    parts: list[str]
    """The path between its slashes, `~1` and `~0` read as `/` and `~`."""
    value: str | None
    source: str


def patches(req: dict[str, Any]) -> Iterator[Patch]:
    for operation in req.get("patchOperations") or []:
        path = operation.get("path")
        if not path or not path.startswith("/"):
            raise errors.bad_path(path)
        parts = [unescaped(part) for part in path[1:].split("/")]
        yield Patch(operation.get("op") or "", path, parts, operation.get("value"), operation.get("from") or "")


def unescaped(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def simple(target: dict[str, Any], patch: Patch, members: dict[str, type]) -> None:
    """Replaces one of `members`, the only ones that such a resource lets be patched. Raises AWS's errors."""
    paths = [f"/{name}" for name in members]
    if patch.op != "replace":
        raise errors.bad_request(
            f"Invalid patch path  '{patch.path}' specified for op '{patch.op}'. Please choose supported operations"
        )
    if patch.path not in paths:
        raise errors.bad_request(
            f"Invalid patch path  '{patch.path}' specified for op 'replace'. Must be one of: [{', '.join(paths)}]"
        )
    name = patch.parts[0]
    target[name] = boolean(patch.value) if members[name] is bool else patch.value


def member(target: dict[str, Any], patch: Patch, missing: AwsError, value: Any = None) -> None:
    """Adds, replaces or removes an entry of the map `/map/key`; the last entry takes the map along."""
    name, key = patch.parts
    held = target.get(name) or {}
    if patch.op == "remove":
        if key not in held:
            raise missing
        held = {k: v for k, v in held.items() if k != key}
    else:
        if patch.op == "replace" and key not in held:
            raise missing
        held = {**held, key: patch.value if value is None else value}
    if held:
        target[name] = held
    else:
        target.pop(name, None)


def boolean(value: str | None) -> bool:
    return (value or "").lower() == "true"


def number(value: str | None, message: str) -> int:
    try:
        return int(value or "")
    except ValueError as error:
        raise errors.bad_request(message) from error


def rate(value: str | None, message: str) -> float:
    try:
        made = float(value or "")
    except ValueError as error:
        raise errors.bad_request(message) from error
    if made != made or made in (float("inf"), float("-inf")):
        raise errors.bad_request(message)
    return made
