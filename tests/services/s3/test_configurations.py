"""A bucket's configurations: what is answered before they are set, stored, and refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused

NOT_SET = {
    "get_bucket_cors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "get_bucket_website": ("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
    "get_bucket_lifecycle_configuration": ("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
    "get_bucket_replication": ("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
    "get_bucket_policy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "get_bucket_tagging": ("NoSuchTagSet", "The TagSet does not exist"),
    "get_object_lock_configuration": (
        "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket",
    ),
}  # fmt: skip


@pytest.mark.parametrize("operation", NOT_SET)
def test_what_is_not_set(s3: Any, bucket: str, operation: str) -> None:
    error = refused(getattr(s3, operation), Bucket=bucket)
    assert (error["Code"], error["Message"]) == NOT_SET[operation]
    assert (error["status"], error["BucketName"]) == (404, bucket)
    assert refused(getattr(s3, operation), Bucket="nowhere")["Code"] == "NoSuchBucket"


def test_what_is_set_from_the_start(s3: Any, bucket: str) -> None:
    def of(operation: str) -> Any:
        answer = getattr(s3, operation)(Bucket=bucket)
        del answer["ResponseMetadata"]
        return answer

    assert of("get_bucket_encryption") == {"ServerSideEncryptionConfiguration": {"Rules": [
        {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}
    ]}}  # fmt: skip
    assert of("get_bucket_ownership_controls") == {
        "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    }
    assert set(of("get_public_access_block")["PublicAccessBlockConfiguration"].values()) == {True}
    assert of("get_bucket_request_payment") == {"Payer": "BucketOwner"}
    for operation in ("get_bucket_logging", "get_bucket_accelerate_configuration", "get_bucket_versioning",
                      "get_bucket_notification_configuration"):  # fmt: skip
        assert of(operation) == {}
    for kind in ("analytics", "intelligent_tiering", "inventory", "metrics"):
        assert of(f"list_bucket_{kind}_configurations") == {"IsTruncated": False}


def test_encryption(s3: Any, bucket: str) -> None:
    def put(**default: str) -> None:
        rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})

    put(SSEAlgorithm="aws:kms")
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"")["ServerSideEncryption"] == "aws:kms"
    s3.delete_bucket_encryption(Bucket=bucket)
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"")["ServerSideEncryption"] == "AES256"
    error = refused(put, SSEAlgorithm="AES256", KMSMasterKeyID="x")
    assert error["ArgumentName"] == "ApplyServerSideEncryptionByDefault"
    error = refused(s3.put_bucket_encryption, Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": []})
    assert error["Code"] == "MalformedXML"


def test_ownership(s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(ObjectOwnership="BucketOwnerPreferred")
    assert s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]["Rules"] == [
        {"ObjectOwnership": "BucketOwnerPreferred"}
    ]
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    assert refused(s3.get_bucket_ownership_controls, Bucket=bucket)["Code"] == "OwnershipControlsNotFoundError"
    error = refused(s3.create_bucket, Bucket="owned", ObjectOwnership="RandomValue")
    assert error["Message"] == "Invalid x-amz-object-ownership header: RandomValue"


def test_the_public_access_block(s3: Any, bucket: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    error = refused(s3.get_public_access_block, Bucket=bucket)
    assert error["Code"] == "NoSuchPublicAccessBlockConfiguration"
    s3.put_public_access_block(Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": True})
    assert s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True, "IgnorePublicAcls": False, "BlockPublicPolicy": False, "RestrictPublicBuckets": False
    }  # fmt: skip


def test_website(s3: Any, bucket: str) -> None:
    configuration = {
        "IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [{"Condition": {"KeyPrefixEquals": "a/"}, "Redirect": {"ReplaceKeyPrefixWith": "b/"}}],
    }  # fmt: skip
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=configuration)
    found = s3.get_bucket_website(Bucket=bucket)
    assert {name: found[name] for name in configuration} == configuration

    def said(**given: Any) -> str:
        return str(refused(s3.put_bucket_website, Bucket=bucket, WebsiteConfiguration=given)["Message"])

    index = {"Suffix": "index.html"}
    assert said(IndexDocument={"Suffix": "/index.html"}) == "The IndexDocument Suffix is not well formed"
    assert said(RedirectAllRequestsTo={"HostName": "h"}, IndexDocument=index).startswith("RedirectAllRequestsTo cannot")
    assert said(ErrorDocument={"Key": "e"}).startswith("A value for IndexDocument Suffix must be provided")
    assert said(RedirectAllRequestsTo={"HostName": "h", "Protocol": "ftp"}).startswith("Invalid protocol")
    both = {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}
    assert said(IndexDocument=index, RoutingRules=[{"Redirect": both}]).startswith("You can only define ReplaceKeyPrefix")
    empty = [{"Condition": {}, "Redirect": {"ReplaceKeyWith": "a"}}]
    assert said(IndexDocument=index, RoutingRules=empty).startswith("Condition cannot be empty.")
    s3.delete_bucket_website(Bucket=bucket)
    assert refused(s3.get_bucket_website, Bucket=bucket)["Code"] == "NoSuchWebsiteConfiguration"


def test_lifecycle(s3: Any, bucket: str) -> None:
    def put(*rules: dict[str, Any], **more: Any) -> Any:
        return s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": list(rules)}, **more
        )

    rule = {"ID": "one", "Status": "Enabled", "Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 7}}
    unnamed = {"Status": "Enabled", "Filter": {}, "NoncurrentVersionExpiration": {"NoncurrentDays": 3}}
    assert put(rule, unnamed)["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    found = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert found[0] == rule
    assert len(found[1]["ID"]) == 36
    s3.put_object(Bucket=bucket, Key="logs/a", Body=b"")
    s3.put_object(Bucket=bucket, Key="other", Body=b"")
    told = s3.head_object(Bucket=bucket, Key="logs/a")["Expiration"]
    assert told.startswith('expiry-date="')
    assert told.endswith('00:00:00 GMT", rule-id="one"')
    assert "Expiration" not in s3.head_object(Bucket=bucket, Key="other")

    def error(**given: Any) -> dict[str, Any]:
        return refused(lambda: put({**rule, **given}))

    date = datetime(2030, 1, 1, 5, tzinfo=UTC)
    assert error(Expiration={"Date": date})["Message"] == "'Date' must be at midnight GMT"
    assert error(Expiration={"Days": 1, "ExpiredObjectDeleteMarker": True})["Code"] == "MalformedXML"
    assert error(Filter={"Prefix": "a", "Tag": {"Key": "a", "Value": "b"}})["Code"] == "MalformedXML"
    tag = {"Key": "a", "Value": "b"}
    assert error(Filter={"And": {"Tags": [tag, tag]}})["Message"] == "Duplicate Tag Keys are not allowed."
    wrong = refused(lambda: put(rule, TransitionDefaultMinimumObjectSize="value"))
    assert wrong["Message"] == "Invalid TransitionDefaultMinimumObjectSize found: value"
    s3.delete_bucket_lifecycle(Bucket=bucket)
    assert refused(s3.get_bucket_lifecycle_configuration, Bucket=bucket)["status"] == 404


def test_replication(s3: Any, new_bucket: Callable[..., str]) -> None:
    source, target = new_bucket(), new_bucket()
    rule = {
        "ID": "id", "Priority": 1, "Status": "Enabled", "Filter": {"Prefix": "Tax"},
        "DeleteMarkerReplication": {"Status": "Disabled"}, "Destination": {"Bucket": f"arn:aws:s3:::{target}"},
    }  # fmt: skip
    configuration = {"Role": "arn:aws:iam::000000000000:role/r", "Rules": [rule]}

    def put() -> None:
        s3.put_bucket_replication(Bucket=source, ReplicationConfiguration=configuration)

    assert refused(put)["Message"] == "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
    s3.put_bucket_versioning(Bucket=source, VersioningConfiguration={"Status": "Enabled"})
    assert refused(put)["Message"] == "Destination bucket must have versioning enabled."
    s3.put_bucket_versioning(Bucket=target, VersioningConfiguration={"Status": "Enabled"})
    put()
    assert s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"] == configuration
    s3.delete_bucket_replication(Bucket=source)


def test_logging(cloud: CloudUnderTest, s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket, target = new_bucket(), new_bucket()

    def put(name: str) -> None:
        enabled = {"LoggingEnabled": {"TargetBucket": name, "TargetPrefix": "log"}}
        s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus=enabled)

    put(target)
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetBucket"] == target
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    assert "LoggingEnabled" not in s3.get_bucket_logging(Bucket=bucket)
    error = refused(lambda: put("nowhere"))
    assert (error["Code"], error["TargetBucket"]) == ("InvalidTargetBucketForLogging", "nowhere")
    cloud.client("s3", region="us-west-2").create_bucket(
        Bucket="log-west", CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    error = refused(lambda: put("log-west"))
    assert (error["Code"], error["TargetBucketLocation"]) == ("CrossLocationLoggingProhibitted", "us-west-2")


def test_small_ones(s3: Any, bucket: str) -> None:
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration={"Payer": "Requester"})
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    error = refused(s3.put_bucket_request_payment, Bucket=bucket, RequestPaymentConfiguration={"Payer": "nobody"})
    assert error["Code"] == "MalformedXML"
    s3.put_bucket_accelerate_configuration(Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"
    s3.create_bucket(Bucket="dotted.bucket")
    error = refused(
        s3.put_bucket_accelerate_configuration, Bucket="dotted.bucket", AccelerateConfiguration={"Status": "Enabled"}
    )
    assert error["Message"].startswith("S3 Transfer Acceleration is not supported for buckets with periods")


def test_configurations_by_id(s3: Any, bucket: str) -> None:
    for name in ("b", "a"):
        s3.put_bucket_metrics_configuration(
            Bucket=bucket, Id=name, MetricsConfiguration={"Id": name, "Filter": {"Prefix": f"{name}/"}}
        )
    listed = s3.list_bucket_metrics_configurations(Bucket=bucket)
    assert [c["Id"] for c in listed["MetricsConfigurationList"]] == ["a", "b"]
    found = s3.get_bucket_metrics_configuration(Bucket=bucket, Id="a")["MetricsConfiguration"]
    assert found == {"Id": "a", "Filter": {"Prefix": "a/"}}
    s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="a")
    error = refused(s3.delete_bucket_metrics_configuration, Bucket=bucket, Id="a")
    assert (error["Code"], error["Message"]) == ("NoSuchConfiguration", "The specified configuration does not exist.")
    tiering = {"Id": "t", "Status": "Enabled", "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}]}
    s3.put_bucket_intelligent_tiering_configuration(Bucket=bucket, Id="t", IntelligentTieringConfiguration=tiering)
    got = s3.get_bucket_intelligent_tiering_configuration(Bucket=bucket, Id="t")
    assert got["IntelligentTieringConfiguration"] == tiering
    inventory: dict[str, Any] = {
        "Id": "i", "IsEnabled": True, "IncludedObjectVersions": "All", "Schedule": {"Frequency": "Daily"},
        "Destination": {"S3BucketDestination": {"Bucket": f"arn:aws:s3:::{bucket}", "Format": "CSV"}},
    }  # fmt: skip
    s3.put_bucket_inventory_configuration(Bucket=bucket, Id="i", InventoryConfiguration=inventory)
    got = s3.get_bucket_inventory_configuration(Bucket=bucket, Id="i")
    assert got["InventoryConfiguration"] == inventory
    error = refused(s3.put_bucket_inventory_configuration, Bucket=bucket, Id="x", InventoryConfiguration=inventory)
    assert error["Code"] == "IdMismatch"
    inventory["Destination"]["S3BucketDestination"]["Bucket"] = bucket
    error = refused(s3.put_bucket_inventory_configuration, Bucket=bucket, Id="i", InventoryConfiguration=inventory)
    assert (error["Code"], error["Message"]) == ("InvalidS3DestinationBucket", "Invalid bucket ARN.")


QUEUE = "arn:aws:sqs:us-east-1:000000000000:my-queue"


def test_notifications(s3: Any, bucket: str) -> None:
    def put(arn: str = QUEUE, skip: bool = False, **entry: Any) -> None:
        queue = {"QueueArn": arn, "Events": ["s3:ObjectCreated:*"], **entry}
        s3.put_bucket_notification_configuration(
            Bucket=bucket, NotificationConfiguration={"QueueConfigurations": [queue]}, SkipDestinationValidation=skip
        )

    error = refused(lambda: put("invalid-queue"))
    assert (error["ArgumentName"], error["ArgumentValue"]) == ("Queue", "invalid-queue")
    assert error["Message"] == "The ARN could not be parsed"
    error = refused(put)
    assert error["Message"] == "Unable to validate the following destination configurations"
    assert (error["ArgumentName1"], error["ArgumentValue1"]) == (QUEUE, "The destination queue does not exist")
    rules = [{"Name": "prefix", "Value": "a/"}, {"Name": "suffix", "Value": ".txt"}]
    put(skip=True, Id="id123", Filter={"Key": {"FilterRules": rules}})
    stored = s3.get_bucket_notification_configuration(Bucket=bucket)["QueueConfigurations"]
    assert stored == [{
        "Id": "id123", "QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "a/"}, {"Name": "Suffix", "Value": ".txt"}]}},
    }]  # fmt: skip
    bad = [{"Name": "INVALID", "Value": "x"}]
    error = refused(lambda: put(skip=True, Filter={"Key": {"FilterRules": bad}}))
    assert error["Message"] == "filter rule name must be either prefix or suffix"
    error = refused(lambda: put(skip=True, Events=["s3:Nonsense"]))
    assert error["Message"] == "The event is not supported for notifications"
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    assert "QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket=bucket)
