"""GetSessionToken and GetFederationToken: temporary credentials of a user's own, or for somebody the user names."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam.principal import Principal
from fogbank.services.sts import session_policies, sts, tagging, views
from fogbank.services.sts.errors import access_denied, validation

_DEFAULT = 43_200
_ROOT = 3_600
"""The most that a root user's sessions last, in seconds."""


@sts.operation(authorise=False)
def get_session_token(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """Needs no permission."""
    caller = _long_term(ctx.principal, "GetSessionToken")
    if req.get("TokenCode") or req.get("SerialNumber"):
        raise validation("Fogbank does not issue sessions authenticated by MFA yet: leave SerialNumber and TokenCode out.")
    session = Principal(
        caller.kind,
        caller.account,
        caller.arn,
        caller.user_id,
        name=caller.name,
        issued_at=ctx.now,
        expires_at=ctx.now + _seconds(caller, req),
    )
    return {"Credentials": views.credentials(ctx.cloud.issue(session))}


@sts.operation(resource="arn:{partition}:sts::{account}:federated-user/{Name}")
def get_federation_token(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    caller = _long_term(ctx.principal, "GetFederationToken")
    tags = tagging.from_request(req.get("Tags"))
    policies = session_policies.from_request(ctx, req)
    packed = session_policies.packed_size(req, policies)
    session = Principal(
        "federated-user",
        caller.account,
        f"arn:{ctx.partition}:sts::{caller.account}:federated-user/{req['Name']}",
        f"{caller.account}:{req['Name']}",
        name=caller.name,
        session_policies=policies,
        session_tags=tuple(tags.items()),
        issued_at=ctx.now,
        expires_at=ctx.now + _seconds(caller, req),
    )
    return {
        "Credentials": views.credentials(ctx.cloud.issue(session)),
        "FederatedUser": {"FederatedUserId": session.user_id, "Arn": session.arn},
        "PackedPolicySize": packed or 0,
    }


def _long_term(principal: Principal, operation: str) -> Principal:
    if principal.kind not in ("user", "root") or principal.issued_at:
        raise access_denied(f"Cannot call {operation} with session credentials")
    return principal


def _seconds(caller: Principal, req: dict[str, Any]) -> int:
    asked: int = req.get("DurationSeconds") or (_ROOT if caller.kind == "root" else _DEFAULT)
    return min(asked, _ROOT) if caller.kind == "root" else asked
