"""`aws-chunked` bodies: the published example, botocore as a sender, every split, and every kind of damage."""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import AsyncIterator, Iterator

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, CrtCrc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.gateway import chunked
from fogbank.gateway.bodies import read_all
from fogbank.gateway.claims import V4, SignedRequest
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY = hashlib.sha256(b"").hexdigest()


class Pieces:
    """A stream that arrives in these pieces."""

    length = None

    def __init__(self, data: bytes, *cuts: int) -> None:
        self._data = data
        self._cuts = sorted(cut % (len(data) + 1) for cut in cuts)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for begin, end in zip([0, *self._cuts], [*self._cuts, len(self._data)], strict=True):
            if begin < end:
                yield self._data[begin:end]

    async def read(self, limit: int) -> bytes:
        return await read_all(self, limit)


class Sender:
    """Frames and signs chunks as the documentation says, written from it and not from our code."""

    def __init__(self) -> None:
        self.key = b"AWS4" + SECRET.encode()
        for part in (b"20130524", b"us-east-1", b"s3", b"aws4_request"):
            self.key = hmac.digest(self.key, part, "sha256")
        self.seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
        self.previous = self.seed

    def claim(self) -> SignedRequest:
        claim = SignedRequest(V4, "header", "AKIAIOSFODNN7EXAMPLE", self.seed)
        claim.timestamp = "20130524T000000Z"
        claim.scope = "20130524/us-east-1/s3/aws4_request"
        claim.matches = lambda text, signature: hmac.compare_digest(self.sign(text), signature)
        return claim

    def sign(self, text: str) -> str:
        return hmac.digest(self.key, text.encode(), "sha256").hex()

    def chain(self, kind: str, digests: str) -> str:
        head = f"AWS4-HMAC-SHA256-{kind}\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
        self.previous = self.sign(f"{head}{self.previous}\n{digests}")
        return self.previous

    def chunk(self, data: bytes) -> bytes:
        signature = self.chain("PAYLOAD", f"{EMPTY}\n{hashlib.sha256(data).hexdigest()}")
        return f"{len(data):x};chunk-signature={signature}\r\n".encode() + data + (b"\r\n" if data else b"")

    def body(self, *chunks: bytes, trailers: dict[str, str] | None = None) -> bytes:
        framed = b"".join(self.chunk(data) for data in (*chunks, b""))
        if trailers is None:
            return framed + b"\r\n"
        lines = "".join(f"{name}:{value}\n" for name, value in trailers.items())
        signature = self.chain("TRAILER", hashlib.sha256(lines.encode()).hexdigest())
        sent = "".join(f"{name}:{value}\r\n" for name, value in trailers.items())
        return framed + f"{sent}x-amz-trailer-signature:{signature}\r\n\r\n".encode()


def request(promise: str, length: int | None, body: object, trailer: str = "") -> Request:
    headers = {"x-amz-content-sha256": promise, "content-encoding": "aws-chunked"}
    if length is not None:
        headers["x-amz-decoded-content-length"] = str(length)
    if trailer:
        headers["x-amz-trailer"] = trailer
    return Request("PUT", "/b/k", "", headers, body)  # type: ignore[arg-type]


async def refused(body: object, promise: str, length: int, trailer: str = "", sender: Sender | None = None) -> str:
    with pytest.raises(AwsError) as caught:
        await chunked.decoded(request(promise, length, body, trailer), sender.claim() if sender else None).read(10**7)
    return caught.value.code


async def test_published_example() -> None:
    """The two chunks of the documentation's example have the signatures printed there."""
    sender = Sender()
    body = sender.body(b"a" * 65536, b"a" * 1024)
    for printed in (
        b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n",
        b"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n",
        b"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n",
    ):
        assert printed in body
    stream = chunked.decoded(request(SIGNED, 66560, Pieces(body)), sender.claim())
    assert stream.length == 66560
    assert await stream.read(10**6) == b"a" * 66560


@settings(max_examples=60, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 10**6), max_size=30), sizes=st.lists(st.integers(8192, 9000), max_size=3),
    last=st.integers(0, 100), trailing=st.booleans(),
)
async def test_any_split_reads_the_same(cuts: list[int], sizes: list[int], last: int, trailing: bool) -> None:
    sender = Sender()
    data = [bytes([65 + n]) * size for n, size in enumerate([*sizes, last]) if size]
    trailers = {"x-amz-checksum-crc32c": "sOO8/Q=="} if trailing else None
    body = sender.body(*data, trailers=trailers)
    whole = b"".join(data)
    promise = SIGNED + ("-TRAILER" if trailing else "")
    asked = request(promise, len(whole), Pieces(body, *cuts), "x-amz-checksum-crc32c" if trailing else "")
    stream = chunked.decoded(asked, sender.claim())
    assert await stream.read(10**6) == whole
    assert stream.trailers == (trailers or {})  # type: ignore[attr-defined]


@settings(max_examples=100, deadline=None)
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255))
async def test_no_byte_can_be_changed(at: int, byte: int) -> None:
    sender = Sender()
    body = bytearray(sender.body(b"x" * 8200, b"y" * 20, trailers={"x-amz-checksum-crc32": "AAAAAA=="}))
    at %= len(body)
    if body[at] == byte:
        return
    before, body[at] = bytes(body), byte
    asked = request(SIGNED + "-TRAILER", 8220, Pieces(bytes(body), 100), "x-amz-checksum-crc32")
    stream = chunked.decoded(asked, sender.claim())
    try:
        data = await stream.read(10**6)
    except AwsError as error:
        assert error.code in ("SignatureDoesNotMatch", "IncompleteBody", "MalformedTrailerError")
        return
    assert data == b"x" * 8200 + b"y" * 20, before[at]
    assert stream.trailers == {"x-amz-checksum-crc32": "AAAAAA=="}  # type: ignore[attr-defined]


