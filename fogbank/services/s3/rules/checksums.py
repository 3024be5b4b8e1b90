"""Checksums: the algorithms, what a request asks for, hashing in pieces, and the checksums of multipart objects."""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from awscrt import checksums as crt

from fogbank.services.s3.errors import invalid_request, s3_error

DEFAULT = "CRC64NVME"
"""What S3 computes where the sender names no algorithm."""
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")
_SIZES = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
_FULL_OBJECT = {"CRC32", "CRC32C", "CRC64NVME"}
_COMPOSITE = {"CRC32", "CRC32C", "SHA1", "SHA256"}


class Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class _Crc:
    """A CRC with hashlib's face."""

    def __init__(self, function: Callable[[bytes, int], int], size: int) -> None:
        self._function = function
        self._size = size
        self._value = 0

    def update(self, data: bytes, /) -> None:
        self._value = self._function(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


def new_hash(algorithm: str) -> Hash:
    """A fresh hash: one of `ALGORITHMS`, or `MD5`."""
    if algorithm == "CRC32":
        return _Crc(zlib.crc32, 4)
    if algorithm == "CRC32C":
        return _Crc(crt.crc32c, 4)
    if algorithm == "CRC64NVME":
        return _Crc(crt.crc64nvme, 8)
    return hashlib.new(algorithm.lower(), usedforsecurity=False)


def member(algorithm: str) -> str:
    """The model's member name: `ChecksumCRC32`."""
    return f"Checksum{algorithm}"


def header(algorithm: str) -> str:
    return f"x-amz-checksum-{algorithm.lower()}"


def given(req: Mapping[str, Any]) -> tuple[str, str] | None:
    """The algorithm and base64 value of the checksum in a request. Raises InvalidRequest for two, or a bad one."""
    found = [(name, req[member(name)]) for name in ALGORITHMS if req.get(member(name)) is not None]
    if len(found) > 1:
        raise invalid_request(
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    if found:
        check_value(*found[0])
        return found[0]
    return None


def check_value(algorithm: str, value: str) -> None:
    try:
        valid = len(base64.b64decode(value, validate=True)) == _SIZES[algorithm]
    except (binascii.Error, ValueError):
        valid = False
    if not valid:
        raise invalid_request(f"Value for {header(algorithm)} header is invalid.")


def declared_in_trailer(header_value: str | None) -> str | None:
    """The algorithm that an x-amz-trailer header announces. Raises InvalidRequest for an unknown one."""
    for name in (header_value or "").split(","):
        name = name.strip().lower()
        if name.startswith("x-amz-checksum-"):
            algorithm = name.removeprefix("x-amz-checksum-").upper()
            if algorithm not in ALGORITHMS:
                raise invalid_request("The value specified in the x-amz-trailer header is not supported")
            return algorithm
    return None


def check_algorithm(name: str | None) -> None:
    if name is not None and name not in ALGORITHMS:
        raise invalid_request(
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: "
            "[CRC32, CRC32C, CRC64NVME, SHA1, SHA256]"
        )


def content_md5(value: str | None) -> bytes | None:
    """The digest in a Content-MD5 header. Raises InvalidDigest."""
    if value is None:
        return None
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise s3_error("InvalidDigest", **{"Content-MD5": value})
    return digest


def check_md5(expected: bytes | None, calculated: bytes, *, part: bool = False) -> None:
    """Raises BadDigest. AWS gives the expected digest in hexadecimal for an object, in base64 for a part."""
    if expected is not None and expected != calculated:
        raise s3_error(
            "BadDigest",
            ExpectedDigest=base64.b64encode(expected).decode() if part else expected.hex(),
            CalculatedDigest=base64.b64encode(calculated).decode(),
        )


def mismatch(algorithm: str) -> Exception:
    return s3_error("BadDigest", f"The {algorithm} you specified did not match the calculated checksum.")


def multipart_type(algorithm: str | None, kind: str | None) -> str | None:
    """The checksum type of a new upload. Raises InvalidRequest for pairs that do not go together."""
    check_algorithm(algorithm)
    if algorithm is None:
        if kind is not None:
            raise invalid_request(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
            )
        return None
    if kind is None:
        return "FULL_OBJECT" if algorithm == DEFAULT else "COMPOSITE"
    if kind not in ("FULL_OBJECT", "COMPOSITE"):
        raise invalid_request("Value for x-amz-checksum-type header is invalid.")
    if algorithm not in (_FULL_OBJECT if kind == "FULL_OBJECT" else _COMPOSITE):
        raise invalid_request(
            f"The {kind} checksum type cannot be used with the {algorithm.lower()} checksum algorithm."
        )
    return kind


def composite(algorithm: str, parts: Iterable[str]) -> str:
    """The checksum of the parts' checksums, with their number: `sZB91Q==-1`."""
    hash_, count = new_hash(algorithm), 0
    for count, value in enumerate(parts, 1):  # noqa: B007
        hash_.update(base64.b64decode(value))
    return f"{base64.b64encode(hash_.digest()).decode()}-{count}"


_COMBINE: dict[str, Callable[[int, int, int], int]] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}


def full_object(algorithm: str, parts: Iterable[tuple[str, int]]) -> str:
    """The checksum of the whole from (checksum, bytes) of each part, without reading them again."""
    total = 0
    for value, length in parts:
        crc = int.from_bytes(base64.b64decode(value), "big")
        total = _COMBINE[algorithm](total, crc, length)
    return base64.b64encode(total.to_bytes(_SIZES[algorithm], "big")).decode()


def multipart_etag(etags: Iterable[str]) -> str:
    """MD5 of the parts' MD5s, a dash, their number. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html"""
    hash_, count = hashlib.md5(usedforsecurity=False), 0
    for count, etag in enumerate(etags, 1):  # noqa: B007
        hash_.update(bytes.fromhex(etag))
    return f"{hash_.hexdigest()}-{count}"
