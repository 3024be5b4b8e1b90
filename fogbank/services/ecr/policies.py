"""The policy of a repository: who else may push and pull."""

from __future__ import annotations

import json
from typing import Any

from fogbank.api import Context
from fogbank.iam.policy import compile
from fogbank.services.ecr import ecr, errors
from fogbank.services.ecr.names import access, from_arn, scope
from fogbank.services.ecr.records import Repository
from fogbank.services.ecr.repositories import named, require


@ecr.operation(access=access("SetRepositoryPolicy"))
def set_repository_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    repository = require(ctx, key)
    repository.policy = _checked(req["policyText"])
    ctx.tx.put(repository)
    return {**named(key), "policyText": repository.policy}


@ecr.operation(access=access("GetRepositoryPolicy"))
def get_repository_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    repository = require(ctx, key)
    if repository.policy is None:
        raise errors.no_policy(key)
    return {**named(key), "policyText": repository.policy}


@ecr.operation(access=access("DeleteRepositoryPolicy"))
def delete_repository_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    repository = require(ctx, key)
    if repository.policy is None:
        raise errors.no_policy(key)
    text, repository.policy = repository.policy, None
    ctx.tx.put(repository)
    return {**named(key), "policyText": text}


@ecr.resource_policy
def policy_of(ctx: Context, arn: str) -> str | None:
    key = from_arn(ctx, arn)
    repository = ctx.tx.get(Repository, *key) if key and "*" not in key[2] else None
    return repository.policy if repository else None


def _checked(text: str) -> str:
    """The policy, printed as ECR prints it. Raises InvalidParameterException."""
    try:
        document = json.loads(text)
        compile(json.dumps(document))
        statements = document["Statement"]
        every = statements if isinstance(statements, list) else [statements]
        right = all(_allowed(statement) for statement in every) and bool(every)
    except (ValueError, KeyError, TypeError, RecursionError):
        right = False
    if not right:
        raise errors.invalid("PolicyText", "Invalid repository policy provided")
    return json.dumps(document, indent=2, separators=(",", " : "))


def _allowed(statement: dict[str, Any]) -> bool:
    """A statement names its principal and no resource: it is about the repository that it stands on."""
    actions = statement.get("Action", statement.get("NotAction"))
    named_actions = actions if isinstance(actions, list) else [actions]
    return (
        bool(statement.keys() & {"Principal", "NotPrincipal"})
        and not statement.keys() & {"Resource", "NotResource"}
        and statement["Effect"] in ("Allow", "Deny")
        and all(isinstance(action, str) and (action == "*" or action.startswith("ecr:")) for action in named_actions)
    )
