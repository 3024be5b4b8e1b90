"""One operation of the document becomes a method with its responses and its integration."""

from __future__ import annotations

from typing import Any

from fogbank.services.apigateway.integrations import LEAST_TIMEOUT, MOST_TIMEOUT, PASSTHROUGH
from fogbank.services.apigateway.openapi.documents import Node, items, node, pairs, resolved, status, text, texts
from fogbank.services.apigateway.records import Definition

_PLACES = {"path": "path", "query": "querystring", "header": "header"}


def method(document: Node, definition: Definition, item: Node, name: str, operation: Node) -> dict[str, Any]:
    made: dict[str, Any] = {"httpMethod": name, "authorizationType": "NONE", "apiKeyRequired": False}
    if operation.get("operationId"):
        made["operationName"] = str(operation["operationId"])
    parameters, models = _inputs(document, definition, item, operation)
    if parameters:
        made["requestParameters"] = parameters
    if models:
        made["requestModels"] = models
    responses = _responses(document, definition, operation)
    if responses:
        made["methodResponses"] = responses
    return made


def _inputs(
    document: Node, definition: Definition, item: Node, operation: Node
) -> tuple[dict[str, bool], dict[str, str]]:
    """Parameters with whether each is required, and the model of the body by content type."""
    parameters: dict[str, bool] = {}
    models: dict[str, str] = {}
    for given in [*items(item.get("parameters")), *items(operation.get("parameters"))]:
        parameter = resolved(document, given)
        place = _PLACES.get(str(parameter.get("in")))
        if place:
            parameters[f"method.request.{place}.{parameter.get('name')}"] = bool(parameter.get("required"))
        elif parameter.get("in") == "body":
            model = _model(definition, parameter.get("schema"))
            consumed = items(operation.get("consumes")) or items(document.get("consumes")) or ["application/json"]
            if model:
                models.update({str(kind): model for kind in consumed})
    content = node(resolved(document, operation.get("requestBody")).get("content"))
    for kind, described in content.items():
        model = _model(definition, node(described).get("schema"))
        if model:
            models[str(kind)] = model
    return parameters, models


def _model(definition: Definition, schema: Any) -> str | None:
    """The name of the model that a schema refers to."""
    name = str(node(schema).get("$ref", "")).rsplit("/", 1)[-1]
    return name if name in definition.models else None


def _responses(document: Node, definition: Definition, operation: Node) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, given in node(operation.get("responses")).items():
        code = str(name)
        if status(code) is None:
            continue
        described = resolved(document, given)
        response: dict[str, Any] = {"statusCode": code}
        models: dict[str, str] = {}
        model = _model(definition, described.get("schema"))
        if model:
            produced = items(operation.get("produces")) or items(document.get("produces")) or ["application/json"]
            models = {str(kind): model for kind in produced}
        for kind, content in node(described.get("content")).items():
            named = _model(definition, node(content).get("schema"))
            if named:
                models[str(kind)] = named
        headers = {f"method.response.header.{header}": False for header in node(described.get("headers"))}
        if headers:
            response["responseParameters"] = headers
        if models:
            response["responseModels"] = models
        made[code] = response
    return made


def integration(described: Node, resource_id: str) -> dict[str, Any]:
    """From `x-amazon-apigateway-integration`."""
    kind = str(described.get("type") or "").upper()
    made: dict[str, Any] = {"type": kind}
    for name in ("uri", "connectionId", "credentials", "contentHandling", "responseTransferMode"):
        if (value := text(described.get(name))) is not None:
            made[name] = value
    if node(described.get("tlsConfig")):
        insecure = described["tlsConfig"].get("insecureSkipVerification")
        made["tlsConfig"] = {"insecureSkipVerification": insecure is True}
    if described.get("httpMethod"):
        made["httpMethod"] = str(described["httpMethod"]).upper()
    if kind in ("HTTP", "HTTP_PROXY"):
        made["connectionType"] = str(described.get("connectionType") or "INTERNET").upper()
    for name in ("requestParameters", "requestTemplates"):
        if pairs(described.get(name)):
            made[name] = pairs(described[name])
    passthrough = (text(described.get("passthroughBehavior")) or "").upper()
    made["passthroughBehavior"] = passthrough if passthrough in PASSTHROUGH else "WHEN_NO_MATCH"
    timeout = described.get("timeoutInMillis")
    known = isinstance(timeout, int) and LEAST_TIMEOUT <= timeout <= MOST_TIMEOUT
    made["timeoutInMillis"] = timeout if known else 29_000
    made["cacheNamespace"] = text(described.get("cacheNamespace")) or resource_id
    made["cacheKeyParameters"] = texts(described.get("cacheKeyParameters"))
    responses = {}
    for pattern, given in node(described.get("responses")).items():
        response = _integration_response(str(pattern), node(given))
        responses[response["statusCode"]] = response
    if responses:
        made["integrationResponses"] = responses
    return made


def _integration_response(pattern: str, given: Node) -> dict[str, Any]:
    made: dict[str, Any] = {"statusCode": status(given.get("statusCode")) or "200"}
    if pattern != "default":
        made["selectionPattern"] = pattern
    for name in ("responseParameters", "responseTemplates"):
        if pairs(given.get(name)):
            made[name] = pairs(given[name])
    if text(given.get("contentHandling")):
        made["contentHandling"] = text(given["contentHandling"])
    return made
