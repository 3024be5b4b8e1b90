"""What S3 refuses of a bucket's other configurations, each function one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fogbank.services.s3.errors import invalid_argument, invalid_request, s3_error

STORAGE_CLASSES = frozenset(
    {
        "STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER",
        "DEEP_ARCHIVE", "GLACIER_IR",
    }
)  # fmt: skip
ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
OWNERSHIPS = ("BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter")
PUBLIC_ACCESS_BLOCK = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
DEFAULT_ENCRYPTION = {
    "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BucketKeyEnabled": False}]
}


def storage_class(name: str | None) -> str:
    if name is not None and name not in STORAGE_CLASSES:
        raise s3_error("InvalidStorageClass", StorageClassRequested=name)
    return name or "STANDARD"


def one_of(value: Any, allowed: Sequence[str]) -> Any:
    """`value`, if the schema allows it. Raises MalformedXML."""
    if value not in allowed:
        raise s3_error("MalformedXML")
    return value


def encryption(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The server-side encryption configuration as stored. Raises MalformedXML, InvalidArgument."""
    rules = configuration.get("Rules") or []
    if len(rules) != 1:
        raise s3_error("MalformedXML")
    default = rules[0].get("ApplyServerSideEncryptionByDefault")
    if default is None:
        raise s3_error("MalformedXML")
    algorithm = one_of(default.get("SSEAlgorithm"), ("AES256", "aws:kms", "aws:kms:dsse"))
    if algorithm == "AES256" and default.get("KMSMasterKeyID"):
        raise invalid_argument(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
            "ApplyServerSideEncryptionByDefault",
        )
    return {"Rules": [{**rules[0], "BucketKeyEnabled": bool(rules[0].get("BucketKeyEnabled"))}]}


def website(configuration: Mapping[str, Any]) -> None:
    """Raises InvalidArgument, InvalidRequest, MalformedXML."""
    redirect_all = configuration.get("RedirectAllRequestsTo")
    index = configuration.get("IndexDocument")
    if redirect_all is not None:
        if any(configuration.get(name) for name in ("IndexDocument", "ErrorDocument", "RoutingRules")):
            raise invalid_argument(
                "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.",
                "RedirectAllRequestsTo", "not null",
            )  # fmt: skip
        if not redirect_all.get("HostName"):
            raise s3_error("MalformedXML")
        _check_protocol(redirect_all.get("Protocol"))
        return
    if index is None:
        raise invalid_argument(
            "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty",
            "IndexDocument", "null",
        )  # fmt: skip
    suffix = index.get("Suffix") or ""
    if not suffix or "/" in suffix:
        raise invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix)
    if configuration.get("ErrorDocument") is not None and not configuration["ErrorDocument"].get("Key"):
        raise s3_error("MalformedXML")
    rules = configuration.get("RoutingRules")
    if rules is not None and not 1 <= len(rules) <= 50:
        raise s3_error("MalformedXML")
    for rule in rules or ():
        redirect = rule.get("Redirect")
        if not redirect:
            raise s3_error("MalformedXML")
        _check_protocol(redirect.get("Protocol"))
        if redirect.get("ReplaceKeyPrefixWith") is not None and redirect.get("ReplaceKeyWith") is not None:
            raise invalid_request("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
        condition = rule.get("Condition")
        if condition is not None and not any(value is not None for value in condition.values()):
            raise invalid_request(
                "Condition cannot be empty. To redirect all requests without a condition, the condition element "
                "shouldn't be present."
            )


def _check_protocol(protocol: str | None) -> None:
    if protocol is not None and protocol not in ("http", "https"):
        raise invalid_request(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected "
            "automatically."
        )


def replication(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration as stored. Raises MalformedXML."""
    rules = configuration.get("Rules") or []
    if not configuration.get("Role") or not 1 <= len(rules) <= 1000:
        raise s3_error("MalformedXML")
    for rule in rules:
        one_of(rule.get("Status"), ("Enabled", "Disabled"))
        if not (rule.get("Destination") or {}).get("Bucket"):
            raise s3_error("MalformedXML")
    return dict(configuration)


def object_lock(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """The object lock configuration as stored. Raises MalformedXML."""
    one_of(configuration.get("ObjectLockEnabled"), ("Enabled",))
    if "Rule" in configuration and configuration["Rule"] is not None:
        retention = (configuration["Rule"] or {}).get("DefaultRetention") or {}
        one_of(retention.get("Mode"), ("GOVERNANCE", "COMPLIANCE"))
        if (retention.get("Days") is None) == (retention.get("Years") is None):
            raise s3_error("MalformedXML")
        for name in ("Days", "Years"):
            if retention.get(name) is not None and retention[name] <= 0:
                raise invalid_argument("Default retention period must be a positive integer value.", name)
    return dict(configuration)


def inventory(configuration: Mapping[str, Any], wanted_id: str) -> None:
    """Raises IdMismatch, InvalidS3DestinationBucket, MalformedXML."""
    if configuration.get("Id") != wanted_id:
        raise s3_error("IdMismatch")
    destination = (configuration.get("Destination") or {}).get("S3BucketDestination") or {}
    if not str(destination.get("Bucket", "")).startswith("arn:aws:s3:::"):
        raise s3_error("InvalidS3DestinationBucket")
    one_of(destination.get("Format"), ("CSV", "ORC", "Parquet"))
    one_of((configuration.get("Schedule") or {}).get("Frequency"), ("Daily", "Weekly"))
    one_of(configuration.get("IncludedObjectVersions"), ("All", "Current"))
    for field in configuration.get("OptionalFields") or ():
        one_of(field, INVENTORY_FIELDS)


INVENTORY_FIELDS = (
    "Size", "LastModifiedDate", "StorageClass", "ETag", "IsMultipartUploaded", "ReplicationStatus", "EncryptionStatus",
    "ObjectLockRetainUntilDate", "ObjectLockMode", "ObjectLockLegalHoldStatus", "IntelligentTieringAccessTier",
    "BucketKeyStatus", "ChecksumAlgorithm", "ObjectAccessControlList", "ObjectOwner", "LifecycleExpirationDate",
)  # fmt: skip
