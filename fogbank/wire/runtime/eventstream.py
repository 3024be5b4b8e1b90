"""The `application/vnd.amazon.eventstream` encoding: frames with typed headers and two checksums."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Callable
from typing import Any
from zlib import crc32

from fogbank.kit.errors import AwsError
from fogbank.wire.runtime.jsontypes import json_encode

__all__ = ["event_frame", "event_stream", "exception_frame"]

Header = tuple[str, Any]
Encoder = Callable[[dict[str, Any]], bytes]


def event_frame(headers: list[Header], payload: bytes) -> bytes:
    """One message: prelude, its CRC, headers, payload, CRC of all. A header value is str, bytes, bool, int or float
    (a timestamp, sent in milliseconds)."""
    encoded = b"".join(_header(name, value) for name, value in headers if value is not None)
    prelude = struct.pack("!II", len(encoded) + len(payload) + 16, len(encoded))
    head = prelude + struct.pack("!I", crc32(prelude)) + encoded + payload
    return head + struct.pack("!I", crc32(head))


def _header(name: str, value: Any) -> bytes:
    raw = name.encode()
    start = bytes((len(raw),)) + raw
    if value is True:
        return start + b"\x00"
    if value is False:
        return start + b"\x01"
    if isinstance(value, int):
        return start + (
            b"\x04" + struct.pack("!i", value) if -(1 << 31) <= value < 1 << 31 else b"\x05" + struct.pack("!q", value)
        )
    if isinstance(value, float):
        return start + b"\x08" + struct.pack("!q", round(value * 1000))
    if isinstance(value, bytes):
        return start + b"\x06" + struct.pack("!H", len(value)) + value
    text = str(value).encode()
    return start + b"\x07" + struct.pack("!H", len(text)) + text


def exception_frame(code: str, message: str, *, modelled: bool) -> bytes:
    """An error in mid-stream: a member of the event stream (`exception`), or any other (`error`)."""
    if modelled:
        headers = [(":message-type", "exception"), (":exception-type", code), (":content-type", "application/json")]
        return event_frame(headers, json_encode({"message": message}))
    return event_frame([(":message-type", "error"), (":error-code", code), (":error-message", message)], b"")


async def event_stream(
    events: AsyncIterator[dict[str, Any]], encoders: dict[str, Encoder], errors: frozenset[str], first: bytes = b""
) -> AsyncIterator[bytes]:
    """The frames of `events`, one-member dicts by event name. `first` is sent before all (the initial response).

    An AwsError that the iterator raises ends the stream with the frame that clients raise as that error.
    """
    if first:
        yield first
    try:
        async for event in events:
            for name, value in event.items():
                if value is not None:
                    yield encoders[name](value)
    except AwsError as error:
        member = error.code[:1].lower() + error.code[1:]
        known = error.code if error.code in errors else member if member in errors else None
        yield exception_frame(known or error.code, error.message, modelled=known is not None)