async def test_botocore_sends_trailers() -> None:
    payload = bytes(range(256)) * 5000
    wrapped = AwsChunkedWrapper(
        io.BytesIO(payload), checksum_cls=CrtCrc32Checksum, checksum_name="x-amz-checksum-crc32", chunk_size=100_000
    )
    body = wrapped.read()
    for source in (body, Pieces(body, 5, 77_777, 100_003)):
        stream = chunked.decoded(request(UNSIGNED, len(payload), source, "x-amz-checksum-crc32"), None)
        assert await stream.read(10**7) == payload
        expected = CrtCrc32Checksum()
        expected.update(payload)
        assert stream.trailers == {"x-amz-checksum-crc32": expected.b64digest()}  # type: ignore[attr-defined]


def damaged(body: bytes) -> Iterator[bytes]:
    yield body[:-10]
    yield body[: len(body) // 2]
    yield body + b"more"
    yield body.replace(b"\r\n", b"\n")
    yield b""
    yield b"zz\r\n"
    yield b"-5\r\n"
    yield b"ffffffffffffffff\r\n"
    yield b"5" * 5000


async def test_damage() -> None:
    sender = Sender()
    for body in damaged(sender.body(b"hello" * 2000)):
        assert await refused(Pieces(body), SIGNED, 10_000, sender=Sender()) == "IncompleteBody"
    plain = b"5\r\nhello\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    assert await chunked.decoded(request(UNSIGNED, 5, plain, "x-amz-checksum-crc32"), None).read(9) == b"hello"
    for body in damaged(plain):
        assert await refused(body, UNSIGNED, 5, "x-amz-checksum-crc32") in ("IncompleteBody", "MalformedTrailerError")


async def test_signatures_that_do_not_hold() -> None:
    body = Sender().body(b"x" * 9000)
    assert await refused(Pieces(body.replace(b"xx", b"xy", 1)), SIGNED, 9000, sender=Sender()) == "SignatureDoesNotMatch"
    other = Sender()
    other.seed = "0" * 64
    assert await refused(Pieces(body), SIGNED, 9000, sender=other) == "SignatureDoesNotMatch"
    trailing = Sender().body(b"x" * 10, trailers={"x-amz-checksum-crc32": "AAAAAA=="})
    forged = trailing.replace(b"AAAAAA==", b"BAAAAA==")
    promise = SIGNED + "-TRAILER"
    assert await refused(Pieces(forged), promise, 10, "x-amz-checksum-crc32", Sender()) == "SignatureDoesNotMatch"
    bare = b"a\r\nxxxxxxxxxx\r\n0\r\n\r\n"
    assert await refused(Pieces(bare), SIGNED, 10, sender=Sender()) == "IncompleteBody"
    with pytest.raises(AwsError, match="Access Denied"):
        chunked.decoded(request(SIGNED, 10, bare), None)


@pytest.mark.parametrize("length", [9, 11])
async def test_the_length_must_be_the_one_stated(length: int) -> None:
    assert await refused(Pieces(Sender().body(b"x" * 10)), SIGNED, length, sender=Sender()) == "IncompleteBody"


async def test_length_is_required() -> None:
    for length, code in ((None, "MissingContentLength"), (-1, "InvalidArgument")):
        with pytest.raises(AwsError) as caught:
            chunked.decoded(request(UNSIGNED, length, b""), None)
        assert caught.value.code == code


async def test_only_the_last_chunk_may_be_small() -> None:
    body = Sender().body(b"x" * 100, b"y" * 100)
    assert await refused(Pieces(body), SIGNED, 200, sender=Sender()) == "InvalidChunkSizeError"


@pytest.mark.parametrize(("tail", "declared"), [
    (b"x-amz-checksum-sha1:abc\r\n\r\n", "x-amz-checksum-crc32"),
    (b"\r\n", "x-amz-checksum-crc32"),
    (b"a:1\r\na:2\r\n\r\n", "a"),
    (b"no colon\r\n\r\n", "a"),
    (b"a:\r\n\r\n", "a"),
    (b"".join(b"a%d:1\r\n" % n for n in range(20)) + b"\r\n", ",".join(f"a{n}" for n in range(20))),
])
async def test_trailers_must_be_those_declared(tail: bytes, declared: str) -> None:
    assert await refused(b"0\r\n" + tail, UNSIGNED, 0, declared) == "MalformedTrailerError"


async def test_version_4a_chunks_are_refused_clearly() -> None:
    with pytest.raises(AwsError) as caught:
        chunked.decoded(request("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", 1, b""), Sender().claim())
    assert (caught.value.code, caught.value.status) == ("NotImplemented", 501)


async def test_hash_of_a_streamed_body() -> None:
    data = b"x" * 1000
    right = request(hashlib.sha256(data).hexdigest(), None, Pieces(data, 10, 500))
    assert await chunked.decoded(right, Sender().claim()).read(1000) == data
    assert await refused(Pieces(data), "0" * 64, 0, sender=Sender()) == "XAmzContentSHA256Mismatch"


async def test_plain_bodies_become_streams() -> None:
    stream = chunked.decoded(Request("PUT", "/", "", {}, b"abc"), None)
    assert stream.length == 3 and await stream.read(3) == b"abc" and stream.trailers == {}  # type: ignore[attr-defined]
    with pytest.raises(AwsError, match="larger than 2 bytes"):
        await stream.read(2)
