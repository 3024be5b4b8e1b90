"""Buckets: names, regions, owners, listing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused

OTHER = "111111111111"


def test_a_new_bucket(s3: Any) -> None:
    made = s3.create_bucket(Bucket="first-bucket")
    assert made["Location"] == "/first-bucket"
    assert made["BucketArn"] == "arn:aws:s3:::first-bucket"
    head = s3.head_bucket(Bucket="first-bucket")
    assert head["BucketRegion"] == "us-east-1"
    assert head["AccessPointAlias"] is False
    assert s3.get_bucket_location(Bucket="first-bucket")["LocationConstraint"] is None


def test_making_it_again(cloud: CloudUnderTest, s3: Any) -> None:
    s3.create_bucket(Bucket="again")
    assert s3.create_bucket(Bucket="again")["Location"] == "/again"
    tagged = {"CreateBucketConfiguration": {"Tags": [{"Key": "a", "Value": "b"}]}}
    assert refused(s3.create_bucket, Bucket="again", **tagged)["Code"] == "BucketAlreadyOwnedByYou"
    west = cloud.client("s3", region="us-west-2")
    constraint = {"LocationConstraint": "us-west-2"}
    west.create_bucket(Bucket="again-west", CreateBucketConfiguration=constraint)
    error = refused(west.create_bucket, Bucket="again-west", CreateBucketConfiguration=constraint)
    assert (error["Code"], error["status"], error["BucketName"]) == ("BucketAlreadyOwnedByYou", 409, "again-west")
    error = refused(cloud.client("s3", key=OTHER).create_bucket, Bucket="again")
    assert (error["Code"], error["status"]) == ("BucketAlreadyExists", 409)
    assert error["Message"].startswith("The requested bucket name is not available.")


def test_where_a_bucket_may_be_made(cloud: CloudUnderTest, s3: Any) -> None:
    def made(client: Any, name: str, constraint: str | None) -> Any:
        configuration = {"CreateBucketConfiguration": {"LocationConstraint": constraint}} if constraint else {}
        return refused(client.create_bucket, Bucket=name, **configuration)

    east = made(s3, "where-1", "us-east-1")
    assert (east["Code"], east["LocationConstraint"]) == ("InvalidLocationConstraint", "us-east-1")
    west = cloud.client("s3", region="us-west-1")
    assert made(west, "where-2", None)["Message"] == (
        "The unspecified location constraint is incompatible for the region specific endpoint this request was sent to."
    )
    assert made(west, "where-2", "us-east-2")["Message"] == (
        "The us-east-2 location constraint is incompatible for the region specific endpoint this request was sent to."
    )
    s3.create_bucket(Bucket="where-3", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    assert s3.head_bucket(Bucket="where-3")["BucketRegion"] == "eu-central-1"
    assert s3.get_bucket_location(Bucket="where-3")["LocationConstraint"] == "eu-central-1"


@pytest.mark.parametrize("name", ["ab", "Upper", "a..b", "-ab", "ab-", "192.168.0.1", "xn--abc", "abc-s3alias", "a_b"])
def test_names_that_no_bucket_may_have(s3: Any, name: str) -> None:
    from botocore.exceptions import ParamValidationError

    try:
        error = refused(s3.create_bucket, Bucket=name)
    except ParamValidationError:
        pytest.skip("the client refuses it")
    assert (error["Code"], error["BucketName"]) == ("InvalidBucketName", name)


def test_what_is_not_there(s3: Any) -> None:
    assert refused(s3.head_bucket, Bucket="nowhere") == {"Code": "404", "Message": "Not Found", "status": 404}
    for call in (s3.list_objects_v2, s3.get_bucket_location, s3.delete_bucket, s3.get_bucket_acl):
        error = refused(call, Bucket="nowhere")
        assert (error["Code"], error["BucketName"]) == ("NoSuchBucket", "nowhere")
        assert error["Message"] == "The specified bucket does not exist"


def test_a_bucket_with_content_stays(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    error = refused(s3.delete_bucket, Bucket=bucket)
    assert (error["Code"], error["status"]) == ("BucketNotEmpty", 409)
    assert error["Message"] == "The bucket you tried to delete is not empty"
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(Bucket=bucket, Key="k")
    assert refused(s3.delete_bucket, Bucket=bucket)["Message"].endswith("You must delete all versions in the bucket.")
    for version in s3.list_object_versions(Bucket=bucket)["Versions"]:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=version["VersionId"])
    for marker in s3.list_object_versions(Bucket=bucket)["DeleteMarkers"]:
        s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    s3.delete_bucket(Bucket=bucket)
    assert refused(s3.head_bucket, Bucket=bucket)["status"] == 404


def test_listing_ones_own_buckets(cloud: CloudUnderTest) -> None:
    mine = cloud.client("s3", key="222222222222")
    for name in ("list-c", "list-a", "list-b", "other-a"):
        mine.create_bucket(Bucket=name)
    cloud.client("s3", key="222222222222", region="eu-west-1").create_bucket(
        Bucket="list-eu", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    everything = mine.list_buckets()
    assert [b["Name"] for b in everything["Buckets"]] == ["list-a", "list-b", "list-c", "list-eu", "other-a"]
    assert "BucketRegion" not in everything["Buckets"][0]
    assert len(everything["Owner"]["ID"]) == 64
    first = mine.list_buckets(MaxBuckets=2, Prefix="list")
    assert [b["Name"] for b in first["Buckets"]] == ["list-a", "list-b"]
    second = mine.list_buckets(MaxBuckets=2, Prefix="list", ContinuationToken=first["ContinuationToken"])
    assert [b["Name"] for b in second["Buckets"]] == ["list-c", "list-eu"]
    assert "ContinuationToken" not in second
    in_europe = mine.list_buckets(BucketRegion="eu-west-1")["Buckets"]
    assert [(b["Name"], b["BucketRegion"]) for b in in_europe] == [("list-eu", "eu-west-1")]
    error = refused(mine.list_buckets, BucketRegion="eu-east-1")
    assert error["Message"] == "Argument value eu-east-1 is not a valid AWS Region"


def test_the_expected_owner(s3: Any, bucket: str) -> None:
    s3.head_bucket(Bucket=bucket, ExpectedBucketOwner="000000000000")
    error = refused(s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner=OTHER)
    assert (error["Code"], error["Message"], error["status"]) == ("AccessDenied", "Access Denied", 403)
    error = refused(s3.list_objects_v2, Bucket=bucket, ExpectedBucketOwner="abcd")
    assert error["Code"] == "InvalidBucketOwnerAWSAccountID"
    assert error["Message"].endswith("must be an AWS Account ID... [abcd]")


def test_buckets_survive_a_kill(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="kept", Body=b"0123456789" * 10_000)
    s3.put_object(Bucket=bucket, Key="small", Body=b"small")
    cloud.restart()
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"0123456789" * 10_000
    assert s3.get_object(Bucket=bucket, Key="small")["Body"].read() == b"small"
