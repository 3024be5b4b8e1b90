"""The registry itself: its description, and the passwords by which container tools come in.

A password is a sealed session of the principal that asked for it, marked so that no other session's token passes for
one: it names its owner and region, and cannot sign a request, since its secret access key is told to nobody.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.iam.principal import Principal
from fogbank.services.ecr import ecr

LIFETIME = 12 * 3600
_MARK = "fogbank:RegistryPassword"


@ecr.operation
def get_authorization_token(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    expires = float(int(ctx.now) + LIFETIME)
    # The principal as it is, so that a later change of its policies holds; a role's session outlives its credentials
    # here as it does on AWS.
    owner = replace(ctx.principal, expires_at=expires, context={**ctx.principal.context, _MARK: ctx.region})
    issued = ctx.cloud.issue(owner)
    # Without a colon: SAM CLI splits user and password at each.
    password = f"{issued.access_key_id}.{issued.session_token}"
    token = base64.b64encode(f"AWS:{password}".encode()).decode()
    many = len(req.get("registryIds") or []) or 1
    entry = {"authorizationToken": token, "expiresAt": expires, "proxyEndpoint": ctx.cloud.endpoint}
    return {"authorizationData": [entry] * many}


@ecr.operation
def describe_registry(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"registryId": ctx.account, "replicationConfiguration": {"rules": []}}


def bearer(ctx: Context, password: str) -> tuple[Principal, str] | None:
    """Whose password that is, and the region it was given out in; None for a wrong or an old one. In a transaction."""
    key, dot, token = password.partition(".")
    if not dot:
        return None
    try:
        principal, _ = ctx.cloud.key_holder(ctx, key, token)
    except AwsError:
        return None
    region = principal.context.get(_MARK, "")
    return (principal, region) if region else None
