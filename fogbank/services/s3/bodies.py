"""Stored bodies: taken in as they arrive, read back by span, shared by copies, and given up when nobody uses them.

Nothing here holds more of a body than a few pieces of `PIECE` bytes, whatever its size.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from fogbank.api import AwsError, BodyStream, Context, FileBody
from fogbank.kit import ids
from fogbank.services.s3 import s3
from fogbank.services.s3.errors import s3_error
from fogbank.services.s3.records import Inline, Manifest, Segment, Shared, Stored, UploadedPart
from fogbank.services.s3.rules import checksums
from fogbank.services.s3.rules.ranges import Span

PIECE = 1 << 20
"""Bytes that are hashed and written in one go."""
INLINE = 32 * 1024
"""Bodies up to this size are kept in the transaction itself: one synced commit instead of a file of their own."""
MAX_UPLOAD = 5 << 30
"""Bytes of one PutObject or UploadPart. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
_GRACE = 300.0
"""Seconds for which a body without users stays: whoever is reading it can finish."""


@dataclass(slots=True)
class Taken:
    """A body that has arrived: where it is, and what it hashed to."""

    size: int
    md5: bytes
    sums: dict[str, str]
    """Base64 checksums by algorithm."""
    blob: str = ""
    """`blob:ID` once written to a file."""
    data: bytes = b""
    """The bytes themselves, where there are few."""

    @property
    def etag(self) -> str:
        return self.md5.hex()


class Digest:
    """MD5 and checksums of a body, fed piece by piece."""

    def __init__(self, algorithms: Iterable[str]) -> None:
        self._hashes = {name: checksums.new_hash(name) for name in ("MD5", *algorithms)}
        self.size = 0

    def update(self, data: bytes) -> None:
        self.size += len(data)
        for hash_ in self._hashes.values():
            hash_.update(data)

    def taken(self) -> Taken:
        sums = {
            name: base64.b64encode(hash_.digest()).decode() for name, hash_ in self._hashes.items() if name != "MD5"
        }
        return Taken(self.size, self._hashes["MD5"].digest(), sums)


def is_small(body: BodyStream | bytes) -> bool:
    """Whether the body is known to need no file."""
    length = len(body) if isinstance(body, bytes) else body.length
    return length is not None and length <= INLINE


async def take(
    ctx: Context, body: BodyStream | bytes, algorithms: Iterable[str], verify: Callable[[Taken], None]
) -> Taken:
    """Takes in a body, durable unless it is small. `verify` may refuse it, and then nothing of it stays.

    Raises EntityTooLarge, and what `body` and `verify` raise.
    """
    digest = Digest(algorithms)
    pieces = _pieces(body)
    first = await anext(pieces, b"")
    if len(first) <= INLINE:
        digest.update(first)
        taken = digest.taken()
        taken.data = first
        verify(taken)
        return taken
    blob = await ctx.blobs.write(_hashed(first, pieces, digest))
    taken = digest.taken()
    taken.blob = f"blob:{blob.id}"
    try:
        verify(taken)
    except AwsError:
        await discard(ctx, taken)
        raise
    return taken


async def discard(ctx: Context, taken: Taken) -> None:
    """Removes a body that was taken in and then not wanted."""
    if taken.blob:
        await ctx.blobs.delete(taken.blob.removeprefix("blob:"))


def keep(ctx: Context, taken: Taken) -> str:
    """The name under which the body is kept, with this transaction."""
    if taken.blob or not taken.size:
        return taken.blob
    name = ids.hex_id(ctx.random, 32)
    ctx.tx.insert(Inline(id=name, data=taken.data))
    return f"inline:{name}"


async def _pieces(body: BodyStream | bytes) -> AsyncIterator[bytes]:
    """The body in pieces of PIECE bytes, the last one shorter. Raises EntityTooLarge."""
    if isinstance(body, bytes):
        for start in range(0, len(body), PIECE):
            yield body[start : start + PIECE]
        return
    _check_size(body.length or 0)
    waiting: list[bytes] = []
    size = total = 0
    async for chunk in body:
        waiting.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            total += size
            _check_size(total)
            yield waiting[0] if len(waiting) == 1 else b"".join(waiting)
            waiting, size = [], 0
    if waiting:
        _check_size(total + size)
        yield waiting[0] if len(waiting) == 1 else b"".join(waiting)


