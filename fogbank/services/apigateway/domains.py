"""Custom domain names and their base path mappings."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.apis import endpoint_configuration
from fogbank.services.apigateway.patching import patches
from fogbank.services.apigateway.records import Domain, Mapping, Stage

NONE = "(none)"
_DOMAIN = "/domainnames/{domainName}"
_MAPPING = _DOMAIN + "/basepathmappings/{basePath}"
_MEMBERS = (
    "certificateName", "certificateArn", "regionalCertificateName", "regionalCertificateArn", "securityPolicy",
    "mutualTlsAuthentication", "ownershipVerificationCertificateArn",
)
# The hosted zone of every edge-optimised name; a regional one has its region's, which nothing here looks up.
_EDGE_ZONE = "Z2FDTNDATAQYW2"


@apigateway.operation(access=access("POST", "/domainnames"))
def create_domain_name(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if ctx.tx.get(Domain, req["domainName"]):
        raise errors.bad_request("The domain name you provided already exists.")
    configuration = endpoint_configuration(req.get("endpointConfiguration"))
    settings = {name: req[name] for name in _MEMBERS if req.get(name)}
    settings["endpointConfiguration"] = configuration
    settings.setdefault("securityPolicy", "TLS_1_2")
    prefix = f"d-{ids.lower_alnum(ctx.random, 10)}"
    if configuration["types"] == ["REGIONAL"]:
        settings["regionalDomainName"] = f"{prefix}.execute-api.{ctx.region}.amazonaws.com"
        settings["regionalHostedZoneId"] = _EDGE_ZONE
    else:
        settings["distributionDomainName"] = f"{prefix.replace('-', '')}.cloudfront.net"
        settings["distributionHostedZoneId"] = _EDGE_ZONE
    domain = Domain(
        name=req["domainName"], account=ctx.account, region=ctx.region, settings=settings, tags=req.get("tags") or {}
    )
    ctx.tx.put(domain)
    return _view(domain)


def _find(ctx: Context, req: dict[str, Any]) -> Domain:
    domain = ctx.tx.get(Domain, req["domainName"])
    if domain is None or (domain.account, domain.region) != (ctx.account, ctx.region):
        raise errors.not_found("Invalid domain name identifier specified")
    return domain


@apigateway.operation(access=access("GET", _DOMAIN))
def get_domain_name(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _view(_find(ctx, req))


@apigateway.operation(access=access("GET", "/domainnames"))
def get_domain_names(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return lookup.page([_view(d) for d in ctx.tx.find(Domain, "scope", ctx.account, ctx.region)], req, "domainName")


@apigateway.operation(access=access("PATCH", _DOMAIN))
def update_domain_name(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    domain = _find(ctx, req)
    for patch in patches(req):
        if patch.op != "replace":
            raise errors.bad_operation("replace")
        if len(patch.parts) != 1 or patch.parts[0] not in _MEMBERS:
            raise errors.bad_path(patch.path)
        domain.settings[patch.parts[0]] = patch.value
    ctx.tx.put(domain)
    return _view(domain)


@apigateway.operation(access=access("DELETE", _DOMAIN))
def delete_domain_name(ctx: Context, req: dict[str, Any]) -> None:
    domain = _find(ctx, req)
    ctx.tx.clear(Mapping, domain.name)
    ctx.tx.delete(Domain, domain.name)


@apigateway.operation(access=access("POST", _DOMAIN + "/basepathmappings"))
def create_base_path_mapping(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    domain, path = _find(ctx, req), req.get("basePath") or NONE
    _check(ctx, req["restApiId"], req.get("stage") or "")
    if ctx.tx.get(Mapping, domain.name, path):
        raise errors.conflict("Base path already exists for this domain name")
    mapping = Mapping(domain=domain.name, path=path, api=req["restApiId"], stage=req.get("stage") or "")
    ctx.tx.put(mapping)
    return _mapping_view(mapping)


def _check(ctx: Context, api: str, stage: str) -> None:
    if lookup.find_api(ctx, api) is None:
        raise errors.bad_request("Invalid REST API identifier specified")
    if stage and ctx.tx.get(Stage, api, stage) is None:
        raise errors.bad_request("Invalid stage identifier specified")


def _find_mapping(ctx: Context, req: dict[str, Any]) -> Mapping:
    mapping = ctx.tx.get(Mapping, _find(ctx, req).name, req["basePath"])
    if mapping is None:
        raise errors.not_found("Invalid base path mapping identifier specified")
    return mapping


@apigateway.operation(access=access("GET", _MAPPING))
def get_base_path_mapping(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _mapping_view(_find_mapping(ctx, req))


@apigateway.operation(access=access("GET", _DOMAIN + "/basepathmappings"))
def get_base_path_mappings(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    mappings = ctx.tx.scan(Mapping, _find(ctx, req).name)
    return lookup.page([_mapping_view(mapping) for mapping in mappings], req, "basePath")


@apigateway.operation(access=access("PATCH", _MAPPING))
def update_base_path_mapping(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    mapping = _find_mapping(ctx, req)
    ctx.tx.delete(Mapping, mapping.domain, mapping.path)
    for patch in patches(req):
        if patch.op != "replace":
            raise errors.bad_operation("replace")
        if patch.path == "/basePath":
            mapping.path = patch.value or NONE
        elif patch.path == "/stage":
            mapping.stage = patch.value or ""
        elif patch.path == "/restapiId":
            mapping.api = patch.value or ""
        else:
            raise errors.bad_path(patch.path)
    _check(ctx, mapping.api, mapping.stage)
    ctx.tx.put(mapping)
    return _mapping_view(mapping)


@apigateway.operation(access=access("DELETE", _MAPPING))
def delete_base_path_mapping(ctx: Context, req: dict[str, Any]) -> None:
    mapping = _find_mapping(ctx, req)
    ctx.tx.delete(Mapping, mapping.domain, mapping.path)


def _view(domain: Domain) -> dict[str, Any]:
    return {
        "domainName": domain.name,
        "domainNameStatus": "AVAILABLE",
        **domain.settings,
        "tags": domain.tags or None,
    }


def _mapping_view(mapping: Mapping) -> dict[str, Any]:
    return {"basePath": mapping.path, "restApiId": mapping.api, "stage": mapping.stage or None}
