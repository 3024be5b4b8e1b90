"""AssumeRole: the role's trust policy decides, together with the caller's own policies."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.iam import records
from fogbank.iam.assume import session_of
from fogbank.iam.principal import Principal
from fogbank.iam.records import Role
from fogbank.kit import arn as arns
from fogbank.services.sts import session_policies, sts, tagging, views
from fogbank.services.sts.errors import access_denied, validation

_DEFAULT = 3600
_CHAINED = 3600
"""Seconds that a session of a session may last."""


@sts.operation(authorise=False)
def assume_role(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    role_arn = req["RoleArn"]
    check_role_arn(role_arn)
    refuse_root(ctx.principal)
    tags, transitive = tagging.from_request(req.get("Tags")), req.get("TransitiveTagKeys") or []
    session_tags, inherited = tagging.chained(ctx.principal, tags, transitive)
    role = records.role_by_arn(ctx.tx, role_arn)
    if role is None or role.linked_service:
        raise _not_authorised(ctx.principal, role_arn)
    _authorise(ctx, req, role, tagging.keys(tags, transitive))
    duration = session_seconds(req, role, chained=ctx.principal.kind == "assumed-role")
    policies = session_policies.from_request(ctx, req)
    packed = session_policies.packed_size(req, policies)
    session = session_of(
        role,
        req["RoleSessionName"],
        ctx.now,
        ctx.now + duration,
        session_policies=policies,
        session_tags=session_tags,
        transitive_tags=inherited,
        source_identity=req.get("SourceIdentity") or ctx.principal.source_identity,
    )
    issued = ctx.cloud.issue(session)
    return {
        "Credentials": views.credentials(issued),
        "AssumedRoleUser": views.assumed_role(issued),
        "PackedPolicySize": packed,
        "SourceIdentity": session.source_identity or None,
    }


def _authorise(ctx: Context, req: dict[str, Any], role: Role, tag_keys: dict[str, object]) -> None:
    """Each of the actions that the request amounts to is asked of the trust policy and of the caller's policies."""
    keys = {
        **tag_keys,
        "sts:RoleSessionName": req["RoleSessionName"],
        **{f"{prefix}:ResourceTag/{key}": value for key, value in role.tags.items() for prefix in ("aws", "iam")},
    }
    if req.get("ExternalId"):
        keys["sts:ExternalId"] = req["ExternalId"]
    if req.get("SourceIdentity"):
        keys["sts:SourceIdentity"] = req["SourceIdentity"]
    ctx.authorise("sts:AssumeRole", role.arn, keys)
    if req.get("Tags") or ctx.principal.transitive_tags:
        ctx.authorise("sts:TagSession", role.arn, keys)
    if req.get("SourceIdentity"):
        ctx.authorise("sts:SetSourceIdentity", role.arn, keys)


def check_role_arn(text: str) -> None:
    parsed = arns.parse(text)
    if parsed is None or not parsed.resource:
        raise validation(f"{text} is invalid")


def refuse_root(principal: Principal) -> None:
    """AWS lets no root user assume a role. The key of convenience, which is no access key, may: local tools do so."""
    if principal.kind == "root" and principal.access_key_id:
        raise access_denied("Roles may not be assumed by root accounts.")


def session_seconds(req: dict[str, Any], role: Role, *, chained: bool) -> int:
    asked: int = req.get("DurationSeconds") or _DEFAULT
    if chained and asked > _CHAINED:
        raise validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
        )
    if asked > role.max_session:
        raise validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return asked


def _not_authorised(principal: Principal, role_arn: str) -> Exception:
    return access_denied(f"User: {principal.arn} is not authorized to perform: sts:AssumeRole on resource: {role_arn}")
