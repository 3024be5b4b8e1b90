"""Streamed bodies that carry their own proof: `aws-chunked` framing with its signatures and trailers, and whole hashes.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html. Data is handed
on as it arrives and each chunk is proved at its end, so a reader must not act on what it read before the end: a broken
promise raises there.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Callable

from fogbank.gateway import bodies, refusals
from fogbank.gateway.bodies import GatheredBody, read_all
from fogbank.gateway.claims import STREAMING, SignedRequest
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import BodyStream, Request

_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,12})(?:;chunk-signature=([0-9a-f]{1,256}))?")
_TRAILER = re.compile(r"([A-Za-z0-9-]{1,128}) *: *([\x21-\x7e][\x20-\x7e]{0,1023})")
_LINE_LIMIT = 2048
_LEAST = 8192
"""Bytes in every chunk but the last; smaller ones would make reading dear."""
_TRAILER_LIMIT = 16
_EMPTY = hashlib.sha256(b"").hexdigest()
_SIGNATURE_TRAILER = "x-amz-trailer-signature"


def decoded(request: Request, signed: SignedRequest | None) -> BodyStream:
    """The body as its sender meant it, proved as it is read. `signed` has been verified; None for anonymous requests.

    The stream's `trailers` hold the trailing headers (lower-case names) after its end. Raises AwsError where the
    headers already contradict each other.
    """
    body = request.body
    stream: BodyStream = GatheredBody(body) if isinstance(body, bytes) else body
    promise = request.headers.get("x-amz-content-sha256", signed.payload if signed else "")
    if promise.startswith(STREAMING):
        return ChunkedBody(stream, request, signed, promise)
    if len(promise) == 64 and not isinstance(body, bytes):
        return HashedBody(stream, promise)
    return stream


class HashedBody:
    """A body whose SHA-256 was signed beforehand."""

    __slots__ = ("_promise", "_stream", "length", "trailers")

    def __init__(self, stream: BodyStream, promise: str) -> None:
        self.length = stream.length
        self.trailers: dict[str, str] = {}
        self._stream = stream
        self._promise = promise

    async def __aiter__(self) -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        async for piece in self._stream:
            digest.update(piece)
            yield piece
        computed = digest.hexdigest()
        if not hmac.compare_digest(computed, self._promise):
            raise refusals.payload_mismatch(self._promise, computed)

    async def read(self, limit: int) -> bytes:
        return await read_all(self, limit)


class ChunkedBody:
    """The payload inside `aws-chunked` framing. `length` is that of the payload."""

    __slots__ = ("_at", "_buffer", "_declared", "_proof", "_source", "_trailing", "length", "trailers")

    def __init__(self, stream: BodyStream, request: Request, signed: SignedRequest | None, promise: str) -> None:
        self.length: int | None = _decoded_length(request)
        self.trailers: dict[str, str] = {}
        self._source = stream
        self._buffer = b""
        self._at = 0
        self._trailing = promise.endswith("-TRAILER")
        declared = request.headers.get("x-amz-trailer", "").lower()
        self._declared = {name.strip() for name in declared.split(",") if name.strip()}
        self._proof: _Proof | None = None
        if promise.startswith("STREAMING-AWS4-HMAC-SHA256-PAYLOAD"):
            if signed is None or signed.matches is None:
                raise refusals.missing("s3")
            self._proof = _Proof(signed, signed.matches)
        elif promise != "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
            raise AwsError(
                "NotImplemented", "A header you provided implies functionality that is not implemented", status=501,
                Header="x-amz-content-sha256",
            )

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Raises AwsError: SignatureDoesNotMatch, IncompleteBody, MalformedTrailerError."""
        source = aiter(self._source)
        expected, seen, number, before = self.length or 0, 0, 0, _LEAST
        while True:
            size, signature = self._chunk_head(await self._line(source))
            if size and before < _LEAST:
                raise _small_chunk(number, before)
            seen, number, before = seen + size, number + 1, size
            if seen > expected:
                raise bodies.incomplete()
            digest = hashlib.sha256() if self._proof else None
            missing = size
            while missing:
                piece = await self._some(source, missing)
                missing -= len(piece)
                if digest is not None:
                    digest.update(piece)
                yield piece
            if self._proof and digest is not None:
                self._proof.chunk(digest.hexdigest(), signature)
            if not size:
                break
            if await self._line(source):
                raise bodies.incomplete()
        if self._trailing:
            await self._trailers(source)
        await self._end(source)
        if seen != expected:
            raise bodies.incomplete()

    async def read(self, limit: int) -> bytes:
        return await read_all(self, limit)

    def _chunk_head(self, line: bytes) -> tuple[int, str]:
        match = _CHUNK.fullmatch(line)
        if match is None or (self._proof is not None) != (match[2] is not None):
            raise bodies.incomplete()
        return int(match[1], 16), (match[2] or b"").decode()

    async def _trailers(self, source: AsyncIterator[bytes]) -> None:
        lines = ""
        signature = ""
        while line := (await self._line(source, may_end=bool(self.trailers))).decode("latin-1").strip():
            match = _TRAILER.fullmatch(line)
            if match is None or signature or len(self.trailers) >= _TRAILER_LIMIT:
                raise _malformed_trailer()
            name, value = match[1].lower(), match[2].strip()
            if name == _SIGNATURE_TRAILER:
                signature = value
                continue
            if name in self.trailers or name not in self._declared:
                raise _malformed_trailer()
            self.trailers[name] = value
            lines += f"{name}:{value}\n"
        if self._declared - self.trailers.keys():
            raise _malformed_trailer()
        if self._proof is not None:
            self._proof.trailer(hashlib.sha256(lines.encode("latin-1")).hexdigest(), signature)

    # The source, read through a buffer of which everything before `_at` is used up.

    async def _line(self, source: AsyncIterator[bytes], may_end: bool = False) -> bytes:
        """The next line without its CRLF. Where the body `may_end`, its end reads as an empty line."""
        while (cut := self._buffer.find(b"\r\n", self._at)) < 0:
            rest = self._buffer[self._at :]
            piece = await anext(source, b"") if len(rest) <= _LINE_LIMIT else b""
            if not piece:
                if may_end and not rest:
                    return b""
                raise bodies.incomplete()
            self._buffer, self._at = rest + piece, 0
        line = self._buffer[self._at : min(cut, self._at + _LINE_LIMIT)]
        self._at = cut + 2
        return line

    async def _some(self, source: AsyncIterator[bytes], most: int) -> bytes:
        if self._at >= len(self._buffer):
            self._buffer, self._at = await anext(source, b""), 0
            if not self._buffer:
                raise bodies.incomplete()
        data = self._buffer[self._at : self._at + most]
        self._at += len(data)
        return data

    async def _end(self, source: AsyncIterator[bytes]) -> None:
        """At most the empty line that closes the framing may follow."""
        rest = self._buffer[self._at :]
        async for piece in source:
            rest += piece
            if len(rest) > 2:
                break
        if rest not in (b"", b"\r\n"):
            raise bodies.incomplete()


