"""JSON and CBOR bodies, and what is said where a value is not of its member's type.

The texts are those that AWS's common framework gives (DynamoDB, SQS, Kinesis, Logs ...).
"""

from __future__ import annotations

import binascii
import math
from typing import Any

import msgspec

from fogbank.wire.runtime.malformed import Malformed

__all__ = [
    "big_out",
    "blob_of",
    "cbor_blob",
    "cbor_decode",
    "cbor_encode",
    "cbor_time",
    "float_out",
    "json_any",
    "json_decode",
    "json_encode",
    "json_text",
    "text_json",
    "to_boolean",
    "to_float",
    "to_integer",
    "to_list",
    "to_map",
    "to_string",
    "to_structure",
]

json_encode = msgspec.json.encode


def json_decode(body: bytes) -> Any:
    """The body's object. An empty body is an empty object, as every client that sends no members relies on."""
    if not body:
        return {}
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("") from None
    if type(value) is not dict:
        raise Malformed("Start of list found where not expected" if type(value) is list else "")
    return value


def json_any(body: bytes) -> Any:
    """A body that may be any JSON value (a document, a list)."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Malformed("") from None


def json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def text_json(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise Malformed("") from None


def _token(value: Any) -> str:
    if value is True:
        return "TRUE_VALUE"
    if value is False:
        return "FALSE_VALUE"
    return "STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE"


def _refuse(value: Any, wanted: str) -> Malformed:
    if isinstance(value, dict):
        return Malformed("Start of structure or map found where not expected")
    if isinstance(value, list):
        return Malformed(f"Unrecognized collection type class java.lang.{wanted}")
    return Malformed(f"{_token(value)} cannot be converted to {wanted}")


def to_string(value: Any) -> str:
    raise _refuse(value, "String")


def to_integer(value: Any) -> int:
    """Integers; a number with a fraction loses it, as AWS truncates it."""
    if type(value) is float and math.isfinite(value):
        return int(value)
    raise _refuse(value, "Integer")


def to_float(value: Any) -> float:
    if type(value) is int:
        try:
            return float(value)
        except OverflowError:
            raise _refuse(value, "Double") from None
    if value == "NaN" or value == "Infinity" or value == "-Infinity":
        return float(value)
    raise _refuse(value, "Double")


def to_boolean(value: Any) -> bool:
    if isinstance(value, str):
        raise Malformed("Unexpected token received from parser")
    raise _refuse(value, "Boolean")


def to_list(value: Any) -> list[Any]:
    raise Malformed(
        "Start of structure or map found where not expected" if isinstance(value, dict) else "Unexpected field type"
    )


def to_map(value: Any) -> dict[str, Any]:
    if isinstance(value, list):
        raise Malformed("Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>")
    raise Malformed("Unexpected field type")


def to_structure(value: Any) -> dict[str, Any]:
    raise Malformed("Start of list found where not expected" if isinstance(value, list) else "Unexpected field type")


def blob_of(value: Any) -> bytes:
    """A blob in base64. White space within is tolerated, anything else foreign is not."""
    if type(value) is not str:
        raise Malformed("only base64-encoded data is expected")
    try:
        return binascii.a2b_base64(value.encode("ascii"), strict_mode=True)
    except (ValueError, UnicodeEncodeError):
        pass
    text = "".join(value.split())
    try:
        return binascii.a2b_base64(text.encode("ascii"), strict_mode=True)
    except (ValueError, UnicodeEncodeError):
        pass
    if len(text) % 4:
        raise Malformed(
            f'"{text[:256]}" can not be converted to a Blob: Base64 encoded length is expected a multiple of 4 bytes '
            f"but found: {len(text)}"
        )
    raise Malformed(f'"{text[:256]}" can not be converted to a Blob: Invalid Base64 character detected')


def float_out(value: float) -> float | str:
    if value - value == 0:
        return value
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def big_out(value: int) -> Any:
    """An integer beyond 64 bits, as JSON text: the encoder's own range ends there."""
    return value if -(1 << 63) <= value < (1 << 64) else msgspec.Raw(str(value).encode())


def cbor_decode(body: bytes) -> Any:
    if not body:
        return {}
    import cbor2  # 16 ms: for those who speak it

    try:
        value = cbor2.loads(body)
    except (cbor2.CBORError, ValueError, TypeError, RecursionError, MemoryError, OverflowError):
        raise Malformed("") from None
    if type(value) is not dict:
        raise Malformed("")
    return value


def cbor_blob(value: Any) -> bytes:
    if type(value) is bytes:
        return value
    raise Malformed("only byte string data is expected")


def cbor_time(value: float) -> Any:
    from cbor2 import CBORTag

    whole = int(value)
    return CBORTag(1, whole if whole == value else float(round(value, 3)))


def cbor_encode(value: Any) -> bytes:
    from cbor2 import dumps

    return dumps(value)
