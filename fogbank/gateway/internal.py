"""The cloud's own addresses: health, what the machine can do, why a call was denied."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from fogbank.iam.evaluate import Decision
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request, Response

if TYPE_CHECKING:
    from fogbank.app import Platform
    from fogbank.gateway.routing import Target

SERVICES_WITH_ADDRESSES = frozenset({"cloudformation", "ecr", "lambda"})


def owner(target: Target) -> Target | None:
    """The service behind `/_fogbank/SERVICE/...`, where there is one that answers there; else the address is ours."""
    name = target.path.split("/", 3)[2] if target.path.startswith("/_fogbank/") else ""
    return replace(target, service=name) if name in SERVICES_WITH_ADDRESSES else None


def answer(cloud: Platform, request: Request) -> Response:
    """Answers `/_fogbank/...` and the health address that the ecosystem's wrappers look for."""
    if request.method not in ("GET", "HEAD"):
        raise AwsError("MethodNotAllowed", f"{request.method} is not for this address.", status=405)
    path = request.path.rstrip("/")
    if path == "/_fogbank/health":
        return _json(cloud.health())
    if path == "/_localstack/health":
        health = cloud.health()
        return _json({"services": health["services"], "edition": "community", "version": health["version"]})
    _only_local(request)
    query = {name: values[-1] for name, values in parse_qs(request.query).items()}
    if path == "/_fogbank/iam/decisions":
        return _json(_decisions(cloud, query))
    raise AwsError("NotFound", f"Nothing answers at {path}.", status=404)


def _decisions(cloud: Platform, query: dict[str, str]) -> list[dict[str, Any]]:
    """Oldest first, so that the newest stands at the prompt."""
    last = int(query["last"]) if query.get("last", "").isdecimal() else 20
    noted = cloud.authoriser.recent(query.get("request-id", ""))[:last]
    return [
        {
            "request_id": n.request_id,
            "at": n.at,
            "allowed": n.decision.allowed,
            "action": n.decision.action,
            "resource": n.decision.resource,
            "principal": n.decision.principal.arn,
            "reasons": _reasons(n.decision),
        }
        for n in reversed(noted)
    ]


def _reasons(decision: Decision) -> list[str]:
    if not decision.explicit:
        return [f"{decision.kind.value}: allowed" if decision.allowed else f"no {decision.kind.value} allows it"]
    sid = f", statement {decision.statement.sid}" if decision.statement and decision.statement.sid else ""
    verdict = "allows it" if decision.allowed else "denies it"
    return [f"{decision.kind.value} {decision.origin}{sid} {verdict}"]


def _only_local(request: Request) -> None:
    """What the cloud knows of its callers is for its operator: this machine, and no function's sandbox."""
    if request.origin is not None or not ipaddress.ip_address(request.peer or "0.0.0.0").is_loopback:
        raise AwsError("AccessDenied", "This address answers on the machine itself only.", status=403)


def _json(value: Any) -> Response:
    return Response(200, [("content-type", "application/json")], msgspec.json.encode(value))
