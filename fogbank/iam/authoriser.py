"""May this principal do this? The evaluator, with what the store knows of the principal, and what it lately decided."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fogbank.iam import context_keys, identities
from fogbank.iam.evaluate import Decision, Kind, Policies, PolicySet, Request, evaluate
from fogbank.iam.facts import Facts, Values
from fogbank.iam.policy import compile
from fogbank.iam.principal import Principal
from fogbank.iam.principals import Names, names_of
from fogbank.iam.sessions import invalid_token

if TYPE_CHECKING:
    from fogbank.store import Store, Tx

_REMEMBERED_PRINCIPALS = 4_096
_REMEMBERED_DECISIONS = 1_000

# Whose own policy must name the caller or its account, even within the account.
_RESOURCE_DECIDES = ("kms:", "sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity")

_NO_CALLS = ("PassRole", "CreateServiceLinkedRole")
"""What other services ask IAM about on a caller's behalf."""
_LEFT_TO_SESSIONS = ("AssumeRole", "TagSession", "SetSourceIdentity")


class Clock(Protocol):
    def now(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Guardrails:
    """An organization's policies over an account: service control policies by level, resource control policies."""

    scps: tuple[PolicySet, ...] = ()
    rcps: tuple[PolicySet, ...] = ()


@dataclass(frozen=True, slots=True)
class Noted:
    """A decision that was made for a request."""

    request_id: str
    at: float
    decision: Decision


@dataclass(slots=True)
class _Known:
    identity: identities.Identity
    standing: Mapping[str, Values]
    names: Names
    guardrails: Guardrails


NO_GUARDRAILS = Guardrails()


class Authoriser:
    """`guardrails_of(tx, account)` tells an account's organization policies; None while there are no organizations."""

    def __init__(
        self, store: Store, clock: Clock, guardrails_of: Callable[[Tx, str], Guardrails] | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._guardrails_of = guardrails_of
        self._generation: Any = None
        self._known: dict[Principal | str, _Known] = {}
        self._decisions: deque[Noted] = deque(maxlen=_REMEMBERED_DECISIONS)

    def decide(
        self,
        tx: Tx,
        principal: Principal,
        action: str,
        resource: str,
        context: Mapping[str, Any],
        resource_policy: str | None = None,
        resource_account: str = "",
        *,
        request_id: str = "",
    ) -> Decision:
        """The decision on one action of one resource.

        `context` holds the request's condition keys as `context_keys.REQUEST_KEYS` lists them, `resource_policy` the
        JSON of the policy attached to the resource, `resource_account` its owner (empty for the caller's own account).
        """
        if principal.issued_at and principal.kind != "assumed-role":
            _refuse_limited(action)
        known = self._of(tx, principal)
        identity = known.identity
        if resource_account == "aws":  # AWS's managed policies belong to everyone
            resource_account = ""
        now = self._clock.now()
        if principal.context:
            context = {**principal.context, **context}
        decision = evaluate(
            Request(principal, action, resource, Facts(context, known.standing, now), resource_account, known.names),
            Policies(
                identity.policies,
                identity.boundary,
                identity.session,
                known.guardrails.scps,
                self._rcps(tx, principal, resource_account, known),
                compile(resource_policy) if resource_policy else None,
                resource_policy is not None and action.startswith(_RESOURCE_DECIDES),
            ),
        )
        self._decisions.append(Noted(request_id, now, decision))
        return decision

    def note_root(self, request_id: str, principal: Principal, action: str) -> None:
        """Remembers that a root user did something for which nothing had to be asked."""
        decision = Decision(True, Kind.ROOT, False, principal, action, "*")
        self._decisions.append(Noted(request_id, self._clock.now(), decision))

    def recent(self, request_id: str = "") -> list[Noted]:
        """The last decisions, newest first: all of them, or those of one request. For `fogbank iam explain`."""
        return [noted for noted in reversed(self._decisions) if not request_id or noted.request_id == request_id]

    def identity(self, tx: Tx, principal: Principal) -> identities.Identity:
        """The principal's own policies, compiled; cached until a record of IAM's changes."""
        return self._of(tx, principal).identity

    def _of(self, tx: Tx, principal: Principal) -> _Known:
        generation = self._store.generation("iam.")
        if generation != self._generation:
            self._known.clear()
            self._generation = generation
        # An access key belongs to one principal for good, and hashes quicker.
        key = principal.access_key_id or principal
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= _REMEMBERED_PRINCIPALS:
                self._known.clear()
            identity = identities.load(tx, principal)
            known = _Known(
                identity,
                context_keys.of_principal(principal, identity.tags),
                names_of(principal),
                self._guardrails_of(tx, principal.account) if self._guardrails_of else NO_GUARDRAILS,
            )
            self._known[key] = known
        return known

    def _rcps(self, tx: Tx, principal: Principal, owner: str, known: _Known) -> tuple[PolicySet, ...]:
        if self._guardrails_of is None:
            return ()
        if not owner or owner == principal.account:
            return known.guardrails.rcps
        return self._guardrails_of(tx, owner).rcps


def _refuse_limited(action: str) -> None:
    """Sessions of users and of those they federate call neither IAM nor, but for assuming a role, STS.

    https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    """
    service, _, operation = action.partition(":")
    if (service == "iam" and operation not in _NO_CALLS) or (service == "sts" and operation not in _LEFT_TO_SESSIONS):
        raise invalid_token()
