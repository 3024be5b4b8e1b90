"""CopyObject."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.services.s3.errors import refused
from tests.services.s3.test_checksums import sum_of

BODY = b"copied" * 20_000


def copy(s3: Any, bucket: str, source: str = "source", key: str = "copy", **params: Any) -> Any:
    return s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": source}, **params)


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    s3.put_object(
        Bucket=bucket, Key="source", Body=BODY, ContentType="application/json", ContentLanguage="en-US",
        Metadata={"key": "value"}, Tagging="a=1", StorageClass="STANDARD_IA",
    )  # fmt: skip
    return bucket


def test_attributes_come_along(s3: Any, filled: str) -> None:
    result = copy(s3, filled)["CopyObjectResult"]
    assert result["ETag"] == s3.head_object(Bucket=filled, Key="source")["ETag"]
    assert result["ChecksumCRC32"] == sum_of("CRC32", BODY)
    got = s3.get_object(Bucket=filled, Key="copy")
    assert got["Body"].read() == BODY
    assert (got["ContentType"], got["ContentLanguage"], got["Metadata"]) == ("application/json", "en-US", {"key": "value"})
    assert "StorageClass" not in got
    assert s3.get_object_tagging(Bucket=filled, Key="copy")["TagSet"] == [{"Key": "a", "Value": "1"}]


def test_attributes_replaced(s3: Any, filled: str) -> None:
    copy(
        s3, filled, MetadataDirective="REPLACE", ContentType="image/jpg", Metadata={"another": "one"},
        TaggingDirective="REPLACE", Tagging="b=2", StorageClass="GLACIER_IR",
    )  # fmt: skip
    head = s3.head_object(Bucket=filled, Key="copy")
    assert (head["ContentType"], head["Metadata"], head["StorageClass"]) == ("image/jpg", {"another": "one"}, "GLACIER_IR")
    assert "ContentLanguage" not in head
    assert s3.get_object_tagging(Bucket=filled, Key="copy")["TagSet"] == [{"Key": "b", "Value": "2"}]
    error = refused(copy, s3=s3, bucket=filled, MetadataDirective="WRONG")
    assert error["Message"] == "Unknown metadata directive."


def test_onto_itself(s3: Any, filled: str) -> None:
    error = refused(copy, s3=s3, bucket=filled, key="source")
    assert (error["Code"], error["status"]) == ("InvalidRequest", 400)
    assert error["Message"].startswith("This copy request is illegal because it is trying to copy an object to itself")
    copy(s3, filled, key="source", StorageClass="STANDARD")
    copy(s3, filled, key="source", MetadataDirective="REPLACE")
    head = s3.head_object(Bucket=filled, Key="source")
    assert (head["ContentType"], head["Metadata"]) == ("binary/octet-stream", {})
    assert s3.get_object(Bucket=filled, Key="source")["Body"].read() == BODY


def test_the_copy_outlives_its_source(s3: Any, filled: str) -> None:
    copy(s3, filled)
    copy(s3, filled, key="third")
    s3.delete_object(Bucket=filled, Key="source")
    s3.put_object(Bucket=filled, Key="copy", Body=b"something else")
    assert s3.get_object(Bucket=filled, Key="third")["Body"].read() == BODY


@pytest.mark.parametrize("algorithm", ["CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_another_checksum(s3: Any, filled: str, algorithm: str) -> None:
    result = copy(s3, filled, ChecksumAlgorithm=algorithm)["CopyObjectResult"]
    assert result[f"Checksum{algorithm}"] == sum_of(algorithm, BODY)


def test_conditions_on_the_source(s3: Any, filled: str) -> None:
    head = s3.head_object(Bucket=filled, Key="source")
    etag, modified = head["ETag"], head["LastModified"]
    before, after = modified - timedelta(days=1), modified + timedelta(days=1)

    def condition(**given: Any) -> str:
        error = refused(copy, s3=s3, bucket=filled, **given)
        assert error["status"] == 412
        return str(error["Condition"])

    assert condition(CopySourceIfMatch='"no"') == "x-amz-copy-source-If-Match"
    assert condition(CopySourceIfNoneMatch=etag) == "x-amz-copy-source-If-None-Match"
    assert condition(CopySourceIfNoneMatch=etag.strip('"')) == "x-amz-copy-source-If-None-Match"
    assert condition(CopySourceIfUnmodifiedSince=before) == "x-amz-copy-source-If-Unmodified-Since"
    assert condition(CopySourceIfModifiedSince=modified) == "x-amz-copy-source-If-Modified-Since"
    copy(s3, filled, CopySourceIfModifiedSince=after)
    copy(s3, filled, CopySourceIfMatch=etag, CopySourceIfUnmodifiedSince=before)
    copy(s3, filled, key="new", IfNoneMatch="*")
    assert refused(copy, s3=s3, bucket=filled, key="new", IfNoneMatch="*")["Condition"] == "If-None-Match"


def test_what_cannot_be_copied(s3: Any, filled: str, new_bucket: Callable[..., str]) -> None:
    assert refused(copy, s3=s3, bucket=filled, source="none")["Key"] == "none"
    error = refused(s3.copy_object, Bucket=filled, Key="k", CopySource=filled)
    assert error["Message"] == "Invalid copy source object key"
    error = refused(s3.copy_object, Bucket=filled, Key="k", CopySource={"Bucket": "nowhere", "Key": "k"})
    assert error["BucketName"] == "nowhere"
    versioned = new_bucket(versioned=True)
    s3.put_object(Bucket=versioned, Key="k", Body=b"")
    marker = s3.delete_object(Bucket=versioned, Key="k")["VersionId"]
    error = refused(
        s3.copy_object, Bucket=filled, Key="k", CopySource={"Bucket": versioned, "Key": "k", "VersionId": marker}
    )
    assert error["Message"] == "The source of a copy request may not specifically refer to a delete marker by version id."


def test_versions(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(versioned=True)
    old = s3.put_object(Bucket=bucket, Key="k", Body=b"old")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"new")
    answer = s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k", "VersionId": old})
    assert answer["CopySourceVersionId"] == old
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"old"
    assert len(s3.list_object_versions(Bucket=bucket)["Versions"]) == 3


def test_odd_keys(s3: Any, bucket: str) -> None:
    for key in ("a b", "ü/😀", "per%cent", "q?versionId=x", "plus+"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
        copy(s3, bucket, source=key)
        assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == key.encode()
