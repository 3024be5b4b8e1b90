"""Tags of buckets and objects."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ParamValidationError

from tests.services.s3.errors import refused

TAGS = [{"Key": "one", "Value": "1"}, {"Key": "two", "Value": ""}]


def test_of_buckets(s3: Any, bucket: str) -> None:
    error = refused(s3.get_bucket_tagging, Bucket=bucket)
    assert (error["Code"], error["Message"], error["BucketName"]) == ("NoSuchTagSet", "The TagSet does not exist", bucket)
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": TAGS})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == TAGS
    s3.delete_bucket_tagging(Bucket=bucket)
    assert refused(s3.get_bucket_tagging, Bucket=bucket)["Code"] == "NoSuchTagSet"


def test_given_with_the_bucket(s3: Any, new_bucket: Callable[..., str]) -> None:
    made = new_bucket(CreateBucketConfiguration={"Tags": TAGS})
    assert s3.get_bucket_tagging(Bucket=made)["TagSet"] == TAGS
    bad = {"CreateBucketConfiguration": {"Tags": [{"Key": "aws:x", "Value": ""}]}}
    assert "is reserved for system tags" in refused(s3.create_bucket, Bucket="tags-refused", **bad)["Message"]


def test_of_objects(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="a=1&b=x%20y")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [
        {"Key": "a", "Value": "1"}, {"Key": "b", "Value": "x y"}
    ]  # fmt: skip
    assert s3.head_object(Bucket=bucket, Key="k")["TagCount"] == 2
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": TAGS})
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == TAGS
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging={"TagSet": []})
    for call in (s3.get_object_tagging, s3.delete_object_tagging):
        assert refused(call, Bucket=bucket, Key="none")["Code"] == "NoSuchKey"


def test_of_versions(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(versioned=True)
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="v=1")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"", Tagging="v=2")
    s3.put_object_tagging(Bucket=bucket, Key="k", VersionId=one, Tagging={"TagSet": TAGS})
    assert s3.get_object_tagging(Bucket=bucket, Key="k", VersionId=one)["TagSet"] == TAGS
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "v", "Value": "2"}]
    s3.delete_object(Bucket=bucket, Key="k")
    error = refused(s3.get_object_tagging, Bucket=bucket, Key="k")
    assert (error["Code"], error["Method"], error["status"]) == ("MethodNotAllowed", "GET", 405)


@pytest.mark.parametrize(
    ("tags", "code", "message"),
    [
        ([("a", "1"), ("a", "2")], "InvalidTag", "Cannot provide multiple Tags with the same key"),
        ([("a,b", "1")], "InvalidTag", "The TagKey you have provided is invalid"),
        ([("a", "1,2")], "InvalidTag", "The TagValue you have provided is invalid"),
        ([("aws:x", "1")], "InvalidTag", "System tags cannot be added/updated by requester"),
        ([("", "1")], None, ""),
        ([("k" * 129, "1")], None, ""),
    ],
)
def test_tags_that_are_refused(
    s3: Any, bucket: str, tags: list[tuple[str, str]], code: str | None, message: str
) -> None:
    tag_set = [{"Key": k, "Value": v} for k, v in tags]
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    if code is None:
        with suppress(ParamValidationError):
            assert refused(s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": tag_set})["status"] == 400
        return
    error = refused(s3.put_bucket_tagging, Bucket=bucket, Tagging={"TagSet": tag_set})
    assert (error["Code"], error["Message"]) == (code, message)
    error = refused(s3.put_object_tagging, Bucket=bucket, Key="k", Tagging={"TagSet": tag_set})
    assert error["Code"] == code
    if tags[0][0].startswith("aws:"):
        assert error["Message"] == "Your TagKey cannot be prefixed with aws:"


@pytest.mark.parametrize("header", ["key1=val1&key1=val2", "key1=val1,key2=val2"])
def test_headers_that_are_refused(s3: Any, bucket: str, header: str) -> None:
    error = refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", Tagging=header)
    assert (error["Code"], error["ArgumentName"], error["ArgumentValue"]) == ("InvalidArgument", "x-amz-tagging", header)
