"""AssumeRoleWithWebIdentity: a token of an OpenID Connect provider that the account knows stands for the caller."""

from __future__ import annotations

import asyncio
import urllib.request
from datetime import UTC, datetime
from typing import Any

import msgspec

from fogbank.api import Context
from fogbank.iam import records
from fogbank.iam.assume import session_of
from fogbank.iam.evaluate import Policies, Request, evaluate
from fogbank.iam.facts import Facts
from fogbank.iam.policy import compile
from fogbank.iam.principal import ANONYMOUS
from fogbank.iam.principals import Names
from fogbank.iam.records import OidcProvider, Role
from fogbank.kit.errors import AwsError
from fogbank.services.sts import jwt, session_policies, sts, views
from fogbank.services.sts.assume_role import check_role_arn, session_seconds
from fogbank.services.sts.errors import access_denied

_ACTION = "sts:AssumeRoleWithWebIdentity"
_TIMEOUT = 5.0
_MOST_BYTES = 1 << 20
_STRAY = 300
"""Seconds by which the provider's clock may be off."""


@sts.operation(authorise=False, anonymous=True)
async def assume_role_with_web_identity(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    check_role_arn(req["RoleArn"])
    try:
        token = jwt.parse(req["WebIdentityToken"])
    except jwt.BadToken as error:
        raise invalid_token(str(error)) from None
    role, provider = await ctx.transact(lambda inner: _parties(inner, req["RoleArn"], token.claims))
    await _check_token(ctx, token, provider)
    return await ctx.transact(lambda inner: _assume(inner, req, role, provider, token.claims))


def _parties(ctx: Context, role_arn: str, claims: dict[str, Any]) -> tuple[Role, OidcProvider]:
    """The role, and the provider in the role's account that issued the token."""
    issuer = claims.get("iss")
    role = records.role_by_arn(ctx.tx, role_arn)
    if role is None:
        raise access_denied(f"Not authorized to perform {_ACTION}")
    if not isinstance(issuer, str) or not issuer.startswith("https://"):
        raise invalid_token("Missing a required claim: iss")
    provider = ctx.tx.get(OidcProvider, role.account, issuer.removeprefix("https://"))
    if provider is None:
        raise invalid_token(f"No OpenIDConnect provider found in your account for {issuer}")
    return role, provider


async def _check_token(ctx: Context, token: jwt.Token, provider: OidcProvider) -> None:
    keys = await asyncio.to_thread(_fetch_keys, provider.host)
    try:
        jwt.verify(token, keys)
    except jwt.BadToken as error:
        raise invalid_token(str(error)) from None
    claims = token.claims
    expires = claims.get("exp")
    if not isinstance(expires, (int, float)) or not isinstance(claims.get("sub"), str):
        raise invalid_token("Missing a required claim: exp" if "sub" in claims else "Missing a required claim: sub")
    if expires + _STRAY <= ctx.now:
        raise AwsError(
            "ExpiredTokenException",
            f"Token expired: current date/time {_date(ctx.now)} must be before the expiration date/time{_date(expires)}",
            status=400,
        )
    if not set(_audiences(claims)) & set(provider.client_ids):
        raise invalid_token("Incorrect token audience")


def _assume(
    ctx: Context, req: dict[str, Any], role: Role, provider: OidcProvider, claims: dict[str, Any]
) -> dict[str, Any]:
    host = provider.host
    keys = {
        f"{host}:sub": claims["sub"],
        f"{host}:aud": claims.get("azp") or _audiences(claims)[0],
        f"{host}:iss": claims["iss"],
        "aws:FederatedProvider": provider.arn,
        "sts:RoleSessionName": req["RoleSessionName"],
        **{f"{host}:{name}": claims[name] for name in ("amr", "email", "oaud") if name in claims},
    }
    request = Request(
        ANONYMOUS, _ACTION, role.arn, Facts(keys, None, ctx.now), role.account, Names(federated=provider.arn)
    )
    if not evaluate(request, Policies(resource=compile(role.trust), resource_decides=True)).allowed:
        raise access_denied(f"Not authorized to perform {_ACTION}")
    policies = session_policies.from_request(ctx, req)
    session = session_of(
        role,
        req["RoleSessionName"],
        ctx.now,
        ctx.now + session_seconds(req, role, chained=False),
        session_policies=policies,
        context={"aws:FederatedProvider": provider.arn, f"{host}:sub": claims["sub"]},
    )
    issued = ctx.cloud.issue(session)
    return {
        "Credentials": views.credentials(issued),
        "SubjectFromWebIdentityToken": claims["sub"],
        "AssumedRoleUser": views.assumed_role(issued),
        "PackedPolicySize": session_policies.packed_size(req, policies),
        "Provider": provider.arn,
        "Audience": _audiences(claims)[0],
    }


def _fetch_keys(host: str) -> list[dict[str, Any]]:
    """The provider's keys, by its discovery document. Its address is the account's own choice: IAM was asked for it."""
    try:
        discovered = _get(f"https://{host}/.well-known/openid-configuration")
        address = discovered["jwks_uri"]
        if not isinstance(address, str) or not address.startswith("https://"):
            raise ValueError(address)
        keys = _get(address)["keys"]
        return [key for key in keys if isinstance(key, dict)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AwsError(
            "IDPCommunicationError",
            f"Couldn't retrieve verification key from your identity provider ({host}): {error}",
            status=400,
        ) from None


def _get(address: str) -> Any:
    with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer:
        return msgspec.json.decode(answer.read(_MOST_BYTES))


def _audiences(claims: dict[str, Any]) -> list[str]:
    audience = claims.get("aud")
    if isinstance(audience, str):
        return [audience]
    return [item for item in audience if isinstance(item, str)] if isinstance(audience, list) else []


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def invalid_token(message: str) -> AwsError:
    return AwsError("InvalidIdentityToken", message, status=400)
