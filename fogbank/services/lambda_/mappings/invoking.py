"""One invocation for a batch of records."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from fogbank.api import AwsError, Context
from fogbank.kit import ids
from fogbank.services.lambda_ import invocations, lookup, running
from fogbank.services.lambda_.mappings import results
from fogbank.services.lambda_.names import FunctionName, resolve
from fogbank.services.lambda_.records import EventSourceMapping

THROTTLE_FIRST, THROTTLE_MOST = 0.2, 30.0
"""Seconds between the tries of a batch that found no concurrency; the wait doubles."""
_THROTTLED = ("TooManyRequestsException", "ServiceException", "InternalFailure", "InvalidRuntimeException")


class Answer(NamedTuple):
    error: str | None
    payload: bytes
    request_id: str
    version: str

    def failed(self, mapping: EventSourceMapping, identifiers: list[str]) -> list[str] | None:
        """The items that failed; None where the whole batch did."""
        if self.error:
            return None
        if "ReportBatchItemFailures" not in mapping.settings.get("FunctionResponseTypes", ()):
            return []
        return results.failed(self.payload, identifiers)


class Throttled(Exception):
    """The function's concurrency is used up, or it cannot be run now: the batch has not reached it."""


def function_of(ctx: Context, mapping: EventSourceMapping) -> FunctionName:
    return resolve(ctx, {"FunctionName": mapping.function})


async def invoke(ctx: Context, mapping: EventSourceMapping, event: dict[str, Any]) -> Answer:
    """Raises Throttled."""
    name = function_of(ctx, mapping)
    attempt = ctx.acting()
    attempt.request_id = ids.uuid4(ctx.random)
    try:
        what = await ctx.transact(lambda c: running.runnable(c, lookup.version(c, name, choose=True)))
        outcome = await invocations.run(attempt, what, json.dumps(event, separators=(",", ":")).encode(), {})
    except AwsError as error:
        if error.code in _THROTTLED or error.code == "ResourceNotFoundException":
            raise Throttled(error.code) from error
        return Answer("Unhandled", error.message.encode(), attempt.request_id, lookup.LATEST)
    assert isinstance(outcome.payload, bytes)
    return Answer(outcome.error, outcome.payload, attempt.request_id, what.found.version)


def throttle_wait(tries: int) -> float:
    return float(min(THROTTLE_FIRST * 2**tries, THROTTLE_MOST))
