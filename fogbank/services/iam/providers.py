"""Identity providers: OpenID Connect and SAML."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.records import PARTITION, OidcProvider, SamlProvider
from fogbank.services.iam import iam, tagging, views
from fogbank.services.iam.access import account_wide, on_arn
from fogbank.services.iam.errors import already_exists, invalid_input, no_such_entity

_CLIENT_IDS = 100
_THUMBPRINTS = 5
_YEAR = 365 * 86_400


def _host(ctx: Context, req: dict[str, Any]) -> str:
    return str(req["Url"]).removeprefix("https://")


def _creating(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
    arn = f"arn:{PARTITION}:iam::{ctx.account}:oidc-provider/{_host(ctx, req)}"
    return [("iam:CreateOpenIDConnectProvider", arn)]


@iam.operation(access=_creating)
def create_openIDConnect_provider(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    if not req["Url"].startswith("https://"):
        raise invalid_input("Invalid Open ID Connect Provider URL")
    client_ids, thumbprints = req.get("ClientIDList") or [], req.get("ThumbprintList") or []
    _check_lists(client_ids, thumbprints)
    host = _host(ctx, req).rstrip("/") if req["Url"].count("/") == 3 else _host(ctx, req)
    if ctx.tx.get(OidcProvider, ctx.account, host):
        raise already_exists(f"Provider with url https://{host} already exists.")
    provider = OidcProvider(
        account=ctx.account,
        host=host,
        created=ctx.now,
        client_ids=client_ids,
        thumbprints=thumbprints,
        tags=tagging.from_request(req.get("Tags")),
    )
    ctx.tx.insert(provider)
    return {"OpenIDConnectProviderArn": provider.arn, "Tags": views.tag_list(provider.tags) or None}


@on_arn("OpenIDConnectProviderArn")
def get_openIDConnect_provider(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    provider = oidc(ctx, req["OpenIDConnectProviderArn"])
    return {
        "Url": provider.host,
        "ClientIDList": provider.client_ids,
        "ThumbprintList": provider.thumbprints,
        "CreateDate": provider.created,
        "Tags": views.tag_list(provider.tags) or None,
    }


@account_wide
def list_openIDConnect_providers(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    providers = ctx.tx.scan(OidcProvider, ctx.account)
    return {"OpenIDConnectProviderList": [{"Arn": provider.arn} for provider in providers]}


@on_arn("OpenIDConnectProviderArn")
def delete_openIDConnect_provider(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    """Deleting what is not there succeeds, as the API says."""
    ctx.tx.delete(OidcProvider, ctx.account, req["OpenIDConnectProviderArn"].partition(":oidc-provider/")[2])


@on_arn("OpenIDConnectProviderArn")
def update_openIDConnect_provider_thumbprint(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    provider = oidc(ctx, req["OpenIDConnectProviderArn"])
    _check_lists([], req["ThumbprintList"])
    provider.thumbprints = req["ThumbprintList"]
    ctx.tx.put(provider)


@on_arn("OpenIDConnectProviderArn")
def add_clientID_to_openIDConnect_provider(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    provider = oidc(ctx, req["OpenIDConnectProviderArn"])
    if req["ClientID"] not in provider.client_ids:
        _check_lists([*provider.client_ids, req["ClientID"]], [])
        provider.client_ids.append(req["ClientID"])
        ctx.tx.put(provider)


@on_arn("OpenIDConnectProviderArn")
def remove_clientID_from_openIDConnect_provider(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    provider = oidc(ctx, req["OpenIDConnectProviderArn"])
    provider.client_ids = [known for known in provider.client_ids if known != req["ClientID"]]
    ctx.tx.put(provider)


@iam.operation(resource="arn:{partition}:iam::{account}:saml-provider/{Name}")
def create_SAMLProvider(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    if ctx.tx.get(SamlProvider, ctx.account, req["Name"]):
        raise already_exists(f"SAML Provider with name {req['Name']} already exists.")
    provider = SamlProvider(
        account=ctx.account,
        name=req["Name"],
        created=ctx.now,
        metadata=req["SAMLMetadataDocument"],
        tags=tagging.from_request(req.get("Tags")),
    )
    ctx.tx.insert(provider)
    return {"SAMLProviderArn": provider.arn, "Tags": views.tag_list(provider.tags) or None}


@on_arn("SAMLProviderArn")
def get_SAMLProvider(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    provider = saml(ctx, req["SAMLProviderArn"])
    return {
        "SAMLMetadataDocument": provider.metadata,
        "CreateDate": provider.created,
        "ValidUntil": provider.created + 100 * _YEAR,
        "Tags": views.tag_list(provider.tags) or None,
    }


@account_wide
def list_SAMLProviders(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    return {
        "SAMLProviderList": [
            {"Arn": provider.arn, "ValidUntil": provider.created + 100 * _YEAR, "CreateDate": provider.created}
            for provider in ctx.tx.scan(SamlProvider, ctx.account)
        ]
    }


@on_arn("SAMLProviderArn")
def update_SAMLProvider(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    provider = saml(ctx, req["SAMLProviderArn"])
    provider.metadata = req.get("SAMLMetadataDocument") or provider.metadata
    ctx.tx.put(provider)
    return {"SAMLProviderArn": provider.arn}


@on_arn("SAMLProviderArn")
def delete_SAMLProvider(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    provider = saml(ctx, req["SAMLProviderArn"])
    ctx.tx.delete(SamlProvider, ctx.account, provider.name)


def oidc(ctx: Context, arn: str) -> OidcProvider:
    """Raises NoSuchEntity where the account has no such provider."""
    provider = ctx.tx.get(OidcProvider, ctx.account, arn.partition(":oidc-provider/")[2])
    if provider is None or provider.arn != arn:
        raise no_such_entity(f"OpenIDConnect Provider not found for arn {arn}")
    return provider


def saml(ctx: Context, arn: str) -> SamlProvider:
    provider = ctx.tx.get(SamlProvider, ctx.account, arn.partition(":saml-provider/")[2])
    if provider is None or provider.arn != arn:
        raise no_such_entity(f"Manifest not found for arn {arn}")
    return provider


def _check_lists(client_ids: list[str], thumbprints: list[str]) -> None:
    if len(client_ids) > _CLIENT_IDS:
        raise invalid_input(f"Client ID list must contain fewer than {_CLIENT_IDS} entries.")
    if len(thumbprints) > _THUMBPRINTS:
        raise invalid_input("Thumbprint list must contain fewer than 5 entries.")
