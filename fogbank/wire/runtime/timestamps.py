"""The model's three timestamp formats, to and from epoch seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from time import gmtime
from typing import Any

from fogbank.wire.runtime.malformed import Malformed

__all__ = ["epoch_of", "epoch_of_text", "epoch_out", "http_date_out", "iso_millis_out", "iso_out"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MOST = 253402300799  # the end of year 9999, the last that all three formats can say
_LEAST = -62135596800


def epoch_of(value: Any) -> float:
    """A timestamp in JSON or CBOR: a number, or a text in any format."""
    if type(value) is float or type(value) is int:
        if _LEAST <= value <= _MOST:
            return float(value)
        raise Malformed("Timestamp is out of range")
    if isinstance(value, str):
        return epoch_of_text(value)
    if isinstance(value, datetime):  # CBOR's tag 1
        return value.timestamp()
    raise Malformed("Unable to parse timestamp")


def epoch_of_text(text: str) -> float:
    """ISO 8601, RFC 822 or epoch seconds, whichever it is: AWS reads them all."""
    text = text.strip()
    try:
        if text[4:5] == "-" or text[8:9] == "T":
            moment = datetime.fromisoformat(text)
        elif text[:1].isdigit() or text[:1] == "-":
            return epoch_of(float(text))
        else:
            from email.utils import parsedate_to_datetime  # 10 ms to import, and few clients write dates so

            moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return moment.timestamp()
    except (ValueError, OverflowError, TypeError, IndexError):
        raise Malformed(f"Invalid timestamp: {text[:64]}") from None


def epoch_out(value: float) -> float:
    """Epoch seconds with at most milliseconds; whole ones without a fraction."""
    whole = int(value)
    return whole if whole == value else round(value, 3)


def iso_out(value: float) -> str:
    """`2024-05-01T10:00:00Z`, with milliseconds where there are any."""
    text = iso_millis_out(value)
    return text[:-5] + "Z" if text.endswith(".000Z") else text


def iso_millis_out(value: float) -> str:
    """With milliseconds always, as S3, SNS and CloudFormation write it."""
    return datetime.fromtimestamp(round(value, 3), UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def http_date_out(value: float) -> str:
    """`Wed, 01 May 2024 10:00:00 GMT`."""
    year, month, day, hour, minute, second, weekday, _, _ = gmtime(value)
    return f"{_DAYS[weekday]}, {day:02d} {_MONTHS[month - 1]} {year:04d} {hour:02d}:{minute:02d}:{second:02d} GMT"
