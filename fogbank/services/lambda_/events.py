"""Asynchronous invocation: the durable queue, its retries, and where results go.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from fogbank.api import AwsError, Context, Retry
from fogbank.iam import principal as principals
from fogbank.kit import ids
from fogbank.services.lambda_ import counting, invocations, lambda_, lineage, lookup, running
from fogbank.services.lambda_.names import FunctionName, resolve
from fogbank.services.lambda_.records import EventInvokeConfig
from fogbank.services.lambda_.views import timestamp

DEFAULT_AGE = 21_600
DEFAULT_RETRIES = 2
RETRY_WAITS = (60.0, 120.0)
THROTTLE_FIRST, THROTTLE_MOST = 1.0, 300.0
_NOT_THE_FUNCTION = ("TooManyRequestsException", "ServiceException", "InternalFailure")


@lambda_.task("lambda.event", retry=Retry(attempts=20, first=1.0, most=300.0))
async def run_event(ctx: Context, payload: dict[str, Any]) -> None:
    """One attempt at a queued event. What happens next is committed with the attempt's outcome."""
    name = resolve(ctx, {"FunctionName": payload["arn"]})
    try:
        what = await ctx.transact(lambda c: running.runnable(c, lookup.version(c, name, choose=True)))
    except AwsError:
        return  # The function, its version or its alias is gone, and the event with it.
    config = await ctx.transact(lambda c: _config(c, name))
    if ctx.now - payload["queued"] > (config.maximum_age or DEFAULT_AGE):
        await ctx.transact(lambda c: _give_up(c, name, what, config, payload, "EventAgeExceeded", None))
        return
    if what.found.function.reserved_concurrency == 0:
        await ctx.transact(lambda c: _give_up(c, name, what, config, payload, "ZeroReservedConcurrency", None))
        return
    ctx.trace = payload.get("trace", "")
    if invocations.in_loop(ctx, what):
        counting.loop_stopped(ctx, what.found)
        await ctx.transact(lambda c: _give_up(c, name, what, config, payload, "RecursiveInvocation", None))
        return
    counting.taken_from_queue(ctx, name, ctx.now - payload["queued"])
    event = base64.b64decode(payload["payload"])
    attempt = ctx.acting()
    attempt.request_id = payload["request_id"]
    try:
        members = {"ClientContext": payload["client_context"], "TenantId": payload.get("tenant_id") or None}
        outcome = await invocations.run(attempt, what, event, members, synchronous=False)
    except AwsError as error:
        if error.code not in _NOT_THE_FUNCTION:
            await ctx.transact(lambda c: _give_up(c, name, what, config, payload, "RetriesExhausted", None))
            return
        await ctx.transact(lambda c: _throttled(c, payload))
        return
    ctx.trace = lineage.extended(ctx.trace, name.unqualified().arn)  # What its destination causes follows from this run.
    answer = {"error": outcome.error, "payload": outcome.payload, "version": what.found.version}
    await ctx.transact(lambda c: _ended(c, name, what, config, payload, answer))


def _ended(
    ctx: Context, name: FunctionName, what: running.Runnable, config: EventInvokeConfig, payload: dict[str, Any],
    answer: dict[str, Any],
) -> None:
    """A success is told to its destination; an error is tried again after a minute, then after two."""
    count = payload.get("count", 0) + 1
    payload = {**payload, "count": count}
    if answer["error"] is None:
        if config.on_success:
            _tell(ctx, config.on_success, what, _record(ctx, name, payload, "Success", answer))
        return
    retries = DEFAULT_RETRIES if config.maximum_retries is None else config.maximum_retries
    if count <= retries:
        ctx.schedule("lambda.event", payload, delay=RETRY_WAITS[min(count, len(RETRY_WAITS)) - 1])
    else:
        _give_up(ctx, name, what, config, payload, "RetriesExhausted", answer)


