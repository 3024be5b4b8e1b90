"""Reading tar archives that strangers made, as a stream and within bounds.

The standard library's reader takes extended headers of any size into memory and keeps every member it has seen; this
one does neither. It knows what image layers are written in: ustar, pax, and GNU's long names.

https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

BLOCK = 512
MOST_HEADER = 1 << 20
"""Bytes of an extended header: extended attributes, and names."""
Kind = Literal["file", "folder", "symlink", "link", "device", "fifo", "other"]
_KINDS: dict[bytes, Kind] = {
    b"0": "file", b"\0": "file", b"7": "file", b"1": "link", b"2": "symlink", b"3": "device", b"4": "device",
    b"5": "folder", b"6": "fifo",
}


class BadTar(ValueError):
    """The archive is refused; the text says why."""


class Source(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Member:
    name: str
    kind: Kind
    size: int
    mode: int
    modified: float
    link: str


class Tar:
    """Iterate for the members; after each, `read` gives its bytes. Raises BadTar, and what the source raises."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        longer: dict[str, str] = {}
        while True:
            self._skip()
            header = self._source.read(BLOCK)
            if not header or header == bytes(BLOCK):
                return
            _check(header)
            kind, size = header[156:157], _number(header[124:136])
            self._left, self._padding = size, -size % BLOCK
            if kind in (b"x", b"g", b"L", b"K"):
                told = _extended(kind, self._whole())
                if kind != b"g":  # of what holds for all that follows, nothing concerns us
                    longer.update(told)
                continue
            member = _member(header, longer)
            self._left, self._padding = member.size, -member.size % BLOCK
            longer = {}
            yield member

    def read(self, size: int) -> bytes:
        """Up to `size` of the member's bytes that are left; empty at its end. Raises BadTar where the archive ends."""
        wanted = min(size, self._left)
        if not wanted:
            return b""
        data = self._source.read(wanted)
        if not data:
            raise BadTar("the archive ends in the middle of a file")
        self._left -= len(data)
        return data

    def _whole(self) -> bytes:
        if self._left > MOST_HEADER:
            raise BadTar("an extended header is too large")
        pieces = []
        while piece := self.read(MOST_HEADER):
            pieces.append(piece)
        return b"".join(pieces)

    def _skip(self) -> None:
        while self.read(1 << 16):
            pass
        if self._padding and len(self._source.read(self._padding)) != self._padding:
            raise BadTar("the archive ends in the middle of a file")
        self._padding = 0


def _check(header: bytes) -> None:
    if len(header) != BLOCK:
        raise BadTar("the archive ends in the middle of a header")
    sum_ = sum(header) - sum(header[148:156]) + 8 * 32
    if _number(header[148:156]) != sum_:
        raise BadTar("a header's checksum is wrong")


def _member(header: bytes, longer: dict[str, str]) -> Member:
    if any(key.startswith("GNU.sparse") for key in longer) or header[156:157] == b"S":
        raise BadTar("sparse files are not supported")
    name = longer.get("path") or _name(header)
    kind = _KINDS.get(header[156:157], "other")
    if kind == "file" and name.endswith("/"):
        kind = "folder"  # as archives older than ustar say it
    size = _number(header[124:136])
    if "size" in longer:
        if not longer["size"].isdecimal() or len(longer["size"]) > 18:
            raise BadTar("a size is no number")
        size = int(longer["size"])
    if kind not in ("file", "other"):
        size = 0
    link = longer.get("linkpath") or _text(header[157:257])
    return Member(name, kind, size, _number(header[100:108]) & 0o7777, _time(header, longer), link)


def _time(header: bytes, longer: dict[str, str]) -> float:
    try:
        value = float(longer["mtime"]) if "mtime" in longer else float(_number(header[136:148]))
    except ValueError:
        return 0.0
    return value if 0 <= value < 1 << 33 else 0.0


def _name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int:
    """Octal digits, or base 256 with the first bit set. Raises BadTar."""
    if field[0] & 0x80:
        value = int.from_bytes(bytes([field[0] & 0x7F]) + field[1:], "big")
        if value >= 1 << 60:
            raise BadTar("a number is too large, or negative")
        return value
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):
        raise BadTar("a number is not octal")
    return int(digits, 8) if digits else 0


def _extended(kind: bytes, data: bytes) -> dict[str, str]:
    if kind in (b"L", b"K"):
        return {"path" if kind == b"L" else "linkpath": _text(data)}
    found: dict[str, str] = {}
    place = 0
    while place < len(data):
        length_text, space, _ = data[place : place + 20].partition(b" ")
        if not space or not length_text.isdigit() or not 0 < (length := int(length_text)) <= len(data) - place:
            raise BadTar("an extended header is malformed")
        key, equals, value = data[place + len(length_text) + 1 : place + length].partition(b"=")
        if not equals or not value.endswith(b"\n"):
            raise BadTar("an extended header is malformed")
        found[key.decode("utf-8", "replace")] = value[:-1].decode("utf-8", "surrogateescape")
        place += length
    return found
