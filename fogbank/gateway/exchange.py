"""One request on its way through the pipeline: what each step found out, for the steps after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fogbank.wire.messages import Request, Response

if TYPE_CHECKING:
    from fogbank.api.context import Context
    from fogbank.api.service import Operation, Service
    from fogbank.gateway.routing import Target
    from fogbank.gateway.signature import SignedRequest
    from fogbank.iam.principal import Principal
    from fogbank.wire import OperationCodec, Route, ServiceModel


class Exchange:
    """Filled from top to bottom; a step reads only what the steps before it wrote."""

    __slots__ = (
        "body", "codec", "ctx", "manifest", "model", "operation", "params", "principal", "region", "request",
        "request_id", "respond", "route", "signed", "target",
    )

    request: Request
    respond: Callable[[Response], None]
    request_id: str
    target: Target
    manifest: Service
    model: ServiceModel
    route: Route
    codec: OperationCodec
    operation: Operation
    signed: SignedRequest | None
    region: str
    body: bytes
    principal: Principal
    ctx: Context
    params: dict[str, Any]

    def __init__(self, request: Request, respond: Callable[[Response], None], request_id: str) -> None:
        self.request = request
        self.respond = respond
        self.request_id = request_id
