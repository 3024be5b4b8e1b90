"""Versioning: ids, delete markers, the null version, suspension."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.services.s3.errors import refused


def listed(s3: Any, bucket: str) -> list[tuple[str, str, bool]]:
    """(key, version id, is latest) of versions and markers, newest first within each kind."""
    page = s3.list_object_versions(Bucket=bucket)
    entries = page.get("Versions", []) + page.get("DeleteMarkers", [])
    return [(entry["Key"], entry["VersionId"], entry["IsLatest"]) for entry in entries]


def test_versions_pile_up(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(versioned=True)
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    two = s3.put_object(Bucket=bucket, Key="k", Body=b"2" * 50_000)["VersionId"]
    assert len(one) == 32
    assert listed(s3, bucket) == [("k", two, True), ("k", one, False)]
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == two
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=one)["Body"].read() == b"1"
    s3.delete_object(Bucket=bucket, Key="k", VersionId=two)
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == one
    error = refused(s3.get_object, Bucket=bucket, Key="k", VersionId=two)
    assert (error["Code"], error["VersionId"], error["Key"]) == ("NoSuchVersion", two, "k")
    error = refused(s3.get_object, Bucket=bucket, Key="k", VersionId="HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD")
    assert (error["Code"], error["ArgumentName"]) == ("InvalidArgument", "versionId")
    assert error["Message"] == "Invalid version id specified"


def test_delete_markers(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(versioned=True)
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    marked = s3.delete_object(Bucket=bucket, Key="k")
    assert marked["DeleteMarker"] is True
    marker = marked["VersionId"]
    error = refused(s3.get_object, Bucket=bucket, Key="k")
    assert error["Code"] == "NoSuchKey"
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket)
    error = refused(s3.get_object, Bucket=bucket, Key="k", VersionId=marker)
    assert (error["Code"], error["Method"], error["ResourceType"]) == ("MethodNotAllowed", "GET", "DeleteMarker")
    assert refused(s3.head_object, Bucket=bucket, Key="k", VersionId=marker)["status"] == 405
    assert listed(s3, bucket) == [("k", one, False), ("k", marker, True)]
    again = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    undone = s3.delete_object(Bucket=bucket, Key="k", VersionId=again)
    assert undone["DeleteMarker"] is True
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker)
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == one
    assert listed(s3, bucket) == [("k", one, True)]


def test_the_headers_of_a_marker(s3: Any, new_bucket: Callable[..., str]) -> None:
    from botocore.exceptions import ClientError

    bucket = new_bucket(versioned=True)
    marker = s3.delete_object(Bucket=bucket, Key="k")["VersionId"]
    try:
        s3.get_object(Bucket=bucket, Key="k")
    except ClientError as error:
        headers = error.response["ResponseMetadata"]["HTTPHeaders"]
        assert (headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == ("true", marker)
    else:
        raise AssertionError("a marker was read")


def test_what_was_there_before_is_the_null_version(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket()
    s3.put_object(Bucket=bucket, Key="k", Body=b"old")
    assert listed(s3, bucket) == [("k", "null", True)]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_object(Bucket=bucket, Key="k")["VersionId"] == "null"
    new = s3.put_object(Bucket=bucket, Key="k", Body=b"new")["VersionId"]
    assert listed(s3, bucket) == [("k", new, True), ("k", "null", False)]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"old"


def test_suspended(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(versioned=True)
    kept = s3.put_object(Bucket=bucket, Key="k", Body=b"kept")["VersionId"]
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Suspended"})
    assert "VersionId" not in s3.put_object(Bucket=bucket, Key="k", Body=b"null 1")
    s3.put_object(Bucket=bucket, Key="k", Body=b"null 2")
    assert listed(s3, bucket) == [("k", "null", True), ("k", kept, False)]
    marked = s3.delete_object(Bucket=bucket, Key="k")
    assert (marked["DeleteMarker"], marked["VersionId"]) == (True, "null")
    assert listed(s3, bucket) == [("k", kept, False), ("k", "null", True)]
    s3.put_object(Bucket=bucket, Key="k", Body=b"null 3")
    assert listed(s3, bucket) == [("k", "null", True), ("k", kept, False)]
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"null 3"


def test_several_at_once(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(versioned=True)
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["VersionId"]
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "never"}]})
    assert all(d["DeleteMarker"] for d in answer["Deleted"])
    marker = next(d["DeleteMarkerVersionId"] for d in answer["Deleted"] if d["Key"] == "k")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": marker}]})
    assert answer["Deleted"] == [
        {"Key": "k", "VersionId": marker, "DeleteMarker": True, "DeleteMarkerVersionId": marker}
    ]
    wrong = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": marker}]})
    assert wrong["Errors"][0]["Code"] == "NoSuchVersion"
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k", "VersionId": one}]})
    assert answer["Deleted"] == [{"Key": "k", "VersionId": one}]


def test_several_at_once_without_versions(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1")
    answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}, {"Key": "never"}]})
    assert sorted(d["Key"] for d in answer["Deleted"]) == ["k", "never"]
    assert all(set(d) == {"Key"} for d in answer["Deleted"])
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "k"}], "Quiet": True})
    assert "Deleted" not in quiet
    error = refused(s3.delete_objects, Bucket=bucket, Delete={"Objects": [{"Key": f"{i}"} for i in range(1001)]})
    assert error["Code"] == "MalformedXML"


def test_deleting_what_is_not_there(s3: Any, bucket: str) -> None:
    assert "DeleteMarker" not in s3.delete_object(Bucket=bucket, Key="never")
    error = refused(s3.delete_object, Bucket=bucket, Key="never", VersionId="HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD")
    assert error["ArgumentName"] == "versionId"


def test_the_versioning_state(s3: Any, bucket: str) -> None:
    assert "Status" not in s3.get_bucket_versioning(Bucket=bucket)
    for status in ("Suspended", "Enabled"):
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": status})
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == status
    for status in ("enabled", "Disabled"):
        error = refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={"Status": status})
        assert error["Code"] == "MalformedXML"
    error = refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration={})
    assert error["Code"] == "IllegalVersioningConfigurationException"
    assert error["Message"] == "The Versioning element must be specified"
