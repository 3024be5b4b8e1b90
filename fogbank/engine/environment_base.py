"""What all phases of an execution environment share: its parts, its timers, its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fogbank.engine.api_http import Call
from fogbank.engine.extension_api import InsideApi
from fogbank.engine.extensions import Extensions
from fogbank.engine.invocation import Invocation, Stream
from fogbank.engine.journal import Journal
from fogbank.engine.lifecycle import ENVIRONMENT, RUNTIME, Machine
from fogbank.engine.plumbing import Plumbing
from fogbank.engine.sandbox import Sandbox
from fogbank.engine.spec import FunctionSpec

if TYPE_CHECKING:
    from fogbank.engine.workshop import Workshop


class EnvironmentBase:
    def __init__(self, shop: Workshop, spec: FunctionSpec, identity: str, init_type: str = "on-demand") -> None:
        self.spec = spec
        self.init_type = init_type
        self.machine = Machine(ENVIRONMENT, "new")
        self.runtime = Machine(RUNTIME, "started")
        self.extensions = Extensions(())
        self.journal = Journal(spec, shop.log_stream(spec, identity), shop.sink, shop.clock)
        self.on_idle: Callable[[Any], None] = lambda environment: None
        self.on_dead: Callable[[Any], None] = lambda environment: None
        self.initialised: asyncio.Future[None] = shop.loop.create_future()
        self.idle_since = 0.0
        self.tenant: str | None = None
        """Tenant isolation: once an environment has served a tenant it serves no other."""
        self.expires = shop.loop.time() + shop.settings.max_age_seconds
        self.retiring = False
        self._shop = shop
        self._loop = shop.loop
        self._sandbox: Sandbox | None = None
        self._plumbing: Plumbing | None = None
        self._next: Call | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._freezer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.TimerHandle | None = None
        self._phase = "init"
        self._init_started = 0.0
        self._go: dict[str, Any] | None = None
        self._peak_mb = 0
        self._stream: Stream | None = None
        self._runtime_ended = 0.0
        self._changed = asyncio.Event()
        self._boot_task: asyncio.Task[None] | None = None

    @property
    def invocation(self) -> Invocation | None:
        return self.journal.invocation

    def _die(self) -> None:
        if self.machine == "dead":
            return
        self.machine.to("dead")
        self._disarm()
        if self._watcher is not None:
            self._watcher.cancel()
        self._drop_sandbox()
        self.journal.close()
        if not self.initialised.done():
            self.initialised.cancel()
        self.on_dead(self)

    def _drop_sandbox(self) -> None:
        """Kills all its processes and lets go of its sockets. The environment may get another one (a retried Init)."""
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is None:
            return
        sandbox.on_exit = lambda name, status: None
        sandbox.on_failed = lambda name, error: None
        sandbox.on_gone = [callback for callback in sandbox.on_gone if callback != self._sandbox_gone]
        self._next = None
        if self._plumbing is not None:
            self._peak_mb = self._plumbing.memory_mb()
            self._plumbing.close()
            self._plumbing = None
        self._shop.discard(sandbox)

    def _arm(self, seconds: float, action: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self._loop.call_later(seconds, action)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _drain_logs(self) -> None:
        if self._plumbing is not None:
            self._plumbing.drain_logs()

    # What the phases ask of each other.

    def _api(self) -> InsideApi:
        raise NotImplementedError

    def _begin_invoke(self, invocation: Invocation) -> None:
        raise NotImplementedError

    def _hand_over(self, invocation: Invocation) -> None:
        raise NotImplementedError

    def _start_of(self, invocation: Invocation) -> None:
        raise NotImplementedError

    def _end_invoke(self, invocation: Invocation) -> None:
        raise NotImplementedError

    def _rest(self) -> None:
        raise NotImplementedError

    def _process_exited(self, name: str, status: int) -> None:
        raise NotImplementedError

    def _order_failed(self, name: str, error: str) -> None:
        raise NotImplementedError

    def _sandbox_gone(self) -> None:
        raise NotImplementedError
