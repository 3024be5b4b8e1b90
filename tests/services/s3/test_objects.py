"""Objects put, read by range, described; metadata, storage classes, conditions."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.services.s3.errors import refused

BIG = bytes(range(256)) * 8192
"""2 MB: kept in a file; smaller ones are kept in the transaction."""


@pytest.mark.parametrize("body", [b"", b"hello", b"x" * 32768, b"y" * 32769, BIG])
def test_what_is_put_is_got(s3: Any, bucket: str, body: bytes) -> None:
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    assert put["ETag"] == etag
    assert put["ServerSideEncryption"] == "AES256"
    assert "VersionId" not in put
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert (got["ETag"], got["ContentLength"], got["ContentType"]) == (etag, len(body), "binary/octet-stream")
    assert got["AcceptRanges"] == "bytes"
    assert got["ChecksumType"] == "FULL_OBJECT"
    assert "StorageClass" not in got
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ETag"], head["LastModified"]) == (len(body), etag, got["LastModified"])


@pytest.mark.parametrize(
    "key",
    ["a/b/c", "a//b", "../up", "./here", "/lead", "trail/", "sp ace", "plus+", "ünï/çødé/😀", "per%cent", "%2F", "q?=&",
     "tilde~", "hash#", "new\nline", "nul\0", "x" * 1024, "a" * 255 + "/" + "b" * 700],
)  # fmt: skip
def test_keys_are_any_text(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    if key.isprintable():
        assert [o["Key"] for o in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert refused(s3.get_object, Bucket=bucket, Key=key)["Code"] == "NoSuchKey"


def test_a_key_that_is_too_long(s3: Any, bucket: str) -> None:
    error = refused(s3.put_object, Bucket=bucket, Key="ü" * 513, Body=b"")
    assert (error["Code"], error["Message"]) == ("KeyTooLongError", "Your key is too long")
    assert (error["Size"], error["MaxSizeAllowed"]) == ("1026", "1024")


def test_no_such_key(s3: Any, bucket: str) -> None:
    error = refused(s3.get_object, Bucket=bucket, Key="none")
    assert (error["Code"], error["Key"], error["status"]) == ("NoSuchKey", "none", 404)
    assert error["Message"] == "The specified key does not exist."
    assert refused(s3.head_object, Bucket=bucket, Key="none") == {"Code": "404", "Message": "Not Found", "status": 404}


RANGES = {
    "bytes=0-8": (b"012345678", "bytes 0-8/10"),
    "bytes=1-1": (b"1", "bytes 1-1/10"),
    "bytes=1-": (b"123456789", "bytes 1-9/10"),
    "bytes=-2": (b"89", "bytes 8-9/10"),
    "bytes=-15": (b"0123456789", "bytes 0-9/10"),
    "bytes=0-100": (b"0123456789", "bytes 0-9/10"),
    "bytes=1-0": (b"0123456789", None),
    "bytes=-1-": (b"0123456789", None),
    "bytes=0-1,3-4": (b"0123456789", None),
    "0-8": (b"0123456789", None),
    "bytes=-": (b"0123456789", None),
}


@pytest.mark.parametrize("header", RANGES)
def test_ranges(s3: Any, bucket: str, header: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    expected, content_range = RANGES[header]
    got = s3.get_object(Bucket=bucket, Key="k", Range=header)
    assert (got["Body"].read(), got.get("ContentRange")) == (expected, content_range)
    assert got["ResponseMetadata"]["HTTPStatusCode"] == (206 if content_range else 200)
    assert ("ChecksumCRC32" in got) == (len(expected) == 10)


@pytest.mark.parametrize("header", ["bytes=-0", "bytes=100-200", "bytes=10-"])
def test_ranges_outside(s3: Any, bucket: str, header: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    error = refused(s3.get_object, Bucket=bucket, Key="k", Range=header)
    assert (error["Code"], error["status"]) == ("InvalidRange", 416)
    assert (error["RangeRequested"], error["ActualObjectSize"]) == (header, "10")
    assert error["Message"] == "The requested range is not satisfiable"


def test_a_range_of_a_big_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BIG)
    got = s3.get_object(Bucket=bucket, Key="k", Range="bytes=1000000-1999999")
    assert got["Body"].read() == BIG[1000000:2000000]
    assert got["ContentLength"] == 1_000_000


def test_metadata_and_headers(s3: Any, bucket: str) -> None:
    given = {
        "CacheControl": "no-cache", "ContentDisposition": 'attachment; filename="f.jpg"', "ContentEncoding": "gzip",
        "ContentLanguage": "de", "ContentType": "text/plain", "WebsiteRedirectLocation": "/other",
        "Metadata": {"Mixed-Case": "v1", "other": "with spaces"},
    }  # fmt: skip
    expires = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", Expires=expires, **given)
    for got in (s3.get_object(Bucket=bucket, Key="k"), s3.head_object(Bucket=bucket, Key="k")):
        for name, value in given.items():
            if name == "Metadata":
                assert got[name] == {"mixed-case": "v1", "other": "with spaces"}
            else:
                assert got[name] == value
        assert got["Expires"] == expires
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", Metadata={"m": "x" * 2048})
    assert (error["Code"], error["Size"], error["MaxSizeAllowed"]) == ("MetadataTooLarge", "2049", "2048")


def test_overridden_response_headers(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ContentType="text/plain")
    got = s3.get_object(
        Bucket=bucket, Key="k", ResponseContentType="text/csv", ResponseContentDisposition="attachment",
        ResponseCacheControl="max-age=1", ResponseContentLanguage="fr", ResponseContentEncoding="br",
        ResponseExpires=datetime(2031, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    assert (got["ContentType"], got["ContentDisposition"], got["CacheControl"]) == ("text/csv", "attachment", "max-age=1")
    assert (got["ContentLanguage"], got["ContentEncoding"], got["Expires"].year) == ("fr", "br", 2031)


def test_storage_classes(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="ia", Body=b"x", StorageClass="STANDARD_IA")
    assert s3.head_object(Bucket=bucket, Key="ia")["StorageClass"] == "STANDARD_IA"
    s3.put_object(Bucket=bucket, Key="cold", Body=b"x", StorageClass="GLACIER")
    error = refused(s3.get_object, Bucket=bucket, Key="cold")
    assert (error["Code"], error["status"], error["StorageClass"]) == ("InvalidObjectState", 403, "GLACIER")
    assert error["Message"] == "The operation is not valid for the object's storage class"
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", StorageClass="OUTPOSTS")
    assert (error["Code"], error["StorageClassRequested"]) == ("InvalidStorageClass", "OUTPOSTS")


def test_reads_on_condition(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"data")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    before, after = modified - timedelta(days=1), modified + timedelta(days=1)
    for full, call in ((True, s3.get_object), (False, s3.head_object)):

        def error(call: Any = call, **condition: Any) -> tuple[str, int]:
            found = refused(call, Bucket=bucket, Key="k", **condition)
            return found.get("Condition", found["Code"]), found["status"]

        assert error(IfMatch='"other"') == ("If-Match" if full else "412", 412)
        assert error(IfUnmodifiedSince=before) == ("If-Unmodified-Since" if full else "412", 412)
        assert error(IfNoneMatch=etag) == ("304", 304)
        assert error(IfNoneMatch=etag.strip('"')) == ("304", 304)
        assert error(IfModifiedSince=modified) == ("304", 304)
        for good in (
            {"IfMatch": etag}, {"IfMatch": etag.strip('"')}, {"IfNoneMatch": '"other"'}, {"IfModifiedSince": before},
            {"IfModifiedSince": after}, {"IfUnmodifiedSince": modified}, {"IfMatch": etag, "IfUnmodifiedSince": before},
        ):  # fmt: skip
            assert call(Bucket=bucket, Key="k", **good)["ETag"] == etag


def test_writes_on_condition(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"2" * 100_000, IfNoneMatch="*")
    assert (error["Code"], error["Condition"], error["status"]) == ("PreconditionFailed", "If-None-Match", 412)
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfMatch='"other"')
    assert error["Condition"] == "If-Match"
    s3.put_object(Bucket=bucket, Key="k", Body=b"3", IfMatch=etag)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"3"
    assert refused(s3.put_object, Bucket=bucket, Key="none", Body=b"", IfMatch=etag)["Code"] == "NoSuchKey"
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", IfMatch="*")
    assert (error["Code"], error["Header"], error["status"]) == ("NotImplemented", "If-Match", 501)
    assert error["additionalMessage"] == "We don't accept the provided value of If-Match header for this API"
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", IfMatch=etag, IfNoneMatch="*")
    assert error["Header"] == "If-Match,If-None-Match"
    error = refused(s3.delete_object, Bucket=bucket, Key="k", IfMatch='"other"')
    assert error["Condition"] == "If-Match"


def test_object_attributes(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"attributes", ChecksumAlgorithm="SHA256")
    found = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]
    )
    assert found["ETag"] == hashlib.md5(b"attributes").hexdigest()
    assert (found["ObjectSize"], found["StorageClass"]) == (10, "STANDARD")
    assert found["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert "ChecksumSHA256" in found["Checksum"]
    assert "ObjectParts" not in found
    only = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["ObjectSize"])
    assert "ETag" not in only


def test_encryption_is_told(s3: Any, bucket: str) -> None:
    put = s3.put_object(Bucket=bucket, Key="kms", Body=b"x", ServerSideEncryption="aws:kms", BucketKeyEnabled=True)
    assert (put["ServerSideEncryption"], put["BucketKeyEnabled"]) == ("aws:kms", True)
    assert put["SSEKMSKeyId"].startswith("arn:aws:kms:us-east-1:000000000000:key/")
    assert put["ETag"] != f'"{hashlib.md5(b"x").hexdigest()}"'
    assert s3.head_object(Bucket=bucket, Key="kms")["SSEKMSKeyId"] == put["SSEKMSKeyId"]


def test_a_customers_key(s3: Any, bucket: str) -> None:
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": b"k" * 32}
    s3.put_object(Bucket=bucket, Key="c", Body=b"secret", **key)
    assert s3.get_object(Bucket=bucket, Key="c", **key)["Body"].read() == b"secret"
    error = refused(s3.get_object, Bucket=bucket, Key="c")
    assert error["Message"].startswith("The object was stored using a form of Server Side Encryption.")
    error = refused(s3.get_object, Bucket=bucket, Key="c", SSECustomerAlgorithm="AES256", SSECustomerKey=b"z" * 32)
    assert (error["Code"], error["status"]) == ("AccessDenied", 403)
    error = refused(
        s3.put_object, Bucket=bucket, Key="c", Body=b"", ServerSideEncryption="AES256", **key
    )
    assert error["ArgumentName"] == "x-amz-server-side-encryption"
