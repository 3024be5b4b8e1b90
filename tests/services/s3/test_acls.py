"""Access control lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused

EVERYONE = "http://acs.amazonaws.com/groups/global/AllUsers"


def test_a_new_bucket_takes_none(s3: Any, bucket: str) -> None:
    found = s3.get_bucket_acl(Bucket=bucket)
    owner = found["Owner"]["ID"]
    assert found["Grants"] == [{"Grantee": {"ID": owner, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}]
    error = refused(s3.put_bucket_acl, Bucket=bucket, ACL="public-read")
    assert (error["Code"], error["Message"]) == ("AccessControlListNotSupported", "The bucket does not allow ACLs")
    assert refused(s3.put_object, Bucket=bucket, Key="k", Body=b"", ACL="public-read")["Code"] == error["Code"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"", ACL="bucket-owner-full-control")
    s3.put_bucket_acl(Bucket=bucket, ACL="private")


def test_of_buckets(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(open_=True)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    found = s3.get_bucket_acl(Bucket=bucket)
    assert found["Grants"][1] == {"Grantee": {"Type": "Group", "URI": EVERYONE}, "Permission": "READ"}
    owner = found["Owner"]["ID"]
    grant = {"Grantee": {"Type": "CanonicalUser", "ID": owner}, "Permission": "READ"}
    s3.put_bucket_acl(Bucket=bucket, AccessControlPolicy={"Owner": {"ID": owner}, "Grants": [grant]})
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"] == [grant]
    s3.put_bucket_acl(Bucket=bucket, GrantRead='uri="http://acs.amazonaws.com/groups/s3/LogDelivery"')
    assert s3.get_bucket_acl(Bucket=bucket)["Grants"][0]["Grantee"]["URI"].endswith("LogDelivery")


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"ACL": "fake-acl"}, {"Code": "InvalidArgument", "ArgumentName": "x-amz-acl", "ArgumentValue": "fake-acl"}),
        ({"GrantWrite": 'uri="http://acs.amazonaws.com/groups/s3/FakeGroup"'},
         {"ArgumentName": "uri", "Message": "Invalid group uri"}),
        ({"GrantWrite": 'fakekey="1234"'},
         {"ArgumentName": "x-amz-grant-write", "Message": "Argument format not recognized"}),
        ({"GrantWrite": 'id="wrong-id"'}, {"ArgumentName": "id", "Message": "Invalid id"}),
        ({"AccessControlPolicy": {"Grants": []}}, {"Code": "MalformedACLError"}),
        ({}, {"Code": "MissingSecurityHeader", "MissingHeaderName": "x-amz-acl"}),
        ({"ACL": "private", "GrantRead": 'id="x"'},
         {"Message": "Specifying both Canned ACLs and Header Grants is not allowed"}),
    ],
)  # fmt: skip
def test_lists_that_are_refused(
    s3: Any, new_bucket: Callable[..., str], params: dict[str, Any], expected: dict[str, str]
) -> None:
    error = refused(s3.put_bucket_acl, Bucket=new_bucket(open_=True), **params)
    assert {name: error[name] for name in expected} == expected


def test_public_objects_are_public(cloud: CloudUnderTest, s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(open_=True)
    s3.put_object(Bucket=bucket, Key="open", Body=b"for all", ACL="public-read")
    s3.put_object(Bucket=bucket, Key="shut", Body=b"for me")
    assert urlopen(f"{cloud.endpoint}/{bucket}/open").read() == b"for all"
    with pytest.raises(HTTPError) as caught:
        urlopen(f"{cloud.endpoint}/{bucket}/shut")
    assert caught.value.code == 403
    assert b"<Code>AccessDenied</Code>" in caught.value.read()
    with pytest.raises(HTTPError):
        urlopen(f"{cloud.endpoint}/{bucket}")
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    assert b"<Key>open</Key>" in urlopen(f"{cloud.endpoint}/{bucket}").read()
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"IgnorePublicAcls": True})
    with pytest.raises(HTTPError):
        urlopen(f"{cloud.endpoint}/{bucket}/open")
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert refused(s3.put_object_acl, Bucket=bucket, Key="shut", ACL="public-read")["Code"] == "AccessDenied"


def test_another_account(cloud: CloudUnderTest, s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(open_=True)
    other = cloud.client("s3", key="333333333333")
    their_id = other.list_buckets()["Owner"]["ID"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"shared")
    assert refused(other.get_object, Bucket=bucket, Key="k")["status"] == 403
    s3.put_object_acl(Bucket=bucket, Key="k", GrantRead=f'id="{their_id}"')
    assert other.get_object(Bucket=bucket, Key="k")["Body"].read() == b"shared"


def test_a_public_version_does_not_open_the_others(
    cloud: CloudUnderTest, s3: Any, new_bucket: Callable[..., str]
) -> None:
    bucket = new_bucket(open_=True, versioned=True)
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read")
    private = s3.put_object(Bucket=bucket, Key="k", Body=b"private")["VersionId"]
    s3.put_object(Bucket=bucket, Key="k", Body=b"public", ACL="public-read")
    assert urlopen(f"{cloud.endpoint}/{bucket}/k").read() == b"public"
    for _ in range(2):
        with pytest.raises(HTTPError) as caught:
            urlopen(f"{cloud.endpoint}/{bucket}/k?versionId={private}")
        assert caught.value.code == 403
        s3.delete_object(Bucket=bucket, Key="k")


def test_lists_of_delete_markers(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(open_=True, versioned=True)
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    assert refused(s3.get_object_acl, Bucket=bucket, Key="k")["Code"] == "NoSuchKey"
    error = refused(s3.get_object_acl, Bucket=bucket, Key="k", VersionId=marker)
    assert (error["Code"], error["Method"]) == ("MethodNotAllowed", "GET")
    error = refused(s3.put_object_acl, Bucket=bucket, Key="k", ACL="public-read")
    assert (error["Code"], error["Method"]) == ("MethodNotAllowed", "PUT")
