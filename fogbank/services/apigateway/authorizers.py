"""Authorizers: Lambda functions that decide (TOKEN, REQUEST), and Cognito user pools."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.lookup import without_none
from fogbank.services.apigateway.models import methods_of
from fogbank.services.apigateway.patching import Patch, number, patches
from fogbank.services.apigateway.records import Draft

_AUTHORIZER = "/restapis/{restApiId}/authorizers/{authorizerId}"
_TTL = "Invalid Authorizer result TTL: must be between 0 and 3600"
_MEMBERS = ("name", "type", "authType", "authorizerUri", "authorizerCredentials", "identitySource",
            "identityValidationExpression")


@apigateway.operation(access=access("POST", "/restapis/{restApiId}/authorizers"))
def create_authorizer(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if lookup.find_api(ctx, req["restApiId"]) is None:
        # Recorded: an API that is not there reads as one that somebody else changes.
        raise errors.conflict("Unable to complete operation due to concurrent modification. Please try again later.")
    draft = lookup.draft(ctx, req["restApiId"])
    if any(held["name"] == req["name"] for held in draft.definition.authorizers.values()):
        raise errors.bad_request("Authorizer name must be unique. Authorizer " + req["name"] + " already exists in this "
                                 "RestApi.")
    made = authorizer(ctx, req)
    draft.definition.authorizers[made["id"]] = made
    ctx.tx.put(draft)
    return made


def authorizer(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """A new authorizer. Raises BadRequestException for one that lacks what its type needs."""
    kind = req["type"]
    made = {"id": ids.lower_alnum(ctx.random, 6), **{name: req[name] for name in _MEMBERS if req.get(name) is not None}}
    made["authType"] = req.get("authType") or ("cognito_user_pools" if kind == "COGNITO_USER_POOLS" else "custom")
    if req.get("providerARNs"):
        made["providerARNs"] = req["providerARNs"]
    if req.get("authorizerResultTtlInSeconds") is not None:
        made["authorizerResultTtlInSeconds"] = req["authorizerResultTtlInSeconds"]
    _check(made)
    return made


def _check(made: dict[str, Any]) -> None:
    kind, ttl = made["type"], made.get("authorizerResultTtlInSeconds", 300)
    if not made.get("name"):
        raise errors.bad_request("Authorizer name must be non-empty")
    if not 0 <= ttl <= 3600:
        raise errors.bad_request(_TTL)
    if kind == "COGNITO_USER_POOLS":
        if not made.get("providerARNs"):
            raise errors.bad_request("Invalid Authorizer: providerARNs must be set for COGNITO_USER_POOLS authorizers")
        return
    if not (made.get("authorizerUri") or "").startswith("arn:"):
        raise errors.bad_request("Invalid Authorizer URI: " + (made.get("authorizerUri") or "") + ". Authorizer URI should "
                                 "be a valid API Gateway ARN that represents a Lambda function invocation.")
    if kind == "TOKEN" and not made.get("identitySource"):
        raise errors.bad_request("Identity source is required for TOKEN authorizers")
    if kind == "REQUEST" and ttl and not made.get("identitySource"):
        raise errors.bad_request("Identity source is required for REQUEST authorizers when caching is enabled")


def _find(ctx: Context, req: dict[str, Any]) -> tuple[Draft, dict[str, Any]]:
    if lookup.find_api(ctx, req["restApiId"]):
        draft = lookup.draft(ctx, req["restApiId"])
        if found := draft.definition.authorizers.get(req["authorizerId"]):
            return draft, found
    raise errors.not_found("Invalid Authorizer identifier specified")


@apigateway.operation(access=access("GET", _AUTHORIZER))
def get_authorizer(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _find(ctx, req)[1]


@apigateway.operation(access=access("GET", "/restapis/{restApiId}/authorizers"))
def get_authorizers(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return lookup.page(list(lookup.draft(ctx, req["restApiId"]).definition.authorizers.values()), req)


@apigateway.operation(access=access("DELETE", _AUTHORIZER))
def delete_authorizer(ctx: Context, req: dict[str, Any]) -> None:
    draft, found = _find(ctx, req)
    if any(method.get("authorizerId") == found["id"] for _, _, method in methods_of(draft.definition)):
        raise errors.conflict(f"Cannot delete authorizer '{found['name']}' because it is in use by a method.")
    del draft.definition.authorizers[found["id"]]
    ctx.tx.put(draft)


@apigateway.operation(access=access("PATCH", _AUTHORIZER))
def update_authorizer(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, found = _find(ctx, req)
    for patch in patches(req):
        _update(found, patch)
    _check(found)
    ctx.tx.put(draft)
    return without_none(found)


def _update(found: dict[str, Any], patch: Patch) -> None:
    name = patch.parts[0]
    if name == "providerARNs":
        held = [kept for kept in found.get("providerARNs", []) if kept != patch.value]
        found["providerARNs"] = held if patch.op == "remove" else [*held, patch.value]
    elif len(patch.parts) > 1 or name not in (*_MEMBERS, "authorizerResultTtlInSeconds"):
        raise errors.bad_path(patch.path)
    elif patch.op != "replace":
        raise errors.bad_operation("replace")
    elif name == "authorizerResultTtlInSeconds":
        found[name] = number(patch.value, _TTL)
    elif patch.value:
        found[name] = patch.value
    else:
        found.pop(name, None)
