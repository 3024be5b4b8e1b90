"""The decision over all kinds of policies that bear on one request.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
An explicit deny anywhere wins. Organization policies must all allow. In one account, an identity-based policy or a
resource-based one allows; between accounts, both must. Boundary and session policies must allow too, except what a
resource-based policy gives to the user or the session by its own name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from fogbank.iam.facts import Facts
from fogbank.iam.policy import Policy, Statement
from fogbank.iam.principal import Principal
from fogbank.iam.principals import Names, Reach, names_of

_MEMO = 1024


class Kind(Enum):
    """A kind of policy, by the words of AWS's denied message."""

    IDENTITY = "identity-based policy"
    RESOURCE = "resource-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    SCP = "service control policy"
    RCP = "resource control policy"
    ROOT = "root user"
    """Not a policy: an account's root user may do everything in it."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A policy and where it came from: a managed policy's ARN, or an inline policy's name."""

    policy: Policy
    origin: str
    managed: bool = False


Hit = tuple[Attached, Statement]


class PolicySet:
    """Policies of one kind that apply together: any of them may allow, any of them may deny."""

    __slots__ = ("_memo", "policies")

    def __init__(self, policies: tuple[Attached, ...]) -> None:
        self.policies = policies
        self._memo: dict[str, tuple[tuple[Hit, ...], tuple[Hit, ...]]] = {}

    def about(self, action: str) -> tuple[tuple[Hit, ...], tuple[Hit, ...]]:
        """The denying and the allowing statements that cover `action` (in lower case)."""
        known = self._memo.get(action)
        if known is None:
            hits = [(item, statement) for item in self.policies for statement in item.policy.about(action)]
            known = (
                tuple(hit for hit in hits if hit[1].effect == "Deny"),
                tuple(hit for hit in hits if hit[1].effect == "Allow"),
            )
            if len(self._memo) >= _MEMO:
                self._memo.clear()
            self._memo[action] = known
        return known

    def deny(self, action: str, resource: str, facts: Facts) -> Hit | None:
        return _first(self.about(action)[0], resource, facts)

    def allow(self, action: str, resource: str, facts: Facts) -> Hit | None:
        return _first(self.about(action)[1], resource, facts)


def _first(hits: tuple[Hit, ...], resource: str, facts: Facts) -> Hit | None:
    for hit in hits:
        if hit[1].matches(resource, facts):
            return hit
    return None


NOTHING = PolicySet(())


@dataclass(slots=True)
class Policies:
    """What bears on a request. None means that there is no policy of the kind: not the same as an empty one."""

    identity: PolicySet = NOTHING
    boundary: PolicySet | None = None
    session: PolicySet | None = None
    scps: tuple[PolicySet, ...] = ()
    """One set for the root, each unit and the account itself: all levels must allow."""
    rcps: tuple[PolicySet, ...] = ()
    resource: Policy | None = None
    resource_decides: bool = False
    """True for trust policies and KMS keys, without whose word not even the account's own policies count."""


@dataclass(slots=True)
class Request:
    principal: Principal
    action: str
    resource: str
    facts: Facts
    resource_account: str = ""
    """Who owns the resource; empty where that is the caller's account."""
    names: Names | None = None
    """Under which names policies mean the caller, where that does not follow from the principal."""


@dataclass(slots=True)
class Decision:
    allowed: bool
    kind: Kind
    """The kind of policy that allowed, that denied, or that was missing."""
    explicit: bool
    """Whether a statement said so; False where nothing allowed it."""
    principal: Principal
    action: str
    resource: str
    origin: str = ""
    """The policy that said so: its ARN or its name."""
    statement: Statement | None = field(default=None, repr=False)
    other_account: bool = False


def evaluate(request: Request, policies: Policies) -> Decision:
    principal, resource, facts = request.principal, request.resource, request.facts
    action = request.action.lower()
    names = request.names or names_of(principal)
    foreign = bool(request.resource_account) and request.resource_account != principal.account

    def decided(allowed: bool, kind: Kind, hit: Hit | None = None) -> Decision:
        origin, statement = (hit[0].origin, hit[1]) if hit else ("", None)
        return Decision(
            allowed, kind, hit is not None, principal, request.action, resource, origin, statement, foreign
        )

    denied = _explicit_deny(action, resource, facts, names, policies)
    if denied is not None:
        return decided(False, *denied)
    for level in policies.scps:
        if level.allow(action, resource, facts) is None:
            return decided(False, Kind.SCP)

    reach, granted = Reach.NONE, None
    if policies.resource is not None:
        reach, granted = _resource_reach(policies.resource, action, resource, facts, names)
    if principal.kind in ("service", "anonymous"):
        return decided(reach is Reach.DIRECT, Kind.RESOURCE, granted if reach is Reach.DIRECT else None)

    if not foreign:
        if reach is Reach.DIRECT:
            return decided(True, Kind.RESOURCE, granted)
        if reach is Reach.NONE and policies.resource_decides:
            return decided(False, Kind.RESOURCE)

    is_root = principal.kind == "root"
    own = None if is_root else policies.identity.allow(action, resource, facts)
    enough = is_root or own is not None
    if foreign:
        if reach is Reach.NONE or (reach is Reach.ACCOUNT and not enough):
            return decided(False, Kind.RESOURCE)
    elif reach is Reach.ENTITY:
        enough = True
    if not enough:
        return decided(False, Kind.IDENTITY)
    if policies.boundary is not None and policies.boundary.allow(action, resource, facts) is None:
        return decided(False, Kind.BOUNDARY)
    if policies.session is not None and policies.session.allow(action, resource, facts) is None:
        return decided(False, Kind.SESSION)
    if is_root:
        return decided(True, Kind.ROOT)
    return decided(True, Kind.IDENTITY, own) if own is not None else decided(True, Kind.RESOURCE, granted)


def _explicit_deny(
    action: str, resource: str, facts: Facts, names: Names, policies: Policies
) -> tuple[Kind, Hit] | None:
    for level in policies.scps:
        if (hit := level.deny(action, resource, facts)) is not None:
            return Kind.SCP, hit
    for level in policies.rcps:
        if (hit := level.deny(action, resource, facts)) is not None:
            return Kind.RCP, hit
    if (hit := policies.identity.deny(action, resource, facts)) is not None:
        return Kind.IDENTITY, hit
    if policies.resource is not None:
        for statement in policies.resource.about(action):
            if statement.effect == "Deny" and _names(statement, names) and statement.matches(resource, facts):
                return Kind.RESOURCE, (Attached(policies.resource, ""), statement)
    if policies.boundary is not None and (hit := policies.boundary.deny(action, resource, facts)) is not None:
        return Kind.BOUNDARY, hit
    if policies.session is not None and (hit := policies.session.deny(action, resource, facts)) is not None:
        return Kind.SESSION, hit
    return None


def _resource_reach(
    policy: Policy, action: str, resource: str, facts: Facts, names: Names
) -> tuple[Reach, Hit | None]:
    """How closely the resource's policy allows the caller by name, and by which statement."""
    best, granted = Reach.NONE, None
    for statement in policy.about(action):
        if statement.effect == "Allow":
            reach = _names(statement, names)
            if reach > best and statement.matches(resource, facts):
                best, granted = reach, (Attached(policy, ""), statement)
    return best, granted


def _names(statement: Statement, names: Names) -> Reach:
    return statement.principal(names) if statement.principal is not None else Reach.NONE
