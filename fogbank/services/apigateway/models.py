"""Models: the JSON schemas that bodies are checked against."""

from __future__ import annotations

import json
import re
from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.patching import patches, simple
from fogbank.services.apigateway.records import Definition

_NO_SCHEMA = "Model schema must have at least 1 property or array items defined"
_SCHEMA = "http://json-schema.org/draft-04/schema#"
_MODEL = "/restapis/{restApiId}/models/{modelName}"
_REFERENCE = re.compile(r"https://apigateway\.[\w.-]*amazonaws\.com(?:\.cn)?/restapis/[^/]+/models/([^/\"]+)")


def default_models(ctx: Context) -> dict[str, dict[str, Any]]:
    """The two models that CreateRestApi makes."""
    empty = {"$schema": _SCHEMA, "title": "Empty Schema", "type": "object"}
    error = {
        "$schema": _SCHEMA, "title": "Error Schema", "type": "object",
        "properties": {"message": {"type": "string"}},
    }
    return {
        "Empty": model(ctx, "Empty", json.dumps(empty, indent=2), "This is a default empty schema model"),
        "Error": model(ctx, "Error", json.dumps(error, indent=2), "This is a default error schema model"),
    }


def model(
    ctx: Context, name: str, schema: str, description: str | None = None, content_type: str = "application/json"
) -> dict[str, Any]:
    made: dict[str, Any] = {"id": ids.lower_alnum(ctx.random, 6), "name": name}
    if description:
        made["description"] = description
    return {**made, "schema": schema, "contentType": content_type}


@apigateway.operation(access=access("POST", "/restapis/{restApiId}/models"))
def create_model(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft = lookup.draft(ctx, req["restApiId"])
    if not req["name"]:
        raise errors.bad_request("Model name must be non-empty")
    if not re.fullmatch(r"[a-zA-Z0-9]+", req["name"]):
        raise errors.bad_request("Model name must be alphanumeric: " + req["name"])
    if req["name"] in draft.definition.models:
        raise errors.conflict("Model name already exists for this REST API")
    _check(req.get("schema"))
    made = model(ctx, req["name"], req["schema"], req.get("description"), req["contentType"])
    draft.definition.models[req["name"]] = made
    ctx.tx.put(draft)
    return made


def _check(schema: str | None) -> None:
    if not schema:
        raise errors.bad_request(_NO_SCHEMA)
    try:
        parsed = json.loads(schema)
    except (ValueError, RecursionError) as error:
        raise errors.bad_request(
            "Invalid model schema specified. Validation Result: warnings : [], errors : [Invalid model schema specified. "
            "Unable to parse the schema as JSON.]"
        ) from error
    if not isinstance(parsed, dict) or not parsed:
        raise errors.bad_request(_NO_SCHEMA)


@apigateway.operation(access=access("GET", "/restapis/{restApiId}/models"))
def get_models(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    models = lookup.draft(ctx, req["restApiId"]).definition.models
    return lookup.page(sorted(models.values(), key=lambda m: m["name"]), req, "name")


@apigateway.operation(access=access("GET", _MODEL))
def get_model(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    found = _find(ctx, req)
    if not req.get("flatten"):
        return found
    definition = lookup.draft(ctx, req["restApiId"]).definition
    return {**found, "schema": json.dumps(flat_schema(definition, found["schema"]))}


def _find(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if lookup.find_api(ctx, req["restApiId"]):
        found = lookup.draft(ctx, req["restApiId"]).definition.models.get(req["modelName"])
        if found:
            return found
    raise errors.not_found(f"Invalid model name specified: {req['modelName']}")


@apigateway.operation(access=access("DELETE", _MODEL))
def delete_model(ctx: Context, req: dict[str, Any]) -> None:
    found = _find(ctx, req)
    draft = lookup.draft(ctx, req["restApiId"])
    for path, http_method, method in methods_of(draft.definition):
        if found["name"] in (method.get("requestModels") or {}).values():
            where = f"{path}/{http_method}"
            raise errors.conflict(f"Cannot delete model '{found['name']}', is referenced in method request: {where}")
        for response in (method.get("methodResponses") or {}).values():
            if found["name"] in (response.get("responseModels") or {}).values():
                where = f"{path}/{http_method}/{response['statusCode']}"
                raise errors.conflict(
                    f"Cannot delete model '{found['name']}', is referenced in method response: {where}"
                )
    del draft.definition.models[found["name"]]
    ctx.tx.put(draft)


@apigateway.operation(access=access("PATCH", _MODEL))
def update_model(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    _find(ctx, req)
    draft = lookup.draft(ctx, req["restApiId"])
    found = draft.definition.models[req["modelName"]]
    for patch in patches(req):
        simple(found, patch, {"description": str, "schema": str})
    _check(found["schema"])
    ctx.tx.put(draft)
    return found


def methods_of(definition: Definition) -> list[tuple[str, str, dict[str, Any]]]:
    """Path, HTTP method and method, of all there are."""
    return [
        (resource["path"], name, method)
        for resource in sorted(definition.resources.values(), key=lambda r: r["path"])
        for name, method in resource.get("resourceMethods", {}).items()
    ]


def flat_schema(definition: Definition, schema: str) -> dict[str, Any]:
    """The schema with the other models that it refers to under `definitions`."""
    wanted, found = [schema], {}
    for text in wanted:
        for name in _REFERENCE.findall(text):
            if name not in found and name in definition.models:
                found[name] = definition.models[name]["schema"]
                wanted.append(found[name])
    parsed: dict[str, Any] = json.loads(_local(schema))
    if found:
        own = parsed.get("definitions") or {}
        own = own if isinstance(own, dict) else {}
        parsed["definitions"] = {**own, **{name: json.loads(_local(text)) for name, text in found.items()}}
    return parsed


def _local(schema: str) -> str:
    return _REFERENCE.sub(r"#/definitions/\1", schema)
