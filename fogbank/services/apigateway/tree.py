"""Resources: the tree of an API's paths."""

from __future__ import annotations

import re
from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.patching import Patch, patches
from fogbank.services.apigateway.records import Definition

_PART = re.compile(r"[a-zA-Z0-9._~!$&'()*+,;=:@%-]+|\{[a-zA-Z0-9._:-]+\+?\}")
_BAD_PART = (
    "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the beginning "
    "and the end."
)
_RESOURCE = "/restapis/{restApiId}/resources/{resourceId}"


@apigateway.operation(access=access("POST", "/restapis/{restApiId}/resources/{parentId}"))
def create_resource(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, parent = lookup.resource(ctx, req)
    made = add(ctx, draft.definition, parent, req["pathPart"])
    ctx.tx.put(draft)
    return made


def add(ctx: Context, definition: Definition, parent: dict[str, Any], part: str) -> dict[str, Any]:
    """A new resource below `parent`. Raises AWS's errors for a part that cannot stand there."""
    _check(definition, parent, part)
    identifier = ids.lower_alnum(ctx.random, 6)
    made = {"id": identifier, "parentId": parent["id"], "pathPart": part, "path": _join(parent["path"], part)}
    definition.resources[identifier] = made
    return made


def _check(definition: Definition, parent: dict[str, Any], part: str) -> None:
    if not _PART.fullmatch(part):
        raise errors.bad_request(_BAD_PART)
    above = parent.get("pathPart", "")
    if above.endswith("+}"):
        raise errors.bad_request(f"Cannot create a child of a resource with a greedy path variable: {above}")
    for sibling in definition.resources.values():
        if sibling.get("parentId") != parent["id"]:
            continue
        if sibling["pathPart"] == part:
            raise errors.conflict(f"Another resource with the same parent already has this name: {part}")
        if sibling["pathPart"].startswith("{") and part.startswith("{"):
            raise errors.bad_request(
                f"A sibling ({sibling['pathPart']}) of this resource already has a variable path part -- only one is "
                "allowed"
            )


@apigateway.operation(access=access("GET", _RESOURCE))
def get_resource(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    _, resource = lookup.resource(ctx, req)
    return view(resource, "methods" in (req.get("embed") or []))


@apigateway.operation(access=access("GET", "/restapis/{restApiId}/resources"))
def get_resources(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """In the order of their paths."""
    definition = lookup.draft(ctx, req["restApiId"]).definition
    embed = "methods" in (req.get("embed") or [])
    resources = sorted(definition.resources.values(), key=lambda r: r["path"])
    return lookup.page([view(r, embed) for r in resources], req)


@apigateway.operation(access=access("DELETE", _RESOURCE))
def delete_resource(ctx: Context, req: dict[str, Any]) -> None:
    draft, resource = lookup.resource(ctx, req)
    if "parentId" not in resource:
        raise errors.bad_request("Cannot delete root resource")
    for identifier in [resource["id"], *(r["id"] for r in below(draft.definition, resource["id"]))]:
        del draft.definition.resources[identifier]
    ctx.tx.put(draft)


@apigateway.operation(access=access("PATCH", _RESOURCE))
def update_resource(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, resource = lookup.resource(ctx, req)
    for patch in patches(req):
        _update(draft.definition, resource, patch)
    ctx.tx.put(draft)
    return view(resource, False)


def _update(definition: Definition, resource: dict[str, Any], patch: Patch) -> None:
    if patch.op != "replace":
        raise errors.bad_request(
            f"Invalid patch path  '{patch.path}' specified for op '{patch.op}'. Please choose supported operations"
        )
    if patch.path not in ("/parentId", "/pathPart"):
        raise errors.bad_request(
            f"Invalid patch path  '{patch.path}' specified for op 'replace'. Must be one of: [/parentId, /pathPart]"
        )
    name, value = patch.parts[0], patch.value or ""
    if "parentId" not in resource:
        raise errors.bad_request(f"Root resource cannot update its {name}.")
    part, parent = resource["pathPart"], resource["parentId"]
    if name == "pathPart":
        part = value
    else:
        if value not in definition.resources:
            raise errors.resource_not_found()
        parent = value
    if parent == resource["id"] or any(r["id"] == parent for r in below(definition, resource["id"])):
        raise errors.bad_request("Resources cannot be cyclical.")
    others = Definition(resources={k: v for k, v in definition.resources.items() if k != resource["id"]})
    _check(others, definition.resources[parent], part)
    resource["pathPart"], resource["parentId"] = part, parent
    resource["path"] = _join(definition.resources[parent]["path"], part)
    for child in below(definition, resource["id"]):
        child["path"] = _join(definition.resources[child["parentId"]]["path"], child["pathPart"])


def below(definition: Definition, identifier: str) -> list[dict[str, Any]]:
    """The resources under one, parents before their children."""
    children: dict[str, list[dict[str, Any]]] = {}
    for resource in definition.resources.values():
        children.setdefault(resource.get("parentId", ""), []).append(resource)
    found = list(children.get(identifier, []))
    for resource in found:
        found += children.get(resource["id"], [])
    return found


def view(resource: dict[str, Any], embed: bool) -> dict[str, Any]:
    shown = dict(resource)
    methods = shown.pop("resourceMethods", None)
    if methods:
        shown["resourceMethods"] = methods if embed else {name: {} for name in methods}
    return shown


def _join(parent: str, part: str) -> str:
    return f"/{part}" if parent == "/" else f"{parent}/{part}"
