"""Checksums of whole objects: given, trailing, computed, wrong."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest
from awscrt import checksums as crt

from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused

BODY = b"checksummed" * 9000
ALGORITHMS = ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256")


def sum_of(algorithm: str, data: bytes) -> str:
    digest = {
        "CRC32": lambda: zlib.crc32(data).to_bytes(4, "big"),
        "CRC32C": lambda: crt.crc32c(data).to_bytes(4, "big"),
        "CRC64NVME": lambda: crt.crc64nvme(data).to_bytes(8, "big"),
        "SHA1": lambda: hashlib.sha1(data).digest(),
        "SHA256": lambda: hashlib.sha256(data).digest(),
    }[algorithm]()
    return base64.b64encode(digest).decode()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("body", [b"short", BODY])
def test_by_header_and_by_trailer(s3: Any, bucket: str, algorithm: str, body: bytes) -> None:
    member, right = f"Checksum{algorithm}", sum_of(algorithm, body)
    for key, params in (("header", {member: right}), ("trailer", {"ChecksumAlgorithm": algorithm})):
        put = s3.put_object(Bucket=bucket, Key=key, Body=body, **params)
        assert (put[member], put["ChecksumType"]) == (right, "FULL_OBJECT")
        head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        assert head[member] == right
        assert member not in s3.head_object(Bucket=bucket, Key=key)
        assert s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")["Body"].read() == body


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_wrong_ones(s3: Any, bucket: str, algorithm: str) -> None:
    member = f"Checksum{algorithm}"
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=BODY, **{member: "wrong"})
    assert error["Code"] == "InvalidRequest"
    assert error["Message"] == f"Value for x-amz-checksum-{algorithm.lower()} header is invalid."
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=BODY, **{member: sum_of(algorithm, b"other")})
    assert (error["Code"], error["status"]) == ("BadDigest", 400)
    assert error["Message"] == f"The {algorithm} you specified did not match the calculated checksum."
    assert refused(s3.head_object, Bucket=bucket, Key="k")["status"] == 404


def test_two_at_once(s3: Any, bucket: str) -> None:
    given = {"ChecksumSHA1": sum_of("SHA1", b"x"), "ChecksumCRC32": sum_of("CRC32", b"x")}
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", **given)
    assert error["Message"] == "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."


def test_computed_where_none_is_given(cloud: CloudUnderTest, bucket: str) -> None:
    plain = cloud.client("s3", request_checksum_calculation="when_required")
    put = plain.put_object(Bucket=bucket, Key="k", Body=BODY)
    assert put["ChecksumCRC64NVME"] == sum_of("CRC64NVME", BODY)
    assert plain.list_objects_v2(Bucket=bucket)["Contents"][0]["ChecksumAlgorithm"] == ["CRC64NVME"]


@pytest.mark.parametrize("value", ["__invalid__", "000", "not base64 encoded checksum", "MTIz", "dGVzdC1zdHJpbmc="])
def test_a_content_md5_that_is_none(s3: Any, bucket: str, value: str) -> None:
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"x", ContentMD5=value)
    assert (error["Code"], error["Content-MD5"]) == ("InvalidDigest", value)
    assert error["Message"] == "The Content-MD5 you specified was invalid."


def test_a_content_md5_of_something_else(s3: Any, bucket: str) -> None:
    other = hashlib.md5(b"other").digest()
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=BODY, ContentMD5=base64.b64encode(other).decode())
    assert error["Message"] == "The Content-MD5 you specified did not match what we received."
    assert error["ExpectedDigest"] == other.hex()
    assert error["CalculatedDigest"] == base64.b64encode(hashlib.md5(BODY).digest()).decode()


def test_the_framing_is_no_part_of_the_encoding(cloud: CloudUnderTest, bucket: str) -> None:
    plain = cloud.client("s3")
    plain.put_object(Bucket=bucket, Key="k", Body=BODY, ContentEncoding="gzip")
    assert plain.head_object(Bucket=bucket, Key="k")["ContentEncoding"] == "gzip"
    plain.put_object(Bucket=bucket, Key="k", Body=BODY)
    assert "ContentEncoding" not in plain.head_object(Bucket=bucket, Key="k")
