"""Trust policies: checked when they are written, and shown to the authoriser as the roles' resource policies."""

from __future__ import annotations

from fogbank.api import Context
from fogbank.iam import records
from fogbank.iam.records import User
from fogbank.iam.validation import check_trust
from fogbank.kit import arn as arns
from fogbank.services.iam import iam
from fogbank.services.iam.errors import limit_exceeded
from fogbank.services.iam.quotas import size

_LIMIT = 2_048


def check(ctx: Context, document: str) -> None:
    """Raises MalformedPolicyDocument, or LimitExceeded for what is too long."""
    check_trust(document, lambda arn: _exists(ctx, arn))
    if size(document) > _LIMIT:
        raise limit_exceeded("ACLSizePerRole", _LIMIT)


def _exists(ctx: Context, arn: str) -> bool:
    parsed = arns.parse(arn)
    if parsed is None:
        return False
    if parsed.type == "role":
        return records.role_by_arn(ctx.tx, arn) is not None
    user = ctx.tx.get(User, parsed.account, parsed.resource.rpartition("/")[2].lower())
    return user is not None and user.arn == arn


@iam.resource_policy
def policy_of(ctx: Context, arn: str) -> str | None:
    role = records.role_by_arn(ctx.tx, arn)
    return role.trust if role else None
