"""The Principal and NotPrincipal elements, and under which names a caller may be meant in them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from fogbank.iam.principal import Principal


class Reach(IntEnum):
    """How closely a Principal element names the caller; a closer naming bypasses more of the other policies."""

    NONE = 0
    ACCOUNT = 1
    """Its account: that delegates to the account's own policies and allows nothing by itself."""
    ENTITY = 2
    """The role behind a session, or everyone: boundary and session policies limit what this allows."""
    DIRECT = 3
    """The user, the session, the service: nothing but an explicit deny limits what this allows."""


@dataclass(frozen=True, slots=True)
class Names:
    """What a caller is called in policies."""

    direct: frozenset[str] = frozenset()
    entity: frozenset[str] = frozenset()
    account: frozenset[str] = frozenset()
    service: str = ""
    federated: str = ""
    """The identity provider, while a role is assumed with a web or SAML identity."""
    is_session: bool = False


def canonical_user_id(account: str) -> str:
    """The account's S3 canonical user id: 64 hexadecimal digits, always the same."""
    return hashlib.sha256(f"canonical-user:{account}".encode()).hexdigest()


def names_of(principal: Principal) -> Names:
    if principal.kind == "service":
        return Names(direct=frozenset((principal.arn,)), service=principal.arn)
    if principal.kind == "anonymous":
        return Names()
    partition = principal.arn.split(":", 2)[1]
    account = frozenset(
        (
            principal.account,
            f"arn:{partition}:iam::{principal.account}:root",
            canonical_user_id(principal.account),
        )
    )
    if principal.kind == "root":
        return Names(direct=account, account=account)
    direct = frozenset((principal.arn, principal.user_id))
    if principal.kind == "user":
        return Names(direct=direct, account=account)
    entity = frozenset(name for name in (principal.role_arn, principal.user_id.partition(":")[0]) if name)
    return Names(direct=direct, entity=entity, account=account, is_session=True)


Match = Callable[[Names], Reach]

_REGIONAL = re.compile(r"^([a-z0-9-]+)\.[a-z]{2}(?:-[a-z]+)+-\d\.(amazonaws\.com(?:\.cn)?)$")


def compile_principal(element: Any) -> Match:
    """Of a Principal element: `"*"`, or `{"AWS" | "Service" | "Federated" | "CanonicalUser": name | [names]}`."""
    names, services, federated, everyone = _entries(element)

    def match(caller: Names) -> Reach:
        if not names.isdisjoint(caller.direct):
            return Reach.DIRECT
        if caller.service:
            return Reach.DIRECT if everyone or caller.service in services or "*" in services else Reach.NONE
        if caller.federated:
            return Reach.DIRECT if everyone or caller.federated in federated or "*" in federated else Reach.NONE
        if everyone:
            return Reach.ENTITY if caller.is_session else Reach.DIRECT
        if not names.isdisjoint(caller.entity):
            return Reach.ENTITY
        return Reach.NONE if names.isdisjoint(caller.account) else Reach.ACCOUNT

    return match


def compile_not_principal(element: Any) -> Match:
    """Of a NotPrincipal element. A caller escapes it only where every one of its names is listed.

    AWS asks for the account beside the user, and for the account and the role beside the session.
    """
    names, services, federated, everyone = _entries(element)

    def match(caller: Names) -> Reach:
        if everyone:
            return Reach.NONE
        if caller.service:
            return Reach.NONE if caller.service in services else Reach.DIRECT
        if caller.federated:
            return Reach.NONE if caller.federated in federated else Reach.DIRECT
        levels = [level for level in (caller.direct, caller.entity, caller.account) if level]
        if levels and all(not names.isdisjoint(level) for level in levels):
            return Reach.NONE
        return Reach.ENTITY if caller.is_session else Reach.DIRECT

    return match


def _entries(element: Any) -> tuple[frozenset[str], frozenset[str], frozenset[str], bool]:
    if element == "*":
        return frozenset(), frozenset(), frozenset(), True
    names: set[str] = set()
    services: set[str] = set()
    federated: set[str] = set()
    into = {"AWS": names, "Service": services, "Federated": federated, "CanonicalUser": names}
    for kind, entries in (element if isinstance(element, Mapping) else {}).items():
        into.get(kind, set()).update(_list(entries))
    # "x.us-east-1.amazonaws.com" is the same service under its older, regional name.
    services.update(_REGIONAL.sub(r"\1.\2", service) for service in list(services))
    return frozenset(names), frozenset(services), frozenset(federated), "*" in names


def _list(entries: Any) -> Sequence[str]:
    return entries if isinstance(entries, list) else [entries]
