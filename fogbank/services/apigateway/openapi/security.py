"""Security schemes: authorizers, API keys, IAM."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway.authorizers import authorizer
from fogbank.services.apigateway.openapi.documents import Node, items, node, text, texts
from fogbank.services.apigateway.records import Definition

_KINDS = {"token": "TOKEN", "request": "REQUEST", "cognito_user_pools": "COGNITO_USER_POOLS"}


def schemes(document: Node) -> Node:
    return node(document.get("securityDefinitions")) or node(node(document.get("components")).get("securitySchemes"))


def add_authorizers(ctx: Context, document: Node, definition: Definition) -> None:
    """An authorizer for each scheme that has one; one of the same name keeps its id."""
    known = {held["name"]: identifier for identifier, held in definition.authorizers.items()}
    for name, scheme in schemes(document).items():
        described = node(node(scheme).get("x-amazon-apigateway-authorizer"))
        kind = _KINDS.get(str(described.get("type") or "").lower())
        if kind is None:
            continue
        made = authorizer(ctx, _request(str(name), kind, node(scheme), described))
        made["id"] = known.get(made["name"], made["id"])
        definition.authorizers[made["id"]] = made


def _request(name: str, kind: str, scheme: Node, described: Node) -> dict[str, Any]:
    header = text(scheme.get("name")) if scheme.get("in") == "header" else None
    source = text(described.get("identitySource"))
    if source is None and header and header != "Unused" and kind != "REQUEST":
        source = f"method.request.header.{header}"
    ttl = text(described.get("authorizerResultTtlInSeconds")) or ""
    return {
        "name": name,
        "type": kind,
        "authType": text(scheme.get("x-amazon-apigateway-authtype")),
        "authorizerUri": text(described.get("authorizerUri")),
        "authorizerCredentials": text(described.get("authorizerCredentials")),
        "identitySource": source,
        "identityValidationExpression": text(described.get("identityValidationExpression")),
        "authorizerResultTtlInSeconds": int(ttl) if ttl.isdecimal() and len(ttl) < 10 else None,
        "providerARNs": texts(described.get("providerARNs")) or None,
    }


def secure(document: Node, definition: Definition, operation: Node, method: dict[str, Any]) -> None:
    """Sets what authorises the method: its own security, else the document's; `x-amazon-apigateway-auth` above both."""
    by_name = {held["name"]: held for held in definition.authorizers.values()}
    for requirement in items(operation.get("security", document.get("security"))):
        for name, scopes in node(requirement).items():
            scheme = node(schemes(document).get(name))
            if name in by_name:
                held = by_name[name]
                cognito = held["type"] == "COGNITO_USER_POOLS"
                method["authorizationType"] = "COGNITO_USER_POOLS" if cognito else "CUSTOM"
                method["authorizerId"] = held["id"]
                if cognito and items(scopes):
                    method["authorizationScopes"] = texts(scopes)
            elif str(scheme.get("x-amazon-apigateway-authtype", "")).lower() == "awssigv4":
                method["authorizationType"] = "AWS_IAM"
            elif scheme.get("type") == "apiKey" and str(scheme.get("name", "")).lower() == "x-api-key":
                method["apiKeyRequired"] = True
    own = str(node(operation.get("x-amazon-apigateway-auth")).get("type") or "").upper()
    if own in ("NONE", "AWS_IAM"):
        method["authorizationType"] = own
        method.pop("authorizerId", None)
