"""Tags of everything that has them."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.records import InstanceProfile, Role, User
from fogbank.services.iam import certificates, iam, lookup, providers, tagging, views
from fogbank.services.iam.access import on, on_arn
from fogbank.services.iam.paging import page_of

_CERTIFICATE = "arn:{partition}:iam::{account}:server-certificate/{ServerCertificateName}"


@on(User, "UserName")
def tag_user(ctx: Context, req: dict[str, Any]) -> None:
    _tag(ctx, lookup.user(ctx, req["UserName"]), req)


@on(User, "UserName")
def untag_user(ctx: Context, req: dict[str, Any]) -> None:
    _untag(ctx, lookup.user(ctx, req["UserName"]), req)


@on(User, "UserName")
def list_user_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(lookup.user(ctx, req["UserName"]), req)


@on(Role, "RoleName")
def tag_role(ctx: Context, req: dict[str, Any]) -> None:
    _tag(ctx, lookup.role(ctx, req["RoleName"]), req)


@on(Role, "RoleName")
def untag_role(ctx: Context, req: dict[str, Any]) -> None:
    _untag(ctx, lookup.role(ctx, req["RoleName"]), req)


@on(Role, "RoleName")
def list_role_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(lookup.role(ctx, req["RoleName"]), req)


@on(InstanceProfile, "InstanceProfileName")
def tag_instance_profile(ctx: Context, req: dict[str, Any]) -> None:
    _tag(ctx, lookup.instance_profile(ctx, req["InstanceProfileName"]), req)


@on(InstanceProfile, "InstanceProfileName")
def untag_instance_profile(ctx: Context, req: dict[str, Any]) -> None:
    _untag(ctx, lookup.instance_profile(ctx, req["InstanceProfileName"]), req)


@on(InstanceProfile, "InstanceProfileName")
def list_instance_profile_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(lookup.instance_profile(ctx, req["InstanceProfileName"]), req)


@on_arn("PolicyArn")
def tag_policy(ctx: Context, req: dict[str, Any]) -> None:
    _tag(ctx, lookup.own_policy(ctx, req["PolicyArn"]), req)


@on_arn("PolicyArn")
def untag_policy(ctx: Context, req: dict[str, Any]) -> None:
    _untag(ctx, lookup.own_policy(ctx, req["PolicyArn"]), req)


@on_arn("PolicyArn")
def list_policy_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(lookup.policy(ctx, req["PolicyArn"]), req)


@on_arn("OpenIDConnectProviderArn")
def tag_openIDConnect_provider(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    _tag(ctx, providers.oidc(ctx, req["OpenIDConnectProviderArn"]), req)


@on_arn("OpenIDConnectProviderArn")
def untag_openIDConnect_provider(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    _untag(ctx, providers.oidc(ctx, req["OpenIDConnectProviderArn"]), req)


@on_arn("OpenIDConnectProviderArn")
def list_openIDConnect_provider_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    return _list(providers.oidc(ctx, req["OpenIDConnectProviderArn"]), req)


@on_arn("SAMLProviderArn")
def tag_SAMLProvider(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    _tag(ctx, providers.saml(ctx, req["SAMLProviderArn"]), req)


@on_arn("SAMLProviderArn")
def untag_SAMLProvider(ctx: Context, req: dict[str, Any]) -> None:  # noqa: N802
    _untag(ctx, providers.saml(ctx, req["SAMLProviderArn"]), req)


@on_arn("SAMLProviderArn")
def list_SAMLProvider_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
    return _list(providers.saml(ctx, req["SAMLProviderArn"]), req)


@iam.operation(resource=_CERTIFICATE)
def tag_server_certificate(ctx: Context, req: dict[str, Any]) -> None:
    _tag(ctx, certificates.require(ctx, req["ServerCertificateName"]), req)


@iam.operation(resource=_CERTIFICATE)
def untag_server_certificate(ctx: Context, req: dict[str, Any]) -> None:
    _untag(ctx, certificates.require(ctx, req["ServerCertificateName"]), req)


@iam.operation(resource=_CERTIFICATE)
def list_server_certificate_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(certificates.require(ctx, req["ServerCertificateName"]), req)


def _tag(ctx: Context, record: Any, req: dict[str, Any]) -> None:
    record.tags = tagging.merged(record.tags, req["Tags"])
    ctx.tx.put(record)


def _untag(ctx: Context, record: Any, req: dict[str, Any]) -> None:
    record.tags = tagging.without(record.tags, req["TagKeys"])
    ctx.tx.put(record)


def _list(record: Any, req: dict[str, Any]) -> dict[str, Any]:
    tags, more = page_of(req, views.tag_list(dict(sorted(getattr(record, "tags", {}).items()))), lambda tag: tag["Key"])
    return {"Tags": tags, **more}


