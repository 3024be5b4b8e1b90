"""multipart/form-data read as it arrives: small fields first, then the file as a stream. RFC 7578."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from fogbank.api import BodyStream
from fogbank.services.s3.errors import precondition_failed, s3_error

MAX_FIELDS_BYTES = 20 * 1024
"""What may stand before the file's content. AWS's limit."""
_NAME = re.compile(r'(?:^|;)\s*name\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', re.IGNORECASE)
_FILENAME = re.compile(r'(?:^|;)\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]+))', re.IGNORECASE)
_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^;\s]{1,200}))', re.IGNORECASE)


class Form:
    """The fields before the file, by lower-case name, and the file: first `read_fields`, then iterate `content`."""

    def __init__(self, content_type: str, body: BodyStream | bytes) -> None:
        """Raises PreconditionFailed where the type is not multipart/form-data."""
        boundary = _BOUNDARY.search(content_type)
        if not content_type.lower().startswith("multipart/form-data") or boundary is None:
            raise precondition_failed("Bucket POST must be of the enclosure-type multipart/form-data")
        self._mark = b"\r\n--" + (boundary[1] or boundary[2]).encode()
        self._source = _chunks(body)
        # The first mark has no line end before it.
        self._buffer = b"\r\n"
        self.fields: dict[str, str] = {}
        self.filename = ""
        self.has_file = False

    async def read_fields(self) -> None:
        """Reads up to the file's content. Raises MalformedPOSTRequest, MaxPostPreDataLengthExceeded."""
        budget = MAX_FIELDS_BYTES
        preamble = await self._until(self._mark, budget)
        budget -= len(preamble)
        while not self.has_file:
            if await self._closed():
                return
            head = await self._until(b"\r\n\r\n", budget)
            disposition = _disposition(head)
            name, filename = _NAME.search(disposition), _FILENAME.search(disposition)
            if name is None:
                raise s3_error("MalformedPOSTRequest")
            field = _text(name).lower()
            if field == "file":
                self.has_file = True
                self.filename = re.split(r"[/\\]", _text(filename))[-1] if filename else ""
                return
            value = await self._until(self._mark, budget)
            budget -= len(head) + len(value)
            if budget < 0:
                raise s3_error("MaxPostPreDataLengthExceeded")
            self.fields.setdefault(field, value.decode(errors="replace"))

    async def content(self) -> AsyncIterator[bytes]:
        """The file's bytes. What follows the file is not looked at. Raises IncompleteBody."""
        keep = len(self._mark) - 1
        while True:
            cut = self._buffer.find(self._mark)
            if cut >= 0:
                if cut:
                    yield self._buffer[:cut]
                break
            if len(self._buffer) > keep:
                ready = len(self._buffer) - keep
                yield self._buffer[:ready]
                self._buffer = self._buffer[ready:]
            if not await self._more():
                raise s3_error("IncompleteBody")
        async for _ in self._source:
            pass

    async def _closed(self) -> bool:
        """After a mark: whether it was the last one."""
        while len(self._buffer) < 2:
            if not await self._more():
                raise s3_error("MalformedPOSTRequest")
        return self._buffer.startswith(b"--")

    async def _until(self, mark: bytes, budget: int) -> bytes:
        """What stands before `mark`, which is taken out as well."""
        start = 0
        while (cut := self._buffer.find(mark, start)) < 0:
            if len(self._buffer) > budget + len(mark):
                raise s3_error("MaxPostPreDataLengthExceeded")
            start = max(len(self._buffer) - len(mark) + 1, 0)
            if not await self._more():
                raise s3_error("MalformedPOSTRequest")
        found, self._buffer = self._buffer[:cut], self._buffer[cut + len(mark) :]
        return found

    async def _more(self) -> bool:
        try:
            self._buffer += await anext(self._source)
        except StopAsyncIteration:
            return False
        return True


async def _chunks(body: BodyStream | bytes) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for chunk in body:
        yield chunk


def _disposition(head: bytes) -> str:
    for line in head.decode(errors="replace").split("\r\n"):
        name, _, value = line.partition(":")
        if name.strip().lower() == "content-disposition":
            return value
    raise s3_error("MalformedPOSTRequest")


def _text(match: re.Match[str]) -> str:
    """A quoted value: only the quote itself is escaped, since browsers leave backslashes as they are."""
    return match[1].replace('\\"', '"') if match[1] is not None else match[2]
