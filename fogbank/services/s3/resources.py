"""CloudFormation types of S3."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.s3 import s3
from fogbank.services.s3.rules import template

# Property: (operation that sets it, its member, the mapping, operation that takes it away). In this order: what a later
# one needs comes first.
_Setter = tuple[str, str, Callable[[Any], Any], str]
_SETTINGS: dict[str, _Setter] = {
    "OwnershipControls": (
        "PutBucketOwnershipControls", "OwnershipControls", dict, "DeleteBucketOwnershipControls",
    ),
    "PublicAccessBlockConfiguration": (
        "PutPublicAccessBlock", "PublicAccessBlockConfiguration", template.public_access_block, "DeletePublicAccessBlock",
    ),
    "VersioningConfiguration": ("PutBucketVersioning", "VersioningConfiguration", dict, ""),
    "ObjectLockConfiguration": (
        "PutObjectLockConfiguration", "ObjectLockConfiguration", template.object_lock, "",
    ),
    "BucketEncryption": (
        "PutBucketEncryption", "ServerSideEncryptionConfiguration", template.encryption, "DeleteBucketEncryption",
    ),
    "CorsConfiguration": ("PutBucketCors", "CORSConfiguration", template.cors, "DeleteBucketCors"),
    "WebsiteConfiguration": ("PutBucketWebsite", "WebsiteConfiguration", template.website, "DeleteBucketWebsite"),
    "LifecycleConfiguration": (
        "PutBucketLifecycleConfiguration", "LifecycleConfiguration", template.lifecycle, "DeleteBucketLifecycle",
    ),
    "NotificationConfiguration": (
        "PutBucketNotificationConfiguration", "NotificationConfiguration", template.notification, "",
    ),
    "AccelerateConfiguration": (
        "PutBucketAccelerateConfiguration", "AccelerateConfiguration",
        lambda value: {"Status": value["AccelerationStatus"]}, "",
    ),
    "ReplicationConfiguration": (
        "PutBucketReplication", "ReplicationConfiguration", template.replication, "DeleteBucketReplication",
    ),
}  # fmt: skip
_EMPTY: dict[str, Any] = {
    "VersioningConfiguration": {"Status": "Suspended"},
    "NotificationConfiguration": {},
    "AccelerateConfiguration": {"Status": "Suspended"},
}
"""What is put where a property is taken away and there is no operation for that."""
_BY_ID = {
    "AnalyticsConfigurations": ("AnalyticsConfiguration", template.analytics),
    "IntelligentTieringConfigurations": ("IntelligentTieringConfiguration", template.intelligent_tiering),
    "InventoryConfigurations": ("InventoryConfiguration", template.inventory),
    "MetricsConfigurations": ("MetricsConfiguration", template.metrics),
}


@s3.resource_type
class BucketResource(ResourceType):
    type_name = "AWS::S3::Bucket"
    properties = frozenset(
        {*_SETTINGS, *_BY_ID, "AccessControl", "BucketName", "BucketNamePrefix", "LoggingConfiguration",
         "ObjectLockEnabled", "Tags", "MetadataTableConfiguration", "MetadataConfiguration", "AbacStatus"}
    )  # fmt: skip
    create_only = frozenset({"BucketName", "BucketNamePrefix"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        for unbuilt in ("MetadataTableConfiguration", "MetadataConfiguration", "BucketNamePrefix", "AbacStatus"):
            if props.get(unbuilt):
                raise AwsError("InvalidRequest", f"Fogbank does not have the bucket property {unbuilt} yet.")
        name = props.get("BucketName") or call.generate_name(63, lower=True)
        params: dict[str, Any] = {"Bucket": name}
        if call.region != "us-east-1":
            params["CreateBucketConfiguration"] = {"LocationConstraint": call.region}
        if str(props.get("ObjectLockEnabled", "")).lower() == "true":
            params["ObjectLockEnabledForBucket"] = True
        try:
            await call("s3", "CreateBucket", params)
        except AwsError as error:
            if error.code != "BucketAlreadyOwnedByYou" or props.get("BucketName"):
                raise
        await self._apply(call, name, {}, props)
        return _provisioned(call, name)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        await self._apply(call, current.physical_id, old, new)
        return _provisioned(call, current.physical_id)

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await _unless_gone(call("s3", "DeleteBucket", {"Bucket": current.physical_id}))

    async def _apply(self, call: ResourceCall, name: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Sets what differs between two states of the properties."""
        for property_, (operation, member, mapping, removal) in _SETTINGS.items():
            value = new.get(property_)
            if value == old.get(property_):
                continue
            if value:
                await call("s3", operation, {"Bucket": name, member: mapping(value)})
            elif removal:
                await call("s3", removal, {"Bucket": name})
            elif property_ in _EMPTY:
                await call("s3", operation, {"Bucket": name, member: _EMPTY[property_]})
        for property_, (kind, mapping) in _BY_ID.items():
            await _apply_by_id(call, name, kind, mapping, old.get(property_) or [], new.get(property_) or [])
        if new.get("LoggingConfiguration") != old.get("LoggingConfiguration"):
            value = new.get("LoggingConfiguration")
            status = template.logging(value, name) if value else {}
            await call("s3", "PutBucketLogging", {"Bucket": name, "BucketLoggingStatus": status})
        if new.get("AccessControl") != old.get("AccessControl"):
            acl = template.canned_acl(new.get("AccessControl") or "Private")
            if acl != "private" or old.get("AccessControl"):
                await call("s3", "PutBucketAcl", {"Bucket": name, "ACL": acl})
        tags = _tags(call, new)
        if tags:
            await call("s3", "PutBucketTagging", {"Bucket": name, "Tagging": {"TagSet": tags}})
        elif old.get("Tags"):
            await call("s3", "DeleteBucketTagging", {"Bucket": name})


