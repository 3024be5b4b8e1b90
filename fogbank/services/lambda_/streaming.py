"""InvokeWithResponseStream: the answer as it is made.

https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

from fogbank.api import Context
from fogbank.engine.spec import Outcome
from fogbank.services.lambda_ import invocations, lambda_, tenancy
from fogbank.services.lambda_.names import access, resolve


@lambda_.operation(access=access("InvokeFunction"))
async def invoke_with_response_stream(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name, payload = resolve(ctx, req), req.get("Payload") or b""
    what = await ctx.transact(lambda c: invocations.find(c, name))
    invocations.check_payload(payload, invocations.SYNCHRONOUS_LIMIT)
    tenancy.check_invocation(what.found.settings, req.get("TenantId"))
    if req.get("InvocationType") == "DryRun":
        return {"StatusCode": 204}
    invocations.check_loop(ctx, what)
    tail = req.get("LogType") == "Tail"
    outcome = await invocations.run(ctx, what, payload, req, stream=True)
    return {
        "StatusCode": 200,
        "ExecutedVersion": what.found.version,
        "ResponseStreamContentType": outcome.content_type,
        "EventStream": _events(outcome, tail),
    }


async def _events(outcome: Outcome, tail: bool) -> AsyncIterator[dict[str, Any]]:
    """Chunks of the payload, and at the end how it ended; an error's document goes into the completion."""
    details = b""
    if isinstance(outcome.payload, bytes):
        if outcome.error:
            details = outcome.payload
        else:
            yield {"PayloadChunk": {"Payload": outcome.payload}}
    else:
        async for chunk in outcome.payload:
            yield {"PayloadChunk": {"Payload": chunk}}
    complete: dict[str, Any] = {}
    if outcome.error:
        complete = {"ErrorCode": outcome.error, "ErrorDetails": details.decode(errors="replace") or outcome.error_type}
    if tail:
        await outcome.finished()
        complete["LogResult"] = base64.b64encode(outcome.log_tail).decode()
    yield {"InvokeComplete": complete}
