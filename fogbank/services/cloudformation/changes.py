"""What a change set lists: the difference between a stack and a template, as DescribeChangeSet shows it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fogbank.services.cloudformation.functions import UNKNOWN, text
from fogbank.services.cloudformation.graph import Reference, references

_MISSING = object()


@dataclass(slots=True)
class Before:
    """A resource as the stack has it."""

    type: str
    physical_id: str
    properties: dict[str, Any]
    """Resolved, as they were when it was made or changed last."""
    metadata: Any = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"


@dataclass(slots=True)
class After:
    """A resource as the template wants it; `properties` evaluated, with UNKNOWN for what only execution tells."""

    type: str
    properties: dict[str, Any]
    raw: dict[str, Any]
    metadata: Any = None
    deletion_policy: str = "Delete"
    update_replace_policy: str = "Delete"


@dataclass(slots=True)
class Change:
    """One resource's change. `details` are (property, cause, certain, entity, recreation)."""

    action: str
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str | None = None
    policy_action: str | None = None
    scope: list[str] = field(default_factory=list)
    details: list[dict[str, Any]] = field(default_factory=list)
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def described(self, with_values: bool) -> dict[str, Any]:
        """As a member of DescribeChangeSet's Changes."""
        details = self.details if with_values else [_without_values(detail) for detail in self.details]
        out: dict[str, Any] = {
            "Action": self.action,
            "LogicalResourceId": self.logical_id,
            "ResourceType": self.type,
            "Scope": self.scope,
            "Details": details,
        }
        if self.physical_id:
            out["PhysicalResourceId"] = self.physical_id
        if self.replacement is not None:
            out["Replacement"] = self.replacement
        if self.policy_action is not None:
            out["PolicyAction"] = self.policy_action
        if with_values:
            for name, context in (("BeforeContext", self.before), ("AfterContext", self.after)):
                if context is not None:
                    out[name] = json.dumps({"Properties": _strings(context)}, separators=(",", ":"))
        return {"Type": "Resource", "ResourceChange": out}


def same(old: Any, new: Any) -> bool:
    """Whether two property values are the same to CloudFormation, which keeps scalars as strings."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(same(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(same(a, b) for a, b in zip(old, new, strict=True))
    if old is _MISSING or new is _MISSING or isinstance(old, dict | list) or isinstance(new, dict | list):
        return False
    return text(old) == text(new)


def changed_properties(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The top-level properties that differ, in order: the new ones' first."""
    names = [*new, *(name for name in old if name not in new)]
    return [name for name in names if not same(old.get(name, _MISSING), new.get(name, _MISSING))]


def modify(
    logical_id: str,
    before: Before,
    after: After,
    create_only: frozenset[str],
    causes: Callable[[Reference], tuple[str, str] | None],
    *,
    tags_changed: bool = False,
) -> Change | None:
    """The change of a resource that stays, or None. `causes` says of a reference in a changed property whether its
    target changed, as (ChangeSource, CausingEntity)."""
    change = Change("Modify", logical_id, after.type, before.physical_id, "False")
    replaced = False
    for name in changed_properties(before.properties, after.properties):
        always = name in create_only
        replaced = replaced or always
        target = {
            "Attribute": "Properties",
            "Name": name,
            "RequiresRecreation": "Always" if always else "Never",
            "Path": f"/Properties/{name}",
            **_values(before.properties, after.properties, name),
        }
        change.details.extend(_details(target, _found(after.raw.get(name), causes)))
    if change.details:
        change.scope.append("Properties")
    for attribute, old, new in (
        ("Metadata", before.metadata, after.metadata),
        ("DeletionPolicy", before.deletion_policy, after.deletion_policy),
        ("UpdateReplacePolicy", before.update_replace_policy, after.update_replace_policy),
    ):
        if not same(old if old is not None else {}, new if new is not None else {}):
            change.scope.append(attribute)
            change.details.append(_whole(attribute))
    if tags_changed:
        change.scope.append("Tags")
        change.details.append(_whole("Tags"))
    if not change.scope:
        return None
    change.before, change.after = before.properties, after.properties
    if replaced:
        change.replacement = "True"
        keep = {"Retain": "ReplaceAndRetain", "Snapshot": "ReplaceAndSnapshot"}
        change.policy_action = keep.get(after.update_replace_policy, "ReplaceAndDelete")
    return change


def add(logical_id: str, after: After) -> Change:
    return Change("Add", logical_id, after.type, after=after.properties)


def remove(logical_id: str, before: Before) -> Change:
    policy = "Retain" if before.deletion_policy.startswith("Retain") else before.deletion_policy
    return Change("Remove", logical_id, before.type, before.physical_id, policy_action=policy, before=before.properties)


def _found(raw: Any, causes: Callable[[Reference], tuple[str, str] | None]) -> list[tuple[str, str]]:
    found = (causes(reference) for reference in references(raw))
    return list(dict.fromkeys(cause for cause in found if cause is not None))


def _details(target: dict[str, Any], causes: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    out = []
    direct = True
    for source, entity in causes:
        out.append(_detail(target, source, "Static", entity))
        direct = direct and source == "ParameterReference"
    if not out:
        return [_detail(target, "DirectModification", "Static")]
    return [*out, _detail(target, "DirectModification", "Dynamic")] if direct else out


def _detail(target: dict[str, Any], source: str, evaluation: str, entity: str = "") -> dict[str, Any]:
    detail: dict[str, Any] = {"Target": target, "Evaluation": evaluation, "ChangeSource": source}
    if entity:
        detail["CausingEntity"] = entity
    return detail


def _whole(attribute: str) -> dict[str, Any]:
    return _detail({"Attribute": attribute, "RequiresRecreation": "Never"}, "DirectModification", "Static")


def _values(old: dict[str, Any], new: dict[str, Any], name: str) -> dict[str, str]:
    out = {"AttributeChangeType": "Add" if name not in old else "Remove" if name not in new else "Modify"}
    if name in old:
        out["BeforeValue"] = _shown(old[name])
    if name in new:
        out["AfterValue"] = _shown(new[name])
    return out


def _shown(value: Any) -> str:
    return json.dumps(_strings(value), separators=(",", ":")) if isinstance(value, dict | list) else text(value)


def _strings(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_strings(item) for item in value]
    return text(value)


def _without_values(detail: dict[str, Any]) -> dict[str, Any]:
    target = {key: detail["Target"][key] for key in ("Attribute", "Name", "RequiresRecreation") if key in detail["Target"]}
    return {**detail, "Target": target}


def is_unknown(value: Any) -> bool:
    """Whether a value has a part that only execution will tell."""
    if isinstance(value, dict):
        return any(is_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(is_unknown(item) for item in value)
    return isinstance(value, str) and UNKNOWN in value
