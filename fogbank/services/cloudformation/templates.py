"""GetTemplate, GetTemplateSummary, ValidateTemplate."""

from __future__ import annotations

import json
from typing import Any

from fogbank.api import Context
from fogbank.services.cloudformation import (
    access,
    capabilities,
    cloudformation,
    documents,
    lookup,
    parameters,
    sources,
    template,
    transforms,
)
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.graph import check_references
from fogbank.services.cloudformation.intrinsics import pseudo_parameters
from fogbank.services.cloudformation.records import Revision


@cloudformation.operation(access=access.on_change_set("GetTemplate"))
def get_template(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    revision = _revision(ctx, req)
    if revision is None:
        return {"TemplateBody": "{}", "StagesAvailable": ["Original", "Processed"]}
    processed = req.get("TemplateStage") == "Processed" and revision.transformed
    return {
        "TemplateBody": revision.document if processed else revision.body,
        "StagesAvailable": ["Original", "Processed"],
    }


def _revision(ctx: Context, req: dict[str, Any]) -> Revision | None:
    if req.get("ChangeSetName"):
        if not req.get("StackName") and not req["ChangeSetName"].startswith("arn:"):
            raise validation("StackName is a required parameter.")
        stack, change_set = lookup.change_set(ctx, req)
        return lookup.revision(ctx, stack, change_set.revision)
    if not req.get("StackName"):
        raise validation("StackName is required if ChangeSetName is not specified.")
    return lookup.shown_revision(ctx, lookup.require(ctx, req["StackName"]))


@cloudformation.operation(access=access.on_stack("GetTemplateSummary"))
async def get_template_summary(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if req.get("StackName"):
        raw = await ctx.transact(lambda inner: _of_stack(inner, req["StackName"]))
    else:
        raw = documents.read(await sources.text_of(ctx, req))
    parts = _checked(raw)
    kinds: dict[str, list[str]] = {}
    for resource in parts.resources.values():
        kinds.setdefault(resource.type, []).append(resource.name)
    out = {
        **_common(raw, parts),
        "Parameters": parameters.summaries(parts.parameters),
        "ResourceTypes": list(kinds),
        "Version": str(raw.get("AWSTemplateFormatVersion") or "2010-09-09"),
        "ResourceIdentifierSummaries": [
            {"ResourceType": kind, "LogicalResourceIds": names} for kind, names in kinds.items()
        ],
    }
    if parts.metadata is not None:
        out["Metadata"] = json.dumps(parts.metadata, separators=(",", ":"))
    return out


def _of_stack(ctx: Context, name: str) -> dict[str, Any]:
    stack = lookup.require(ctx, name)
    if stack.status == "REVIEW_IN_PROGRESS":
        raise validation("GetTemplateSummary cannot be called on REVIEW_IN_PROGRESS stacks.")
    revision = lookup.shown_revision(ctx, stack)
    assert revision is not None
    return documents.read(revision.body)


@cloudformation.operation
async def validate_template(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    raw = documents.read(await sources.text_of(ctx, req))
    parts = _checked(raw)
    return {**_common(raw, parts), "Parameters": parameters.declarations(parts.parameters)}


def _checked(raw: dict[str, Any]) -> template.Template:
    """The template's shape; its references too, unless a transform may yet make what they refer to."""
    parts = template.build(raw)
    if not transforms.is_transformed(raw):
        check_references(parts, [*parts.parameters, *pseudo_parameters("", "us-east-1", "", "", [])])
    return parts


def _common(raw: dict[str, Any], parts: template.Template) -> dict[str, Any]:
    needed, reason = capabilities.needed(raw)
    declared = [entry["Name"] if isinstance(entry, dict) else entry for entry in template.transforms(raw)]
    if declared:
        needed = [*needed, "CAPABILITY_AUTO_EXPAND"]
        reason = reason or f"The following transform(s) require capabilities: [{', '.join(declared)}]"
    return {
        "Description": parts.description,
        "Capabilities": needed or None,
        "CapabilitiesReason": reason or None,
        "DeclaredTransforms": declared or None,
    }
