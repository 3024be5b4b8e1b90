"""Who may: users, roles' rights, bucket policies, other accounts, everyone."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import count
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused

_USERS = count(1)


@pytest.fixture
def user(cloud: CloudUnderTest) -> Callable[..., Any]:
    """A client of a new user who may do what the statements say: (actions, resources[, condition])."""

    def make(*statements: tuple[Any, ...]) -> Any:
        iam = cloud.client("iam")
        name = f"user{next(_USERS)}"
        iam.create_user(UserName=name)
        document = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": actions, "Resource": resources, **({"Condition": rest[0]} if rest else {})}
                for actions, resources, *rest in statements
            ],
        }
        if statements:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    return make


def fetch(cloud: CloudUnderTest, path: str, method: str = "GET") -> int:
    """The status that an unsigned request gets."""
    try:
        with urlopen(Request(f"{cloud.endpoint}/{path}", method=method)) as answer:
            return int(answer.status)
    except HTTPError as error:
        return error.code


def set_policy(s3: Any, bucket: str, *statements: dict[str, Any]) -> None:
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


def test_a_user_without_rights(s3: Any, bucket: str, user: Callable[..., Any]) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    nobody = user()
    for call, params, action, resource in (
        (nobody.get_object, {"Key": "k"}, "GetObject", f"{bucket}/k"),
        (nobody.put_object, {"Key": "k", "Body": b""}, "PutObject", f"{bucket}/k"),
        (nobody.delete_object, {"Key": "k"}, "DeleteObject", f"{bucket}/k"),
        (nobody.list_objects_v2, {}, "ListBucket", bucket),
        (nobody.get_bucket_cors, {}, "GetBucketCORS", bucket),
        (nobody.get_bucket_encryption, {}, "GetEncryptionConfiguration", bucket),
        (nobody.get_bucket_lifecycle_configuration, {}, "GetLifecycleConfiguration", bucket),
        (nobody.get_public_access_block, {}, "GetBucketPublicAccessBlock", bucket),
        (nobody.list_multipart_uploads, {}, "ListBucketMultipartUploads", bucket),
        (nobody.create_multipart_upload, {"Key": "k"}, "PutObject", f"{bucket}/k"),
    ):
        error = refused(call, Bucket=bucket, **params)
        assert (error["Code"], error["status"]) == ("AccessDenied", 403)
        assert f"is not authorized to perform: s3:{action} on resource: \"arn:aws:s3:::{resource}\"" in error["Message"]
        assert error["Message"].endswith(f"because no identity-based policy allows the s3:{action} action")
    assert refused(nobody.head_object, Bucket=bucket, Key="k")["status"] == 403
    assert refused(nobody.list_buckets)["Code"] == "AccessDenied"


def test_missing_keys_are_told_to_those_who_may_list(
    s3: Any, bucket: str, user: Callable[..., Any]
) -> None:
    reader = user(("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    error = refused(reader.get_object, Bucket=bucket, Key="none")
    assert (error["Code"], error["status"]) == ("AccessDenied", 403)
    assert refused(reader.head_object, Bucket=bucket, Key="none")["status"] == 403
    lister = user(("s3:GetObject", f"arn:aws:s3:::{bucket}/*"), ("s3:ListBucket", f"arn:aws:s3:::{bucket}"))
    assert refused(lister.get_object, Bucket=bucket, Key="none")["Code"] == "NoSuchKey"
    assert refused(lister.head_object, Bucket=bucket, Key="none")["status"] == 404


def test_condition_keys(s3: Any, bucket: str, user: Callable[..., Any]) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    s3.put_object(Bucket=bucket, Key="home/a", Body=b"", Tagging="team=red")
    s3.put_object(Bucket=bucket, Key="home/b", Body=b"", Tagging="team=blue")
    client = user(
        ("s3:ListBucket", arn, {"StringEquals": {"s3:prefix": "home/"}, "NumericLessThanEquals": {"s3:max-keys": 10}}),
        ("s3:GetObject", f"{arn}/*", {"StringEquals": {"s3:ExistingObjectTag/team": "red"}}),
        ("s3:PutObject", f"{arn}/*", {"StringEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}),
    )
    assert client.list_objects_v2(Bucket=bucket, Prefix="home/", MaxKeys=10)["KeyCount"] == 2
    assert refused(client.list_objects_v2, Bucket=bucket, Prefix="home/", MaxKeys=11)["status"] == 403
    assert refused(client.list_objects_v2, Bucket=bucket, MaxKeys=1)["status"] == 403
    client.get_object(Bucket=bucket, Key="home/a")
    assert refused(client.get_object, Bucket=bucket, Key="home/b")["status"] == 403
    client.put_object(Bucket=bucket, Key="k", Body=b"", ServerSideEncryption="aws:kms")
    assert refused(client.put_object, Bucket=bucket, Key="k", Body=b"")["status"] == 403


def test_what_an_operation_needs_besides(s3: Any, bucket: str, user: Callable[..., Any]) -> None:
    objects = f"arn:aws:s3:::{bucket}/*"
    s3.put_object(Bucket=bucket, Key="source", Body=b"")
    writer = user(("s3:PutObject", objects))
    writer.put_object(Bucket=bucket, Key="k", Body=b"")
    error = refused(writer.put_object, Bucket=bucket, Key="k", Body=b"", Tagging="a=b")
    assert "s3:PutObjectTagging" in error["Message"]
    error = refused(writer.put_object, Bucket=bucket, Key="k", Body=b"", ACL="private")
    assert "s3:PutObjectAcl" in error["Message"]
    error = refused(writer.copy_object, Bucket=bucket, Key="k", CopySource=f"{bucket}/source")
    assert "s3:GetObject" in error["Message"]
    version = user(("s3:GetObject", objects))
    error = refused(version.get_object, Bucket=bucket, Key="source", VersionId="null")
    assert "s3:GetObjectVersion" in error["Message"]
    answer = writer.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}]})
    assert answer["Errors"][0]["Code"] == "AccessDenied"
    assert s3.head_object(Bucket=bucket, Key="k")


def test_a_bucket_policy_for_another_account(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    other = cloud.client("s3", key="444444444444")
    s3.put_object(Bucket=bucket, Key="shared/k", Body=b"shared")
    assert refused(other.get_object, Bucket=bucket, Key="shared/k")["status"] == 403
    set_policy(s3, bucket, {
        "Effect": "Allow", "Principal": {"AWS": "444444444444"}, "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/shared/*",
    })  # fmt: skip
    assert other.get_object(Bucket=bucket, Key="shared/k")["Body"].read() == b"shared"
    assert refused(other.put_object, Bucket=bucket, Key="shared/k", Body=b"")["status"] == 403
    assert refused(other.get_object, Bucket="nowhere", Key="k")["Code"] == "NoSuchBucket"


def test_a_deny_binds_the_owner_too(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    set_policy(s3, bucket, {
        "Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*",
    })  # fmt: skip
    error = refused(s3.get_object, Bucket=bucket, Key="k")
    assert "with an explicit deny in a resource-based policy" in error["Message"]
    s3.delete_bucket_policy(Bucket=bucket)
    s3.get_object(Bucket=bucket, Key="k")


def test_a_public_policy(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    public = {
        "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"
    }  # fmt: skip
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    error = refused(lambda: set_policy(s3, bucket, public))
    assert error["Code"] == "AccessDenied"
    assert "because public policies are prevented by the BlockPublicPolicy setting" in error["Message"]
    assert fetch(cloud, f"{bucket}/k") == 403
    s3.delete_public_access_block(Bucket=bucket)
    set_policy(s3, bucket, public)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is True
    assert fetch(cloud, f"{bucket}/k") == 200
    assert fetch(cloud, f"{bucket}/k", "HEAD") == 200
    assert fetch(cloud, f"{bucket}/none") == 403
    assert fetch(cloud, bucket) == 403
    assert fetch(cloud, f"{bucket}/k", "DELETE") == 403
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    assert fetch(cloud, f"{bucket}/k") == 403
    assert s3.get_object(Bucket=bucket, Key="k")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        ("random", "Policies must be valid JSON and the first byte must be '{'"),
        ("{", "Policies must be valid JSON and the first byte must be '{'"),
        ("{}", "Missing required field Statement"),
        ({"Effect": None}, "Missing required field Effect"),
        ({"Effect": "Maybe"}, "Invalid effect: Maybe"),
        ({"Principal": None}, "Missing required field Principal"),
        ({"Principal": {"AWS": "nonsense"}}, "Invalid principal in policy"),
        ({"Action": None}, "Missing required field Action"),
        ({"Action": "ec2:RunInstances"}, "Policy has invalid action"),
        ({"Resource": None}, "Missing required field Resource"),
        ({"Resource": "arn:aws:s3:::another-bucket/*"}, "Policy has invalid resource"),
        ({"Resource": "BUCKET"}, "Action does not apply to any resource(s) in statement"),
    ],
)
def test_policies_that_are_refused(s3: Any, bucket: str, change: Any, message: str) -> None:
    if isinstance(change, str):
        text = change
    else:
        arn = f"arn:aws:s3:::{bucket}"
        statement = {
            "Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "s3:GetObject", "Resource": f"{arn}/*"
        }  # fmt: skip
        statement.update(change)
        if statement["Resource"] == "BUCKET":
            statement["Resource"] = arn
        text = json.dumps({"Statement": [{k: v for k, v in statement.items() if v is not None}]})
    error = refused(s3.put_bucket_policy, Bucket=bucket, Policy=text)
    assert (error["Code"], error["Message"], error["status"]) == ("MalformedPolicy", message, 400)


def test_the_policy_comes_back_as_it_was(s3: Any, bucket: str) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Deny", "Principal": "*", "Action": "s3:*",
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "never"}},
    }}, indent=3)  # fmt: skip
    s3.put_bucket_policy(Bucket=bucket, Policy=text)
    assert s3.get_bucket_policy(Bucket=bucket)["Policy"] == text
    s3.delete_bucket_policy(Bucket=bucket)


def test_everyone_may_write_where_the_policy_says_so(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    arn = f"arn:aws:s3:::{bucket}/drop/*"
    set_policy(s3, bucket, {"Effect": "Allow", "Principal": "*", "Action": "s3:PutObject", "Resource": arn})
    for path, status in (("drop/k", 200), ("other", 403)):
        request = Request(f"{cloud.endpoint}/{bucket}/{path}", b"dropped" * 10_000, method="PUT")
        try:
            with urlopen(request) as answer:
                assert answer.status == status
        except HTTPError as error:
            assert error.code == status
    assert s3.get_object(Bucket=bucket, Key="drop/k")["Body"].read() == b"dropped" * 10_000
    assert fetch(cloud, f"{bucket}/drop/k") == 403