class _Proof:
    """The chain of chunk signatures: each covers the one before it, the first the request's own."""

    __slots__ = ("_key", "_matches", "_previous", "_scope", "_timestamp")

    def __init__(self, signed: SignedRequest, matches: Callable[[str, str], bool]) -> None:
        self._matches = matches
        self._previous = signed.signature
        self._timestamp = signed.timestamp
        self._scope = signed.scope
        self._key = signed.access_key

    def chunk(self, digest: str, signature: str) -> None:
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY}\n{digest}", signature)

    def trailer(self, digest: str, signature: str) -> None:
        self._check("AWS4-HMAC-SHA256-TRAILER", digest, signature)

    def _check(self, kind: str, digests: str, signature: str) -> None:
        text = f"{kind}\n{self._timestamp}\n{self._scope}\n{self._previous}\n{digests}"
        if not self._matches(text, signature):
            raise refusals.s3_mismatch(self._key, signature, text)
        self._previous = signature


def _decoded_length(request: Request) -> int:
    stated = request.headers.get("x-amz-decoded-content-length")
    if stated is None:
        raise AwsError("MissingContentLength", "You must provide the Content-Length HTTP header.", status=411)
    if not re.fullmatch("[0-9]{1,15}", stated):
        raise AwsError(
            "InvalidArgument", "x-amz-decoded-content-length must be a number", status=400,
            ArgumentName="x-amz-decoded-content-length", ArgumentValue=stated[:64],
        )
    return int(stated)


def _small_chunk(number: int, size: int) -> AwsError:
    return AwsError(
        "InvalidChunkSizeError", f"Only the last chunk is allowed to have a size less than {_LEAST} bytes", status=403,
        Chunk=str(number), BadChunkSize=str(size),
    )


def _malformed_trailer() -> AwsError:
    return AwsError(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
        status=400,
    )
