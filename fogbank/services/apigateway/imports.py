"""ImportRestApi and PutRestApi: APIs from OpenAPI documents."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import apigateway, apis, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.openapi import building, documents
from fogbank.services.apigateway.records import Api, Definition, Draft


@apigateway.operation(access=access("POST", "/restapis"))
def import_rest_api(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    document = documents.parse(bytes(req["body"]))
    parameters = req.get("parameters") or {}
    settings = building.settings(ctx, document, "", {}, merge=False)
    types = parameters.get("endpointConfigurationTypes")
    if types:
        settings["endpointConfiguration"] = apis.endpoint_configuration({"types": types.split(",")})
    before = apis.made_before(ctx, parameters.get(apis.ONCE))
    if before:
        return apis.view(before)
    api = apis.make(ctx, settings, Definition(), {}, parameters.get(apis.ONCE))
    draft = ctx.tx.get(Draft, api.id) or Draft(api=api.id, definition=Definition())
    building.build(ctx, document, api.id, draft.definition, _mode(parameters))
    ctx.tx.put(draft)
    return apis.view(api)


@apigateway.operation(access=access("PUT", "/restapis/{restApiId}"))
def put_rest_api(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    api, draft = lookup.api(ctx, req["restApiId"]), lookup.draft(ctx, req["restApiId"])
    document = documents.parse(bytes(req["body"]))
    merge = req.get("mode") != "overwrite"
    api.settings = building.settings(ctx, document, api.id, api.settings, merge=merge)
    if not merge:
        draft.definition = _emptied(api, draft.definition)
    building.build(ctx, document, api.id, draft.definition, _mode(req.get("parameters") or {}))
    if not merge:
        _prune(draft.definition)
    ctx.tx.put(api)
    ctx.tx.put(draft)
    return apis.view(api, empty_tags=True)


def _mode(parameters: dict[str, str]) -> str:
    return (parameters.get("basepath") or parameters.get("basePath") or "ignore").lower()


def _emptied(api: Api, old: Definition) -> Definition:
    """Overwriting leaves the paths, so that they keep their ids; what the document does not name goes in `_prune`."""
    resources = {
        identifier: {name: value for name, value in resource.items() if name != "resourceMethods"}
        for identifier, resource in old.resources.items()
    }
    return Definition(resources=resources or {api.root: {"id": api.root, "path": "/"}})


def _prune(definition: Definition) -> None:
    """Removes resources without a method at or below them."""
    needed: set[str] = set()
    for resource in definition.resources.values():
        if resource.get("resourceMethods"):
            at: dict[str, Any] | None = resource
            while at is not None and at["id"] not in needed:
                needed.add(at["id"])
                at = definition.resources.get(at.get("parentId", ""))
    for identifier in [i for i, r in definition.resources.items() if i not in needed and "parentId" in r]:
        del definition.resources[identifier]
