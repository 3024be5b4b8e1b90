"""From CloudFormation's spelling of a bucket's properties to the API's. Each function takes one property's value."""

from __future__ import annotations

from typing import Any

Props = dict[str, Any]


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _some(pairs: Props) -> Props:
    return {name: value for name, value in pairs.items() if value is not None}


def _number(value: Any) -> int | None:
    return None if value is None else int(value)


def encryption(value: Props) -> Props:
    rules = []
    for rule in value.get("ServerSideEncryptionConfiguration") or []:
        mapped: Props = {}
        if rule.get("ServerSideEncryptionByDefault"):
            mapped["ApplyServerSideEncryptionByDefault"] = rule["ServerSideEncryptionByDefault"]
        if rule.get("BucketKeyEnabled") is not None:
            mapped["BucketKeyEnabled"] = _truth(rule["BucketKeyEnabled"])
        rules.append(mapped)
    return {"Rules": rules}


def public_access_block(value: Props) -> Props:
    return {name: _truth(given) for name, given in value.items()}


def cors(value: Props) -> Props:
    rules = []
    for rule in value.get("CorsRules") or []:
        rules.append(
            _some(
                {
                    "ID": rule.get("Id"),
                    "AllowedHeaders": rule.get("AllowedHeaders"),
                    "AllowedMethods": rule.get("AllowedMethods"),
                    "AllowedOrigins": rule.get("AllowedOrigins"),
                    "ExposeHeaders": rule.get("ExposedHeaders"),
                    "MaxAgeSeconds": _number(rule.get("MaxAge")),
                }
            )
        )
    return {"CORSRules": rules}


def website(value: Props) -> Props:
    mapped: Props = {}
    if value.get("IndexDocument"):
        mapped["IndexDocument"] = {"Suffix": value["IndexDocument"]}
    if value.get("ErrorDocument"):
        mapped["ErrorDocument"] = {"Key": value["ErrorDocument"]}
    if value.get("RedirectAllRequestsTo"):
        mapped["RedirectAllRequestsTo"] = value["RedirectAllRequestsTo"]
    if value.get("RoutingRules"):
        mapped["RoutingRules"] = [
            _some({"Condition": rule.get("RoutingRuleCondition"), "Redirect": rule.get("RedirectRule")})
            for rule in value["RoutingRules"]
        ]
    return mapped


def lifecycle(value: Props) -> Props:
    return {"Rules": [_lifecycle_rule(rule) for rule in value.get("Rules") or []]}


def _lifecycle_rule(rule: Props) -> Props:
    expiration = _some(
        {
            "Days": _number(rule.get("ExpirationInDays")),
            "Date": rule.get("ExpirationDate"),
            "ExpiredObjectDeleteMarker": True if _truth(rule.get("ExpiredObjectDeleteMarker")) else None,
        }
    )
    noncurrent = rule.get("NoncurrentVersionExpiration") or (
        {"NoncurrentDays": rule["NoncurrentVersionExpirationInDays"]}
        if rule.get("NoncurrentVersionExpirationInDays")
        else None
    )
    transitions = rule.get("Transitions") or ([rule["Transition"]] if rule.get("Transition") else [])
    older = rule.get("NoncurrentVersionTransitions") or (
        [rule["NoncurrentVersionTransition"]] if rule.get("NoncurrentVersionTransition") else []
    )
    abort = rule.get("AbortIncompleteMultipartUpload")
    return _some(
        {
            "ID": rule.get("Id"),
            "Status": rule.get("Status"),
            "Filter": _lifecycle_filter(rule),
            "Expiration": expiration or None,
            "NoncurrentVersionExpiration": _numbers(noncurrent, "NoncurrentDays", "NewerNoncurrentVersions"),
            "Transitions": [_transition(each) for each in transitions] or None,
            "NoncurrentVersionTransitions": [
                _some(
                    {
                        "StorageClass": each["StorageClass"],
                        "NoncurrentDays": _number(each.get("TransitionInDays")),
                        "NewerNoncurrentVersions": _number(each.get("NewerNoncurrentVersions")),
                    }
                )
                for each in older
            ]
            or None,
            "AbortIncompleteMultipartUpload": _numbers(abort, "DaysAfterInitiation"),
        }
    )


def _numbers(value: Props | None, *names: str) -> Props | None:
    if not value:
        return None
    return {name: int(value[name]) for name in names if value.get(name) is not None}


def _transition(value: Props) -> Props:
    return _some(
        {
            "StorageClass": value["StorageClass"],
            "Days": _number(value.get("TransitionInDays")),
            "Date": value.get("TransitionDate"),
        }
    )


def _lifecycle_filter(rule: Props) -> Props:
    parts: Props = {}
    if rule.get("Prefix"):
        parts["Prefix"] = rule["Prefix"]
    for name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if rule.get(name) is not None:
            parts[name] = int(rule[name])
    tags = rule.get("TagFilters") or []
    if len(parts) + len(tags) <= 1:
        return {**parts, **({"Tag": tags[0]} if tags else {})} or {"Prefix": ""}
    return {"And": {**parts, **({"Tags": tags} if tags else {})}}