def _throttled(ctx: Context, payload: dict[str, Any]) -> None:
    """Back to the queue, with a wait that doubles; such attempts do not count as the function's."""
    times = payload.get("throttled", 0)
    wait = min(THROTTLE_FIRST * 2**times, THROTTLE_MOST)
    ctx.schedule("lambda.event", {**payload, "throttled": times + 1}, delay=wait)


def _give_up(
    ctx: Context, name: FunctionName, what: running.Runnable, config: EventInvokeConfig, payload: dict[str, Any],
    condition: str, answer: dict[str, Any] | None,
) -> None:
    counting.dropped(ctx, name)
    if config.on_failure:
        _tell(ctx, config.on_failure, what, _record(ctx, name, payload, condition, answer))
    dead_letter = what.found.settings.dead_letter
    if dead_letter:
        text = base64.b64decode(payload["payload"]).decode(errors="replace")
        attributes = {"RequestID": payload["request_id"], "ErrorCode": "200", "ErrorMessage": _message(answer)}
        ctx.deliver(dead_letter, {"message": text, "attributes": attributes}, role=what.found.settings.role)


def _tell(ctx: Context, target: str, what: running.Runnable, record: dict[str, Any]) -> None:
    options = {"role": what.found.settings.role}
    if target.startswith("arn:aws:s3:"):
        now = datetime.fromtimestamp(ctx.now, UTC)
        name = what.found.name.name
        options["key"] = f"aws/lambda/async/{name}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{ids.uuid4(ctx.random)}"
    ctx.deliver(target, record, **options)


def _record(
    ctx: Context, name: FunctionName, payload: dict[str, Any], condition: str, answer: dict[str, Any] | None
) -> dict[str, Any]:
    """What a destination receives."""
    qualified = name if name.qualifier else name._replace(qualifier=lookup.LATEST)
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": timestamp(ctx.now).replace("+0000", "Z"),
        "requestContext": {
            "requestId": payload["request_id"],
            "functionArn": qualified.arn,
            "condition": condition,
            "approximateInvokeCount": payload.get("count", 0),
        },
        "requestPayload": _json(base64.b64decode(payload["payload"])),
    }
    if answer is not None:
        context = {"statusCode": 200, "executedVersion": answer["version"]}
        record["responseContext"] = {**context, "functionError": answer["error"]} if answer["error"] else context
        record["responsePayload"] = _json(answer["payload"])
    return record


def _message(answer: dict[str, Any] | None) -> str:
    document = _json(answer["payload"]) if answer else None
    return str(document.get("errorMessage", ""))[:1024] if isinstance(document, dict) else ""


def _json(data: bytes) -> Any:
    try:
        return json.loads(data) if data else {}
    except ValueError:
        return data.decode(errors="replace")


def _config(ctx: Context, name: FunctionName) -> EventInvokeConfig:
    """The settings of the qualifier that was invoked; without any, the defaults."""
    key = (name.account, name.region, name.name)
    qualifier = name.qualifier or lookup.LATEST
    found = ctx.tx.get(EventInvokeConfig, *key, qualifier)
    return found or EventInvokeConfig(
        account=name.account, region=name.region, function=name.name, qualifier=qualifier, modified=0.0
    )


@lambda_.target("lambda:function")
async def deliver(
    ctx: Context, arn: str, event: dict[str, Any], *, role: str = "", service: str = "", source_arn: str = "",
    source_account: str = "", **_: Any,
) -> None:
    """An event for a function is queued there, as the role or the service that sends it may."""
    principal = ctx.assume(role, "destination", "lambda.amazonaws.com") if role else ctx.principal
    if service:
        principal = principals.service(service, source_arn=source_arn, source_account=source_account or ctx.account)
    params = {"FunctionName": arn, "InvocationType": "Event", "Payload": json.dumps(event).encode()}
    await ctx.call_async("lambda", "Invoke", params, principal=principal)
