"""The environments of one function version: idle ones are reused, the last used first; missing ones are started."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fogbank.engine.environment import Environment
from fogbank.engine.invocation import Invocation
from fogbank.engine.spec import FunctionSpec

if TYPE_CHECKING:
    from fogbank.engine.workshop import Workshop


PROVISIONED = "provisioned-concurrency"


class Function:
    def __init__(self, workshop: Workshop, spec: FunctionSpec, new_identity: Callable[[], str]) -> None:
        self.spec = spec
        self.running = 0
        self.provisioned = 0
        self._shop = workshop
        self._new_identity = new_identity
        self._idle: list[Environment] = []
        self._all: set[Environment] = set()

    @property
    def environments(self) -> int:
        return len(self._all)

    @property
    def idle(self) -> list[Environment]:
        return self._idle

    def run(self, invocation: Invocation) -> None:
        """Gives the invocation to an idle environment, or to a new one. Where provisioned ones are on their way still,
        what was meant for them runs on demand."""
        idle = invocation.provisioned and self._take(invocation, True) or self._take(invocation, False)
        if idle:
            idle.tenant = invocation.tenant_id
            idle.invoke(invocation)
            return
        snap_start = self.spec.snap_start and self.spec.version != "$LATEST"
        environment = self._new("snap-start" if snap_start else "on-demand")
        environment.tenant = invocation.tenant_id
        environment.start(invocation)

    def _take(self, invocation: Invocation, provisioned: bool) -> Environment | None:
        for place in range(len(self._idle) - 1, -1, -1):
            environment = self._idle[place]
            fits = environment.tenant in (None, invocation.tenant_id)
            if fits and (environment.init_type == PROVISIONED) == provisioned:
                del self._idle[place]
                return environment
        return None

    def one_less(self, _: object) -> None:
        self.running -= 1

    def _new(self, init_type: str) -> Environment:
        environment = Environment(self._shop, self.spec, self._new_identity(), init_type)
        environment.on_idle = self._idle.append
        environment.on_dead = self._forget
        self._all.add(environment)
        return environment

    def _forget(self, environment: Environment) -> None:
        self._all.discard(environment)
        if environment in self._idle:
            self._idle.remove(environment)

    async def provision(self, count: int) -> int:
        """Starts or gives up environments so that `count` are kept. Raises EngineError where Init fails."""
        self.provisioned = count
        kept = [environment for environment in self._all if environment.init_type == PROVISIONED]
        for environment in kept[count:]:
            environment.retire()
        started = [self._new(PROVISIONED) for _ in range(count - len(kept))]
        for environment in started:
            environment.start()
        for environment in started:
            await environment.initialised
        return max(count, 0)

    def expire(self, now: float, idle_seconds: float) -> None:
        """Shuts down what has been idle too long or is too old; provisioned environments only for age."""
        for environment in list(self._idle):
            idle = now - environment.idle_since > idle_seconds and environment.init_type != PROVISIONED
            if idle or now > environment.expires:
                environment.retire()

    def retire(self) -> None:
        for environment in list(self._all):
            environment.retire()
