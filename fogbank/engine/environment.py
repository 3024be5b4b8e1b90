"""An execution environment: one sandbox, one function version, one invocation at a time.

What happens comes in as events (the runtime asks for the next invocation, answers, exits; a timer fires) and each event
is a method here. The states and the permitted ways between them stand in `lifecycle.py`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fogbank.engine import environment_variables, report
from fogbank.engine.api_http import Call, Connection
from fogbank.engine.invocation import (
    MAX_RESPONSE,
    MAX_STREAMED,
    RESPONSE_TOO_LARGE,
    Invocation,
    Stream,
    error_document,
    exit_reason,
)  # fmt: skip
from fogbank.engine.lifecycle import ENVIRONMENT, RUNTIME, Machine
from fogbank.engine.logs import LogReader
from fogbank.engine.runtime_api import RuntimeApi
from fogbank.engine.sandbox import Sandbox
from fogbank.engine.spec import Credentials, EngineError, FunctionSpec, LogRecord, Outcome

if TYPE_CHECKING:
    from fogbank.engine.workshop import Workshop

InitType = str


class Environment:
    def __init__(self, workshop: Workshop, spec: FunctionSpec, identity: str, init_type: InitType = "on-demand") -> None:
        self.spec = spec
        self.init_type = init_type
        self.identity = identity
        self.stream = workshop.log_stream(spec, identity)
        self.machine = Machine(ENVIRONMENT, "new")
        self.runtime = Machine(RUNTIME, "started")
        self.invocation: Invocation | None = None
        self.on_idle: Callable[[Environment], None] = lambda environment: None
        self.on_dead: Callable[[Environment], None] = lambda environment: None
        self.initialised: asyncio.Future[None] = workshop.loop.create_future()
        self.idle_since = 0.0
        self.born = workshop.loop.time()
        self.expires = self.born + workshop.settings.max_age_seconds
        self.retiring = False
        self._shop = workshop
        self._loop = workshop.loop
        self._sandbox: Sandbox | None = None
        self._logs: LogReader | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[Connection] = set()
        self._releases: list[Callable[[], None]] = []
        self._next: Call | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._freezer: asyncio.TimerHandle | None = None
        self._phase = "init"
        self._init_started = 0.0
        self._init_ms: float | None = None
        self._first_init_failed = False
        self._peak: int | None = None
        self._peak_mb = 0
        self._stream: Stream | None = None
        self._boot_task: asyncio.Task[None] | None = None

    # -- birth ---------------------------------------------------------------------------------------------------------

    def start(self, invocation: Invocation | None = None) -> None:
        """Begins the Init phase; the invocation follows it."""
        self.invocation = invocation
        if invocation is not None:
            invocation.cold = True
        self._boot_task = self._loop.create_task(self._boot())

    async def _boot(self) -> None:
        try:
            sandbox, runtime, credentials = await self._shop.sandbox(self.spec)
        except EngineError as error:
            self._cannot_start(error)
            return
        except Exception as error:
            self._cannot_start(EngineError(f"the sandbox could not be made: {error}"))
            raise
        if self.machine == "dead":
            self._shop.discard(sandbox)
            return
        self._take(sandbox)
        self._begin_init(runtime, credentials)

    def _cannot_start(self, error: EngineError) -> None:
        if self.invocation is not None and not self.invocation.answer.done():
            self.invocation.answer.set_exception(error)
        if not self.initialised.done():
            self.initialised.set_exception(error)
            self.initialised.exception()
        self._die()

    def _take(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        sandbox.on_exit = self._process_exited
        sandbox.on_failed = self._order_failed
        sandbox.on_gone.append(self._sandbox_gone)
        self._logs = LogReader(sandbox.log, sandbox.frames, self._shop.clock, self._shop.sink, self._logged)
        api = RuntimeApi(self)
        connections = self._connections

        def connection() -> Connection:
            made = Connection(api.route, api.handle, connections.discard)
            connections.add(made)
            return made

        self._serve(sandbox, connection)
        self._shop.resolver.serve(sandbox.dns)
        self._releases = self._shop.adopt_sockets(sandbox, self.spec)
        path = self._shop.cgroups.peak_file(sandbox.slot)
        self._peak = os.open(path, os.O_RDONLY) if path else None

    def _serve(self, sandbox: Sandbox, connection: Callable[[], Connection]) -> None:
        listener = sandbox.runtime_api

        def accept() -> None:
            for _ in range(16):
                try:
                    peer, _address = listener.accept()
                except OSError:
                    return
                if len(self._connections) > 64:
                    peer.close()
                    continue
                peer.setblocking(False)
                self._loop.create_task(self._loop.connect_accepted_socket(connection, peer))

        self._loop.add_reader(listener, accept)

    def _begin_init(self, runtime: dict[str, Any], credentials: Credentials | None) -> None:
        assert self._sandbox is not None
        if self.machine == "new":
            self.machine.to("init")
            version, arn = report.runtime_version(self.spec)
            self._event("platform.initStart", {
                "initializationType": self.init_type, "phase": "init", "runtimeVersion": version,
                "runtimeVersionArn": arn, "functionName": self.spec.name, "functionVersion": self.spec.version,
            })  # fmt: skip
        else:
            self.machine.to("init")
        if credentials is not None:
            self.expires = min(self.expires, self._loop.time() + credentials.expires_at - self._shop.clock.now() - 600)
        self.runtime = Machine(RUNTIME, "started")
        self._init_started = self._shop.timer()
        if self._phase == "init":
            self._arm(self._shop.settings.init_timeout, self._init_timed_out)
        values = environment_variables.build(
            self.spec, self._shop.runtime_of(self.spec), stream=self.stream, init_type=self.init_type,
            credentials=credentials, endpoint_url=self._shop.settings.endpoint_url,
        )  # fmt: skip
        self._shop.assign(self._sandbox, self.spec, runtime, values)

    # -- what the runtime says -----------------------------------------------------------------------------------------

    def runtime_next(self, call: Call) -> None:
        """GET next: the end of Init, or the end of the runtime's part of an invocation."""
        if self.runtime == "responding":
            self.runtime.to("responded")
        self.runtime.to("ready")
        self._next = call
        if self.machine == "init":
            self._init_done()
        elif self.machine == "invoke":
            self._runtime_done()

    def runtime_response(self, body: bytes, content_type: str) -> None:
        invocation = self.invocation
        assert invocation is not None
        self.runtime.to("responded")
        invocation.outcome = Outcome("ok", body, invocation.request_id, content_type=content_type or "application/json")
        self._answered(invocation)

    def runtime_error(self, kind: str, body: bytes) -> None:
        invocation = self.invocation
        assert invocation is not None
        self.runtime.to("responded")
        invocation.fail(kind, body)
        self._answered(invocation)

    def runtime_init_error(self, kind: str, body: bytes) -> None:
        self.runtime.to("init_error")
        self._init_failed("error", kind, body)

    def response_stream(self, call: Call) -> None:
        """The headers of a streamed response are there."""
        invocation = self.invocation
        if invocation is None or self.runtime.state != "running":
            return
        self.runtime.to("responding")
        stream = Stream(MAX_STREAMED if invocation.wants_stream else MAX_RESPONSE)
        self._stream = stream
        content_type = call.headers.get("content-type", "application/octet-stream")

        def feed(data: bytes | None) -> None:
            if data is None:
                stream.end(broken=not call.connected)
            elif stream.feed(data) and invocation.wants_stream:
                call.pause()
                self._loop.create_task(_resume_when_hungry(stream, call))

        call.stream = feed
        if invocation.wants_stream:
            payload = stream.__aiter__()
            invocation.outcome = Outcome("ok", payload, invocation.request_id, content_type=content_type)
            invocation.release()

    def runtime_stream_done(self, call: Call) -> None:
        """The whole streamed response has been read; trailers may tell of an error."""
        invocation, stream = self.invocation, self._stream
        assert invocation is not None
        assert stream is not None
        self.runtime.to("responded")
        kind = call.trailers.get("lambda-runtime-function-error-type", "")
        if kind:
            invocation.status, invocation.error_type = "error", kind
        if invocation.wants_stream:
            if kind and invocation.outcome is not None:
                invocation.outcome.error, invocation.outcome.error_type = "Unhandled", kind
            return
        body = stream.take()
        if stream.size > stream.limit:
            invocation.fail("Function.ResponseSizeTooLarge", RESPONSE_TOO_LARGE)
        elif kind:
            invocation.fail(kind, body)
        else:
            content_type = call.headers.get("content-type", "")
            invocation.outcome = Outcome("ok", body, invocation.request_id, content_type=content_type)
        self._answered(invocation)

    def _answered(self, invocation: Invocation) -> None:
        if not invocation.wants_tail:
            invocation.release()

    # -- Init ----------------------------------------------------------------------------------------------------------

    def _init_done(self) -> None:
        self._disarm()
        duration = (self._shop.timer() - self._init_started) * 1000
        self._init_report("success", duration)
        self.machine.to("ready")
        if self._phase == "init":
            self._init_ms = duration
        if not self.initialised.done():
            self.initialised.set_result(None)
        if self.invocation is None:
            self._rest()
        elif self._phase == "init":
            if self.init_type == "on-demand":
                self.invocation.init_ms = duration
            self._begin_invoke(self.invocation)
        else:
            self._hand_over(self.invocation)

    def _init_report(self, status: str, duration: float, error_type: str | None = None) -> None:
        self._event("platform.initRuntimeDone", {
            "initializationType": self.init_type, "phase": self._phase, "status": status, "errorType": error_type,
        })  # fmt: skip
        self._event("platform.initReport", {
            "initializationType": self.init_type, "phase": self._phase, "status": status,
            "metrics": {"durationMs": round(duration, 3)}, "errorType": error_type,
        })  # fmt: skip

    def _init_timed_out(self) -> None:
        self._init_failed("timeout", None, b"")

    def _init_failed(self, status: str, kind: str | None, body: bytes) -> None:
        """The first failure of an on-demand Init is tried again within the invocation; the second is its outcome."""
        if self.machine.state != "init":
            return
        self._disarm()
        self._flush_logs()
        self._init_report(status, (self._shop.timer() - self._init_started) * 1000, kind)
        self.machine.to("init_failed")
        self._drop_sandbox()
        invocation = self.invocation
        if self._phase == "init" and invocation is not None:
            self._phase = "invoke"
            self._start_of(invocation)
            self._boot_task = self._loop.create_task(self._boot())
            return
        error = EngineError(f"{kind or 'Sandbox.Timedout'}: {body.decode('utf-8', 'replace')}")
        if not self.initialised.done():
            self.initialised.set_exception(error)
            self.initialised.exception()
        if invocation is not None:
            invocation.fail(kind or "Sandbox.Timedout", body, status)
            self._end_invoke(invocation)
        else:
            self._die()

    # -- Invoke --------------------------------------------------------------------------------------------------------

    def invoke(self, invocation: Invocation) -> None:
        """For an environment that stands ready."""
        self.invocation = invocation
        if self.machine == "frozen":
            assert self._sandbox is not None
            self._sandbox.thaw()
        elif self._freezer is not None:
            self._freezer.cancel()
            self._freezer = None
        self._begin_invoke(invocation)

    def _begin_invoke(self, invocation: Invocation) -> None:
        self._start_of(invocation)
        self.machine.to("invoke")
        self._hand_over(invocation)

    def _start_of(self, invocation: Invocation) -> None:
        """The clock of the invocation starts: for a suppressed Init, before it."""
        spec = self.spec
        invocation.started = self._shop.timer()
        invocation.deadline_ms = int((self._shop.clock.now() + spec.timeout_s) * 1000)
        self._event("platform.start", {"requestId": invocation.request_id, "version": spec.version})
        self._arm(spec.timeout_s, self._timed_out)

    def _hand_over(self, invocation: Invocation) -> None:
        if self.machine != "invoke":
            self.machine.to("invoke")
        call, self._next = self._next, None
        assert call is not None
        self.runtime.to("running")
        call.reply(200, invocation.payload, invocation.headers())

    def _runtime_done(self) -> None:
        invocation = self.invocation
        assert invocation is not None
        self._flush_logs()
        self._end_invoke(invocation)

    def _timed_out(self) -> None:
        invocation = self.invocation
        assert invocation is not None
        self._flush_logs()
        seconds = f"Task timed out after {self.spec.timeout_s:.2f} seconds"
        self._line(f"{report.iso(self._shop.clock.now())} {invocation.request_id} {seconds}\n\n")
        message = f"RequestId: {invocation.request_id} Error: {seconds}"
        invocation.fail("Sandbox.Timedout", error_document("Sandbox.Timedout", message), "timeout")
        if self.machine == "init":
            self._init_report("timeout", (self._shop.timer() - self._init_started) * 1000)
        self.machine.to("shutdown")
        self._drop_sandbox()
        self._end_invoke(invocation)

    def _process_exited(self, name: str, status: int) -> None:
        if name != "runtime" or not self.runtime.may("exited"):
            return
        self.runtime.to("exited")
        reason, kind = exit_reason(status), "Runtime.ExitError"
        invocation = self.invocation
        if self.machine == "init":
            message = f"RequestId: {invocation.request_id if invocation else ''} Error: {reason}"
            self._flush_logs()
            if self._phase == "invoke" or invocation is None:
                self._line(f"{message}\n{kind}\n")
            self._init_failed("error", kind, error_document(kind, message))
        elif self.machine == "invoke" and invocation is not None:
            message = f"RequestId: {invocation.request_id} Error: {reason}"
            self._flush_logs()
            self._line(f"{message}\n{kind}\n")
            if invocation.outcome is not None and invocation.outcome.error_type:
                kind = invocation.outcome.error_type  # the runtime told what killed it before it went
            invocation.fail(kind, error_document(kind, message))
            self.machine.to("shutdown")
            self._drop_sandbox()
            self._end_invoke(invocation)
        else:
            self.shutdown("failure")

    def _order_failed(self, name: str, error: str) -> None:
        self._init_failed("error", "Sandbox.Failure", error_document("Sandbox.Failure", error))

    def _end_invoke(self, invocation: Invocation) -> None:
        """The Invoke phase is over, well or not: the report is written and the environment rests, or is dead."""
        self._disarm()
        duration = (self._shop.timer() - invocation.started) * 1000
        if invocation.status == "timeout":
            duration = self.spec.timeout_s * 1000.0
        self._event("platform.runtimeDone", {
            "requestId": invocation.request_id, "status": invocation.status, "errorType": invocation.error_type or None,
            "metrics": {"durationMs": round(duration, 3)},
        })  # fmt: skip
        outcome = invocation.outcome
        if outcome is None:  # the runtime asked for the next event without an answer to this one
            invocation.fail("Runtime.Unknown", error_document("Runtime.Unknown", "The runtime did not answer"))
            outcome = invocation.outcome
            assert outcome is not None
        outcome.duration_ms = round(duration, 2)
        outcome.init_ms = invocation.init_ms
        outcome.billed_ms = report.billed(duration, invocation.init_ms)
        outcome.max_memory_mb = self._memory(self._sandbox)
        outcome.cold = invocation.cold
        outcome.log_stream = self.stream
        self._report(invocation, outcome)
        if invocation.tail is not None:
            outcome.log_tail = invocation.tail.bytes()
        if self._stream is not None:
            self._stream.end(broken=invocation.status != "success")
            self._stream = None
        self.invocation = None
        alive = self.machine == "invoke"
        if alive:
            self.machine.to("ready")
        invocation.finish()
        if alive:
            self._rest()
        else:
            self._die()

    def _report(self, invocation: Invocation, outcome: Outcome) -> None:
        metrics: dict[str, Any] = {
            "durationMs": outcome.duration_ms,
            "billedDurationMs": outcome.billed_ms,
            "memorySizeMB": self.spec.memory_mb,
            "maxMemoryUsedMB": outcome.max_memory_mb,
        }
        if invocation.init_ms is not None:
            metrics["initDurationMs"] = round(invocation.init_ms, 2)
        handled = outcome.error_type in ("", "Function.ResponseSizeTooLarge") or self.machine == "invoke"
        self._event("platform.report", {
            "requestId": invocation.request_id,
            "metrics": metrics,
            "status": "success" if handled and invocation.status != "timeout" else invocation.status,
            "errorType": None if handled or invocation.status == "timeout" else invocation.error_type,
        })  # fmt: skip

    # -- rest and death ------------------------------------------------------------------------------------------------

    def _rest(self) -> None:
        self.idle_since = self._loop.time()
        if self.retiring:
            self.shutdown("spindown")
            return
        self.on_idle(self)
        if self.machine == "ready":
            self._freezer = self._loop.call_later(self._shop.settings.freeze_after, self._freeze)

    def _freeze(self) -> None:
        self._freezer = None
        if self.machine == "ready" and self._sandbox is not None:
            self.machine.to("frozen")
            self._sandbox.freeze()

    def retire(self) -> None:
        """Ends it now, or after the invocation in progress."""
        self.retiring = True
        if self.machine in ("ready", "frozen") or (self.machine in ("new", "init") and self.invocation is None):
            self.shutdown("spindown")

    def shutdown(self, reason: str) -> None:
        if self.machine.may("shutdown"):
            self.machine.to("shutdown")
        self._drop_sandbox()
        self._die()

    def _die(self) -> None:
        if self.machine == "dead":
            return
        self.machine.to("dead")
        self._disarm()
        if self._freezer is not None:
            self._freezer.cancel()
        self._drop_sandbox()
        if not self.initialised.done():
            self.initialised.cancel()
        self.on_dead(self)

    def _sandbox_gone(self) -> None:
        """Every process has ended although nobody here asked for it: its init was killed, or its zygote."""
        invocation = self.invocation
        self.runtime = Machine(RUNTIME, "exited")
        kind, message = "Runtime.ExitError", exit_reason(9)
        if self.machine == "init":
            self._init_failed("error", kind, error_document(kind, f"RequestId:  Error: {message}"))
        elif self.machine == "invoke" and invocation is not None:
            text = f"RequestId: {invocation.request_id} Error: {message}"
            invocation.fail(kind, error_document(kind, text))
            self.machine.to("shutdown")
            self._drop_sandbox()
            self._end_invoke(invocation)
        elif self.machine != "dead":
            self.shutdown("failure")

    def _drop_sandbox(self) -> None:
        """Kills all its processes and lets go of its sockets. The environment may get another one (a retried Init)."""
        sandbox, self._sandbox = self._sandbox, None
        if sandbox is None:
            return
        sandbox.on_exit = lambda name, status: None
        sandbox.on_failed = lambda name, error: None
        sandbox.on_gone = [callback for callback in sandbox.on_gone if callback != self._sandbox_gone]
        self._flush_logs()
        if self._logs is not None:
            self._logs.finish()
            self._logs = None
        self._loop.remove_reader(sandbox.runtime_api)
        for connection in list(self._connections):
            connection.abort()
        self._connections.clear()
        self._next = None
        self._shop.resolver.stop(sandbox.dns)
        for release in self._releases:
            release()
        self._releases = []
        self._peak_mb = self._memory(sandbox)
        if self._peak is not None:
            os.close(self._peak)
            self._peak = None
        self._shop.discard(sandbox)

    # -- helpers -------------------------------------------------------------------------------------------------------

    def _arm(self, seconds: float, action: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self._loop.call_later(seconds, action)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _memory(self, sandbox: Sandbox | None) -> int:
        """The most megabytes this environment has used, by its control group or else by its runtime process."""
        if sandbox is None:
            return self._peak_mb
        if self._peak is not None:
            with suppress(OSError, ValueError):
                used = int(os.pread(self._peak, 32, 0)) // (1024 * 1024) + 1
                return min(used, self.spec.memory_mb)
        return self._shop.resident_mb(sandbox)

    def _event(self, kind: str, record: dict[str, Any]) -> None:
        item = report.event(kind, self._shop.clock.now(), record)
        line = report.line(self.spec, item)
        if line is not None:
            self._line(line)

    def _line(self, text: str) -> None:
        self._log(int(self._shop.clock.now() * 1000), text, "platform")

    def _logged(self, timestamp: int, text: str, is_json: bool) -> None:
        self._log(timestamp, text, "function")

    def _log(self, timestamp: int, text: str, source: Any) -> None:
        self._shop.sink.add(self.spec, self.stream, LogRecord(timestamp, text, source))
        if self.invocation is not None and self.invocation.tail is not None:
            self.invocation.tail.add(text)

    def _flush_logs(self) -> None:
        if self._logs is not None:
            self._logs.drain()


async def _resume_when_hungry(stream: Stream, call: Call) -> None:
    while not stream.hungry and call.connected:
        await asyncio.sleep(0.005)
    call.resume()
