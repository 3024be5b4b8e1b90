"""Request validators."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.patching import patches, simple
from fogbank.services.apigateway.records import Draft

_VALIDATOR = "/restapis/{restApiId}/requestvalidators/{requestValidatorId}"


def validator(ctx: Context, name: str | None, *, body: bool, parameters: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"id": ids.lower_alnum(ctx.random, 6)}
    if name:
        made["name"] = name
    return {**made, "validateRequestBody": body, "validateRequestParameters": parameters}


@apigateway.operation(access=access("POST", "/restapis/{restApiId}/requestvalidators"))
def create_request_validator(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if lookup.find_api(ctx, req["restApiId"]) is None:
        raise errors.bad_request("Invalid REST API identifier specified")
    draft = lookup.draft(ctx, req["restApiId"])
    made = validator(
        ctx, req.get("name"), body=bool(req.get("validateRequestBody")),
        parameters=bool(req.get("validateRequestParameters")),
    )
    draft.definition.validators[made["id"]] = made
    ctx.tx.put(draft)
    return made


def _find(ctx: Context, req: dict[str, Any]) -> tuple[Draft, dict[str, Any]]:
    if lookup.find_api(ctx, req["restApiId"]):
        draft = lookup.draft(ctx, req["restApiId"])
        if found := draft.definition.validators.get(req["requestValidatorId"]):
            return draft, found
    raise errors.not_found("Invalid Request Validator identifier specified")


@apigateway.operation(access=access("GET", _VALIDATOR))
def get_request_validator(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _find(ctx, req)[1]


@apigateway.operation(access=access("GET", "/restapis/{restApiId}/requestvalidators"))
def get_request_validators(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return lookup.page(list(lookup.draft(ctx, req["restApiId"]).definition.validators.values()), req)


@apigateway.operation(access=access("DELETE", _VALIDATOR))
def delete_request_validator(ctx: Context, req: dict[str, Any]) -> None:
    draft, found = _find(ctx, req)
    del draft.definition.validators[found["id"]]
    ctx.tx.put(draft)


@apigateway.operation(access=access("PATCH", _VALIDATOR))
def update_request_validator(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, found = _find(ctx, req)
    for patch in patches(req):
        simple(found, patch, {"name": str, "validateRequestParameters": bool, "validateRequestBody": bool})
        if not found.get("name", "-"):
            raise errors.bad_request("Request Validator name cannot be blank")
    ctx.tx.put(draft)
    return found
