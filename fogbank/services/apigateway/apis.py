"""REST APIs: create, read, update, delete."""

from __future__ import annotations

import copy
import json
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.iam.policy import compile as compile_policy
from fogbank.kit import ids
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access, arn
from fogbank.services.apigateway.models import default_models
from fogbank.services.apigateway.patching import Patch, boolean, number, patches
from fogbank.services.apigateway.records import Api, Definition, Deployment, Draft, Mapping, Stage

MOST_COMPRESSION = 10_485_760
_COMPRESSION = f"Invalid minimum compression size, must be between 0 and {MOST_COMPRESSION}"
_BAD_POLICY = "Invalid policy document. Please check the policy syntax and ensure that Principals are valid."
_ENDPOINTS = ("REGIONAL", "EDGE", "PRIVATE")


@apigateway.operation(access=access("POST", "/restapis"))
def create_rest_api(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if req.get("description") == "":
        raise errors.bad_request("Description cannot be an empty string")
    check_compression(req.get("minimumCompressionSize"))
    names = ("name", "description", "version", "minimumCompressionSize", "policy", "securityPolicy", "endpointAccessMode")
    settings = {name: req[name] for name in names if req.get(name) is not None}
    settings["binaryMediaTypes"] = list(dict.fromkeys(req.get("binaryMediaTypes") or []))
    settings["apiKeySource"] = req.get("apiKeySource") or "HEADER"
    settings["endpointConfiguration"] = endpoint_configuration(req.get("endpointConfiguration"))
    settings["disableExecuteApiEndpoint"] = bool(req.get("disableExecuteApiEndpoint"))
    definition = Definition(models=default_models(ctx))
    if req.get("cloneFrom"):
        lookup.api(ctx, req["cloneFrom"])
        original = ctx.tx.get(Draft, req["cloneFrom"])
        definition = copy.deepcopy(original.definition) if original else definition
    tags = dict(req.get("tags") or {})
    once = tags.pop(ONCE, None)
    return view(made_before(ctx, once) or make(ctx, settings, definition, tags, once))


ONCE = "fogbank:once"
"""A tag of CreateRestApi, and a parameter of ImportRestApi, that is not kept as one: see `Api.once`."""


def made_before(ctx: Context, once: str | None) -> Api | None:
    return next(ctx.tx.find(Api, "once", ctx.account, ctx.region, once, limit=1), None) if once else None


def make(
    ctx: Context, settings: dict[str, Any], definition: Definition, tags: dict[str, str], once: str | None = None
) -> Api:
    """A new API, whose definition has its root resource."""
    root = next((id_ for id_, r in definition.resources.items() if r["path"] == "/"), None)
    if root is None:
        root = ids.lower_alnum(ctx.random, 10)
        definition.resources[root] = {"id": root, "path": "/"}
    identifier = ids.lower_alnum(ctx.random, 10)
    if settings.get("policy"):
        settings["policy"] = full_policy(ctx, identifier, settings["policy"])
    api = Api(
        id=identifier, account=ctx.account, region=ctx.region, root=root, created=float(int(ctx.now)),
        settings=settings, tags=tags, once=once,
    )
    ctx.tx.put(api)
    ctx.tx.put(Draft(api=identifier, definition=definition))
    return api


def check_compression(size: int | None) -> None:
    if size is not None and not 0 <= size <= MOST_COMPRESSION:
        raise errors.bad_request(_COMPRESSION)


def endpoint_configuration(given: dict[str, Any] | None) -> dict[str, Any]:
    """With AWS's defaults. Raises BadRequestException for what cannot be together."""
    given = given or {}
    types = given.get("types")
    if types is not None and not types:
        raise errors.bad_request("REGIONAL Configuration and EDGE Configuration cannot be both DISABLED.")
    if types and len(types) > 1:
        raise errors.bad_request("Cannot create an api with multiple Endpoint Types.")
    types = types or ["EDGE"]
    private = types == ["PRIVATE"]
    if private and given.get("ipAddressType") == "ipv4":
        raise errors.bad_request("Only dualstack ipAddressType is supported for Private APIs.")
    made = {"types": types, "ipAddressType": given.get("ipAddressType") or ("dualstack" if private else "ipv4")}
    if given.get("vpcEndpointIds"):
        made["vpcEndpointIds"] = given["vpcEndpointIds"]
    return made


def full_policy(ctx: Context, api: str, text: str) -> str:
    """A resource policy with `execute-api:/stage/...` written out, as AWS keeps it."""
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise errors.bad_request(_BAD_POLICY) from error
    if not isinstance(policy, dict):
        raise errors.bad_request(_BAD_POLICY)
    prefix = f"arn:{ctx.partition}:execute-api:{ctx.region}:{ctx.account}:{api}/"
    statements = policy.get("Statement")
    for statement in listed(statements):
        if not isinstance(statement, dict):
            continue
        for member in ("Resource", "NotResource"):
            named = statement.get(member)
            if isinstance(named, str):
                statement[member] = _full(named, prefix)
            elif isinstance(named, list):
                statement[member] = [_full(each, prefix) if isinstance(each, str) else each for each in named]
    whole = json.dumps(policy, separators=(",", ":"))
    try:
        compiled = compile_policy(whole)
    except (ValueError, AwsError) as error:
        raise errors.bad_request(_BAD_POLICY) from error
    if not compiled.statements or not all(_has_principal(s) for s in listed(policy["Statement"])):
        raise errors.bad_request(_BAD_POLICY)
    return whole


def listed(statements: Any) -> list[dict[str, Any]]:
    return statements if isinstance(statements, list) else [statements]


def _has_principal(statement: dict[str, Any]) -> bool:
    """`*`, or a map of kinds of principals, each with a name or a list of names."""
    named = statement.get("Principal", statement.get("NotPrincipal"))
    if isinstance(named, dict):
        names = [name for held in named.values() for name in (held if isinstance(held, list) else [held])]
        return bool(names) and all(isinstance(name, str) for name in names)
    return named == "*"


def _full(resource: str, prefix: str) -> str:
    return prefix + resource.removeprefix("execute-api:/") if resource.startswith("execute-api:/") else resource


@apigateway.operation(access=access("GET", "/restapis/{restApiId}"))
def get_rest_api(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return view(lookup.api(ctx, req["restApiId"]), empty_tags=True)


@apigateway.operation(access=access("GET", "/restapis"))
def get_rest_apis(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    apis = sorted(ctx.tx.find(Api, "scope", ctx.account, ctx.region), key=lambda api: (api.created, api.id))
    return lookup.page([view(api) for api in apis], req)


@apigateway.operation(access=access("DELETE", "/restapis/{restApiId}"))
def delete_rest_api(ctx: Context, req: dict[str, Any]) -> None:
    api = lookup.api(ctx, req["restApiId"])
    if next(ctx.tx.find(Mapping, "api", api.id, limit=1), None):
        raise errors.bad_request("Cannot delete a REST API that is mapped to a custom domain name: remove the mapping "
                                 "first.")
    ctx.tx.delete(Api, api.id)
    ctx.tx.delete(Draft, api.id)
    ctx.tx.clear(Stage, api.id)
    ctx.tx.clear(Deployment, api.id)


@apigateway.operation(access=access("PATCH", "/restapis/{restApiId}"))
def update_rest_api(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    api = lookup.api(ctx, req["restApiId"])
    for patch in patches(req):
        _update(ctx, api, patch)
    ctx.tx.put(api)
    return view(api, empty_tags=True)


def _update(ctx: Context, api: Api, patch: Patch) -> None:
    settings, (name, *rest) = api.settings, patch.parts
    if name == "binaryMediaTypes":
        _binary(settings, patch)
    elif name == "endpointConfiguration" and rest:
        _endpoint(settings, patch)
    elif rest:
        raise errors.bad_path(patch.path)
    elif name == "description" and patch.op == "remove":
        settings.pop("description", None)
    elif name == "policy":
        if patch.op == "remove" or not patch.value:
            settings.pop("policy", None)
        else:
            settings["policy"] = full_policy(ctx, api.id, patch.value)
    elif patch.op != "replace":
        raise errors.bad_operation("replace")
    elif name == "minimumCompressionSize":
        if patch.value:
            size = number(patch.value, _COMPRESSION)
            check_compression(size)
            settings[name] = size
        else:
            settings.pop(name, None)
    elif name == "disableExecuteApiEndpoint":
        settings[name] = boolean(patch.value)
    elif name == "apiKeySource":
        if patch.value not in ("HEADER", "AUTHORIZER"):
            raise errors.bad_request("Invalid API key source. Valid options are HEADER,AUTHORIZER")
        settings[name] = patch.value
    elif name in ("name", "description", "version", "securityPolicy", "endpointAccessMode"):
        if name == "name" and not patch.value:
            raise errors.bad_request("API name cannot be empty")
        settings[name] = patch.value
    else:
        raise errors.bad_path(patch.path)


def _binary(settings: dict[str, Any], patch: Patch) -> None:
    if len(patch.parts) != 2 or not patch.parts[1]:
        raise errors.bad_path(patch.path)
    media, types = patch.parts[1], settings["binaryMediaTypes"]
    if patch.op == "add":
        settings["binaryMediaTypes"] = list(dict.fromkeys([*types, media]))
    elif patch.op == "remove":
        settings["binaryMediaTypes"] = [kept for kept in types if kept != media]
    elif patch.op == "replace":
        settings["binaryMediaTypes"] = list(dict.fromkeys([*(t for t in types if t != media), patch.value or ""]))
    else:
        raise errors.bad_operation("add", "remove", "replace")


def _endpoint(settings: dict[str, Any], patch: Patch) -> None:
    configuration, which = settings["endpointConfiguration"], patch.parts[1]
    if which == "ipAddressType":
        if patch.op != "replace":
            raise errors.bad_operation("replace")
        if patch.value not in ("ipv4", "dualstack"):
            raise errors.bad_request("ipAddressType must be either ipv4 or dualstack.")
        if configuration["types"] == ["PRIVATE"] and patch.value == "ipv4":
            raise errors.bad_request("Only dualstack ipAddressType is supported for Private APIs.")
        configuration["ipAddressType"] = patch.value
    elif which == "types":
        if patch.op not in ("add", "remove", "replace"):
            raise errors.bad_request("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
        if patch.value not in _ENDPOINTS:
            raise errors.bad_request(f"Invalid EndpointTypes specified. Valid options are {','.join(_ENDPOINTS)}")
        if patch.op == "replace":
            configuration["types"] = [patch.value]
            if patch.value == "PRIVATE":
                configuration["ipAddressType"] = "dualstack"
    elif which == "vpcEndpointIds":
        held = [kept for kept in configuration.get("vpcEndpointIds", []) if kept != patch.value]
        configuration["vpcEndpointIds"] = [*held, patch.value] if patch.op in ("add", "replace") else held
        if not configuration["vpcEndpointIds"]:
            del configuration["vpcEndpointIds"]
    else:
        raise errors.bad_path(patch.path)


def view(api: Api, *, empty_tags: bool = False) -> dict[str, Any]:
    settings = api.settings
    return {
        "id": api.id,
        "createdDate": api.created,
        "rootResourceId": api.root,
        **settings,
        "binaryMediaTypes": settings.get("binaryMediaTypes") or None,
        "tags": api.tags if api.tags or empty_tags else None,
    }


def api_arn(ctx: Context, identifier: str) -> str:
    return arn(ctx, f"/restapis/{identifier}")
