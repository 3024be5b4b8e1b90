"""The CloudFormation types, on the operations that they call."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.api import AwsError
from fogbank.services.s3.resources import BucketPolicyResource, BucketResource
from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused


class Call:
    """What CloudFormation hands over, but through boto3."""

    account = "000000000000"
    region = "us-east-1"
    stack_name = "stack"
    stack_id = "arn:aws:cloudformation:us-east-1:000000000000:stack/stack/1"
    logical_id = "Bucket"
    token = "token"

    def __init__(self, cloud: CloudUnderTest, name: str) -> None:
        self.client = cloud.client("s3")
        self.name = name
        self.tags: dict[str, str] = {}

    async def __call__(self, service: str, operation: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
        import re

        method = re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        try:
            return dict(getattr(self.client, method)(**(params or {})))
        except ClientError as error:
            raise AwsError(error.response["Error"]["Code"], error.response["Error"]["Message"]) from None

    def generate_name(self, limit: int, *, lower: bool = False, separator: str = "-") -> str:
        return self.name

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing to wait for")


FULL: dict[str, Any] = {
    "VersioningConfiguration": {"Status": "Enabled"},
    "BucketEncryption": {"ServerSideEncryptionConfiguration": [
        {"BucketKeyEnabled": "true", "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    ]},
    "PublicAccessBlockConfiguration": {
        "BlockPublicAcls": True, "BlockPublicPolicy": "true", "IgnorePublicAcls": False, "RestrictPublicBuckets": "false",
    },
    "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
    "AccessControl": "LogDeliveryWrite",
    "CorsConfiguration": {"CorsRules": [
        {"Id": "c", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "AllowedHeaders": ["*"], "ExposedHeaders": ["etag"],
         "MaxAge": "60"}
    ]},
    "WebsiteConfiguration": {"IndexDocument": "index.html", "ErrorDocument": "error.html", "RoutingRules": [
        {"RoutingRuleCondition": {"KeyPrefixEquals": "a"}, "RedirectRule": {"ReplaceKeyPrefixWith": "b"}}
    ]},
    "LifecycleConfiguration": {"Rules": [
        {"Id": "l", "Status": "Enabled", "Prefix": "logs/", "ExpirationInDays": "3",
         "Transitions": [{"StorageClass": "GLACIER", "TransitionInDays": 1}],
         "NoncurrentVersionExpiration": {"NoncurrentDays": 2, "NewerNoncurrentVersions": 1},
         "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}},
        {"Id": "t", "Status": "Disabled", "ExpirationInDays": 1, "TagFilters": [{"Key": "a", "Value": "b"}],
         "ObjectSizeGreaterThan": "10"},
    ]},
    "AccelerateConfiguration": {"AccelerationStatus": "Enabled"},
    "LoggingConfiguration": {"LogFilePrefix": "logs/"},
    "MetricsConfigurations": [{"Id": "m", "Prefix": "p"}],
    "IntelligentTieringConfigurations": [
        {"Id": "i", "Status": "Enabled", "Tierings": [{"AccessTier": "ARCHIVE_ACCESS", "Days": 90}]}
    ],
    "InventoryConfigurations": [
        {"Id": "v", "Enabled": True, "IncludedObjectVersions": "All", "ScheduleFrequency": "Daily",
         "Destination": {"BucketArn": "arn:aws:s3:::elsewhere", "Format": "CSV"}}
    ],
    "AnalyticsConfigurations": [{"Id": "a", "StorageClassAnalysis": {}}],
    "Tags": [{"Key": "own", "Value": "1"}],
}  # fmt: skip


async def test_every_property_reaches_the_bucket(cloud: CloudUnderTest, s3: Any) -> None:
    call = Call(cloud, "res-full")
    call.tags = {"stack": "tag"}
    resource = BucketResource()
    made = await resource.create(call, FULL)
    assert made.physical_id == "res-full"
    assert made.attributes == {
        "Arn": "arn:aws:s3:::res-full",
        "DomainName": "res-full.s3.amazonaws.com",
        "RegionalDomainName": "res-full.s3.us-east-1.amazonaws.com",
        "DualStackDomainName": "res-full.s3.dualstack.us-east-1.amazonaws.com",
        "WebsiteURL": "http://res-full.s3-website-us-east-1.amazonaws.com",
    }
    named = {"Bucket": "res-full"}
    assert s3.get_bucket_versioning(**named)["Status"] == "Enabled"
    encryption = s3.get_bucket_encryption(**named)["ServerSideEncryptionConfiguration"]["Rules"][0]
    assert encryption["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
    assert s3.get_public_access_block(**named)["PublicAccessBlockConfiguration"]["IgnorePublicAcls"] is False
    assert s3.get_bucket_cors(**named)["CORSRules"][0]["MaxAgeSeconds"] == 60
    assert s3.get_bucket_website(**named)["IndexDocument"] == {"Suffix": "index.html"}
    first, second = s3.get_bucket_lifecycle_configuration(**named)["Rules"]
    assert (first["Filter"], first["Expiration"]) == ({"Prefix": "logs/"}, {"Days": 3})
    assert first["NoncurrentVersionExpiration"] == {"NoncurrentDays": 2, "NewerNoncurrentVersions": 1}
    assert second["Filter"] == {"And": {"ObjectSizeGreaterThan": 10, "Tags": [{"Key": "a", "Value": "b"}]}}
    assert s3.get_bucket_accelerate_configuration(**named)["Status"] == "Enabled"
    assert s3.get_bucket_logging(**named)["LoggingEnabled"] == {"TargetBucket": "res-full", "TargetPrefix": "logs/"}
    assert len(s3.get_bucket_acl(**named)["Grants"]) == 3
    assert s3.get_bucket_tagging(**named)["TagSet"] == [{"Key": "stack", "Value": "tag"}, {"Key": "own", "Value": "1"}]
    for kind in ("metrics", "intelligent_tiering", "inventory", "analytics"):
        answer = getattr(s3, f"list_bucket_{kind}_configurations")(**named)
        assert len(next(value for name, value in answer.items() if name.endswith("List"))) == 1
    bare = await resource.update(call, FULL, {}, made)
    assert bare.physical_id == "res-full"
    assert s3.get_bucket_versioning(**named)["Status"] == "Suspended"
    assert refused(s3.get_bucket_cors, **named)["Code"] == "NoSuchCORSConfiguration"
    assert "MetricsConfigurationList" not in s3.list_bucket_metrics_configurations(**named)
    assert "LoggingEnabled" not in s3.get_bucket_logging(**named)
    await resource.delete(call, {}, made)
    await resource.delete(call, {}, made)
    assert refused(s3.head_bucket, **named)["status"] == 404


async def test_a_step_that_is_run_again(cloud: CloudUnderTest) -> None:
    call = Call(cloud, "res-again")
    first = await BucketResource().create(call, {"VersioningConfiguration": {"Status": "Enabled"}})
    second = await BucketResource().create(call, {"VersioningConfiguration": {"Status": "Enabled"}})
    assert first == second


async def test_what_fogbank_does_not_have(cloud: CloudUnderTest) -> None:
    with pytest.raises(AwsError, match="MetadataTableConfiguration"):
        await BucketResource().create(Call(cloud, "res-not"), {"MetadataTableConfiguration": {"x": 1}})


async def test_a_policy(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    call = Call(cloud, "")
    document = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    ]}  # fmt: skip
    props = {"Bucket": bucket, "PolicyDocument": document}
    made = await BucketPolicyResource().create(call, props)
    assert made.physical_id == bucket
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == document
    await BucketPolicyResource().delete(call, props, made)
    assert refused(s3.get_bucket_policy, Bucket=bucket)["Code"] == "NoSuchBucketPolicy"
