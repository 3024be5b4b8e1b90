"""A template's structure, checked in the order and with the texts of CloudFormation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fogbank.services.cloudformation.errors import format_error, validation

SECTIONS = frozenset(
    (
        "AWSTemplateFormatVersion",
        "Conditions",
        "Description",
        "Globals",
        "Hooks",
        "Mappings",
        "Metadata",
        "Outputs",
        "Parameters",
        "Resources",
        "Rules",
        "Transform",
    )
)
RESOURCE_MEMBERS = frozenset(
    (
        "Condition",
        "CreationPolicy",
        "DeletionPolicy",
        "DependsOn",
        "Metadata",
        "Properties",
        "Type",
        "UpdatePolicy",
        "UpdateReplacePolicy",
        "Connectors",
        "IgnoreGlobals",  # SAM's own, gone after its transform
    )
)
_NAME = re.compile(r"[A-Za-z0-9]{1,255}\Z")
_POLICIES = {
    "DeletionPolicy": ("Delete", "Retain", "Snapshot", "RetainExceptOnCreate"),
    "UpdateReplacePolicy": ("Delete", "Retain", "Snapshot"),
}

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_RESOURCES = 500
MAX_PARAMETERS = 200
MAX_OUTPUTS = 200
MAX_MAPPINGS = 200


@dataclass(slots=True)
class Resource:
    """One member of Resources, its functions not yet evaluated."""

    name: str
    type: str
    properties: dict[str, Any] = field(default_factory=dict)
    depends_on: list[str] = field(default_factory=list)
    condition: str | None = None
    deletion_policy: Any = None
    update_replace_policy: Any = None
    metadata: Any = None
    creation_policy: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Template:
    """A template whose shape is right; `raw` is the document it was made of."""

    raw: dict[str, Any]
    parameters: dict[str, dict[str, Any]]
    mappings: dict[str, dict[str, dict[str, Any]]]
    conditions: dict[str, Any]
    rules: dict[str, Any]
    resources: dict[str, Resource]
    outputs: dict[str, dict[str, Any]]
    description: str | None
    metadata: Any


def transforms(raw: dict[str, Any]) -> list[Any]:
    """The names (or `{"Name":, "Parameters":}`) of the whole template's transforms, in the order written."""
    declared = raw.get("Transform")
    if declared is None:
        return []
    entries = declared if isinstance(declared, list) else [declared]
    for entry in entries:
        name = entry.get("Name") if isinstance(entry, dict) else entry
        if not isinstance(name, str):
            raise validation("Key Name of transform definition must be a string.")
    return entries


def check_sections(raw: dict[str, Any]) -> None:
    """What is checked of a template before its transforms run."""
    if not all(isinstance(key, str) for key in raw):
        raise format_error("unsupported structure.")
    unknown = [key for key in raw if key not in SECTIONS and not key.startswith("Fn::")]
    if unknown:
        raise validation(f"Invalid template property or properties [{', '.join(unknown)}]")
    version = raw.get("AWSTemplateFormatVersion")
    if version is not None and str(version) != "2010-09-09":
        raise format_error("Unrecognized template version: " + str(version))
    if raw.get("Description") is not None and not isinstance(raw["Description"], str):
        raise format_error("Description member must be a string.")  # a number there, most often
    resources = raw.get("Resources")
    if resources is None or resources == {}:
        raise format_error("At least one Resources member must be defined.")
    if not isinstance(resources, dict):
        raise format_error("unsupported structure.")
    transforms(raw)


def build(raw: dict[str, Any]) -> Template:
    """The template of a document without transforms. Raises AwsError(`ValidationError`)."""
    check_sections(raw)
    parameters = _section(raw, "Parameters", MAX_PARAMETERS)
    for name, parameter in parameters.items():
        _check_name("Parameter", name)
        if not isinstance(parameter, dict):
            raise format_error("Every Parameters member must be an object.")
        if not isinstance(parameter.get("Type"), str):
            raise format_error("Every Parameters object must contain a Type member.")
    mappings = _section(raw, "Mappings", MAX_MAPPINGS)
    _check_mappings(mappings)
    conditions = _section(raw, "Conditions", 1000)
    resources = {name: _resource(name, value) for name, value in _section(raw, "Resources", MAX_RESOURCES).items()}
    outputs = _section(raw, "Outputs", MAX_OUTPUTS)
    for name, output in outputs.items():
        _check_name("Output", name)
        _check_output(name, output)
    for path, value in walk(raw):
        if value is None and path and path[0] in ("Resources", "Outputs", "Parameters", "Conditions", "Mappings"):
            raise validation(f"[/{'/'.join(path)}] 'null' values are not allowed in templates")
    description = raw.get("Description")
    return Template(
        raw,
        parameters,
        mappings,
        conditions,
        _section(raw, "Rules", 1000),
        resources,
        outputs,
        description,
        raw.get("Metadata"),
    )


