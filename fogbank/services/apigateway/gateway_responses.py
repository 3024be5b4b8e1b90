"""Gateway responses: what an API answers where it does not come to its integration."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.patching import member, patches
from fogbank.services.apigateway.records import Definition

_RESPONSE = "/restapis/{restApiId}/gatewayresponses/{responseType}"
DEFAULT_TEMPLATE = {"application/json": '{"message":$context.error.messageString}'}
# https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
STATUS = {
    "ACCESS_DENIED": "403",
    "API_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_CONFIGURATION_ERROR": "500",
    "AUTHORIZER_FAILURE": "500",
    "BAD_REQUEST_BODY": "400",
    "BAD_REQUEST_PARAMETERS": "400",
    "DEFAULT_4XX": None,
    "DEFAULT_5XX": None,
    "EXPIRED_TOKEN": "403",
    "INTEGRATION_FAILURE": "504",
    "INTEGRATION_TIMEOUT": "504",
    "INVALID_API_KEY": "403",
    "INVALID_SIGNATURE": "403",
    "MISSING_AUTHENTICATION_TOKEN": "403",
    "QUOTA_EXCEEDED": "429",
    "REQUEST_TOO_LARGE": "413",
    "RESOURCE_NOT_FOUND": "404",
    "THROTTLED": "429",
    "UNAUTHORIZED": "401",
    "UNSUPPORTED_MEDIA_TYPE": "415",
    "WAF_FILTERED": "403",
}


def effective(definition: Definition, kind: str) -> dict[str, Any]:
    """The response of a type: its own where it was set, else that of its class, else AWS's."""
    if kind in definition.responses:
        return view(definition, kind)
    status = STATUS[kind]
    family = f"DEFAULT_{(status or kind[8])[0]}XX"
    found = definition.responses.get(family, {})
    shown = {
        "responseType": kind,
        "statusCode": found.get("statusCode") or status,
        "responseParameters": found.get("responseParameters") or {},
        "responseTemplates": found.get("responseTemplates") or dict(DEFAULT_TEMPLATE),
        "defaultResponse": True,
    }
    return {name: value for name, value in shown.items() if value is not None}


def view(definition: Definition, kind: str) -> dict[str, Any]:
    held = definition.responses[kind]
    shown = {
        "responseType": kind,
        "statusCode": held.get("statusCode") or STATUS[kind],
        "responseParameters": held.get("responseParameters") or {},
        "responseTemplates": held.get("responseTemplates") or dict(DEFAULT_TEMPLATE),
        "defaultResponse": False,
    }
    return {name: value for name, value in shown.items() if value is not None}


@apigateway.operation(access=access("PUT", _RESPONSE))
def put_gateway_response(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft = lookup.draft(ctx, req["restApiId"])
    names = ("statusCode", "responseParameters", "responseTemplates")
    draft.definition.responses[req["responseType"]] = {name: req[name] for name in names if req.get(name)}
    ctx.tx.put(draft)
    return view(draft.definition, req["responseType"])


@apigateway.operation(access=access("GET", _RESPONSE))
def get_gateway_response(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return effective(lookup.draft(ctx, req["restApiId"]).definition, req["responseType"])


@apigateway.operation(access=access("GET", "/restapis/{restApiId}/gatewayresponses"))
def get_gateway_responses(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    definition = lookup.draft(ctx, req["restApiId"]).definition
    every = [effective(definition, kind) for kind in STATUS]
    return lookup.page(every, req, "responseType", default=100)


@apigateway.operation(access=access("DELETE", _RESPONSE))
def delete_gateway_response(ctx: Context, req: dict[str, Any]) -> None:
    draft = lookup.draft(ctx, req["restApiId"])
    if draft.definition.responses.pop(req["responseType"], None) is None:
        raise errors.not_found("Gateway response type not defined on api")
    ctx.tx.put(draft)


@apigateway.operation(access=access("PATCH", _RESPONSE))
def update_gateway_response(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft = lookup.draft(ctx, req["restApiId"])
    held = draft.definition.responses.setdefault(req["responseType"], {})
    for patch in patches(req):
        name, *rest = patch.parts
        if name == "statusCode" and not rest and patch.op == "replace":
            held["statusCode"] = patch.value
        elif name in ("responseParameters", "responseTemplates") and len(rest) == 1:
            if patch.op != "remove" and not patch.value:
                raise errors.bad_request(f"Invalid null or empty value in {name}")
            what = "parameter name" if name == "responseParameters" else "content type"
            member(held, patch, errors.not_found(f"Invalid {what} specified"))
        else:
            raise errors.bad_path(patch.path)
    ctx.tx.put(draft)
    return view(draft.definition, req["responseType"])
