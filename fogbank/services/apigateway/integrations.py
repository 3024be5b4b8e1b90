"""Integrations and integration responses."""

from __future__ import annotations

import re
from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.lookup import without_none
from fogbank.services.apigateway.patching import Patch, member, number, patches

_INTEGRATION = "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}/integration"
_RESPONSE = _INTEGRATION + "/responses/{statusCode}"
_AWS_URI = re.compile(r"arn:[\w-]+:apigateway:[\w-]*:[\w.-]+:(path|action)/.*", re.DOTALL)
PASSTHROUGH = ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
_TYPES = ("HTTP", "AWS", "MOCK", "HTTP_PROXY", "AWS_PROXY")
_LAMBDA = (":lambda:path/", ":firehose:action/")
LEAST_TIMEOUT, MOST_TIMEOUT = 50, 300_000


@apigateway.operation(access=access("PUT", _INTEGRATION))
def put_integration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, method = lookup.method(ctx, req)
    kind, uri = req["type"], req.get("uri") or ""
    check(kind, req.get("integrationHttpMethod"), uri)
    timeout = req.get("timeoutInMillis")
    _check_timeout(timeout)
    http = kind in ("HTTP", "HTTP_PROXY")
    integration = without_none({
        "type": kind,
        "httpMethod": req.get("integrationHttpMethod"),
        "uri": uri or None,
        "connectionType": req.get("connectionType") or ("INTERNET" if http else None),
        "connectionId": req.get("connectionId"),
        "credentials": req.get("credentials"),
        "requestParameters": req.get("requestParameters"),
        "requestTemplates": req.get("requestTemplates"),
        "passthroughBehavior": (req.get("passthroughBehavior") or "WHEN_NO_MATCH").upper(),
        "contentHandling": req.get("contentHandling"),
        "timeoutInMillis": 29_000 if timeout is None else timeout,
        "cacheNamespace": req.get("cacheNamespace") or req["resourceId"],
        "cacheKeyParameters": req.get("cacheKeyParameters") or [],
        "tlsConfig": req.get("tlsConfig"),
        "responseTransferMode": req.get("responseTransferMode"),
    })
    if integration["passthroughBehavior"] not in PASSTHROUGH:
        raise errors.bad_request(f"Invalid passthroughBehavior. Valid options are {','.join(PASSTHROUGH)}")
    method["methodIntegration"] = integration
    ctx.tx.put(draft)
    return integration


def check(kind: str, http_method: str | None, uri: str) -> None:
    """Raises BadRequestException for a type that cannot reach the address."""
    if kind == "MOCK":
        return
    if not http_method:
        raise errors.bad_request("Enumeration value for HttpMethod must be non-empty")
    if kind in ("HTTP", "HTTP_PROXY"):
        if not uri.startswith(("http://", "https://", "${stageVariables.")):
            raise errors.bad_request("Invalid HTTP endpoint specified for URI")
        return
    if not uri.startswith("arn:"):
        raise errors.bad_request("Invalid ARN specified in the request")
    if not _AWS_URI.fullmatch(uri):
        raise errors.bad_request("AWS ARN for integration must contain path or action")
    if kind == "AWS_PROXY" and not any(part in uri for part in _LAMBDA):
        raise errors.bad_request(
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations."
        )


def _check_timeout(timeout: int | None) -> None:
    if timeout is not None and not LEAST_TIMEOUT <= timeout <= MOST_TIMEOUT:
        raise errors.bad_request(f"Timeout should be between {LEAST_TIMEOUT} ms and {MOST_TIMEOUT} ms")


def _integration(method: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] | None = method.get("methodIntegration")
    if found is None:
        raise errors.not_found("Invalid Integration identifier specified")
    return found


@apigateway.operation(access=access("GET", _INTEGRATION))
def get_integration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _integration(lookup.method(ctx, req)[1])


@apigateway.operation(access=access("DELETE", _INTEGRATION))
def delete_integration(ctx: Context, req: dict[str, Any]) -> None:
    draft, method = lookup.method(ctx, req)
    _integration(method)
    del method["methodIntegration"]
    ctx.tx.put(draft)


