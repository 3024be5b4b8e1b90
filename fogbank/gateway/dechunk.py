"""The chunked transfer coding of RFC 9112, 7.1, read strictly and piece by piece."""

from __future__ import annotations

import re

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*")
_LINE_LIMIT = 1024
_TRAILER_LIMIT = 8 * 1024


class MalformedChunk(Exception):
    """The body does not follow the coding; where the next request begins can no longer be known."""


class Dechunker:
    """Fed the bytes of a connection from the end of the head on; `done` once the last chunk and trailers are read.

    Chunk extensions and trailers are checked and dropped: nothing here relies on them.
    """

    __slots__ = ("_awaiting", "_line", "_remaining", "_trailers", "done")

    def __init__(self) -> None:
        self.done = False
        self._line = b""
        self._remaining = 0
        self._awaiting = "size"
        self._trailers = 0

    def feed(self, data: bytes) -> tuple[list[bytes], bytes]:
        """The pieces of payload in `data`, and what follows the body once it is `done`. Raises MalformedChunk."""
        pieces: list[bytes] = []
        at = 0
        end = len(data)
        while at < end:
            if self._awaiting == "data":
                piece = data[at : at + self._remaining]
                pieces.append(piece)
                at += len(piece)
                self._remaining -= len(piece)
                if not self._remaining:
                    self._awaiting = "gap"
                continue
            cut = data.find(b"\n", at)
            self._line += data[at : end if cut < 0 else cut + 1]
            if len(self._line) > _LINE_LIMIT:
                raise MalformedChunk("line too long")
            if cut < 0:
                break
            at = cut + 1
            if not self._line.endswith(b"\r\n"):
                raise MalformedChunk("bare line feed")
            line, self._line = self._line[:-2], b""
            self._take(line)
            if self.done:
                return pieces, data[at:]
        return pieces, b""

    def _take(self, line: bytes) -> None:
        if self._awaiting == "gap":
            if line:
                raise MalformedChunk("chunk longer than its size")
            self._awaiting = "size"
        elif self._awaiting == "size":
            match = _SIZE.fullmatch(line)
            if match is None:
                raise MalformedChunk("invalid chunk size")
            self._remaining = int(match[1], 16)
            self._awaiting = "data" if self._remaining else "trailer"
        elif not line:
            self.done = True
        else:
            self._trailers += len(line)
            if self._trailers > _TRAILER_LIMIT or not _TRAILER.fullmatch(line):
                raise MalformedChunk("invalid trailer")
