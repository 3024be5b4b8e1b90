"""The head of an HTTP/1.1 request, read by the grammar of RFC 9112 and nothing more lenient.

Two parsers that disagree about where a request ends are what request smuggling is made of, so whatever the grammar does
not name is refused: bare CR or LF, folded lines, blanks before a colon, a length that is stated twice, or by both
`Content-Length` and `Transfer-Encoding`, and any coding but `chunked`. One expression matches the whole head: it costs
no more than a native tokenizer with a callback for each header, and hides nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from fogbank.gateway.limits import Limits
from fogbank.wire.messages import Request

END = b"\r\n\r\n"
CHUNKED = -1
"""`Framing.length` of a chunked body."""

_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]"
_HEAD = re.compile(
    rb"(" + _TOKEN + rb"{1,32}) ([\x21\x22\x24-\x7e]+) HTTP/1\.([01])\r\n"
    rb"((?:" + _TOKEN + rb"++:[\t\x20-\x7e\x80-\xff]*+\r\n)*+)\r\n"
)
_HEADER = re.compile(rb"([^:]+):[ \t]*(.*)\r\n")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class Refused(Exception):
    """A request that is answered `status` and costs the sender its connection."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Framing(NamedTuple):
    """How the rest of the request is found, and what its sender asks of the connection."""

    length: int
    """Of the body in bytes; `CHUNKED` where only the body itself tells."""
    expects: bool
    """The sender waits for `100 Continue`."""
    keep: bool
    version: int
    """The minor version: 0 or 1."""


def parse(head: bytes, limits: Limits, scheme: str, peer: str, origin: str | None) -> tuple[Request, Framing]:
    """Reads a head that ends with `END`. Raises Refused."""
    match = _HEAD.match(head)
    if match is None:
        raise Refused(400, "malformed request")
    method, target, minor, lines = match.groups()
    if len(target) + 16 > limits.request_line:
        raise Refused(414, "request line too long")
    raw: list[tuple[bytes, bytes]] = _HEADER.findall(lines)
    if len(raw) > limits.headers:
        raise Refused(431, "too many headers")
    if b" \r\n" in lines or b"\t\r\n" in lines:
        raw = [(name, value.rstrip(b" \t")) for name, value in raw]
    headers = {_lower(name): value.decode("latin-1") for name, value in raw}
    if len(headers) < len(raw):
        headers = _joined(raw)
    path, _, query = target.decode("ascii").partition("?")
    verb = method.decode("ascii")
    if path[0] != "/":
        path = _path(verb, path, headers)
    version = 1 if minor == b"1" else 0
    host = headers.get("host")
    if host is None:
        if version:
            raise Refused(400, "missing Host header")
    elif not _AUTHORITY.fullmatch(host):
        raise Refused(400, "invalid Host header")
    request = Request(verb, path, query, headers, b"", raw, scheme, peer, origin)
    return request, _framing(headers, version)


def incomplete(data: bytes | bytearray, limits: Limits) -> None:
    """Refuses the beginning of a head that can no longer become a good one."""
    if len(data) > limits.head:
        raise Refused(431, "headers too large")
    if b"\r\n" not in data and len(data) > limits.request_line:
        raise Refused(414, "request line too long")
    if _BARE_LF.search(data):
        raise Refused(400, "malformed request")


def _framing(headers: dict[str, str], version: int) -> Framing:
    length = 0
    stated = headers.get("content-length")
    coding = headers.get("transfer-encoding")
    if coding is not None:
        if stated is not None or not version:
            raise Refused(400, "ambiguous message length")
        if coding.lower() != "chunked":
            raise Refused(501, "transfer coding not supported")
        length = CHUNKED
    elif stated is not None:
        if not _LENGTH.fullmatch(stated):  # also a repeated header, which was joined with a comma
            raise Refused(400, "invalid Content-Length")
        length = int(stated)
    expects = False
    expect = headers.get("expect")
    if expect is not None and version:
        if expect.lower() != "100-continue":
            raise Refused(417, "expectation not supported")
        expects = length != 0
    keep = version == 1
    connection = headers.get("connection")
    if connection is not None and "close" in connection.lower():
        keep = False
    return Framing(length, expects, keep, version)


def _path(method: str, target: str, headers: dict[str, str]) -> str:
    """The path of a target in absolute form (a client that takes us for a proxy), or `*`; of CONNECT the `name:port`."""
    if method == "CONNECT":
        if not _AUTHORITY.fullmatch(target):
            raise Refused(400, "invalid request target")
        headers.setdefault("host", target)
        return target
    if target == "*" and method == "OPTIONS":
        return target
    scheme, _, rest = target.partition("://")
    authority, slash, path = rest.partition("/")
    if scheme.lower() not in ("http", "https") or not authority:
        raise Refused(400, "invalid request target")
    if headers.setdefault("host", authority) != authority:
        raise Refused(400, "Host header and request target differ")
    return slash + path if slash else "/"


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key = _lower(name)
        text = value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


@lru_cache(1024)
def _lower(name: bytes) -> str:
    return name.decode("ascii").lower()
