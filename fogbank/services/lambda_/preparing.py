"""Between a deployment and its first request: the runtime's parent process, the SDK and a sandbox are made ready."""

from __future__ import annotations

import logging
from typing import Any

from fogbank.api import AwsError, Context, Retry
from fogbank.engine import Engine
from fogbank.engine.spec import EngineError
from fogbank.services.lambda_ import lambda_, lookup, running
from fogbank.services.lambda_.names import FunctionName, resolve

log = logging.getLogger("fogbank.lambda")


def schedule(ctx: Context, name: FunctionName) -> None:
    """Commits the preparation with the change that makes it useful; of several changes in a row, one is left."""
    ctx.schedule("lambda.prepare", {"arn": name.arn}, key=name.arn)


@lambda_.task("lambda.prepare", retry=Retry(attempts=1))
async def prepare(ctx: Context, payload: dict[str, Any]) -> None:
    """What cannot be made ready is told by the invocation, to whoever asks for it."""
    name = resolve(ctx, {"FunctionName": payload["arn"]})
    try:
        what = await ctx.transact(lambda c: running.runnable(c, lookup.version(c, name)))
        engine = ctx.component(Engine)
        await engine.start()
        await engine.prepare(await running.spec(ctx, what))
    except (AwsError, EngineError) as error:
        log.info("%s could not be prepared: %s", payload["arn"], error)
