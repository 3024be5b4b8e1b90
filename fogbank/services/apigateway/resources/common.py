"""What the types share."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Iterable
from typing import Any

from fogbank.api import AwsError, ResourceCall
from fogbank.wire.messages import FileBody


async def gone(deletion: Awaitable[Any]) -> None:
    """Awaits a deletion; what is gone already was deleted."""
    try:
        await deletion
    except AwsError as error:
        if error.code != "NotFoundException":
            raise


def tags(call: ResourceCall, props: dict[str, Any]) -> dict[str, str]:
    return {**call.tags, **plain_tags(props)}


def plain_tags(props: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: str(tag.get("Value", "")) for tag in props.get("Tags") or []}


async def retag(call: ResourceCall, path: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Brings the template's own tags of the resource at `path` from old to new."""
    arn = f"arn:aws:apigateway:{call.region}::{path}"
    had, wanted = plain_tags(old), plain_tags(new)
    if missing := [key for key in had if key not in wanted]:
        await call("apigateway", "UntagResource", {"resourceArn": arn, "tagKeys": missing})
    if wanted and wanted != had:
        await call("apigateway", "TagResource", {"resourceArn": arn, "tags": wanted})


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": text(value)}


def text(value: Any) -> str:
    """As patch operations spell values."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def changed(old: dict[str, Any], new: dict[str, Any], names: dict[str, str]) -> list[dict[str, Any]]:
    """Patches for the simple properties that differ, by the path of each."""
    return [
        replace(path, new.get(name, "")) for name, path in names.items() if old.get(name) != new.get(name)
    ]


def escaped(part: str) -> str:
    return part.replace("~", "~0").replace("/", "~1")


def lower_first(given: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Properties under their names in the API: `StatusCode` as `statusCode`."""
    return {name[0].lower() + name[1:]: given[name] for name in names if given.get(name) is not None}


def json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


async def read(body: Any) -> bytes:
    """The whole of a GetObject's body."""
    if isinstance(body, FileBody):
        with open(body.path, "rb") as file:
            file.seek(body.offset)
            return file.read(body.length)
    if isinstance(body, bytes):
        return body
    return b"".join([chunk async for chunk in body])
