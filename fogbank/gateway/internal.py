"""The cloud's own addresses: health, what the machine can do, why a call was denied."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import msgspec

from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request, Response

if TYPE_CHECKING:
    from fogbank.app import Platform


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
        return _json(cloud.authoriser.explain(query.get("request-id", ""), int(query.get("last", "20"))))
    if path == "/_fogbank/doctor":
        return _json(cloud.describe())
    raise AwsError("NotFound", f"Nothing answers at {path}.", status=404)


def _only_local(request: Request) -> None:
    """What the cloud knows of its callers is for its operator: this machine, and no function's sandbox."""
    if request.origin is not None or not ipaddress.ip_address(request.peer or "0.0.0.0").is_loopback:
        raise AwsError("AccessDenied", "This address answers on the machine itself only.", status=403)


def _json(value: Any) -> Response:
    return Response(200, [("content-type", "application/json")], msgspec.json.encode(value))