def _section(raw: dict[str, Any], name: str, limit: int) -> dict[str, Any]:
    value = raw.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise format_error(f"Every {name} member must be an object.")
    if len(value) > limit:
        raise format_error(f"Number of {name.lower()}, {len(value)}, is greater than maximum allowed, {limit}")
    return value


def _check_name(kind: str, name: str) -> None:
    if not _NAME.match(name):
        raise format_error(f"{kind} name {name} is non alphanumeric.")


def _check_mappings(mappings: dict[str, Any]) -> None:
    for name, mapping in mappings.items():
        if not isinstance(mapping, dict):
            raise format_error(f"Every Mappings member {name} must be a map")
        for key, attributes in mapping.items():
            if not isinstance(attributes, dict):
                raise format_error(f"Every Mappings member {key} must be a map")
            for value in attributes.values():
                if isinstance(value, dict) or (
                    isinstance(value, list) and any(isinstance(item, dict | list) for item in value)
                ):
                    raise format_error("Every Mappings attribute must be a String or a List.")


def _check_output(name: str, output: Any) -> None:
    if output is None:
        raise validation(f"[/Outputs/{name}] 'null' values are not allowed in templates")
    if not isinstance(output, dict):
        raise format_error("Every Outputs member must be an object.")
    if "Value" not in output:
        raise format_error("Every Outputs member must contain a Value object")
    if output["Value"] is None:
        raise validation(f"[/Outputs/{name}/Value] 'null' values are not allowed in templates")
    unknown = [key for key in output if key not in ("Value", "Export", "Condition", "Description")]
    if unknown:
        raise format_error(f"Output {name} is malformed. The attribute {unknown[0]} is not supported.")
    export = output.get("Export")
    if export is not None and (not isinstance(export, dict) or "Name" not in export):
        raise format_error(f"Output {name} is malformed. The Name field of every Export member must be specified.")


def _resource(name: str, value: Any) -> Resource:
    _check_name("Resource", name)
    if not isinstance(value, dict):
        raise format_error("Any Resources member must be an object.")
    if value.get("Type") is None:
        raise format_error(f"[/Resources/{name}] Every Resources object must contain a Type member.")
    if not isinstance(value["Type"], str):
        raise format_error(f"[/Resources/{name}/Type] Type of a resource must be a string.")
    for key in value:
        if key not in RESOURCE_MEMBERS:
            raise validation(f"Invalid template resource property '{key}'")
    for policy, allowed in _POLICIES.items():
        chosen = value.get(policy)
        if isinstance(chosen, str) and chosen not in allowed:
            raise format_error(f"Unrecognized {policy} {chosen} for resource {name}")
    depends_on = value.get("DependsOn") or []
    depends_on = [depends_on] if isinstance(depends_on, str) else depends_on
    if not isinstance(depends_on, list) or not all(isinstance(item, str) for item in depends_on):
        raise format_error(f"DependsOn must be a string or list of strings for resource {name}.")
    properties = value.get("Properties")
    if properties is not None and not isinstance(properties, dict):
        raise format_error("Properties must be an object.")
    condition = value.get("Condition")
    if condition is not None and not isinstance(condition, str):
        raise format_error(f"Every Condition member must be a string. [/Resources/{name}/Condition]")
    creation_policy = value.get("CreationPolicy")
    return Resource(
        name,
        value["Type"],
        properties or {},
        depends_on,
        condition,
        value.get("DeletionPolicy"),
        value.get("UpdateReplacePolicy"),
        value.get("Metadata"),
        creation_policy if isinstance(creation_policy, dict) else {},
    )


def walk(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every value within, parents first, with its path."""
    stack: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while stack:
        path, item = stack.pop()
        yield path, item
        if isinstance(item, dict):
            stack.extend(((*path, str(key)), child) for key, child in reversed(item.items()))
        elif isinstance(item, list):
            stack.extend(((*path, str(i)), child) for i, child in reversed(list(enumerate(item))))
