"""The engine as the rest of Fogbank uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from fogbank.engine import tiers
from fogbank.engine.cgroups import Cgroups
from fogbank.engine.function import PROVISIONED, Function
from fogbank.engine.invocation import MAX_PAYLOAD, Invocation
from fogbank.engine.runtimes import Toolbox
from fogbank.engine.spec import (
    Clock,
    EngineSettings,
    FunctionSpec,
    Hooks,
    IsolationUnavailable,
    Outcome,
    RequestTooLarge,
)  # fmt: skip
from fogbank.engine.workshop import Workshop

_SWEEP_SECONDS = 5.0


class Engine:
    """Starts nothing until a function is prepared or invoked."""

    def __init__(self, settings: EngineSettings, clock: Clock, random: Random, hooks: Hooks) -> None:
        self.settings = settings
        self._clock = clock
        self._random = random
        self._hooks = hooks
        self._workshop: Workshop | None = None
        self._toolbox = Toolbox(settings.data_dir, settings.obtain)
        self._functions: dict[str, Function] = {}
        self._retired: set[Function] = set()
        self._sweeper: asyncio.TimerHandle | None = None
        self._tier: tiers.Tier | None = None
        self._looking: asyncio.Future[tiers.Tier] | None = None

    async def start(self) -> None:
        """Looks which isolation the machine allows; once. Raises IsolationUnavailable where it is less than demanded."""
        if self._tier is not None:
            return
        for name in ("run", "log", "cache", "runtimes"):
            (self.settings.data_dir / name).mkdir(parents=True, exist_ok=True)
        self._tier = tiers.choose(self.settings.isolation)

    async def stop(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
        for function in [*self._functions.values(), *self._retired]:
            function.retire()
        if self._workshop is not None:
            await self._workshop.close()
            self._workshop = None
        self._functions.clear()

    def _shop(self) -> Workshop:
        if self._workshop is None:
            if self._tier is None:
                raise IsolationUnavailable("the engine has not been started")
            if self._tier.name == "none":
                raise IsolationUnavailable(f"this machine allows no sandbox: {self._tier.problem}")
            cgroups = Cgroups(tiers.cgroup_name(self.settings.data_dir))
            cgroups.sweep()
            cgroups.tidy(self._clock.now())
            self._workshop = Workshop(self.settings, self._clock, self._hooks, self._tier.name, cgroups, self._toolbox)
            self._sweep()
        return self._workshop

    async def invoke(
        self,
        spec: FunctionSpec,
        payload: bytes,
        *,
        request_id: str,
        invoked_arn: str | None = None,
        client_context: str | None = None,
        identity: str | None = None,
        trace_id: str | None = None,
        provisioned: bool = False,
        over: Callable[[Outcome | None], None] | None = None,
        tail: bool = False,
        stream: bool = False,
        tenant_id: str | None = None,
    ) -> Outcome:
        """See `spec.EngineLike.invoke`."""
        invocation = Invocation(
            request_id, payload, invoked_arn=invoked_arn or spec.function_arn, client_context=client_context,
            identity=identity, trace_id=trace_id or self.new_trace(), tenant_id=tenant_id, tail=tail, stream=stream,
            provisioned=provisioned,
        )  # fmt: skip
        if over is not None:
            invocation.ended.add_done_callback(lambda _: over(invocation.outcome))
        try:
            self._run(spec, invocation)
            return await invocation.answer
        except Exception:
            if not invocation.ended.done():
                invocation.ended.set_result(None)
            raise

    def _run(self, spec: FunctionSpec, invocation: Invocation) -> None:
        if len(invocation.payload) > MAX_PAYLOAD:
            raise RequestTooLarge(
                f"{len(invocation.payload)} byte payload is too large for the RequestResponse invocation type "
                f"(limit {MAX_PAYLOAD} bytes)"
            )
        function = self._function(spec)
        function.running += 1
        invocation.ended.add_done_callback(function.one_less)
        self._make_room(function)
        function.run(invocation)

    def _function(self, spec: FunctionSpec) -> Function:
        function = self._functions.get(spec.function_arn)
        if function is not None and function.spec.revision == spec.revision:
            return function
        if function is not None:
            function.retire()
            self._retired.add(function)
        function = Function(self._shop(), spec, self._new_identity)
        self._functions[spec.function_arn] = function
        return function

    def new_trace(self) -> str:
        """Lambda gives every invocation a trace; one that nobody asked for is not sampled."""
        root = f"1-{int(self._clock.now()):08x}-{self._random.getrandbits(96):024x}"
        return f"Root={root};Parent={self._random.getrandbits(64):016x};Sampled=0"

    def _new_identity(self) -> str:
        return f"{self._random.getrandbits(128):032x}"

    def _make_room(self, wanted: Function) -> None:
        """At the machine's limit the environment that has been idle longest gives way; provisioned ones do not."""
        if wanted.idle or sum(f.environments for f in self._functions.values()) < self.settings.max_environments:
            return
        idle = [e for function in self._functions.values() for e in function.idle if e.init_type != PROVISIONED]
        if idle:
            min(idle, key=lambda environment: environment.idle_since).retire()

    def retire(self, function_arn: str) -> None:
        """See `spec.EngineLike.retire`."""
        for arn in list(self._functions):
            if arn == function_arn or arn.startswith(function_arn + ":"):
                function = self._functions.pop(arn)
                function.retire()
                if function.environments:
                    self._retired.add(function)

    async def expect(self, runtime: str) -> None:
        """See `spec.EngineLike.expect`."""
        await self._toolbox.expect(runtime)

    async def prepare(self, spec: FunctionSpec) -> None:
        """See `spec.EngineLike.prepare`."""
        await self._shop().prepare(spec)

    async def provision(self, spec: FunctionSpec, count: int) -> int:
        """See `spec.EngineLike.provision`."""
        return await self._function(spec).provision(count)

    def running(self, function_arn: str) -> int:
        """See `spec.EngineLike.running`."""
        functions = [*self._functions.values(), *self._retired]
        return sum(f.running for f in functions if function_arn in (f.spec.function_arn, f.spec.unqualified_arn))

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        for function in self._functions.values():
            function.expire(loop.time(), self.settings.idle_seconds)
        if self._workshop is not None:
            self._workshop.expire(self.settings.idle_seconds)
        self._retired = {function for function in self._retired if function.environments}
        self._sweeper = loop.call_later(_SWEEP_SECONDS, self._sweep)

    def describe(self) -> dict[str, Any]:
        """See `spec.EngineLike.describe`."""
        tier = self._tier
        return {
            "isolation": tier.describe() if tier else {},
            "environments": {arn: function.environments for arn, function in self._functions.items()},
            **(self._workshop.describe() if self._workshop else {}),
        }
