"""Roles being assumed: who is trusted, and what the session's principal is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fogbank.iam import principal as principals
from fogbank.iam import records
from fogbank.iam.evaluate import Decision, Policies, Request, evaluate
from fogbank.iam.facts import Facts
from fogbank.iam.policy import compile
from fogbank.iam.principal import Principal
from fogbank.kit.errors import AwsError

if TYPE_CHECKING:
    from fogbank.store import Tx


def trusts_service(role: records.Role, service_principal: str, context: Mapping[str, Any], now: float) -> Decision:
    """Does the role's trust policy let an AWS service assume it?"""
    caller = principals.service(service_principal)
    standing = {"aws:principalisawsservice": ("true",), "aws:principalservicename": (service_principal,)}
    # Services act for resources of the role's own account, unless they say for whose.
    facts = Facts({"aws:SourceAccount": role.account, **context}, standing, now)
    request = Request(caller, "sts:AssumeRole", role.arn, facts, role.account)
    return evaluate(request, Policies(resource=compile(role.trust), resource_decides=True))


def session_of(role: records.Role, session_name: str, issued: float, expires: float, **facts: Any) -> Principal:
    """The principal of a session of `role`; `facts` are further members of `Principal`."""
    partition = role.arn.split(":", 2)[1]
    return Principal(
        kind="assumed-role",
        account=role.account,
        arn=f"arn:{partition}:sts::{role.account}:assumed-role/{role.name}/{session_name}",
        user_id=f"{role.id}:{session_name}",
        name=role.name,
        role_arn=role.arn,
        issued_at=issued,
        expires_at=expires,
        **facts,
    )


def assume_by_service(
    tx: Tx,
    role_arn: str,
    session_name: str,
    service_principal: str,
    now: float,
    context: Mapping[str, Any] | None = None,
) -> Principal:
    """The principal of a session that an AWS service makes of a role that trusts it.

    `context` holds condition keys for the trust policy (`aws:SourceArn`; `aws:SourceAccount` is the role's otherwise).
    The session lasts as long as the role lets it. Raises AwsError(`AccessDenied`) where the role is missing or does not
    trust the service.
    """
    role = records.role_by_arn(tx, role_arn)
    if role is None or not trusts_service(role, service_principal, context or {}, now).allowed:
        raise AwsError(
            "AccessDenied",
            f"User: {service_principal} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            status=403,
        )
    return session_of(role, session_name, now, now + role.max_session)
