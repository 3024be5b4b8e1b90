"""Tags of buckets and objects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from fogbank.services.s3.errors import invalid_argument, s3_error

_ALLOWED = re.compile(r"[\w\s.:/=+\-@]*")
_HEADER_FORM = (
    "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name "
    "duplicates."
)


def from_header(text: str) -> dict[str, str]:
    """Object tags of an x-amz-tagging header. Raises InvalidArgument, InvalidTag."""
    tags: dict[str, str] = {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text), max_num_fields=1000)
    except ValueError:
        pairs = []
        if text:
            raise invalid_argument(_HEADER_FORM, "x-amz-tagging", text) from None
    for name, value in pairs:
        if name in tags or "," in value:
            raise invalid_argument(_HEADER_FORM, "x-amz-tagging", text)
        tags[name] = value
    check_object_tags([{"Key": name, "Value": value} for name, value in tags.items()])
    return tags


def check_object_tags(tag_set: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The tags by name. Raises InvalidTag, BadRequest past 10."""
    tags = _check(tag_set)
    if len(tags) > 10:
        raise s3_error("BadRequest", "Object tags cannot be greater than 10")
    for name in tags:
        if name.lower().startswith("aws:"):
            raise s3_error("InvalidTag", "Your TagKey cannot be prefixed with aws:", TagKey=name)
    return tags


def check_bucket_tags(tag_set: Iterable[Mapping[str, Any]], kept: Mapping[str, str], *, system: bool) -> dict[str, str]:
    """The tags by name. `system`: the caller may set `aws:` tags (CloudFormation); others leave those in `kept`."""
    tags = _check(tag_set)
    if len([name for name in tags if not name.startswith("aws:")]) > 50:
        raise s3_error("BadRequest", "Bucket tag count cannot be greater than 50")
    for name, value in tags.items():
        if name.lower().startswith("aws:") and not system and kept.get(name) != value:
            raise s3_error("InvalidTag", "System tags cannot be added/updated by requester", TagKey=name)
    if not system and any(name.startswith("aws:") and name not in tags for name in kept):
        raise s3_error("InvalidTag", "System tags cannot be removed by requester")
    return tags


def check_creation_tags(tag_set: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Tags given with CreateBucket. AWS answers duplicates there with an internal error; we say what is wrong."""
    tags = _check(tag_set)
    if any(name.lower().startswith("aws:") for name in tags):
        raise s3_error(
            "InvalidTag",
            'User-defined tag keys can\'t start with "aws:". This prefix is reserved for system tags. '
            'Remove "aws:" from your tag keys and try again.',
        )
    return tags


def as_tag_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def _check(tag_set: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in tag_set:
        name, value = tag.get("Key"), tag.get("Value")
        if name is None or value is None:
            raise s3_error("MalformedXML")
        if name in tags:
            raise s3_error("InvalidTag", "Cannot provide multiple Tags with the same key", TagKey=name)
        if not 1 <= len(name) <= 128 or not _ALLOWED.fullmatch(name):
            raise s3_error("InvalidTag", "The TagKey you have provided is invalid", TagKey=name)
        if len(value) > 256 or not _ALLOWED.fullmatch(value):
            raise s3_error("InvalidTag", "The TagValue you have provided is invalid", TagKey=name, TagValue=value)
        tags[name] = value
    return tags
