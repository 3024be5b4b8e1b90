"""The Init phase: from a sandbox that is asked for to a runtime and extensions that wait for an event."""

from __future__ import annotations

from typing import Any

from fogbank.engine import environment_variables, report
from fogbank.engine.api_http import Call
from fogbank.engine.environment_base import EnvironmentBase
from fogbank.engine.extensions import Extension, Extensions, discover
from fogbank.engine.invocation import Invocation
from fogbank.engine.lifecycle import RUNTIME, Machine
from fogbank.engine.plumbing import Plumbing
from fogbank.engine.sandbox import Sandbox
from fogbank.engine.spec import Credentials, EngineError
from fogbank.engine.telemetry import Subscription, SubscriptionRefused, terms

_CREDENTIALS_MARGIN = 600
_WATCH_SECONDS = 0.1


class InitPhase(EnvironmentBase):
    def start(self, invocation: Invocation | None = None) -> None:
        """Begins the Init phase; the invocation follows it."""
        self.journal.invocation = invocation
        if invocation is not None:
            invocation.cold = True
        self._boot_task = self._loop.create_task(self._boot())

    async def _boot(self) -> None:
        try:
            sandbox, becoming, credentials = await self._shop.sandbox(self.spec)
        except Exception as error:  # the machine's, or the hook's about the execution role: the caller must know
            self._cannot_start(error)
            return
        if self.machine == "dead":
            self._shop.discard(sandbox)
            return
        self._sandbox = sandbox
        sandbox.on_exit = self._process_exited
        sandbox.on_failed = self._order_failed
        sandbox.on_gone.append(self._sandbox_gone)
        self._plumbing = Plumbing(self._shop, self.spec, sandbox, self._api(), self.journal)
        self._begin_init(sandbox, becoming, credentials)

    def _cannot_start(self, error: Exception) -> None:
        if self.invocation is not None and not self.invocation.answer.done():
            self.invocation.answer.set_exception(error)
        if not self.initialised.done():
            self.initialised.set_exception(error)
            self.initialised.exception()
        self._die()

    def _begin_init(self, sandbox: Sandbox, becoming: dict[str, Any], credentials: Credentials | None) -> None:
        self.machine.to("init")
        if self._phase == "init":
            version, arn = report.runtime_version(self.spec) if self.spec.image is None else (None, None)
            self.journal.event("platform.initStart", {
                "initializationType": self.init_type, "phase": "init", "runtimeVersion": version,
                "runtimeVersionArn": arn, "functionName": self.spec.name, "functionVersion": self.spec.version,
            })  # fmt: skip
            self._arm(self._init_limit(), self._init_timed_out)
        if credentials is not None:
            left = credentials.expires_at - self._shop.clock.now() - _CREDENTIALS_MARGIN
            self.expires = min(self.expires, self._loop.time() + left)
        self.runtime = Machine(RUNTIME, "started")
        self.extensions = Extensions(discover(self.spec))
        self._init_started = self._shop.timer()
        values = environment_variables.build(
            self.spec, self._shop.runtime_of(self.spec), stream=self.journal.stream, init_type=self.init_type,
            credentials=credentials, endpoint_url=self._shop.settings.endpoint_url,
        )  # fmt: skip
        self._begin_watch()
        go = {"cwd": "/var/task", **becoming, "env": values, "memory_mb": self.spec.memory_mb}
        external = self.extensions.external
        self._shop.assign(sandbox, self.spec, None if external else go)
        if external:
            self._go = go
            hidden = environment_variables.extension(values)
            for extension in external:
                path = f"/opt/extensions/{extension.name}"
                sandbox.start(f"extension:{extension.name}", argv=[path], env=hidden, cwd="/", log="extension")

    def _init_limit(self) -> float:
        """10 seconds; ahead of any invocation 130, or the function's timeout where that is longer.

        https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
        """
        limit = self._shop.settings.init_timeout
        return limit if self.init_type == "on-demand" else max(13 * limit, self.spec.timeout_s)

    def _begin_watch(self) -> None:
        if self._watcher is None and not self._shop.cgroups.memory:
            self._watcher = self._loop.call_later(_WATCH_SECONDS, self._watch_memory)

    def _watch_memory(self) -> None:
        """Where no control group can be made: the runtime process is looked at while it is busy, and killed for more
        memory than the function has. What it takes and gives back in between goes unseen, and so do its children."""
        self._watcher = None
        if self._sandbox is None or self.machine.state not in ("init", "invoke"):
            return
        if self._shop.outgrown(self._sandbox, self.spec.memory_mb):
            self._sandbox.kill()
        else:
            self._watcher = self._loop.call_later(_WATCH_SECONDS, self._watch_memory)

    def extension_registered(self, extension: Extension) -> None:
        """The runtime starts when the last external extension has registered."""
        if self._go is not None and self.extensions.registered and self._sandbox is not None:
            go, self._go = self._go, None
            self._shop.go(self._sandbox, go)

    def subscribe(self, extension: Extension, api: str, body: dict[str, Any]) -> None:
        """Raises SubscriptionRefused."""
        sandbox = self._sandbox
        if not self.journal.open or sandbox is None:
            raise SubscriptionRefused(
                f"{'Telemetry' if api == 'telemetry' else 'Logs'} API subscription is closed already",
                "Logs.SubscriptionClosed" if api == "logs" else "Telemetry.SubscriptionClosed", 403,
            )  # fmt: skip
        wanted = terms(api, body)
        stamp = lambda: report.iso(self._shop.clock.now())  # noqa: E731
        self.journal.subscribe(Subscription(extension.name, api, wanted, sandbox.new_socket, stamp))
        kind = "platform.telemetrySubscription" if api == "telemetry" else "platform.logsSubscription"
        self.journal.event(kind, {"name": extension.name, "state": "Subscribed", "types": list(wanted.types)})

    def _init_maybe_done(self) -> None:
        if self.runtime != "ready" or not self.extensions.ready:
            return
        self._disarm()
        self.extensions.open = False
        duration = (self._shop.timer() - self._init_started) * 1000
        for extension in (*self.extensions.external, *self.extensions.internal):
            self.journal.event("platform.extension", {
                "name": extension.name, "state": "Ready", "events": list(extension.events),
            })  # fmt: skip
        self._init_report("success", duration)
        self.journal.init_ended()
        if self._sandbox is not None:
            self._shop.cgroups.share(self._sandbox.slot, self.spec.memory_mb)
        self.machine.to("ready")
        if not self.initialised.done():
            self.initialised.set_result(None)
        invocation = self.invocation
        if invocation is None:
            self._rest()
        elif self._phase == "init":
            if self.init_type == "on-demand":
                invocation.init_ms = duration
            elif self.init_type == "snap-start":
                invocation.restore_ms = duration
                self.journal.event("platform.restoreReport", {
                    "status": "success", "metrics": {"durationMs": round(duration, 3)},
                })  # fmt: skip
            self._begin_invoke(invocation)
        else:
            self._hand_over(invocation)

    def _init_report(self, status: str, duration: float, error_type: str | None = None) -> None:
        common = {"initializationType": self.init_type, "phase": self._phase, "status": status, "errorType": error_type}
        self.journal.event("platform.initRuntimeDone", common)
        self.journal.event("platform.initReport", {**common, "metrics": {"durationMs": round(duration, 3)}})

    def _init_timed_out(self) -> None:
        self._init_failed("timeout", None, b"")

    def _init_failed(self, status: str, kind: str | None, body: bytes) -> None:
        """The first failure of an on-demand Init is tried again within the invocation; the second is its outcome."""
        if self.machine != "init":
            return
        self._disarm()
        self._drain_logs()
        self._init_report(status, (self._shop.timer() - self._init_started) * 1000, kind)
        self.machine.to("init_failed")
        self._drop_sandbox()
        invocation = self.invocation
        if self._phase == "init" and invocation is not None:
            self._phase = "invoke"
            self.journal.init_again()
            self._start_of(invocation)
            self._boot_task = self._loop.create_task(self._boot())
            return
        if not self.initialised.done():
            text = body.decode("utf-8", "replace")
            self.initialised.set_exception(EngineError(f"{kind or 'Sandbox.Timedout'}: {text}"))
            self.initialised.exception()
        if invocation is not None:
            invocation.fail(kind or "Sandbox.Timedout", body, status)
            self._end_invoke(invocation)
        else:
            self._die()

    def runtime_restore(self, call: Call) -> None:
        """GET restore/next of a SnapStart function. Its state is not kept and copied here: every environment runs Init
        itself, with the hooks before and after, so that nothing can be shared that must be unique."""
        self.runtime.to("restoring")
        version, arn = report.runtime_version(self.spec)
        self.journal.event("platform.restoreStart", {
            "runtimeVersion": version, "runtimeVersionArn": arn, "functionName": self.spec.name,
            "functionVersion": self.spec.version,
        })  # fmt: skip
        call.reply(200)

    def runtime_init_error(self, kind: str, body: bytes) -> None:
        self.runtime.to("init_error")
        self._init_failed("error", kind, body)