_TARGETS = {
    "LambdaConfigurations": ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    "QueueConfigurations": ("QueueConfigurations", "Queue", "QueueArn"),
    "TopicConfigurations": ("TopicConfigurations", "Topic", "TopicArn"),
}


def notification(value: Props) -> Props:
    mapped: Props = {}
    if value.get("EventBridgeConfiguration") is not None and _truth(
        value["EventBridgeConfiguration"].get("EventBridgeEnabled", True)
    ):
        mapped["EventBridgeConfiguration"] = {}
    for property_, (kind, target, arn) in _TARGETS.items():
        entries = []
        for entry in value.get(property_) or []:
            one: Props = {arn: entry[target], "Events": [entry["Event"]]}
            rules = ((entry.get("Filter") or {}).get("S3Key") or {}).get("Rules")
            if rules:
                one["Filter"] = {"Key": {"FilterRules": rules}}
            entries.append(one)
        if entries:
            mapped[kind] = entries
    return mapped


def logging(value: Props, own_name: str) -> Props:
    return {
        "LoggingEnabled": {
            "TargetBucket": value.get("DestinationBucketName") or own_name,
            "TargetPrefix": value.get("LogFilePrefix") or "",
        }
    }


def object_lock(value: Props) -> Props:
    mapped: Props = {"ObjectLockEnabled": value.get("ObjectLockEnabled", "Enabled")}
    retention = (value.get("Rule") or {}).get("DefaultRetention")
    if retention:
        numbers = {name: int(retention[name]) for name in ("Days", "Years") if retention.get(name) is not None}
        mapped["Rule"] = {"DefaultRetention": {"Mode": retention["Mode"], **numbers}}
    return mapped


def replication(value: Props) -> Props:
    rules = []
    for rule in value.get("Rules") or []:
        mapped = {("ID" if name == "Id" else name): given for name, given in rule.items()}
        if mapped.get("Priority") is not None:
            mapped["Priority"] = int(mapped["Priority"])
        if isinstance(mapped.get("Filter"), dict) and mapped["Filter"].get("TagFilter"):
            mapped["Filter"] = {"Tag": mapped["Filter"]["TagFilter"]}
        rules.append(mapped)
    return {"Role": value.get("Role"), "Rules": rules}


def metrics(value: Props) -> Props:
    return _filtered({"Id": value["Id"]}, value)


def analytics(value: Props) -> Props:
    analysis = value.get("StorageClassAnalysis") or {}
    export = analysis.get("DataExport")
    mapped: Props = {"Id": value["Id"], "StorageClassAnalysis": {}}
    if export:
        mapped["StorageClassAnalysis"] = {
            "DataExport": {
                "OutputSchemaVersion": export["OutputSchemaVersion"],
                "Destination": {"S3BucketDestination": _destination(export["Destination"], "BucketAccountId")},
            }
        }
    return _filtered(mapped, value)


def intelligent_tiering(value: Props) -> Props:
    tierings = [{"AccessTier": each["AccessTier"], "Days": int(each["Days"])} for each in value.get("Tierings") or []]
    return _filtered({"Id": value["Id"], "Status": value["Status"], "Tierings": tierings}, value)


def inventory(value: Props) -> Props:
    return _some(
        {
            "Id": value["Id"],
            "IsEnabled": _truth(value["Enabled"]),
            "IncludedObjectVersions": value["IncludedObjectVersions"],
            "Schedule": {"Frequency": value["ScheduleFrequency"]},
            "Destination": {"S3BucketDestination": _destination(value["Destination"], "AccountId")},
            "OptionalFields": value.get("OptionalFields"),
            "Filter": {"Prefix": value["Prefix"]} if value.get("Prefix") else None,
        }
    )


def _destination(value: Props, account: str) -> Props:
    """`account` is what the API calls the owner's account there."""
    return _some(
        {
            "Bucket": value["BucketArn"],
            "Format": value["Format"],
            "Prefix": value.get("Prefix"),
            account: value.get("BucketAccountId"),
        }
    )


def _filtered(mapped: Props, value: Props) -> Props:
    prefix, tags = value.get("Prefix"), value.get("TagFilters") or []
    if prefix and not tags:
        mapped["Filter"] = {"Prefix": prefix}
    elif tags and not prefix and len(tags) == 1:
        mapped["Filter"] = {"Tag": tags[0]}
    elif tags:
        mapped["Filter"] = {"And": _some({"Prefix": prefix, "Tags": tags})}
    return mapped


def canned_acl(value: str) -> str:
    """`PublicRead` as `public-read`."""
    return "".join(f"-{c.lower()}" if c.isupper() else c for c in value).lstrip("-")
