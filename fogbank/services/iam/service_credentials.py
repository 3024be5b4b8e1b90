"""Service-specific credentials: a name and a password for services that do not take signatures."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from fogbank.api import Context
from fogbank.iam.records import ServiceCredential, User
from fogbank.kit import ids
from fogbank.services.iam import lookup
from fogbank.services.iam.access import on
from fogbank.services.iam.errors import limit_exceeded, no_such_entity
from fogbank.services.iam.paging import page_of

_SERVICES = ("cassandra.amazonaws.com", "codecommit.amazonaws.com")
_LIMIT = 2


@on(User, "UserName")
def create_service_specific_credential(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    user, service = lookup.user(ctx, req["UserName"]), req["ServiceName"]
    _check_service(service)
    others = list(_of(ctx, user, service))
    if len(others) >= _LIMIT:
        raise limit_exceeded("ServiceSpecificCredentialsPerUser", _LIMIT)
    suffix = f"+{len(others)}" if others else ""
    credential = ServiceCredential(
        user_id=user.id,
        id=ids.unique_id(ctx.random, "ACCA"),
        service=service,
        service_user=f"{user.name}{suffix}-at-{ctx.account}",
        password=_password(ctx),
        created=ctx.now,
    )
    ctx.tx.insert(credential)
    return {"ServiceSpecificCredential": {**_view(user, credential), "ServicePassword": credential.password}}


@on(User, "UserName")
def list_service_specific_credentials(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    user = lookup.own_or_named_user(ctx, req.get("UserName"))
    if req.get("ServiceName"):
        _check_service(req["ServiceName"])
    found, more = page_of(req, _of(ctx, user, req.get("ServiceName")), lambda credential: credential.id)
    answer: dict[str, Any] = {"ServiceSpecificCredentials": [_view(user, credential) for credential in found]}
    # As recorded, this listing says that it is cut short only where it is.
    return {**answer, **more} if more["IsTruncated"] else answer


@on(User, "UserName")
def update_service_specific_credential(ctx: Context, req: dict[str, Any]) -> None:
    _, credential = _require(ctx, req)
    credential.status = req["Status"]
    ctx.tx.put(credential)


@on(User, "UserName")
def reset_service_specific_credential(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    user, credential = _require(ctx, req)
    credential.password = _password(ctx)
    ctx.tx.put(credential)
    return {"ServiceSpecificCredential": {**_view(user, credential), "ServicePassword": credential.password}}


@on(User, "UserName")
def delete_service_specific_credential(ctx: Context, req: dict[str, Any]) -> None:
    _, credential = _require(ctx, req)
    ctx.tx.delete(ServiceCredential, credential.user_id, credential.id)


def _require(ctx: Context, req: dict[str, Any]) -> tuple[User, ServiceCredential]:
    user = lookup.own_or_named_user(ctx, req.get("UserName"))
    credential = ctx.tx.get(ServiceCredential, user.id, req["ServiceSpecificCredentialId"])
    if credential is None:
        raise no_such_entity(f"No such credential {req['ServiceSpecificCredentialId']} exists")
    return user, credential


def _of(ctx: Context, user: User, service: str | None) -> Iterator[ServiceCredential]:
    return (
        credential for credential in ctx.tx.scan(ServiceCredential, user.id) if service in (None, "", credential.service)
    )


def _check_service(service: str) -> None:
    if service not in _SERVICES:
        raise no_such_entity(f"No such service {service} is supported for Service Specific Credentials")


def _password(ctx: Context) -> str:
    return base64.b64encode(ctx.random.randbytes(33)).decode()


def _view(user: User, credential: ServiceCredential) -> dict[str, Any]:
    return {
        "UserName": user.name,
        "Status": credential.status,
        "ServiceUserName": credential.service_user,
        "CreateDate": credential.created,
        "ServiceSpecificCredentialId": credential.id,
        "ServiceName": credential.service,
    }
