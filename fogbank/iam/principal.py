"""Who calls: the principal that a request was authenticated as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["root", "user", "assumed-role", "federated-user", "service", "anonymous"]


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Frozen: it is a cache key of the authoriser."""

    kind: Kind
    account: str
    """The account the caller belongs to; empty for a service or an anonymous caller."""
    arn: str
    """`arn:aws:iam::A:root`, `...:user/path/name`, `arn:aws:sts::A:assumed-role/role/session`, or a service's name
    (`apigateway.amazonaws.com`)."""
    user_id: str
    """`aws:userid`: the account for root, AIDA... for a user, `AROA...:session` for a role's session."""
    access_key_id: str = ""
    name: str = ""
    """The user's or the role's friendly name."""
    role_arn: str = ""
    """The IAM role behind an assumed-role session."""
    session_policies: tuple[str, ...] = ()
    """Policy documents (JSON), or ARNs of managed policies, passed when the session was made."""
    session_tags: tuple[tuple[str, str], ...] = ()
    transitive_tags: tuple[str, ...] = ()
    source_identity: str = ""
    issued_at: float = 0.0
    """When the session's credentials were issued, epoch seconds; 0 for long-term credentials."""
    expires_at: float = 0.0
    context: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)
    """Further condition keys of the session or the service call (`aws:SourceArn`, `aws:SourceAccount`)."""


def root(account: str, partition: str = "aws") -> Principal:
    return Principal("root", account, f"arn:{partition}:iam::{account}:root", account)


def service(name: str, *, source_arn: str = "", source_account: str = "") -> Principal:
    """An AWS service acting for itself, as `apigateway.amazonaws.com` invoking a function.

    Only resource policies allow it anything; `source_arn` and `source_account` are what their conditions see.
    """
    context = {}
    if source_arn:
        context["aws:SourceArn"] = source_arn
    if source_account:
        context["aws:SourceAccount"] = source_account
    return Principal("service", "", name, name, context=context)


ANONYMOUS = Principal("anonymous", "", "*", "anonymous")
