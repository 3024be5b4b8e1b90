"""Lifecycle rules: which ones S3 refuses, which objects a rule is about, and when they expire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from random import Random
from typing import Any
from urllib.parse import quote

from fogbank.kit import ids
from fogbank.services.s3.errors import invalid_argument, invalid_request, s3_error

DAY = 86400
MINIMUM_SIZES = ("all_storage_classes_128K", "varies_by_storage_class")
_ACTIONS = (
    "Expiration", "Transitions", "NoncurrentVersionExpiration", "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)


def check(rules: Sequence[dict[str, Any]], random: Random) -> list[dict[str, Any]]:
    """The rules as they are stored: each with an ID. Raises MalformedXML, InvalidArgument, InvalidRequest."""
    if not 1 <= len(rules) <= 1000:
        raise s3_error("MalformedXML")
    checked = []
    for rule in rules:
        _check_rule(rule)
        checked.append({**rule, "ID": rule.get("ID") or ids.uuid4(random)})
    names = [rule["ID"] for rule in checked]
    if len(set(names)) < len(names):
        raise invalid_argument("Rule ID must be unique. Found same ID for more than one rule", "ID")
    return checked


def _check_rule(rule: Mapping[str, Any]) -> None:
    if rule.get("Status") not in ("Enabled", "Disabled"):
        raise s3_error("MalformedXML")
    if ("Filter" not in rule) == ("Prefix" not in rule):
        raise s3_error("MalformedXML")
    if len(rule.get("ID") or "") > 255:
        raise invalid_argument("ID length should not exceed allowed limit of 255", "ID", rule["ID"])
    if not any(rule.get(action) is not None for action in _ACTIONS):
        raise invalid_request("At least one action needs to be specified in a rule.")
    expiration = rule.get("Expiration")
    if expiration is not None:
        if len([1 for name in ("Days", "Date", "ExpiredObjectDeleteMarker") if expiration.get(name) is not None]) != 1:
            raise s3_error("MalformedXML")
        _check_moment(expiration, "Expiration")
    for transition in rule.get("Transitions") or ():
        if not transition.get("StorageClass"):
            raise s3_error("MalformedXML")
        _check_moment(transition, "Transition")
    noncurrent = rule.get("NoncurrentVersionExpiration")
    if noncurrent is not None and noncurrent.get("NoncurrentDays") is None:
        raise s3_error("MalformedXML")
    _check_filter(rule.get("Filter") or {})


def _check_moment(action: Mapping[str, Any], name: str) -> None:
    days, date = action.get("Days"), action.get("Date")
    if days is not None and days < (1 if name == "Expiration" else 0):
        raise invalid_argument(f"'Days' for {name} action must be a positive integer", "Days", days)
    if date is not None and date % DAY:
        moment = datetime.fromtimestamp(date, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        raise invalid_argument("'Date' must be at midnight GMT", "Date", moment)


def _check_filter(filter_: Mapping[str, Any]) -> None:
    if len([name for name in filter_ if filter_[name] is not None]) > 1:
        raise s3_error("MalformedXML")
    both = filter_.get("And")
    if both is None:
        return
    tags = [tag["Key"] for tag in both.get("Tags") or ()]
    if len(set(tags)) < len(tags):
        raise invalid_request("Duplicate Tag Keys are not allowed.")


def applies(rule: Mapping[str, Any], key: str, size: int, tags: Mapping[str, str]) -> bool:
    """Whether the rule is enabled and about such an object."""
    if rule.get("Status") != "Enabled":
        return False
    filter_ = rule.get("Filter") or {}
    all_of = filter_.get("And") or filter_
    wanted = list(all_of.get("Tags") or ()) + ([filter_["Tag"]] if filter_.get("Tag") else [])
    if not key.startswith(all_of.get("Prefix") or rule.get("Prefix") or ""):
        return False
    if any(tags.get(tag["Key"]) != tag["Value"] for tag in wanted):
        return False
    above, below = all_of.get("ObjectSizeGreaterThan"), all_of.get("ObjectSizeLessThan")
    return not (above is not None and size <= above) and not (below is not None and size >= below)


def prefix_of(rule: Mapping[str, Any]) -> str:
    filter_ = rule.get("Filter") or {}
    return str((filter_.get("And") or filter_).get("Prefix") or rule.get("Prefix") or "")


def due(days: int, since: float) -> float:
    """When an action of `days` is due: midnight UTC after so many whole days."""
    return float(ceil((since + days * DAY) / DAY) * DAY)


@dataclass(frozen=True, slots=True)
class Expiry:
    at: float
    rule_id: str

    @property
    def header(self) -> str:
        """The value of x-amz-expiration."""
        date = datetime.fromtimestamp(self.at, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        return f'expiry-date="{date}", rule-id="{quote(self.rule_id, safe="")}"'


def expiry(
    rules: Sequence[Mapping[str, Any]], key: str, size: int, tags: Mapping[str, str], modified: float
) -> Expiry | None:
    """When the current version expires and by which rule: the earliest of those that apply."""
    found: list[Expiry] = []
    for rule in rules:
        expiration = rule.get("Expiration") or {}
        if not applies(rule, key, size, tags):
            continue
        if expiration.get("Days") is not None:
            found.append(Expiry(due(expiration["Days"], modified), rule["ID"]))
        elif expiration.get("Date") is not None:
            found.append(Expiry(expiration["Date"], rule["ID"]))
    return min(found, key=lambda e: e.at, default=None)
