"""A principal's own policies and tags, gathered from the store and compiled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fogbank.iam import managed, records
from fogbank.iam.evaluate import NOTHING, Attached, PolicySet
from fogbank.iam.policy import compile
from fogbank.iam.principal import Principal
from fogbank.store import Tx


@dataclass(slots=True)
class Identity:
    """What IAM holds of a principal. A principal that is gone holds nothing, and may do nothing."""

    policies: PolicySet = NOTHING
    boundary: PolicySet | None = None
    session: PolicySet | None = None
    tags: dict[str, str] = field(default_factory=dict)


def load(tx: Tx, principal: Principal) -> Identity:
    if principal.kind == "user":
        user = records.user_by_id(tx, principal.user_id)
        return _of_user(tx, user, principal) if user else Identity()
    if principal.kind == "assumed-role":
        role = records.role_by_id(tx, principal.user_id.partition(":")[0])
        if role is None:
            return Identity()
        return Identity(entity_policies(tx, [role.id]), boundary(tx, role.boundary), _session(tx, principal), role.tags)
    if principal.kind == "federated-user":
        # Its permissions are its issuer's, cut down to the session policies; without these it has none.
        user = tx.get(records.User, principal.account, principal.name.lower()) if principal.name else None
        if user is None:
            return Identity(session=_session(tx, principal) or NOTHING)
        identity = _of_user(tx, user, principal)
        identity.session = identity.session or NOTHING
        return identity
    return Identity()


def _of_user(tx: Tx, user: records.User, principal: Principal) -> Identity:
    owners = [user.id, *(member.group_id for member in tx.scan(records.Membership, user.id))]
    return Identity(entity_policies(tx, owners), boundary(tx, user.boundary), _session(tx, principal), user.tags)


def entity_policies(tx: Tx, entity_ids: Iterable[str]) -> PolicySet:
    """The managed and inline policies of a user with its groups, or of a role."""
    return PolicySet(tuple(policy for entity_id in entity_ids for policy in _of_entity(tx, entity_id)))


def _of_entity(tx: Tx, entity_id: str) -> Iterator[Attached]:
    for inline in tx.scan(records.InlinePolicy, entity_id):
        yield Attached(compile(inline.document), inline.name)
    for attachment in tx.scan(records.Attachment, entity_id):
        text = document(tx, attachment.policy_arn)
        if text is not None:
            yield Attached(compile(text), attachment.policy_arn, managed=True)


def boundary(tx: Tx, policy_arn: str) -> PolicySet | None:
    """The set of a permissions boundary; one whose policy is gone allows nothing."""
    if not policy_arn:
        return None
    text = document(tx, policy_arn)
    return NOTHING if text is None else PolicySet((Attached(compile(text), policy_arn, managed=True),))


def document(tx: Tx, policy_arn: str) -> str | None:
    """The default version's JSON of a managed policy, AWS's or the customer's."""
    if managed.is_aws_arn(policy_arn):
        return managed.document(policy_arn)
    policy = records.policy_by_arn(tx, policy_arn)
    if policy is None:
        return None
    version = tx.get(records.PolicyVersion, policy.id, int(policy.default_version[1:]))
    return version.document if version else None


def _session(tx: Tx, principal: Principal) -> PolicySet | None:
    """The session's own policies: documents, or ARNs of managed ones."""
    if not principal.session_policies:
        return None
    policies = []
    for given in principal.session_policies:
        text = document(tx, given) if given.startswith("arn:") else given
        if text is not None:
            policies.append(Attached(compile(text), given if given.startswith("arn:") else "session policy"))
    return PolicySet(tuple(policies))
