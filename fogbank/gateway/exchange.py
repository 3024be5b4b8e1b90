"""One request on its way through the pipeline: what each step found out, for the steps after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fogbank.wire.messages import Request, Response

if TYPE_CHECKING:
    from fogbank.api.context import Context
    from fogbank.api.service import Operation, Service
    from fogbank.gateway.routing import Target
    from fogbank.gateway.signature import SignedRequest
    from fogbank.wire import OperationCodec, Route, ServiceModel


class Exchange:
    """Filled from top to bottom; a step reads only what the steps before it wrote."""

    __slots__ = (
        "body", "codec", "ctx", "dialect", "headers", "manifest", "model", "operation", "params", "region", "request",
        "request_id", "respond", "route", "signed", "target", "task",
    )

    target: Target
    manifest: Service
    model: ServiceModel
    codec: OperationCodec
    operation: Operation
    ctx: Context

    def __init__(self, request: Request, respond: Callable[[Response], None], request_id: str) -> None:
        self.request = request
        self.respond = respond
        self.request_id = request_id
        self.dialect = ""
        self.signed: SignedRequest | None = None
        self.region = ""
        self.route: Route | None = None
        self.body = b""
        self.headers: list[tuple[str, str]] = []
        """Headers for the answer, whatever it will be."""
        self.params: dict[str, Any] = {}
        self.task: asyncio.Task[None] | None = None
        """What works on it, where that waits for something."""

    def cancel(self) -> None:
        """The caller went away. What it asked for goes on, as on AWS, but for an operation that only waits."""
        if self.task is not None and self.knows("operation") and self.operation.long_poll:
            self.task.cancel()

    def knows(self, name: str) -> bool:
        """Whether the steps came as far as filling `name`."""
        return hasattr(self, name)

    @property
    def streams(self) -> bool:
        """Whether the operation reads its body as it arrives."""
        return self.knows("codec") and self.codec.streaming_input is not None
