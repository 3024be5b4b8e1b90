"""Finding the resource type of a template's `Type`, and checking properties against it."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context, ResourceType
from fogbank.services.cloudformation.errors import format_error, validation
from fogbank.services.cloudformation.template import Template

CUSTOM = "AWS::CloudFormation::CustomResource"
STACK = "AWS::CloudFormation::Stack"
WAIT_CONDITION = "AWS::CloudFormation::WaitCondition"


def lookup(ctx: Context, type_name: str) -> ResourceType | None:
    if type_name.startswith("Custom::"):
        type_name = CUSTOM
    return ctx.cloud.resource_type(type_name)


def require(ctx: Context, type_name: str) -> ResourceType:
    found = lookup(ctx, type_name)
    if found is None:
        raise format_error(f"Unrecognized resource types: [{type_name}]")
    return found


def check(ctx: Context, template: Template, present: set[str]) -> None:
    """Refuses, of the resources that will be there, types that this cloud does not have and what a type cannot fulfil.

    A resource whose condition is false may be of any type: nothing will be made of it.
    """
    resources = [resource for resource in template.resources.values() if resource.name in present]
    unknown = sorted({resource.type for resource in resources if lookup(ctx, resource.type) is None})
    if unknown:
        raise format_error(f"Unrecognized resource types: [{', '.join(unknown)}]")
    for resource in resources:
        for member, policy in (
            ("DeletionPolicy", resource.deletion_policy),
            ("UpdateReplacePolicy", resource.update_replace_policy),
        ):
            if policy == "Snapshot":
                raise validation(
                    f"Template error: resource type {resource.type} does not support {member} attribute of value Snapshot"
                )
        if resource.creation_policy and resource.type != WAIT_CONDITION:
            raise validation(f"Template error: resource type {resource.type} does not support CreationPolicy")


def check_properties(kind: ResourceType, properties: dict[str, Any]) -> None:
    """Raises AwsError(`ValidationError`) with what CloudFormation says of the resource."""
    if kind.properties is not None:
        for name in properties:
            if name not in kind.properties:
                raise validation(f"Encountered unsupported property {name}")
    missing = sorted(name for name in kind.required if properties.get(name) in (None, ""))
    if missing:
        sentences = ", ".join(f"The property {{/{name}}} is required" for name in missing)
        raise validation(f"Property validation failure: [{sentences}]")
