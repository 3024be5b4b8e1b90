"""From a request to a revision that can be deployed: template, parameters, transforms, capabilities, all of it checked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.cloudformation import (
    capabilities,
    definition,
    documents,
    graph,
    language,
    parameters,
    resolving,
    sources,
    template,
    transforms,
    types,
)
from fogbank.services.cloudformation.definition import Definition
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.intrinsics import Scope, pseudo_parameters
from fogbank.services.cloudformation.records import Revision, Stack

MAX_TAGS = 50


@dataclass(slots=True)
class Prepared:
    """A revision, not yet written; `number` is set when it is. `failure` is why its transforms failed."""

    revision: Revision
    definition: Definition | None
    failure: str = ""
    transforms: list[str] = field(default_factory=list)


async def prepare(ctx: Context, req: dict[str, Any], stack: Stack, previous: Revision | None, *, reviewed: bool) -> Prepared:
    """Reads and checks what a request wants of `stack` (which need not be written yet).

    `reviewed`: a change set will be looked at before it is executed, so transforms need no capability. What is wrong
    with the template as sent raises AwsError; what goes wrong in its transforms is in `failure`.
    """
    body = await sources.text_of(ctx, req, previous.body if previous else None)
    raw = documents.read(body)
    template.check_sections(raw)
    tags = tags_of(req.get("Tags")) if req.get("Tags") is not None else (previous.tags if previous else {})
    revision = Revision(
        stack=stack.uuid,
        number=0,
        body=body,
        document="",
        tags=tags,
        capabilities=list(req.get("Capabilities") or []),
        notification_arns=_kept(req, "NotificationARNs", previous.notification_arns if previous else []),
        rollback_configuration=check_rollback(
            _kept(req, "RollbackConfiguration", previous.rollback_configuration if previous else {})
        ),
    )
    transformed = transforms.is_transformed(raw)
    if transformed:
        if not reviewed and transforms.uses_macros(raw):
            capabilities.check({}, revision.capabilities, expands=True)
        _authorise_transforms(ctx, raw, "CreateChangeSet" if reviewed else "UpdateStack" if previous else "CreateStack")
    else:
        parts = template.build(raw)
        _check_references(parts)
        capabilities.check(raw, revision.capabilities)
    values = await _parameters(ctx, req, raw, previous)
    revision.parameters = list(values.values())
    revision.transformed = transformed
    out = Prepared(revision, None, transforms=_names(raw))
    try:
        if transformed:
            scope = Scope(
                {**{name: value.effective for name, value in values.items()}, **_pseudo(stack, revision)},
                raw.get("Mappings") or {},
                raw.get("Conditions") or {},
            )
            revision.extensions = language.NAME in out.transforms
            raw = await transforms.Transformer(ctx, values, scope).apply(raw)
            template.check_sections(raw)
            capabilities.check(raw, revision.capabilities)
        revision.document = json.dumps(raw, separators=(",", ":"))
        revision.description = raw.get("Description") or ""
        if transformed:
            _check_references(template.build(raw))
        _check_resource_types(req.get("ResourceTypes"), raw)
        out.definition = definition.define(stack, revision)
        types.check(ctx, out.definition.template, out.definition.present)
    except AwsError as error:
        if not transformed or error.code == "InsufficientCapabilitiesException":
            raise
        revision.document = revision.document or "{}"
        out.failure = error.message
    return out


def _check_references(parts: template.Template) -> None:
    """What a template must satisfy whatever its parameters are."""
    pseudo = pseudo_parameters("", "us-east-1", "", "", [])
    graph.check_references(parts, [*parts.parameters, *pseudo])


async def _parameters(
    ctx: Context, req: dict[str, Any], raw: dict[str, Any], previous: Revision | None
) -> dict[str, parameters.Parameter]:
    declared = raw.get("Parameters") or {}
    if not isinstance(declared, dict) or not all(
        isinstance(value, dict) and isinstance(value.get("Type"), str) for value in declared.values()
    ):
        raise validation("Template format error: Every Parameters object must contain a Type member.")
    old = {parameter.name: parameter.value for parameter in previous.parameters} if previous else {}
    values = parameters.gather(declared, req.get("Parameters") or [], old, is_update=previous is not None)
    await resolving.resolve_ssm_types(ctx, values)
    return values


def _authorise_transforms(ctx: Context, raw: dict[str, Any], operation: str) -> None:
    """A transform of AWS's is a resource of its own in policies: `arn:aws:cloudformation:REGION:aws:transform/NAME`."""
    for name in _names(raw):
        if name.startswith("AWS::"):
            transform = f"arn:aws:cloudformation:{ctx.region}:aws:transform/{name.removeprefix('AWS::')}"
            ctx.authorise(f"cloudformation:{operation}", transform)


def _names(raw: dict[str, Any]) -> list[str]:
    return [entry["Name"] if isinstance(entry, dict) else entry for entry in template.transforms(raw)]


def _pseudo(stack: Stack, revision: Revision) -> dict[str, Any]:
    return dict(pseudo_parameters(stack.account, stack.region, stack.id, stack.name, revision.notification_arns))


def _kept(req: dict[str, Any], member: str, previous: Any) -> Any:
    return req[member] if req.get(member) is not None else previous


def tags_of(entries: list[dict[str, str]] | None) -> dict[str, str]:
    """Stack tags, checked. Raises AwsError(`ValidationError`)."""
    tags: dict[str, str] = {}
    for entry in entries or []:
        key, value = entry.get("Key", ""), entry.get("Value", "")
        if key.lower().startswith("aws:"):
            raise validation("aws: prefixed tag key names are not allowed for external use.")
        if key in tags:
            raise validation(f"Duplicate tag keys found: {key}")
        tags[key] = value
    if len(tags) > MAX_TAGS:
        raise validation(f"Number of tags provided exceeds the limit of {MAX_TAGS}")
    return tags


def check_rollback(configuration: dict[str, Any]) -> dict[str, Any]:
    """Rollback triggers are kept and shown; alarms do not yet cause a rollback. Raises AwsError(`ValidationError`)."""
    for trigger in configuration.get("RollbackTriggers") or []:
        if trigger.get("Type") not in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"):
            raise validation("Rollback Trigger Type not supported")
        if ":alarm:" not in trigger.get("Arn", ""):
            raise validation("RelativeId of a Rollback Trigger's ARN is incorrect")
    return configuration


def _check_resource_types(allowed: list[str] | None, raw: dict[str, Any]) -> None:
    """The request's ResourceTypes limit what a template may hold."""
    if not allowed:
        return
    for resource in (raw.get("Resources") or {}).values():
        kind = resource.get("Type", "")
        if not any(kind == name or (name.endswith("::*") and kind.startswith(name[:-1])) for name in allowed):
            raise validation(f"Resource type {kind} is not allowed by parameter ResourceTypes [{', '.join(allowed)}]")
