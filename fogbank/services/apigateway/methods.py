"""Methods and method responses."""

from __future__ import annotations

import copy
import re
from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.lookup import without_none
from fogbank.services.apigateway.patching import Patch, boolean, member, patches
from fogbank.services.apigateway.records import Definition

HTTP_METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY")
AUTHORIZATION = ("NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS")
_METHOD = "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}"
_RESPONSE = _METHOD + "/responses/{statusCode}"
_PARAMETER = re.compile(r"method\.request\.(querystring|header|path|multivaluequerystring|multivalueheader)\.(.+)")
_NO_AUTHORIZER = (
    "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires a valid "
    "authorizer."
)


@apigateway.operation(access=access("PUT", _METHOD))
def put_method(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, resource = lookup.resource(ctx, req)
    if req["httpMethod"] not in HTTP_METHODS:
        raise errors.bad_request(f"Invalid HttpMethod specified. Valid options are {','.join(HTTP_METHODS)}")
    held = resource.setdefault("resourceMethods", {})
    if req["httpMethod"] in held:
        raise errors.conflict("Method already exists for this resource")
    method = without_none({
        "httpMethod": req["httpMethod"],
        "authorizationType": req["authorizationType"],
        "authorizerId": req.get("authorizerId") if req["authorizationType"] in ("CUSTOM", "COGNITO_USER_POOLS") else None,
        "apiKeyRequired": bool(req.get("apiKeyRequired")),
        "requestValidatorId": req.get("requestValidatorId"),
        "operationName": req.get("operationName"),
        "requestParameters": req.get("requestParameters") or None,
        "requestModels": req.get("requestModels") or None,
        "authorizationScopes": req.get("authorizationScopes") or None,
    })
    _check(draft.definition, method)
    held[req["httpMethod"]] = method
    ctx.tx.put(draft)
    return method


def _check(definition: Definition, method: dict[str, Any]) -> None:
    """What a method refers to is there."""
    _check_authorizer(definition, method)
    if method.get("requestValidatorId") and method["requestValidatorId"] not in definition.validators:
        raise errors.bad_request("Invalid Request Validator identifier specified")
    for model in (method.get("requestModels") or {}).values():
        _check_model(definition, model)
    seen = set()
    for name in method.get("requestParameters") or {}:
        match = _PARAMETER.fullmatch(name)
        if not match:
            raise errors.bad_request(
                f"Invalid mapping expression specified: Validation Result: warnings : [], errors : "
                f"[Invalid mapping expression specified: {name}]"
            )
        if match[2] in seen:
            raise errors.bad_request("Parameter names must be unique across querystring, header and path")
        seen.add(match[2])


def _check_authorizer(definition: Definition, method: dict[str, Any]) -> None:
    kind = method["authorizationType"]
    if kind not in AUTHORIZATION:
        raise errors.bad_request(f"Invalid Authorization Type. Valid options are {','.join(AUTHORIZATION)}")
    wanted = {"CUSTOM": ("TOKEN", "REQUEST"), "COGNITO_USER_POOLS": ("COGNITO_USER_POOLS",)}.get(kind)
    if wanted and definition.authorizers.get(method.get("authorizerId", ""), {}).get("type") not in wanted:
        raise errors.bad_request(_NO_AUTHORIZER)


def _check_model(definition: Definition, name: str | None) -> None:
    if name not in definition.models:
        raise errors.bad_request(f"Invalid model identifier specified: {name}")


@apigateway.operation(access=access("GET", _METHOD))
def get_method(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return lookup.method(ctx, req)[1]


@apigateway.operation(access=access("DELETE", _METHOD))
def delete_method(ctx: Context, req: dict[str, Any]) -> None:
    draft, _ = lookup.method(ctx, req)
    resource = draft.definition.resources[req["resourceId"]]
    del resource["resourceMethods"][req["httpMethod"]]
    if not resource["resourceMethods"]:
        del resource["resourceMethods"]
    ctx.tx.put(draft)


@apigateway.operation(access=access("PATCH", _METHOD))
def update_method(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, method = lookup.method(ctx, req)
    wanted = copy.deepcopy(method)
    for patch in patches(req):
        _update(draft.definition, wanted, patch)
    _check(draft.definition, wanted)
    if wanted["authorizationType"] not in ("CUSTOM", "COGNITO_USER_POOLS"):
        wanted.pop("authorizerId", None)
    method.clear()
    method.update(wanted)
    ctx.tx.put(draft)
    return method


def _update(definition: Definition, method: dict[str, Any], patch: Patch) -> None:
    name, *rest = patch.parts
    if name == "requestParameters" and len(rest) == 1:
        member(method, patch, errors.not_found("Invalid parameter name specified"), boolean(patch.value))
    elif name == "requestModels" and len(rest) == 1:
        if patch.op != "remove":
            _check_model(definition, patch.value)
        member(method, patch, errors.not_found("Content-Type specified was not found"))
    elif name == "authorizationScopes" and patch.op in ("add", "remove"):
        scopes = [kept for kept in method.get("authorizationScopes", []) if kept != patch.value]
        method[name] = [*scopes, patch.value] if patch.op == "add" else scopes
    elif rest or name not in (
        "authorizationType", "authorizerId", "apiKeyRequired", "operationName", "requestValidatorId"
    ):
        raise errors.bad_path(patch.path)
    elif patch.op != "replace":
        raise errors.bad_operation("replace")
    elif name == "apiKeyRequired":
        method[name] = boolean(patch.value)
    elif patch.value:
        method[name] = patch.value
    elif name == "authorizationType":
        raise errors.bad_request(f"Invalid Authorization Type. Valid options are {','.join(AUTHORIZATION)}")
    else:
        method.pop(name, None)


@apigateway.operation(access=access("PUT", _RESPONSE))
def put_method_response(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, method = lookup.method(ctx, req)
    for model in (req.get("responseModels") or {}).values():
        _check_model(draft.definition, model)
    responses = method.setdefault("methodResponses", {})
    if req["statusCode"] in responses:
        raise errors.conflict("Response already exists for this resource")
    names = ("statusCode", "responseParameters", "responseModels")
    responses[req["statusCode"]] = {name: req[name] for name in names if req.get(name) is not None}
    ctx.tx.put(draft)
    return _shown(responses[req["statusCode"]])


def _response(method: dict[str, Any], req: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] | None = method.get("methodResponses", {}).get(req["statusCode"])
    if found is None:
        raise errors.not_found("Invalid Response status code specified")
    return found


@apigateway.operation(access=access("GET", _RESPONSE))
def get_method_response(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _shown(_response(lookup.method(ctx, req)[1], req))


@apigateway.operation(access=access("DELETE", _RESPONSE))
def delete_method_response(ctx: Context, req: dict[str, Any]) -> None:
    draft, method = lookup.method(ctx, req)
    _response(method, req)
    del method["methodResponses"][req["statusCode"]]
    if not method["methodResponses"]:
        del method["methodResponses"]
    ctx.tx.put(draft)


@apigateway.operation(access=access("PATCH", _RESPONSE))
def update_method_response(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, method = lookup.method(ctx, req)
    response = _response(method, req)
    for patch in patches(req):
        name = patch.parts[0]
        if len(patch.parts) != 2 or name not in ("responseParameters", "responseModels"):
            raise errors.bad_path(patch.path)
        if name == "responseParameters":
            member(response, patch, errors.not_found("Invalid parameter name specified"), boolean(patch.value))
        else:
            if patch.op != "remove" and patch.parts[1] in (response.get(name) or {}):
                _check_model(draft.definition, patch.value)
            member(response, patch, errors.not_found("Content-Type specified was not found"))
    ctx.tx.put(draft)
    return _shown(response)


def _shown(response: dict[str, Any]) -> dict[str, Any]:
    return response
