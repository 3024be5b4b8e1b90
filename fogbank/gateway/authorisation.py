"""May this caller do this? The step between the pipeline and the policy evaluator."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from string import Formatter
from typing import Any

from fogbank.api.context import Context
from fogbank.api.service import Access, Operation
from fogbank.iam.authoriser import Authoriser
from fogbank.iam.denials import denial
from fogbank.iam.principal import Principal
from fogbank.wire.messages import Request

# An API's address has a service name of its own in ARNs; its policies stand with the API.
_POLICIES_OF = {"execute-api": "apigateway"}

_OF_CONTEXT = ("partition", "region", "account")


class Gate:
    """Gathers what a decision needs (condition keys, the resource's own policy) and raises AWS's error on a denial."""

    def __init__(self, authoriser: Authoriser) -> None:
        self._authoriser = authoriser

    def check_operation(self, ctx: Context, operation: Operation, params: dict[str, Any]) -> None:
        """Every check that the operation declares. In a transaction."""
        if _own_root(ctx, operation):
            self._authoriser.note_root(ctx.request_id, ctx.principal, operation.action)
            return
        given = {**request_keys(ctx), **tag_keys(params)}
        for action, resource, *keys in accesses(ctx, operation, params):
            self._decide(ctx, action, resource, {**given, **keys[0]} if keys else given, ctx.principal)

    def check(
        self, ctx: Context, action: str, resource: str, keys: Mapping[str, Any], principal: Principal
    ) -> None:
        """One check that a handler asks for; `keys` are condition keys beside those of the request."""
        self._decide(ctx, action, resource, {**request_keys(ctx), **keys}, principal)

    def _decide(
        self, ctx: Context, action: str, resource: str, facts: Mapping[str, Any], principal: Principal
    ) -> None:
        policy, owner = self._policy_of(ctx, resource)
        decision = self._authoriser.decide(
            ctx.tx, principal, action, resource, facts, policy, owner, request_id=ctx.request_id
        )
        if not decision.allowed:
            raise denial(decision, ctx.service)

    @staticmethod
    def _policy_of(ctx: Context, resource: str) -> tuple[str | None, str]:
        """The policy attached to the resource, and the account that owns it."""
        parts = resource.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn":
            return None, ctx.account
        service, account = parts[2], parts[4]
        try:
            manifest = ctx.cloud.service(_POLICIES_OF.get(service, service))
        except KeyError:
            return None, account or ctx.account
        policy = manifest.policy_of(ctx, resource) if manifest.policy_of else None
        owner = account or (manifest.owner_of(ctx, resource) if manifest.owner_of else "") or ctx.account
        return policy, owner


def _own_root(ctx: Context, operation: Operation) -> bool:
    """A root user on something of its own account: nothing but an organization could say no."""
    own = operation.access is None and (operation.resource == "*" or "{account}" in operation.resource)
    return own and ctx.principal.kind == "root" and ctx.principal.account == ctx.account


def accesses(ctx: Context, operation: Operation, params: dict[str, Any]) -> Iterable[Access]:
    if operation.access is not None:
        return operation.access(ctx, params)
    return ((operation.action, expand(operation.resource, ctx, params)),)


def expand(template: str, ctx: Context, params: dict[str, Any]) -> str:
    """The ARN of a template; a member that the request lacks reads as `*`."""
    if "{" not in template:
        return template
    pieces = []
    for literal, member in _pieces(template):
        pieces.append(literal)
        if member in _OF_CONTEXT:
            pieces.append(getattr(ctx, member))
        elif member is not None:
            value = params.get(member)
            pieces.append("*" if value is None else str(value))
    return "".join(pieces)


@lru_cache(4096)
def _pieces(template: str) -> tuple[tuple[str, str | None], ...]:
    """Each text of a template with the member that follows it."""
    return tuple((literal, member) for literal, member, _, _ in Formatter().parse(template))


def request_keys(ctx: Context) -> dict[str, Any]:
    """Condition keys of the request itself; those of the principal are the authoriser's.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    keys: dict[str, Any] = {"aws:RequestedRegion": ctx.region}
    if ctx.called_via:
        keys["aws:CalledVia"] = list(ctx.called_via)
        keys["aws:CalledViaFirst"], keys["aws:CalledViaLast"] = ctx.called_via[0], ctx.called_via[-1]
        keys["aws:ViaAWSService"] = "true"
    else:
        keys["aws:ViaAWSService"] = "false"
    if ctx.request is not None:
        keys["aws:SecureTransport"] = "true" if _secure(ctx.request) else "false"
        if ctx.request.peer:
            keys["aws:SourceIp"] = ctx.request.peer
        if agent := ctx.request.headers.get("user-agent"):
            keys["aws:UserAgent"] = agent
        if referer := ctx.request.headers.get("referer"):
            keys["aws:Referer"] = referer
    return keys


def _secure(request: Request) -> bool:
    """TLS, or a connection that never leaves this machine: the SAM CLI's own bucket denies everything else."""
    return request.scheme == "https" or request.origin is not None or request.peer in ("127.0.0.1", "::1")


def tag_keys(params: dict[str, Any]) -> dict[str, Any]:
    """`aws:RequestTag/*` and `aws:TagKeys` from the request's tags, given as a map or as a list of pairs."""
    tags = params.get("Tags") or params.get("tags")
    if isinstance(tags, dict):
        pairs = dict(tags)
    elif isinstance(tags, list):
        pairs = {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value", "")) for tag in tags
                 if isinstance(tag, dict)}
    else:
        names = params.get("TagKeys") or params.get("tagKeys")
        return {"aws:TagKeys": list(names)} if isinstance(names, list) else {}
    return {"aws:TagKeys": list(pairs), **{f"aws:RequestTag/{key}": value for key, value in pairs.items()}}
