"""Members that travel in headers and in the query string."""

from __future__ import annotations

import binascii
import re
from hashlib import sha512
from typing import Any
from urllib.parse import unquote_plus

from fogbank.wire.runtime.jsontypes import json_text, text_json
from fogbank.wire.runtime.malformed import Malformed
from fogbank.wire.runtime.timestamps import epoch_of_text

__all__ = [
    "body_text",
    "header_list",
    "header_map",
    "header_quoted",
    "header_text",
    "header_times",
    "host_id",
    "jsonvalue_in",
    "jsonvalue_out",
    "media_type",
    "parse_query",
    "prefixed_headers",
    "text_boolean",
    "text_float",
    "text_integer",
]

_FORBIDDEN = re.compile("[\x00-\x08\x0a-\x1f\x7f]")
_MOST_PARAMETERS = 1000


def parse_query(text: str) -> dict[str, list[str]]:
    """Every parameter's values in order; one without `=` has the empty text."""
    values: dict[str, list[str]] = {}
    if not text:
        return values
    parts = text.split("&", _MOST_PARAMETERS)
    if len(parts) > _MOST_PARAMETERS:
        raise Malformed("")
    for part in parts:
        if part:
            name, _, value = part.partition("=")
            if "%" in part or "+" in part:
                name, value = unquote_plus(name), unquote_plus(value)
            known = values.get(name)
            if known is None:
                values[name] = [value]
            else:
                known.append(value)
    return values


def text_boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered == "true":
        return True
    if lowered == "false":
        return False
    raise Malformed(f"Invalid value '{text[:256]}' for a boolean")


def text_integer(text: str) -> int:
    try:
        if len(text) < 40:
            return int(text)
    except ValueError:
        pass
    raise Malformed(f"Invalid value '{text[:256]}' for an integer")


def text_float(text: str) -> float:
    try:
        return float(text[:400])
    except ValueError:
        raise Malformed(f"Invalid value '{text[:256]}' for a number") from None


def body_text(body: bytes) -> str:
    """A text payload."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Malformed("") from None


def host_id(request_id: str) -> str:
    """S3's second request id, derived from the first."""
    return binascii.b2a_base64(sha512(request_id.encode()).digest()[:56], newline=False).decode()


def header_list(text: str) -> list[str]:
    """A comma-separated header; an element in double quotes may hold commas and escaped quotes (RFC 9110, 5.6)."""
    if not text:
        return []
    if '"' not in text:
        return [part.strip() for part in text.split(",")]
    items: list[str] = []
    position, end = 0, len(text)
    while position <= end:
        while position < end and text[position] in " \t":
            position += 1
        if position < end and text[position] == '"':
            piece, position = _quoted(text, position + 1)
            items.append(piece)
            position = text.find(",", position)
        else:
            comma = text.find(",", position)
            items.append(text[position : comma if comma >= 0 else end].strip())
            position = comma
        if position < 0:
            break
        position += 1
    return items


def _quoted(text: str, position: int) -> tuple[str, int]:
    piece: list[str] = []
    while position < len(text):
        character = text[position]
        if character == "\\" and position + 1 < len(text):
            piece.append(text[position + 1])
            position += 2
        elif character == '"':
            return "".join(piece), position + 1
        else:
            piece.append(character)
            position += 1
    raise Malformed("")


def header_times(text: str) -> list[float]:
    """Timestamps in a list header: an HTTP date has a comma of its own."""
    parts = [part.strip() for part in text.split(",")]
    times = []
    index = 0
    while index < len(parts):
        if len(parts[index]) == 3 and parts[index].isalpha() and index + 1 < len(parts):
            times.append(epoch_of_text(f"{parts[index]}, {parts[index + 1]}"))
            index += 2
        else:
            times.append(epoch_of_text(parts[index]))
            index += 1
    return times


def header_map(headers: dict[str, str], prefix: str) -> dict[str, str]:
    """`x-amz-meta-*` and such, by what follows the prefix."""
    size = len(prefix)
    return {name[size:]: value for name, value in headers.items() if name.startswith(prefix) and len(name) > size}


def header_text(value: Any) -> str:
    """A header's value. Line ends and control characters would forge headers: they become spaces."""
    if value is True:
        return "true"
    if value is False:
        return "false"
    text = value if type(value) is str else str(value)
    return text if _FORBIDDEN.search(text) is None else _FORBIDDEN.sub(" ", text)


def header_quoted(value: str) -> str:
    """One element of a list header."""
    text = header_text(value)
    if "," in text or '"' in text:
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return text


def prefixed_headers(prefix: str, values: dict[str, str]) -> list[tuple[str, str]]:
    return [(header_text(prefix + name), header_text(value)) for name, value in values.items() if value is not None]


def jsonvalue_in(text: str) -> Any:
    try:
        return text_json(binascii.a2b_base64(text.encode()).decode())
    except ValueError:
        raise Malformed("") from None


def jsonvalue_out(value: Any) -> str:
    return binascii.b2a_base64(json_text(value).encode(), newline=False).decode()


def media_type(headers: list[tuple[str, str]], fallback: str) -> None:
    """Adds `content-type` unless a member of the output gave it."""
    for name, _ in headers:
        if name.lower() == "content-type":
            return
    headers.append(("Content-Type", fallback))