@apigateway.operation(access=access("PATCH", _INTEGRATION))
def update_integration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, method = lookup.method(ctx, req)
    integration = _integration(method)
    for patch in patches(req):
        _update(integration, patch)
    check(integration["type"], integration.get("httpMethod"), integration.get("uri", ""))
    ctx.tx.put(draft)
    return integration


def _update(integration: dict[str, Any], patch: Patch) -> None:
    name, *rest = patch.parts
    if name in ("requestParameters", "requestTemplates") and len(rest) == 1:
        member(integration, patch, errors.not_found("Invalid parameter name specified" if name == "requestParameters"
                                                    else "Content-Type specified was not found"))
    elif name == "cacheKeyParameters" and len(rest) == 1:
        kept = [key for key in integration["cacheKeyParameters"] if key != rest[0]]
        integration[name] = kept if patch.op == "remove" else [*kept, rest[0]]
    elif name == "tlsConfig" and rest == ["insecureSkipVerification"]:
        integration[name] = {"insecureSkipVerification": (patch.value or "").lower() == "true"}
    elif rest or name not in (
        "type", "httpMethod", "uri", "connectionType", "connectionId", "credentials", "passthroughBehavior",
        "contentHandling", "timeoutInMillis", "cacheNamespace", "responseTransferMode",
    ):
        raise errors.bad_path(patch.path)
    elif patch.op not in ("replace", "add", "remove") or (name == "type" and patch.value not in _TYPES):
        raise errors.bad_operation("replace")
    elif patch.op == "remove" or not patch.value:
        integration.pop(name, None)
    elif name == "timeoutInMillis":
        timeout = number(patch.value, "Invalid timeout value")
        _check_timeout(timeout)
        integration[name] = timeout
    else:
        integration[name] = patch.value


@apigateway.operation(access=access("PUT", _RESPONSE))
def put_integration_response(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, method = lookup.method(ctx, req)
    for content_type in req.get("responseTemplates") or {}:
        if "/" not in content_type and content_type != "default":
            raise errors.bad_request(
                f"Validation Result: warnings : [], errors : [Invalid content type specified: {content_type}]"
            )
    responses = _integration(method).setdefault("integrationResponses", {})
    names = ("statusCode", "selectionPattern", "responseParameters", "responseTemplates", "contentHandling")
    responses[req["statusCode"]] = {name: req[name] for name in names if req.get(name) is not None}
    ctx.tx.put(draft)
    return dict(responses[req["statusCode"]])


def _response(method: dict[str, Any], req: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] | None = _integration(method).get("integrationResponses", {}).get(req["statusCode"])
    if found is None:
        raise errors.not_found("Invalid Response status code specified")
    return found


@apigateway.operation(access=access("GET", _RESPONSE))
def get_integration_response(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _response(lookup.method(ctx, req)[1], req)


@apigateway.operation(access=access("DELETE", _RESPONSE))
def delete_integration_response(ctx: Context, req: dict[str, Any]) -> None:
    try:
        draft, method = lookup.method(ctx, req)
    except Exception as error:
        # Recorded: of a method that is not there, AWS says here that its integration is not.
        if getattr(error, "message", "") == "Invalid Method identifier specified":
            raise errors.not_found("Invalid Integration identifier specified") from error
        raise
    _response(method, req)
    responses = method["methodIntegration"]["integrationResponses"]
    del responses[req["statusCode"]]
    if not responses:
        del method["methodIntegration"]["integrationResponses"]
    ctx.tx.put(draft)


@apigateway.operation(access=access("PATCH", _RESPONSE))
def update_integration_response(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    draft, method = lookup.method(ctx, req)
    response = _response(method, req)
    for patch in patches(req):
        name, *rest = patch.parts
        if name in ("responseParameters", "responseTemplates") and len(rest) == 1:
            member(response, patch, errors.not_found("Invalid parameter name specified" if name == "responseParameters"
                                                     else "Content-Type specified was not found"))
        elif rest or name not in ("selectionPattern", "contentHandling"):
            raise errors.bad_path(patch.path)
        elif patch.op == "remove" or patch.value is None:
            response.pop(name, None)
        else:
            response[name] = patch.value
    ctx.tx.put(draft)
    return response
