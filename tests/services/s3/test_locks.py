"""Object lock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.services.s3.errors import refused

PROTECTED = "Access Denied because object protected by object lock."
LATER = datetime(2040, 1, 1, tzinfo=UTC)


@pytest.fixture
def locked(new_bucket: Callable[..., str]) -> str:
    return new_bucket(ObjectLockEnabledForBucket=True)


def test_the_bucket(s3: Any, locked: str, bucket: str) -> None:
    assert s3.get_bucket_versioning(Bucket=locked)["Status"] == "Enabled"
    found = s3.get_object_lock_configuration(Bucket=locked)["ObjectLockConfiguration"]
    assert found == {"ObjectLockEnabled": "Enabled"}
    error = refused(s3.put_bucket_versioning, Bucket=locked, VersioningConfiguration={"Status": "Suspended"})
    assert (error["Code"], error["status"]) == ("InvalidBucketState", 409)
    configuration = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}}
    error = refused(s3.put_object_lock_configuration, Bucket=bucket, ObjectLockConfiguration=configuration)
    assert error["Message"].startswith("Versioning must be 'Enabled' on the bucket")
    s3.put_object_lock_configuration(Bucket=locked, ObjectLockConfiguration=configuration)
    s3.put_object(Bucket=locked, Key="k", Body=b"")
    head = s3.head_object(Bucket=locked, Key="k")
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert timedelta(hours=23) < head["ObjectLockRetainUntilDate"] - datetime.now(UTC) <= timedelta(days=1)
    for wrong in (
        {}, {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE"}}},
        {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "BAD", "Days": 1}}},
    ):  # fmt: skip
        error = refused(s3.put_object_lock_configuration, Bucket=locked, ObjectLockConfiguration=wrong)
        assert error["Code"] == "MalformedXML"


def test_retention(s3: Any, locked: str, bucket: str) -> None:
    version = s3.put_object(
        Bucket=locked, Key="k", Body=b"", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=LATER
    )["VersionId"]
    named = {"Bucket": locked, "Key": "k", "VersionId": version}
    assert s3.get_object_retention(**named)["Retention"] == {"Mode": "GOVERNANCE", "RetainUntilDate": LATER}
    assert refused(s3.delete_object, **named)["Message"] == PROTECTED
    answer = s3.delete_objects(Bucket=locked, Delete={"Objects": [{"Key": "k", "VersionId": version}]})
    assert answer["Errors"][0]["Message"] == PROTECTED
    sooner = {"Mode": "GOVERNANCE", "RetainUntilDate": LATER - timedelta(days=1)}
    assert refused(s3.put_object_retention, Retention=sooner, **named)["Message"] == PROTECTED
    s3.put_object_retention(Retention=sooner, BypassGovernanceRetention=True, **named)
    past = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2020, 1, 1, tzinfo=UTC)}
    error = refused(s3.put_object_retention, Retention=past, **named)
    assert error["Message"] == "The retain until date must be in the future!"
    assert error["ArgumentValue"] == "Tue Dec 31 16:00:00 PST 2019"
    s3.delete_object(BypassGovernanceRetention=True, **named)
    error = refused(s3.get_object_retention, Bucket=bucket, Key="k")
    assert error["Message"] == "Bucket is missing Object Lock Configuration"
    error = refused(s3.delete_object, Bucket=bucket, Key="k", BypassGovernanceRetention=True)
    assert error["Message"] == "x-amz-bypass-governance-retention is only applicable to Object Lock enabled buckets."


def test_compliance_cannot_be_bypassed(s3: Any, locked: str) -> None:
    version = s3.put_object(
        Bucket=locked, Key="k", Body=b"", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=LATER
    )["VersionId"]
    named = {"Bucket": locked, "Key": "k", "VersionId": version}
    assert refused(s3.delete_object, BypassGovernanceRetention=True, **named)["Message"] == PROTECTED
    assert s3.delete_object(Bucket=locked, Key="k")["DeleteMarker"] is True


def test_legal_hold(s3: Any, locked: str) -> None:
    version = s3.put_object(Bucket=locked, Key="k", Body=b"")["VersionId"]
    named = {"Bucket": locked, "Key": "k", "VersionId": version}
    assert refused(s3.get_object_legal_hold, **named)["Code"] == "NoSuchObjectLockConfiguration"
    s3.put_object_legal_hold(LegalHold={"Status": "ON"}, **named)
    assert s3.head_object(**named)["ObjectLockLegalHoldStatus"] == "ON"
    assert refused(s3.delete_object, **named)["Message"] == PROTECTED
    s3.put_object_legal_hold(LegalHold={"Status": "OFF"}, **named)
    s3.delete_object(**named)


def test_headers_that_are_refused(s3: Any, locked: str) -> None:
    def error(**given: Any) -> dict[str, Any]:
        return refused(s3.put_object, Bucket=locked, Key="k", Body=b"", **given)

    both = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
    assert error(ObjectLockMode="GOVERNANCE")["Message"] == both
    assert error(ObjectLockRetainUntilDate=LATER)["ArgumentName"] == "x-amz-object-lock-mode"
    bad = error(ObjectLockMode="BAD-VALUE", ObjectLockRetainUntilDate=LATER)
    assert (bad["Message"], bad["ArgumentValue"]) == ("Unknown wormMode directive.", "BAD-VALUE")
