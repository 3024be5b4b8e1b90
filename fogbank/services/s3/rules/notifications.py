"""Notification configurations: which ones S3 refuses, and how it stores them."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from fogbank.kit import arn as arns
from fogbank.kit import ids
from fogbank.services.s3.errors import invalid_argument, s3_error

KINDS = {
    "QueueConfigurations": ("QueueArn", "Queue", "sqs"),
    "TopicConfigurations": ("TopicArn", "Topic", "sns"),
    "LambdaFunctionConfigurations": ("LambdaFunctionArn", "CloudFunction", "lambda"),
}
EVENTS = frozenset(
    {
        "s3:TestEvent", "s3:ReducedRedundancyLostObject", "s3:ObjectAcl:Put", "s3:IntelligentTiering",
        "s3:ObjectTagging:*", "s3:ObjectTagging:Put", "s3:ObjectTagging:Delete", "s3:LifecycleTransition",
        "s3:LifecycleExpiration:*", "s3:LifecycleExpiration:Delete", "s3:LifecycleExpiration:DeleteMarkerCreated",
        "s3:ObjectRestore:*", "s3:ObjectRestore:Post", "s3:ObjectRestore:Completed", "s3:ObjectRestore:Delete",
        "s3:Replication:*", "s3:Replication:OperationFailedReplication", "s3:Replication:OperationNotTracked",
        "s3:Replication:OperationMissedThreshold", "s3:Replication:OperationReplicatedAfterThreshold",
        "s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectCreated:Post", "s3:ObjectCreated:Copy",
        "s3:ObjectCreated:CompleteMultipartUpload", "s3:ObjectRemoved:*", "s3:ObjectRemoved:Delete",
        "s3:ObjectRemoved:DeleteMarkerCreated",
    }
)  # fmt: skip


def check(configuration: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """The configuration as it is stored: every entry with an Id, filter names as AWS spells them.

    Raises MalformedXML, InvalidArgument.
    """
    stored: dict[str, Any] = {}
    if configuration.get("EventBridgeConfiguration") is not None:
        stored["EventBridgeConfiguration"] = {}
    for kind, (member, argument, service) in KINDS.items():
        entries = [_check_entry(entry, member, argument, service, random) for entry in configuration.get(kind) or ()]
        if entries:
            stored[kind] = entries
    return stored


def _check_entry(
    entry: Mapping[str, Any], member: str, argument: str, service: str, random: Random
) -> dict[str, Any]:
    target = arns.parse(entry.get(member) or "")
    if target is None:
        raise invalid_argument("The ARN could not be parsed", argument, entry.get(member))
    if target.service != service:
        raise invalid_argument("The ARN is not well formed", argument, entry[member])
    if not entry.get("Events"):
        raise s3_error("MalformedXML")
    for event in entry["Events"]:
        if event not in EVENTS:
            raise invalid_argument("The event is not supported for notifications", "Event", event)
    stored = {"Id": entry.get("Id") or ids.uuid4(random), member: entry[member], "Events": list(entry["Events"])}
    rules = ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules")
    if rules:
        stored["Filter"] = {"Key": {"FilterRules": [_filter_rule(rule) for rule in rules]}}
    return stored


def _filter_rule(rule: Mapping[str, Any]) -> dict[str, str]:
    name, value = rule.get("Name"), rule.get("Value")
    if name is None or value is None:
        raise s3_error("MalformedXML")
    if name.lower() not in ("prefix", "suffix"):
        raise invalid_argument("filter rule name must be either prefix or suffix", "FilterRule.Name", name)
    return {"Name": name.capitalize(), "Value": value}


def targets(stored: Mapping[str, Any]) -> list[str]:
    """The ARNs of every destination, in the order in which they are validated."""
    return [entry[member] for kind, (member, _, _) in KINDS.items() for entry in stored.get(kind, ())]


def matching(stored: Mapping[str, Any], event: str, key: str) -> list[tuple[str, str]]:
    """(configuration id, ARN) of every destination that wants `event` (`s3:ObjectCreated:Put`) about `key`."""
    family = event.rsplit(":", 1)[0] + ":*"
    found = []
    for kind, (member, _, _) in KINDS.items():
        for entry in stored.get(kind, ()):
            if (event in entry["Events"] or family in entry["Events"]) and _passes(entry, key):
                found.append((entry["Id"], entry[member]))
    return found


def _passes(entry: Mapping[str, Any], key: str) -> bool:
    for rule in ((entry.get("Filter") or {}).get("Key") or {}).get("FilterRules") or ():
        test = key.startswith if rule["Name"] == "Prefix" else key.endswith
        if not test(rule["Value"]):
            return False
    return True
