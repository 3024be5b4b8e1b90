"""An execution environment: one sandbox, one function version, one invocation at a time.

What happens comes in as events (the runtime asks for the next invocation, answers, exits; a timer fires) and each event
is a method here. The states and the permitted ways between them stand in `lifecycle.py`.
"""

from __future__ import annotations

from fogbank.engine import report, shutdown
from fogbank.engine.api_http import Call
from fogbank.engine.extension_api import InsideApi
from fogbank.engine.extensions import Extension
from fogbank.engine.init_phase import InitPhase
from fogbank.engine.invocation import (
    MAX_RESPONSE,
    MAX_STREAMED,
    RESPONSE_TOO_LARGE,
    Invocation,
    Stream,
    error_document,
    exit_reason,
)
from fogbank.engine.lifecycle import RUNTIME, Machine
from fogbank.engine.sandbox import Sandbox
from fogbank.engine.spec import Outcome


class Environment(InitPhase):
    """The Invoke phase, rest and death; Init is in `init_phase.py`."""

    def _api(self) -> InsideApi:
        return InsideApi(self)

    def extension_ready(self, extension: Extension) -> None:
        if extension.pending is not None:
            extension.tell(extension.pending)
            return
        if self.machine == "init":
            self._init_maybe_done()
        elif self.machine == "invoke":
            self._maybe_end_invoke()

    def runtime_next(self, call: Call) -> None:
        """GET next: the end of Init, or the end of the runtime's part of an invocation."""
        self.runtime.to("ready")
        self._next = call
        if self.machine == "init":
            self._init_maybe_done()
        elif self.machine == "invoke" and self.invocation is not None:
            self._drain_logs()
            self._runtime_ended = self._shop.timer()
            self._runtime_done(self.invocation)
            self._maybe_end_invoke()

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

    def response_stream(self, call: Call) -> None:
        """The headers of a streamed response are there."""
        invocation = self.invocation
        if invocation is None or self.runtime != "running":
            return
        self.runtime.to("responding")
        stream = self._stream = Stream(MAX_STREAMED if invocation.wants_stream else MAX_RESPONSE)
        stream.bandwidth = self._shop.settings.stream_bandwidth
        call.stream = stream.writer(call, self._loop)
        if invocation.wants_stream:
            content_type = call.headers.get("content-type", "application/octet-stream")
            invocation.outcome = Outcome("ok", aiter(stream), invocation.request_id, content_type=content_type)
            invocation.release()

    def runtime_stream_done(self, call: Call) -> None:
        """The whole streamed response has been read; trailers may tell of an error."""
        invocation, stream = self.invocation, self._stream
        assert invocation is not None
        assert stream is not None
        self.runtime.to("responded")
        kind = call.trailers.get("lambda-runtime-function-error-type", "")
        if invocation.wants_stream:
            if kind and invocation.outcome is not None:
                invocation.outcome.error, invocation.outcome.error_type = "Unhandled", kind
                invocation.status, invocation.error_type = "error", kind
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
        """The response goes back at once, though the runtime and extensions may still be busy."""
        if not invocation.wants_tail:
            invocation.release()

    def invoke(self, invocation: Invocation) -> None:
        """For an environment that stands ready."""
        self.journal.invocation = invocation
        if self._freezer is not None:
            self._freezer.cancel()
            self._freezer = None
        if self.machine == "frozen":
            assert self._sandbox is not None
            self._sandbox.thaw()
        self._begin_invoke(invocation)

    def _begin_invoke(self, invocation: Invocation) -> None:
        self._start_of(invocation)
        self._hand_over(invocation)

    def _start_of(self, invocation: Invocation) -> None:
        """The clock of the invocation starts: for a suppressed Init, before it."""
        spec = self.spec
        invocation.started = self._shop.timer()
        invocation.deadline_ms = int((self._shop.clock.now() + spec.timeout_s) * 1000)
        sampled = invocation.trace_id and "Sampled=1" in invocation.trace_id
        tracing = {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id} if sampled else None
        self.journal.event("platform.start", {
            "requestId": invocation.request_id, "version": spec.version, "tracing": tracing,
        })  # fmt: skip
        self._arm(spec.timeout_s, self._timed_out)

    def _hand_over(self, invocation: Invocation) -> None:
        self.machine.to("invoke")
        self._begin_watch()
        self._runtime_ended = 0.0
        call, self._next = self._next, None
        assert call is not None
        self.runtime.to("running")
        if len(self.extensions):
            self.extensions.invoke(invocation)
        call.reply(200, invocation.payload, invocation.headers())

    def _runtime_done(self, invocation: Invocation) -> None:
        duration = ((self._runtime_ended or self._shop.timer()) - invocation.started) * 1000
        self.journal.event("platform.runtimeDone", {
            "requestId": invocation.request_id, "status": invocation.status, "errorType": invocation.error_type or None,
            "metrics": {"durationMs": round(duration, 3)},
        })  # fmt: skip

    def _maybe_end_invoke(self) -> None:
        invocation = self.invocation
        if invocation is not None and self.runtime == "ready" and self.extensions.ready:
            self._end_invoke(invocation)

    def _timed_out(self) -> None:
        invocation = self.invocation
        assert invocation is not None
        self._drain_logs()
        text = f"Task timed out after {self.spec.timeout_s:.2f} seconds"
        self.journal.line(f"{report.iso(self._shop.clock.now())} {invocation.request_id} {text}\n\n")
        if self.machine == "init":
            self._init_report("timeout", (self._shop.timer() - self._init_started) * 1000)
        self._fail_invoke(invocation, "Sandbox.Timedout", f"RequestId: {invocation.request_id} Error: {text}", "timeout")

    def _fail_invoke(self, invocation: Invocation, kind: str, message: str, reason: str = "failure") -> None:
        """Ends the invocation with a platform error, and the environment with it."""
        invocation.fail(kind, error_document(kind, message), "timeout" if reason == "timeout" else "error")
        if not self._runtime_ended:
            self._runtime_done(invocation)
        self.machine.to("shutdown")
        if self._plumbing is not None:
            self._peak_mb = self._plumbing.memory_mb()
        self._end_invoke(invocation)
        self._finish(reason)

    def _process_exited(self, name: str, status: int) -> None:
        self._changed.set()
        if name != "runtime":
            self._extension_exited(name.split(":", 1)[1], status)
            return
        if not self.runtime.may("exited"):
            return
        self.runtime.to("exited")
        self._crashed("Runtime.ExitError", exit_reason(status))

    def _extension_exited(self, name: str, status: int) -> None:
        extension = self.extensions.by_name(name)
        if extension is None or extension.machine == "exited":
            return
        known = extension.error_type
        extension.machine.to("exited")
        if self.machine != "shutdown":
            how = f"signal: {status & 0x7F}" if status & 0x7F else f"exit status {status >> 8}"
            self._crashed(known or "Extension.Crash", how)

    def extension_failed(self, extension: Extension, kind: str) -> None:
        """It has reported an error itself, and will exit."""
        self.journal.event("platform.extension", {
            "name": extension.name, "state": "Failed", "events": list(extension.events), "errorType": kind,
        })  # fmt: skip
        if self.machine != "shutdown":
            self._crashed(kind, f"Extension.{'InitError' if self.machine == 'init' else 'ExitError'}")

    def _crashed(self, kind: str, what: str) -> None:
        """A process that must live is gone."""
        invocation = self.invocation
        message = f"RequestId: {invocation.request_id if invocation else ''} Error: {what}"
        if self.machine == "init":
            self._drain_logs()
            if self._phase == "invoke":
                self.journal.line(f"{message}\n{kind}\n")
            self._init_failed("error", kind, error_document(kind, message))
        elif self.machine == "invoke" and invocation is not None:
            self._drain_logs()
            self.journal.line(f"{message}\n{kind}\n")
            if invocation.outcome is not None and invocation.outcome.error_type:
                kind = invocation.outcome.error_type  # the runtime told what killed it before it went
            self._fail_invoke(invocation, kind, message)
        elif self.machine.state in ("ready", "frozen"):
            self.shutdown("failure")

    def _order_failed(self, name: str, error: str) -> None:
        self._init_failed("error", "Sandbox.Failure", error_document("Sandbox.Failure", error))

    def _sandbox_gone(self) -> None:
        """Every process has ended although nobody here asked for it: its init was killed, or its zygote."""
        self._changed.set()
        self.runtime = Machine(RUNTIME, "exited")
        for extension in self.extensions.external:
            extension.machine = Machine({"exited": frozenset()}, "exited")
        self._crashed("Runtime.ExitError", exit_reason(9))

    def _end_invoke(self, invocation: Invocation) -> None:
        """The Invoke phase is over, well or not: the report is written; a sound environment rests."""
        self._disarm()
        ended = self._shop.timer()
        duration = (ended - invocation.started) * 1000
        if invocation.status == "timeout":
            duration = self.spec.timeout_s * 1000.0
        outcome = invocation.settled()
        outcome.duration_ms = round(duration, 2)
        outcome.init_ms = invocation.init_ms
        outcome.restore_ms = invocation.restore_ms
        outcome.billed_ms = report.billed(duration, invocation.init_ms)
        outcome.max_memory_mb = self._plumbing.memory_mb() if self._plumbing else self._peak_mb
        outcome.cold = invocation.cold
        outcome.log_stream = self.journal.stream
        if len(self.extensions) and self._runtime_ended:
            outcome.extension_overhead_ms = round((ended - self._runtime_ended) * 1000, 2)
        self.journal.event("platform.end", {"requestId": invocation.request_id})
        sound = self.machine == "invoke"
        self.journal.event("platform.report", report.figures(self.spec, invocation, outcome, sound))
        if invocation.tail is not None:
            outcome.log_tail = invocation.tail.bytes()
        if self._stream is not None:
            self._stream.end(broken=invocation.status != "success")
            self._stream = None
        self.journal.invocation = None
        if sound:
            self.machine.to("ready")
        invocation.finish()
        if sound:
            self._rest()
        elif self.machine == "init_failed":
            self._die()

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
        if self.invocation is None:
            self.shutdown("spindown")

    def shutdown(self, reason: str) -> None:
        if self.machine.may("shutdown"):
            self.machine.to("shutdown")
            self._finish(reason)
        elif self.machine.may("dead") and self.machine != "shutdown":
            self._die()

    def _finish(self, reason: str) -> None:
        """In the state `shutdown`: without extensions all ends at once, else they have their say first."""
        if self._freezer is not None:
            self._freezer.cancel()
        if self._sandbox is None or self._sandbox.gone or not shutdown.allowance(self.extensions):
            self._die()
        else:
            self._shop.keep(self._loop.create_task(self._shut_down(reason, self._sandbox)))

    async def _shut_down(self, reason: str, sandbox: Sandbox) -> None:
        try:
            await shutdown.shut_down(
                reason, sandbox, self.runtime, self.extensions, self.journal, self._shop.clock, self._changed
            )
        finally:
            self._die()
