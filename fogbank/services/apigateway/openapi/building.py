"""The whole document into a definition and the API's settings."""

from __future__ import annotations

import json
import re
from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import errors, tree
from fogbank.services.apigateway.apis import check_compression, endpoint_configuration, full_policy
from fogbank.services.apigateway.gateway_responses import STATUS
from fogbank.services.apigateway.models import model
from fogbank.services.apigateway.openapi import operations, security
from fogbank.services.apigateway.openapi.documents import Node, base_path, items, node, pairs, status, text, texts
from fogbank.services.apigateway.openapi.documents import operations as operations_of
from fogbank.services.apigateway.records import Definition
from fogbank.services.apigateway.validators import validator

_REFERENCE = re.compile(r'"#/(?:definitions|components/schemas)/([^"/]+)"')
_PART = re.compile(r"\{[^{}]*\}|[^/]+")


def settings(ctx: Context, document: Node, api: str, current: dict[str, Any], *, merge: bool) -> dict[str, Any]:
    """What CreateRestApi would have been told."""
    info, made = node(document.get("info")), dict(current)
    for member in ("description", "version"):
        if (value := text(info.get(member))) is not None:
            made[member] = value
    if text(info.get("title")) or "name" not in made:
        made["name"] = text(info.get("title")) or "Untitled"
    binary = texts(document.get("x-amazon-apigateway-binary-media-types"))
    kept = made.get("binaryMediaTypes") or [] if merge else []
    made["binaryMediaTypes"] = list(dict.fromkeys([*kept, *binary]))
    source = (text(document.get("x-amazon-apigateway-api-key-source")) or "").upper()
    made["apiKeySource"] = source if source in ("HEADER", "AUTHORIZER") else made.get("apiKeySource", "HEADER")
    size = document.get("x-amazon-apigateway-minimum-compression-size")
    if isinstance(size, int) and not isinstance(size, bool):
        check_compression(size)
        made["minimumCompressionSize"] = size
    policy = document.get("x-amazon-apigateway-policy")
    if policy:
        written = policy if isinstance(policy, str) else json.dumps(policy)
        made["policy"] = full_policy(ctx, api, written) if api else written
    made.setdefault("endpointConfiguration", endpoint_configuration(None))
    made.setdefault("disableExecuteApiEndpoint", False)
    endpoint = node(document.get("x-amazon-apigateway-endpoint-configuration"))
    for server in items(document.get("servers")):
        endpoint = endpoint or node(node(server).get("x-amazon-apigateway-endpoint-configuration"))
    if endpoints := texts(endpoint.get("vpcEndpointIds")):
        made["endpointConfiguration"] = {**made["endpointConfiguration"], "vpcEndpointIds": endpoints}
    if "disableExecuteApiEndpoint" in endpoint:
        made["disableExecuteApiEndpoint"] = str(endpoint["disableExecuteApiEndpoint"]).lower() == "true"
    return made


def build(ctx: Context, document: Node, api: str, definition: Definition, mode: str) -> None:
    """Adds to `definition` (which has its root) all that the document says; equal paths and names are replaced."""
    _models(ctx, document, api, definition)
    security.add_authorizers(ctx, document, definition)
    _validators(ctx, document, definition)
    for kind, given in node(document.get("x-amazon-apigateway-gateway-responses")).items():
        if kind in STATUS:
            definition.responses[kind] = _gateway_response(node(given))
    prefix = base_path(document, mode)
    for path, item in node(document.get("paths")).items():
        if not str(path).startswith("/"):
            continue
        resource = _resource(ctx, definition, prefix + str(path))
        for name, operation in operations_of(node(item)).items():
            method = operations.method(document, definition, node(item), name, operation)
            security.secure(document, definition, operation, method)
            _validate_by(document, definition, operation, method)
            described = node(operation.get("x-amazon-apigateway-integration"))
            if described:
                method["methodIntegration"] = operations.integration(described, resource["id"])
            resource.setdefault("resourceMethods", {})[name] = method


def _models(ctx: Context, document: Node, api: str, definition: Definition) -> None:
    given = node(document.get("definitions")) or node(node(document.get("components")).get("schemas"))
    for name, schema in given.items():
        if not isinstance(schema, dict):
            continue
        written = json.dumps(schema, indent=2)
        written = _REFERENCE.sub(rf'"https://apigateway.amazonaws.com/restapis/{api}/models/\1"', written)
        made = model(ctx, str(name), written, text(node(schema).get("description")))
        if str(name) in definition.models:
            made["id"] = definition.models[str(name)]["id"]
        definition.models[str(name)] = made


def _validators(ctx: Context, document: Node, definition: Definition) -> None:
    known = {held.get("name"): identifier for identifier, held in definition.validators.items()}
    for name, given in node(document.get("x-amazon-apigateway-request-validators")).items():
        described = node(given)
        made = validator(
            ctx, str(name), body=bool(described.get("validateRequestBody")),
            parameters=bool(described.get("validateRequestParameters")),
        )
        made["id"] = known.get(made["name"], made["id"])
        definition.validators[made["id"]] = made


def _validate_by(document: Node, definition: Definition, operation: Node, method: dict[str, Any]) -> None:
    name = operation.get("x-amazon-apigateway-request-validator", document.get("x-amazon-apigateway-request-validator"))
    for held in definition.validators.values():
        if name and held.get("name") == name:
            method["requestValidatorId"] = held["id"]


def _gateway_response(given: Node) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if code := status(given.get("statusCode")):
        made["statusCode"] = code
    for name in ("responseParameters", "responseTemplates"):
        if pairs(given.get(name)):
            made[name] = pairs(given[name])
    return made


def _resource(ctx: Context, definition: Definition, path: str) -> dict[str, Any]:
    """The resource of a path, made with those above it where they are missing."""
    by_parent = {(r.get("parentId"), r.get("pathPart")): r for r in definition.resources.values()}
    resource = next((r for r in definition.resources.values() if "parentId" not in r), None)
    if resource is None:
        raise errors.bad_request("Invalid OpenAPI input.")
    for part in _PART.findall(path):
        resource = by_parent.get((resource["id"], part)) or tree.add(ctx, definition, resource, part)
    return resource
