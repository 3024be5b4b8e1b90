"""The head of a response, refusing what would let a header's value become another header or another response."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from http import HTTPStatus

from fogbank.wire.messages import FileBody, Response

_LINES = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++: [^\x00-\x08\x0a-\x1f\x7f]*+\r\n)*+")
_OURS = frozenset(
    ("connection", "content-length", "date", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding")
)
"""Headers that belong to the connection: what a handler says of them is dropped."""
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
BODILESS = frozenset((204, 205, 304))

CHUNKED = -1
NO_LENGTH = -2
"""A body that ends with the connection, or that does not exist."""


class UnsafeHeader(ValueError):
    """A response header that HTTP cannot carry."""


def head(response: Response, length: int, close: bool, date: str) -> bytes:
    """Status line and headers. `length` of the body in bytes, `CHUNKED`, or `NO_LENGTH`. Raises UnsafeHeader."""
    rows = [f"{name}: {value}\r\n" for name, value in response.headers if name.lower() not in _OURS]
    lines = "".join(rows)
    if lines.count("\n") != len(rows) or not _LINES.fullmatch(lines):
        raise UnsafeHeader("response header with a forbidden character")
    framing = ""
    if length >= 0:
        framing = f"content-length: {length}\r\n"
    elif length == CHUNKED:
        framing = "transfer-encoding: chunked\r\n"
    ending = "connection: close\r\n\r\n" if close else "\r\n"
    text = f"{_status_line(response.status)}{lines}date: {date}\r\n{framing}{ending}"
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8")


def length_of(response: Response, method: str, version: int) -> int:
    """How long the body is said to be, for `head`."""
    status, body = response.status, response.body
    if status < 200 or status in BODILESS:
        return NO_LENGTH
    if method == "HEAD":
        stated = _stated(response)
        if stated is not None:
            return stated
    if isinstance(body, bytes):
        return len(body)
    if isinstance(body, FileBody):
        return body.length
    stated = _stated(response)
    if stated is not None:
        return stated
    return CHUNKED if version and method != "HEAD" else NO_LENGTH


def _stated(response: Response) -> int | None:
    for name, value in response.headers:
        if name.lower() == "content-length" and value.isdecimal() and value.isascii():
            return int(value)
    return None


@lru_cache(256)
def _status_line(status: int) -> str:
    try:
        reason = HTTPStatus(status).phrase
    except ValueError:
        reason = "Unknown"
    return f"HTTP/1.1 {status:03d} {reason}\r\n"


def _imf_date(second: int) -> str:
    """RFC 9110's `Sun, 06 Nov 1994 08:49:37 GMT`, in no locale's words."""
    t = time.gmtime(second)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    return f"{day}, {t.tm_mday:02d} {month} {t.tm_year} {t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} GMT"


class Dates:
    """The Date header, made once a second."""

    __slots__ = ("_second", "_text")

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def at(self, now: float) -> str:
        second = int(now)
        if second != self._second:
            self._second = second
            self._text = _imf_date(second)
        return self._text