def _check_size(size: int) -> None:
    if size > MAX_UPLOAD:
        raise s3_error("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(MAX_UPLOAD))


async def _hashed(first: bytes, pieces: AsyncIterator[bytes], digest: Digest) -> AsyncIterator[bytes]:
    """Passes the pieces on, each being hashed in a thread while it is written and the next one arrives."""
    loop = asyncio.get_running_loop()
    hashing = loop.run_in_executor(None, digest.update, first)
    yield first
    async for piece in pieces:
        await hashing
        hashing = loop.run_in_executor(None, digest.update, piece)
        yield piece
    await hashing


async def in_thread(work: Callable[[bytes], None], data: bytes) -> None:
    """Runs `work(data)` without holding up the loop; little of it right here."""
    if len(data) <= INLINE:
        work(data)
    else:
        await asyncio.get_running_loop().run_in_executor(None, work, data)


# Reading.


def segments(ctx: Context, body: str, size: int) -> list[Segment]:
    """The stored bytes behind a body's name, in order."""
    if not body:
        return []
    if not body.startswith("parts:"):
        return [Segment(body, 0, size)]
    manifest = ctx.tx.get(Manifest, body.removeprefix("parts:"))
    if manifest is None:
        raise RuntimeError(f"no manifest for {body}")
    return [segment for part in manifest.parts for segment in part.segments]


def cut(found: Iterable[Segment], span: Span) -> list[Segment]:
    """The segments, and the parts of them, that hold `span` of the whole."""
    result: list[Segment] = []
    start, end = span.offset, span.offset + span.length
    at = 0
    for segment in found:
        low, high = max(start, at), min(end, at + segment.size)
        if low < high:
            result.append(Segment(segment.body, segment.offset + low - at, high - low))
        at += segment.size
    return result


def open_span(ctx: Context, stored: Stored, span: Span) -> bytes | FileBody | AsyncIterator[bytes]:
    """Those bytes of an object, as a response body."""
    wanted = cut(segments(ctx, stored.body, stored.size), span)
    sources = [_source(ctx, segment) for segment in wanted]
    if not sources:
        return b""
    return sources[0] if len(sources) == 1 else _chain(sources)


def _source(ctx: Context, segment: Segment) -> bytes | FileBody:
    kind, _, name = segment.body.partition(":")
    if kind == "inline":
        inline = ctx.tx.get(Inline, name)
        if inline is None:
            raise RuntimeError(f"no bytes for {segment.body}")
        return inline.data[segment.offset : segment.offset + segment.size]
    return FileBody(Path(ctx.blobs.path(name)), segment.offset, segment.size)


async def _chain(sources: list[bytes | FileBody]) -> AsyncIterator[bytes]:
    for source in sources:
        async for piece in read(source):
            yield piece


async def read(source: bytes | FileBody | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A response body's bytes in pieces."""
    if isinstance(source, bytes):
        yield source
        return
    if not isinstance(source, FileBody):
        async for chunk in source:
            yield chunk
        return
    loop = asyncio.get_running_loop()
    with await loop.run_in_executor(None, _open, source.path) as file:
        file.seek(source.offset)
        left = source.length
        while left:
            data = await loop.run_in_executor(None, file.read, min(left, PIECE))
            if not data:
                raise RuntimeError(f"{source.path.name} is shorter than its record says")
            left -= len(data)
            yield data


def _open(path: Path) -> BinaryIO:
    return path.open("rb", buffering=0)


# Users of a body.


def share(ctx: Context, body: str) -> None:
    """One more user of a body."""
    if body:
        shared = ctx.tx.get(Shared, body)
        ctx.tx.put(Shared(body=body, more=(shared.more if shared else 0) + 1))


def release(ctx: Context, body: str) -> None:
    """One user less; with the last one the body goes, a file after a while, by a task."""
    if not body:
        return
    shared = ctx.tx.get(Shared, body)
    if shared is not None:
        if shared.more > 1:
            ctx.tx.put(Shared(body=body, more=shared.more - 1))
        else:
            ctx.tx.delete(Shared, body)
        return
    kind, _, name = body.partition(":")
    if kind == "inline":
        ctx.tx.delete(Inline, name)
    elif kind == "blob":
        ctx.schedule("s3.delete-blob", {"blob": name}, delay=_GRACE, key=name)
    else:
        manifest = ctx.tx.get(Manifest, name)
        for part in manifest.parts if manifest else ():
            release_segments(ctx, part.segments)
        ctx.tx.delete(Manifest, name)


def release_segments(ctx: Context, released: Iterable[Segment]) -> None:
    for segment in released:
        release(ctx, segment.body)


def drop_part(ctx: Context, part: UploadedPart) -> None:
    """Removes an uploaded part that becomes part of nothing."""
    ctx.tx.delete(UploadedPart, part.upload_id, part.number)
    release_segments(ctx, part.segments)


@s3.task("s3.delete-blob")
async def delete_blob(ctx: Context, payload: dict[str, str]) -> None:
    await ctx.blobs.delete(payload["blob"])
