"""What invocations and provisioned environments are billed for.

Of invocations the last second is lost with a process that is killed, as their ends are gathered for one commit.
https://aws.amazon.com/lambda/pricing/
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import NamedTuple

from fogbank.api import AwsError, Context, usage
from fogbank.api.metrics import Gathered
from fogbank.engine.spec import FunctionSpec, Outcome
from fogbank.services.lambda_ import lambda_
from fogbank.services.lambda_.records import Function, Provisioned, Settings

log = logging.getLogger("fogbank.lambda")

BILL = "AWS Lambda"
FREE_EPHEMERAL_MB = 512
EVENT_CHUNK_FROM, EVENT_CHUNK = 262_144, 65_536
"""An event up to 256 KB is one request; each further 64 KB are one more."""
LONGEST_COUNT = 20.0
"""Seconds: provisioned environments are counted every ten."""
GATHERED = 1.0
"""Seconds."""


class Use(NamedTuple):
    account: str
    region: str
    function: str
    usage_type: str


class Meter:
    """Counts what has ended since the last commit."""

    def __init__(self) -> None:
        self._counts: Counter[Use] = Counter()
        self._timer: asyncio.TimerHandle | None = None
        self._writing: set[asyncio.Task[None]] = set()

    def count(self, ctx: Context, spec: FunctionSpec, outcome: Outcome, *, provisioned: bool, requests: int) -> None:
        suffix = "-ARM" if spec.architecture == "arm64" else ""
        place = (spec.account, spec.region, spec.name)
        duration = "Lambda-Provisioned-GB-Second" if provisioned else "Lambda-GB-Second"
        self._counts[Use(*place, f"Request{suffix}")] += requests
        self._counts[Use(*place, f"{duration}{suffix}")] += spec.memory_mb * outcome.billed_ms
        if spec.ephemeral_mb > FREE_EPHEMERAL_MB:
            extra = spec.ephemeral_mb - FREE_EPHEMERAL_MB
            self._counts[Use(*place, "Lambda-Storage-GB-Second")] += extra * outcome.billed_ms
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHERED, self._due, ctx.acting())

    def _due(self, ctx: Context) -> None:
        task = asyncio.ensure_future(self.write(ctx))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def write(self, ctx: Context) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await ctx.transact(lambda c: _write(c, counts))
        except AwsError as error:
            log.warning("what was used is not counted: %s", error)

    async def stop(self) -> None:
        """`on_stop` has written what there was."""
        if self._timer is not None:
            self._timer.cancel()


def _write(ctx: Context, counts: Counter[Use]) -> None:
    for use, amount in counts.items():
        function = ctx.tx.get(Function, use.account, use.region, use.function)
        _add(ctx, use, amount, function.tags if function else {})


def _add(ctx: Context, use: Use, amount: int, tags: dict[str, str]) -> None:
    arn = f"arn:aws:lambda:{use.region}:{use.account}:function:{use.function}"
    usage.add(ctx.tx, ctx.now, usage.Item(use.account, use.region, BILL, use.usage_type, arn), amount, tags)


def count_provisioned(ctx: Context, config: Provisioned, function: Function, settings: Settings) -> None:
    """The environments of a configuration, since they were last counted. The caller writes the configuration."""
    if config.allocated and config.metered:
        suffix = "-ARM" if settings.architectures == ["arm64"] else ""
        use = Use(config.account, config.region, config.function, f"Lambda-Provisioned-Concurrency{suffix}")
        # While the cloud was down there were none.
        milliseconds = round(min(ctx.now - config.metered, LONGEST_COUNT) * 1000)
        _add(ctx, use, config.allocated * settings.memory * milliseconds, function.tags)
    config.metered = ctx.now


def requests_of(payload: bytes, *, synchronous: bool) -> int:
    beyond = 0 if synchronous else len(payload) - EVENT_CHUNK_FROM
    return 1 + max(0, -(-beyond // EVENT_CHUNK))


@lambda_.stopped
async def write_all(ctx: Context) -> None:
    await ctx.component(Meter).write(ctx)
    await ctx.component(Gathered).write(ctx)
