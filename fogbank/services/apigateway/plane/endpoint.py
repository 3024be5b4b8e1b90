"""The way of a request to an API, as a list."""

from __future__ import annotations

import asyncio
import logging
from typing import cast

from fogbank.api import AwsError, Context, Request, Response
from fogbank.services.apigateway import apigateway
from fogbank.services.apigateway.plane import (
    authorizing,
    compression,
    counting,
    custom,
    failures,
    http,
    keys,
    logs,
    mock,
    proxy,
    refusals,
)
from fogbank.services.apigateway.plane.answers import Answer, response
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.failures import Failure
from fogbank.services.apigateway.plane.state import Plane

MOST_BODY = 10 << 20
_INTEGRATIONS = {
    "AWS_PROXY": proxy.run, "AWS": custom.run, "HTTP": http.run, "HTTP_PROXY": http.run_proxy, "MOCK": mock.run,
}
log = logging.getLogger("fogbank.apigateway")


@apigateway.endpoint("execute-api")
async def execute(ctx: Context, request: Request) -> Response:
    plane = ctx.component(Plane)
    try:
        call = await arrive(plane, ctx, request)
    except Failure as failure:
        return refusals.bare(ctx.request_id, failure)
    try:
        answer = await answered(plane, call)
        sent = response(call, answer)
        await compression.closed(call, sent)
    except Failure as failure:
        sent = _refused(call, failure)
    except Exception:
        log.exception("request %s failed", call.request_id)
        sent = _refused(call, failures.internal())
    if call.log is not None or "accessLogSettings" in call.stage.stage_settings:
        plane.spawn(logs.write(call, len(sent.body) if isinstance(sent.body, bytes) else 0))
    counting.answered(call, sent.status)
    return sent


async def arrive(plane: Plane, ctx: Context, request: Request) -> Call:
    """The call, with the stage that its address names."""
    raw = ctx.address.path.lstrip("/")
    name, slash, rest = raw.partition("/")
    stage = await plane.stage(ctx, ctx.address.endpoint_id, name)
    if stage is None or stage.denied:
        raise failures.forbidden()
    if stage.canary is not None and ctx.random.random() * 100 < stage.canary_percent:
        stage = stage.canary
    ctx = ctx.acting(account=stage.account, region=stage.region)
    call = Call(ctx, request, await _body(request))
    call.stage = stage
    call.raw_path = f"/{name}{slash}{rest}"
    call.path = "/" + rest.lstrip("/")
    return call


async def answered(plane: Plane, call: Call) -> Answer:
    """Routed, authorised, counted, checked; then the integration."""
    found = call.stage.routes.find(call.path, call.request.method)
    if found is None:
        raise failures.missing_token()
    call.method, call.path_parameters = found
    logs.begin(call)
    await compression.opened(call)
    await authorizing.authorise(plane, call)
    await keys.admit(plane, call)
    if call.method.validation is not None:
        call.method.validation.check(call)
    return await integrate(plane, call)


async def integrate(plane: Plane, call: Call) -> Answer:
    """The integration within its time. A function that is late goes on to its end; its answer is not waited for."""
    integration = _INTEGRATIONS.get(call.method.integration.get("type", ""))
    if integration is None:
        raise failures.configuration("No integration defined for method")
    began = call.ctx.now
    seconds = call.method.integration.get("timeoutInMillis", 29_000) / 1000
    if call.method.integration["type"] == "MOCK":
        return await integration(call)
    task = plane.spawn(integration(call))
    done, _ = await asyncio.wait({task}, timeout=seconds)
    call.integration_latency = int((call.ctx.now - began) * 1000)
    if not done:
        task.add_done_callback(_forget)
        raise failures.timed_out()
    return cast(Answer, task.result())


def _forget(task: asyncio.Task[Answer]) -> None:
    if not task.cancelled():
        task.exception()


def _refused(call: Call, failure: Failure) -> Response:
    if not hasattr(call, "method"):
        call.method = _NO_METHOD
    try:
        return refusals.refused(call, failure)
    except Failure as second:  # A gateway response whose template fails.
        return refusals.bare(call.request_id, second)
    except Exception:
        log.exception("the gateway response to %s failed", call.request_id)
        return refusals.bare(call.request_id, failures.internal())


async def _body(request: Request) -> bytes:
    if isinstance(request.body, bytes):
        if len(request.body) > MOST_BODY:
            raise failures.too_large()
        return request.body
    try:
        request.body = await request.body.read(MOST_BODY)  # Where a signature is checked, the body is there for it.
        return request.body
    except AwsError as error:
        if error.status == 413 or error.code == "RequestEntityTooLarge":
            raise failures.too_large() from error
        raise


from fogbank.services.apigateway.plane.compiled import Method  # noqa: E402

_NO_METHOD = Method("", "", "", {}, {}, None, None, {})
