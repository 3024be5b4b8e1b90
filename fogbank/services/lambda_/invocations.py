"""Invoke: synchronous, as an event, as a dry run."""

from __future__ import annotations

import base64
import binascii
from dataclasses import replace
from typing import Any

import msgspec

from fogbank.api import AwsError, Context
from fogbank.engine import Engine
from fogbank.engine.spec import Outcome, RequestTooLarge, RuntimeUnavailable
from fogbank.services.lambda_ import counting, errors, lambda_, lineage, lookup, metering, running, tenancy
from fogbank.services.lambda_.admission import Admission
from fogbank.services.lambda_.names import FunctionName, access, resolve
from fogbank.services.lambda_.records import Function

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
SYNCHRONOUS_LIMIT = 6_291_456
EVENT_LIMIT = 1_048_576


@lambda_.operation(access=access("InvokeFunction"))
async def invoke(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name, payload = resolve(ctx, req), req.get("Payload") or b""
    kind = req.get("InvocationType") or "RequestResponse"
    what = await ctx.transact(lambda c: find(c, name))
    check_payload(payload, EVENT_LIMIT if kind == "Event" else SYNCHRONOUS_LIMIT)
    tenancy.check_invocation(what.found.settings, req.get("TenantId"))
    if kind == "DryRun":
        return {"StatusCode": 204}
    if kind == "Event":
        await ctx.transact(lambda c: enqueue(c, name, payload, req))
        return {"StatusCode": 202, "Payload": b""}
    check_loop(ctx, what)
    outcome = await run(ctx, what, payload, req, tail=req.get("LogType") == "Tail")
    return {
        "StatusCode": 200,
        "FunctionError": outcome.error,
        "LogResult": base64.b64encode(outcome.log_tail).decode() if req.get("LogType") == "Tail" else None,
        "Payload": outcome.payload,
        "ExecutedVersion": what.found.version,
    }


def find(ctx: Context, name: FunctionName) -> running.Runnable:
    """What an invocation of `name` runs. Where the function is missing, AWS calls it by its qualifier too."""
    if ctx.tx.get(Function, name.account, name.region, name.name) is None:
        raise errors.function_not_found(name.explicit())
    return running.runnable(ctx, lookup.version(ctx, name, choose=True))


async def run(
    ctx: Context, what: running.Runnable, payload: bytes, req: dict[str, Any], *, tail: bool = False,
    stream: bool = False, synchronous: bool = True,
) -> Outcome:
    """Runs one invocation on the engine. Raises Lambda's errors for what did not reach the function."""
    engine, admission, name = ctx.component(Engine), ctx.component(Admission), what.found.name
    await engine.start()
    spec, client_context = await running.spec(ctx, what), _client_context(req.get("ClientContext"))
    demand = what.demand if synchronous else replace(what.demand, synchronous=False)
    try:
        place = admission.enter(name.account, name.region, name.name, demand, ctx.now)
    except AwsError:
        counting.throttled(ctx, what.found)
        raise
    counting.running(ctx, name, *admission.busy(name.account, name.region, name.name))

    def over(outcome: Outcome | None) -> None:
        admission.leave(name.account, name.region, place)
        if outcome is not None:
            requests = metering.requests_of(payload, synchronous=synchronous)
            ctx.component(metering.Meter).count(ctx, spec, outcome, provisioned=place.provisioned, requests=requests)
            counting.ended(ctx, what.found, outcome, place)

    try:
        return await engine.invoke(
            spec,
            payload or b"{}",
            request_id=ctx.request_id,
            invoked_arn=what.found.name.arn,
            client_context=client_context,
            trace_id=lineage.extended(ctx.trace or engine.new_trace(), name.unqualified().arn),
            provisioned=place.provisioned,
            over=over,
            tail=tail,
            stream=stream,
            tenant_id=req.get("TenantId"),
        )
    except RequestTooLarge as error:
        raise _too_large(len(payload), SYNCHRONOUS_LIMIT) from error
    except RuntimeUnavailable as error:
        raise AwsError("InvalidRuntimeException", str(error), Type="User", status=502) from error


def in_loop(ctx: Context, what: running.Runnable) -> bool:
    """Whether the chain of events that led here has run the function too often already."""
    function = what.found.function
    return function.recursion == "Terminate" and (
        lineage.times(ctx.trace, what.found.name.unqualified().arn) >= lineage.MOST
    )


def check_loop(ctx: Context, what: running.Runnable) -> None:
    """Raises RecursiveInvocationException."""
    if in_loop(ctx, what):
        counting.loop_stopped(ctx, what.found)
        raise AwsError(
            "RecursiveInvocationException",
            "Lambda has detected your function being invoked in a recursive loop with other Amazon Web Services resources "
            "and stopped your function's invocation.",
            Type="User",
        )


def enqueue(ctx: Context, name: FunctionName, payload: bytes, req: dict[str, Any]) -> None:
    """Commits an asynchronous invocation: acknowledged means that it will be tried."""
    counting.queued(ctx, name)
    ctx.schedule(
        "lambda.event",
        {
            "arn": name.arn,
            "payload": base64.b64encode(payload).decode(),
            "request_id": ctx.request_id,
            "client_context": req.get("ClientContext") or "",
            "tenant_id": req.get("TenantId") or "",
            "trace": ctx.trace,
            "queued": ctx.now,
        },
    )


def check_payload(payload: bytes, limit: int) -> None:
    if len(payload) > limit:
        raise _too_large(len(payload), limit)
    if payload:
        try:
            msgspec.json.decode(payload, type=msgspec.Raw)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise AwsError(
                "InvalidRequestContentException",
                f"Could not parse request body into json: Could not parse payload into json: {error}",
                Type="User",
            ) from error


def _too_large(size: int, limit: int) -> AwsError:
    return AwsError(
        "RequestTooLargeException",
        f"{size} byte payload is too large for the RequestResponse invocation type (limit {limit} bytes)"
        if limit == SYNCHRONOUS_LIMIT
        else f"{size} byte payload is too large for the Event invocation type (limit {limit} bytes)",
        status=413,
        Type="User",
    )


def _client_context(encoded: str | None) -> str | None:
    if not encoded:
        return None
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise AwsError(
            "InvalidRequestContentException", "Client context must be a valid Base64-encoded JSON object.", Type="User"
        ) from error
