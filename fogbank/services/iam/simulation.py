"""The policy simulator, which asks the evaluator that real calls are asked of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from fogbank.api import Context
from fogbank.iam import identities
from fogbank.iam.context_keys import of_principal
from fogbank.iam.evaluate import Attached, Decision, Policies, PolicySet, Request, evaluate
from fogbank.iam.facts import Facts
from fogbank.iam.policy import Policy, Statement, compile
from fogbank.iam.principal import Principal
from fogbank.iam.principals import names_of
from fogbank.iam.records import Group, Membership, Role, User
from fogbank.iam.validation import check_permissions
from fogbank.services.iam import iam, lookup, positions
from fogbank.services.iam.errors import invalid_input, no_such_entity
from fogbank.services.iam.lookup import Entity
from fogbank.services.iam.paging import page_of

_MOST_EVALUATIONS = 10_000


@dataclass(slots=True)
class Scene:
    """Whose policies are simulated, under which circumstances."""

    principal: Principal
    policies: Policies
    facts: Facts
    resource_owner: str = ""


@iam.operation
def simulate_custom_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    policies = Policies(identity=_given(req, "PolicyInputList"), boundary=_boundary(req), resource=_resource(req))
    return _simulate(req, _scene(req, _caller(ctx, req), policies))


@iam.operation(resource="{PolicySourceArn}")
def simulate_principal_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    entity = _entity(ctx, req["PolicySourceArn"])
    identity = PolicySet((*_policies(ctx, entity).policies, *_given(req, "PolicyInputList").policies))
    boundary = _boundary(req)
    if boundary is None and not isinstance(entity, Group):
        boundary = identities.boundary(ctx.tx, entity.boundary)
    policies = Policies(identity=identity, boundary=boundary, resource=_resource(req))
    return _simulate(req, _scene(req, _caller(ctx, req, entity), policies, entity))


@iam.operation
def get_context_keys_for_custom_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return {"ContextKeyNames": _context_keys(_given(req, "PolicyInputList"))}


@iam.operation(resource="{PolicySourceArn}")
def get_context_keys_for_principal_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    own = _policies(ctx, _entity(ctx, req["PolicySourceArn"]))
    return {"ContextKeyNames": _context_keys(PolicySet((*own.policies, *_given(req, "PolicyInputList").policies)))}


def _simulate(req: dict[str, Any], scene: Scene) -> dict[str, Any]:
    actions, resources = req["ActionNames"], req.get("ResourceArns") or ["*"]
    if len(actions) * len(resources) > _MOST_EVALUATIONS:
        raise invalid_input("Too many combinations of actions and resources.")
    indexed = [(f"{number:06}", action) for number, action in enumerate(actions)]
    shown, more = page_of(req, indexed, lambda item: item[0])
    results = [_result(scene, action, resources, bool(req.get("ResourceArns"))) for _, action in shown]
    return {"EvaluationResults": results, **more}


def _result(scene: Scene, action: str, resources: list[str], specific: bool) -> dict[str, Any]:
    singles = [_single(scene, action, resource) for resource in resources]
    worst = max(singles, key=lambda single: _RANK[single["EvalResourceDecision"]])
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": worst["EvalResourceName"],
        "EvalDecision": worst["EvalResourceDecision"],
        "MatchedStatements": worst["MatchedStatements"],
        "MissingContextValues": worst["MissingContextValues"],
        "EvalDecisionDetails": {},
        "OrganizationsDecisionDetail": {"AllowedByOrganizations": True},
    }
    if scene.policies.boundary is not None:
        allowed = all(
            scene.policies.boundary.deny(action.lower(), resource, scene.facts) is None
            and scene.policies.boundary.allow(action.lower(), resource, scene.facts) is not None
            for resource in resources
        )
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": allowed}
    if specific:
        result["ResourceSpecificResults"] = singles
    return result


_RANK = {"allowed": 0, "implicitDeny": 1, "explicitDeny": 2}


def _single(scene: Scene, action: str, resource: str) -> dict[str, Any]:
    decision = evaluate(
        Request(scene.principal, action, resource, scene.facts, scene.resource_owner), scene.policies
    )
    return {
        "EvalResourceName": resource,
        "EvalResourceDecision": _word(decision),
        "MatchedStatements": list(_matched(scene, action.lower(), resource)),
        "MissingContextValues": _missing(scene, action.lower()),
    }


def _word(decision: Decision) -> str:
    if decision.allowed:
        return "allowed"
    return "explicitDeny" if decision.explicit else "implicitDeny"


def _matched(scene: Scene, action: str, resource: str) -> Iterator[dict[str, Any]]:
    for attached, statement in _about(scene.policies.identity, action):
        if statement.matches(resource, scene.facts):
            yield _place(attached.origin.rpartition("/")[2], attached.policy, statement, "IAM Policy")
    policy = scene.policies.resource
    for statement in policy.about(action) if policy else ():
        named = statement.principal is not None and statement.principal(names_of(scene.principal))
        if policy and named and statement.matches(resource, scene.facts):
            yield _place("ResourcePolicy", policy, statement, "Resource Policy")


def _about(policies: PolicySet, action: str) -> Iterator[tuple[Attached, Statement]]:
    for attached in policies.policies:
        for statement in attached.policy.about(action):
            yield attached, statement


def _place(source: str, policy: Policy, statement: Statement, kind: str) -> dict[str, Any]:
    start, end = positions.statements(policy.text)[statement.index]
    return {
        "SourcePolicyId": source,
        "SourcePolicyType": kind,
        "StartPosition": positions.line_and_column(policy.text, start),
        "EndPosition": positions.line_and_column(policy.text, end),
    }


def _missing(scene: Scene, action: str) -> list[str]:
    names = {
        condition.name
        for _, statement in _about(scene.policies.identity, action)
        for condition in statement.conditions
        if scene.facts.get(condition.key) is None
    }
    return sorted(names)


def _context_keys(policies: PolicySet) -> list[str]:
    keys: dict[str, str] = {}
    for attached in policies.policies:
        for statement in attached.policy.statements:
            keys.update((condition.key, condition.name) for condition in statement.conditions)
        for variable in re.findall(r"\$\{\s*([A-Za-z0-9:/_.+=@-]+)", attached.policy.text):
            keys.setdefault(variable.lower(), variable)
    return sorted(keys.values())


def _given(req: dict[str, Any], member: str) -> PolicySet:
    texts: Iterable[str] = req.get(member) or ()
    return PolicySet(tuple(_checked(text, f"{member}.{number}") for number, text in enumerate(texts, 1)))


def _checked(text: str, origin: str) -> Attached:
    check_permissions(text)
    return Attached(compile(text), origin)


def _boundary(req: dict[str, Any]) -> PolicySet | None:
    given = _given(req, "PermissionsBoundaryPolicyInputList")
    return given if given.policies else None


def _resource(req: dict[str, Any]) -> Policy | None:
    if not req.get("ResourcePolicy"):
        return None
    try:
        return compile(req["ResourcePolicy"])
    except ValueError:
        raise invalid_input("The resource policy is not a valid policy document.") from None


def _scene(req: dict[str, Any], principal: Principal, policies: Policies, entity: Entity | None = None) -> Scene:
    entries = {entry["ContextKeyName"]: entry.get("ContextKeyValues") or [] for entry in req.get("ContextEntries") or ()}
    owner = (req.get("ResourceOwner") or "").split(":")
    return Scene(
        principal,
        policies,
        Facts(entries, of_principal(principal, getattr(entity, "tags", {}) if entity else {})),
        owner[4] if len(owner) > 4 else "",
    )


def _caller(ctx: Context, req: dict[str, Any], entity: Entity | None = None) -> Principal:
    """Who is simulated: never a root user, who would be allowed everything."""
    if req.get("CallerArn"):
        entity = _entity(ctx, req["CallerArn"])
    if isinstance(entity, User):
        return Principal("user", entity.account, entity.arn, entity.id, name=entity.name)
    if isinstance(entity, Role):
        arn = f"arn:aws:sts::{entity.account}:assumed-role/{entity.name}/simulation"
        return Principal(
            "assumed-role", entity.account, arn, f"{entity.id}:simulation", name=entity.name, role_arn=entity.arn
        )
    return Principal("user", ctx.account, f"arn:aws:iam::{ctx.account}:user/simulation", "AIDASIMULATION")


def _entity(ctx: Context, arn: str) -> Entity:
    kind, _, path = arn.partition(":")[2].rpartition(":")[2].partition("/")
    name = path.rpartition("/")[2]
    finders: dict[str, Callable[[Context, str], Entity]] = {
        "user": lookup.user, "role": lookup.role, "group": lookup.group,
    }
    if kind not in finders or not name:
        raise invalid_input(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    found = finders[kind](ctx, name)
    if found.arn != arn:
        raise no_such_entity(f"The {kind} with name {name} cannot be found.")
    return found


def _policies(ctx: Context, entity: Entity) -> PolicySet:
    owners = [entity.id]
    if isinstance(entity, User):
        owners += [member.group_id for member in ctx.tx.scan(Membership, entity.id)]
    return identities.entity_policies(ctx.tx, owners)