async def _apply_by_id(
    call: ResourceCall, name: str, kind: str, mapping: Callable[[Any], Any], old: list[Any], new: list[Any]
) -> None:
    for value in new:
        if value not in old:
            await call("s3", f"PutBucket{kind}", {"Bucket": name, "Id": value["Id"], kind: mapping(value)})
    for gone in {value["Id"] for value in old} - {value["Id"] for value in new}:
        await call("s3", f"DeleteBucket{kind}", {"Bucket": name, "Id": gone})


def _tags(call: ResourceCall, props: dict[str, Any]) -> list[dict[str, str]]:
    own = {tag["Key"]: str(tag["Value"]) for tag in props.get("Tags") or []}
    return [{"Key": name, "Value": value} for name, value in {**call.tags, **own}.items()]


def _provisioned(call: ResourceCall, name: str) -> Provisioned:
    region = call.region
    dash = "-" if region in _OLD_WEBSITES else "."
    return Provisioned(
        name,
        {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
            "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
            "WebsiteURL": f"http://{name}.s3-website{dash}{region}.amazonaws.com",
        },
    )


_OLD_WEBSITES = frozenset(
    {
        "us-east-1", "us-west-1", "us-west-2", "eu-west-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1",
        "sa-east-1",
    }
)  # fmt: skip
"""Regions whose website addresses are written with a dash."""


@s3.resource_type
class BucketPolicyResource(ResourceType):
    type_name = "AWS::S3::BucketPolicy"
    required = frozenset({"Bucket", "PolicyDocument"})
    properties = frozenset({"Bucket", "PolicyDocument"})
    create_only = frozenset({"Bucket"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        await self._put(call, props)
        return Provisioned(props["Bucket"])

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        await self._put(call, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await _unless_gone(call("s3", "DeleteBucketPolicy", {"Bucket": props["Bucket"]}))

    @staticmethod
    async def _put(call: ResourceCall, props: dict[str, Any]) -> None:
        document = props["PolicyDocument"]
        text = document if isinstance(document, str) else json.dumps(document)
        await call("s3", "PutBucketPolicy", {"Bucket": props["Bucket"], "Policy": text})


async def _unless_gone(deletion: Any) -> None:
    try:
        await deletion
    except AwsError as error:
        if error.code != "NoSuchBucket":
            raise
