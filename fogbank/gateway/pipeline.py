"""The way of a request, as a list. Internal calls enter the same list just after parsing."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from fogbank.api.context import Context
from fogbank.gateway import body_limits, chunked, internal, routing, signature
from fogbank.gateway.authentication import Authenticator
from fogbank.gateway.authorisation import Gate
from fogbank.gateway.bodies import Disconnected
from fogbank.gateway.claims import STREAMING
from fogbank.gateway.exchange import Exchange
from fogbank.iam.principal import ANONYMOUS, Principal
from fogbank.kit.errors import AwsError
from fogbank.store import Tx
from fogbank.wire import Codecs
from fogbank.wire.messages import Request, Response
from fogbank.wire.model import UnknownService

if TYPE_CHECKING:
    from fogbank.app import Platform

log = logging.getLogger("fogbank.gateway")

_REQUEST_IDS = frozenset(("x-amzn-requestid", "x-amz-request-id"))


class Pipeline:
    def __init__(self, cloud: Platform, codecs: Codecs, authenticator: Authenticator, gate: Gate) -> None:
        self._cloud = cloud
        self._codecs = codecs
        self._authenticator = authenticator
        self._gate = gate
        self._tasks: set[asyncio.Task[None]] = set()
        # What runs inside the operation's transaction, in this order.
        self._inside = (self._authenticate, self._parse, self._dress, self._authorise, self._run)

    # --- from outside

    def handle(self, request: Request, respond: Callable[[Response], None]) -> Exchange:
        """Answers one request; a plain operation is done when this returns, but for its sync to disk."""
        x = Exchange(request, respond, self._cloud.request_ids.next())
        try:
            x.target = routing.locate(request)
            if x.target.endpoint:
                self._address(x)
                return x
            self._identify(x)
            if x.streams:
                self._transact(x)
            elif isinstance(request.body, bytes) and not _framed(x):
                x.body = request.body
                self._transact(x)
            else:
                self._spawn(x, self._gather(x))
        except Exception as error:
            self._fail(x, error)
        return x

    async def stop(self) -> None:
        """Ends what is still at work."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _identify(self, x: Exchange) -> None:
        """Which service; which operation, where headers and path tell."""
        x.dialect = routing.dialect(x.target.service, x.request)
        try:
            x.model = self._codecs.service(x.target.service)
        except UnknownService as error:
            raise AwsError("UnknownService", f"AWS has no service {x.target.service}.", status=404) from error
        x.manifest = self._cloud.registry.service_or_refuse(x.target.service)
        x.signed = signature.parse(x.request, x.dialect)
        x.region = (x.signed.region if x.signed else "") or x.target.region or "us-east-1"
        if x.dialect not in ("query", "ec2"):
            self._choose(x)

    def _choose(self, x: Exchange) -> None:
        """The operation's codec and handler. Raises for one that Fogbank does not have."""
        x.route = x.model.route(x.target.rewritten(x.request))
        x.codec = x.model.operation(x.route.operation)
        operation = x.manifest.operations.get(x.route.operation)
        if operation is None:
            raise not_implemented(x.target.service, x.route.operation)
        x.operation = operation

    async def _gather(self, x: Exchange) -> None:
        """Holds the body in memory, as much of it as this caller may have us hold."""
        service, operation = x.target.service, x.route.operation if x.route else ""
        limit = body_limits.limit(service, operation)
        if x.signed is None:
            if x.route is not None and not x.operation.anonymous:
                raise signature.missing(x.dialect)
            limit = min(limit, body_limits.UNSIGNED)
        else:
            self._recognise(x)
        try:
            x.body = await chunked.decoded(x.request, x.signed).read(limit)
        except AwsError as error:
            raise body_limits.too_large(service, operation, limit) if error.status == 413 else error from None
        x.request.body = x.body
        self._transact(x)

    def _recognise(self, x: Exchange) -> None:
        """Looks at the signer before its body is read: the signature, where it holds without the body; else the key."""
        signed, now = x.signed, self._cloud.clock.now()
        assert signed is not None

        def look(tx: Tx) -> None:
            if signed.payload:
                self._authenticator.principal(tx, x.request, signed, x.dialect, now)
            else:
                self._authenticator.holder(tx, signed.access_key, signed.token, x.dialect, now)

        self._cloud.store.run(look)

    def _transact(self, x: Exchange) -> None:
        """Runs the steps in one transaction; the answer goes out when what it tells is on disk."""
        if x.route is None:
            self._choose(x)
        store = self._cloud.store
        try:
            result, pending = store.run(lambda tx: self._steps(x, tx))
        except Exception as error:
            refusal = error
            if store.pending is None:
                self._fail(x, refusal)
            else:  # the error, too, may tell of what is not on disk yet
                store.pending.add_done_callback(lambda done: self._fail(x, done.exception() or refusal))
            return
        if not isinstance(result, Response):
            self._spawn(x, self._wait(x, result))
        elif pending is None:
            x.respond(result)
        else:
            pending.add_done_callback(lambda done: self._durable(x, result, done))

    def _durable(self, x: Exchange, response: Response, done: Any) -> None:
        if error := done.exception():
            self._fail(x, error)
        else:
            x.respond(response)

    def _steps(self, x: Exchange, tx: Tx) -> Any:
        x.ctx = Context(self._cloud, x.target.service, "", x.region, ANONYMOUS, x.request_id, x.request, tx)
        result: Any = None
        for step in self._inside:
            result = step(x)
        return result

    # --- the steps

    def _authenticate(self, x: Exchange) -> None:
        if x.signed is None and not x.operation.anonymous:
            raise signature.missing(x.dialect)
        if x.signed is not None:
            x.ctx.principal = self._authenticator.principal(
                x.ctx.tx, x.request, x.signed, x.dialect, self._cloud.clock.now()
            )
        x.ctx.account = x.ctx.principal.account

    def _parse(self, x: Exchange) -> None:
        assert x.route is not None
        x.params = x.codec.parse(x.route, x.target.rewritten(x.request), x.body)
        x.codec.validate(x.params)
        if x.codec.streaming_input:
            x.params[x.codec.streaming_input] = chunked.decoded(x.request, x.signed)

    def _dress(self, x: Exchange) -> None:
        """Headers that go with whatever the answer will be."""
        if x.manifest.headers_of is not None:
            x.headers = x.manifest.headers_of(x.ctx, x.params)

    def _authorise(self, x: Exchange) -> None:
        if x.operation.authorise:
            self._gate.check_operation(x.ctx, x.operation, x.params)

    def _run(self, x: Exchange) -> Any:
        """The answer of a plain operation; of one that waits, the coroutine that will give it."""
        if x.operation.is_async:
            return x.operation.handler(x.ctx.within(None), x.params)
        return self._serialise(x, x.operation.handler(x.ctx, x.params))

    def _serialise(self, x: Exchange, output: dict[str, Any] | None) -> Response:
        assert x.route is not None
        response = x.codec.serialise(x.route.protocol, output or {}, x.request_id)
        response.headers += x.headers
        return response

    # --- waiting

    def _spawn(self, x: Exchange, work: Coroutine[Any, Any, None]) -> None:
        x.task = asyncio.get_running_loop().create_task(self._guarded(x, work))
        self._tasks.add(x.task)
        x.task.add_done_callback(self._tasks.discard)

    async def _guarded(self, x: Exchange, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            self._fail(x, error)

    async def _wait(self, x: Exchange, work: Coroutine[Any, Any, dict[str, Any] | None]) -> None:
        x.respond(self._serialise(x, await work))

    # --- addresses that are no AWS API

    def _address(self, x: Exchange) -> None:
        """The cloud's own addresses, and those of APIs, functions and websites."""
        if x.target.endpoint == "internal":
            x.target = internal.owner(x.target) or x.target
            if not x.target.service:
                x.respond(_identified(internal.answer(self._cloud, x.request), x))
                return
        self._spawn(x, self._endpoint(x))

    async def _endpoint(self, x: Exchange) -> None:
        """A data-plane address: the service's own HTTP, signed or not as it wants."""
        x.dialect = "rest-json"
        x.manifest = self._cloud.registry.service_or_refuse(x.target.service)
        handler = x.manifest.endpoints.get(x.target.endpoint)
        if handler is None:
            raise AwsError("NotFound", f"Nothing answers at {x.request.path}.", status=404)
        x.signed = signature.parse(x.request, x.dialect)
        x.region = x.target.region or (x.signed.region if x.signed else "") or "us-east-1"
        x.ctx = Context(self._cloud, x.target.service, "", x.region, ANONYMOUS, x.request_id, x.request)
        x.ctx.address = x.target
        if x.signed is not None and not isinstance(x.request.body, bytes):
            self._recognise(x)
            x.request.body = await x.request.body.read(body_limits.DATA_PLANE)  # the signature holds for all of it
        x.respond(_identified(await handler(x.ctx, x.request), x))

    def signer(self, tx: Tx, request: Request) -> Principal:
        """Who signed a request to a data-plane address (an API's IAM authorizer asks). Raises AWS's errors."""
        signed = signature.parse(request, "rest-json")
        if signed is None:
            raise signature.missing("rest-json")
        return self._authenticator.principal(tx, request, signed, "rest-json", self._cloud.clock.now())

    # --- errors

    def _fail(self, x: Exchange, error: BaseException) -> None:
        """An AWS error in its protocol's form; a surprise is logged with its request id and answered 500."""
        if isinstance(error, Disconnected):
            return
        if not isinstance(error, AwsError):
            log.error("request %s failed", x.request_id, exc_info=error)
            error = _surprise(x)
        try:
            response = self._error(x, error)
            response.headers += [*error.headers, *x.headers]
        except Exception:
            log.exception("request %s: its error could not be told", x.request_id)
            response = plain_error(_surprise(x), x.request_id)
        x.respond(response)

    def _error(self, x: Exchange, error: AwsError) -> Response:
        if not x.knows("model"):
            return plain_error(error, x.request_id)
        if x.route is not None and x.knows("codec"):
            return x.codec.serialise_error(x.route.protocol, error, x.request_id)
        return x.model.serialise_error(x.model.protocol_of(x.request), error, x.request_id, x.request.method)

    # --- from inside

    def call(self, ctx: Context, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """A plain operation called from another, in the caller's transaction."""
        entry = self._cloud.registry.service_or_refuse(service).operations.get(operation)
        if entry is None:
            raise not_implemented(service, operation)
        if entry.is_async:
            raise RuntimeError(f"{service} {operation} waits: call it with call_async")
        self._codecs.service(service).operation(operation).validate(params)
        if entry.authorise:
            self._gate.check_operation(ctx, entry, params)
        return entry.handler(ctx, params) or {}

    async def call_async(self, ctx: Context, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        """Any operation, called from an async handler."""
        entry = self._cloud.registry.service_or_refuse(service).operations.get(operation)
        if entry is None:
            raise not_implemented(service, operation)
        if not entry.is_async:
            return await ctx.transact(lambda inner: self.call(inner, service, operation, params))
        self._codecs.service(service).operation(operation).validate(params)
        if entry.authorise:
            await ctx.transact(lambda inner: self._gate.check_operation(inner, entry, params))
        return await entry.handler(ctx, params) or {}


def not_implemented(service: str, operation: str) -> AwsError:
    """501 also tells SDKs and the CLI not to try again."""
    return AwsError(
        "NotImplemented", f"Fogbank does not have the operation {operation} of {service} yet.", status=501
    )


def plain_error(error: AwsError, request_id: str) -> Response:
    """For addresses that speak no AWS protocol."""
    headers = [("content-type", "application/json"), ("x-amzn-requestid", request_id), ("x-amzn-errortype", error.code)]
    return Response(error.status or 400, headers, json.dumps({"message": error.message}).encode())


def _surprise(x: Exchange) -> AwsError:
    code = "InternalError" if x.dialect == "s3" else "InternalFailure"
    return AwsError(code, "An internal error occurred; the log has it under the request id.", status=500)


def _framed(x: Exchange) -> bool:
    """Whether the body came in signed chunks although the operation does not stream it."""
    return x.signed is not None and x.signed.payload.startswith(STREAMING)


def _identified(response: Response, x: Exchange) -> Response:
    """With a request id, where the handler gave none."""
    if not any(name.lower() in _REQUEST_IDS for name, _ in response.headers):
        response.headers.append(("x-amzn-requestid", x.request_id))
    return response
