"""What the rest of Fogbank says to the engine and hears from it: specifications, outcomes, limits, hooks, errors."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

LogLevel = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """A container image's unpacked root file system and how it is entered."""

    rootfs: Path
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """What the image's own configuration sets; the function's variables and Lambda's come over it."""
    workdir: str = "/var/task"


@dataclass(frozen=True, slots=True)
class VpcConfig:
    vpc_id: str = ""
    subnet_ids: tuple[str, ...] = ()
    security_group_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """Everything an execution environment is made from. One environment serves one spec only.

    `revision` must differ whenever any other member does: environments of another revision of the same `function_arn`
    are retired when the new one is first invoked. `code_dir` and `layers` are unpacked trees that never change (a new
    version of the code is a new directory), readable by everybody; layers are merged at /opt, later ones on top.
    """

    function_arn: str
    """Qualified: `arn:aws:lambda:REGION:ACCOUNT:function:NAME:VERSION` (`$LATEST` included)."""
    account: str
    region: str
    name: str
    version: str
    runtime: str
    """A Lambda identifier (`python3.12`), or `` for a container image."""
    handler: str
    revision: str
    code_dir: Path | None = None
    layers: tuple[Path, ...] = ()
    architecture: Literal["x86_64", "arm64"] = "x86_64"
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    timeout_s: int = 3
    ephemeral_mb: int = 512
    role_arn: str = ""
    log_group: str = ""
    log_format: Literal["Text", "JSON"] = "Text"
    application_log_level: LogLevel | None = None
    system_log_level: LogLevel | None = None
    tracing: Literal["Active", "PassThrough"] = "PassThrough"
    vpc: VpcConfig | None = None
    image: ImageConfig | None = None
    snap_start: bool = False
    bundles_sdk: bool | None = None
    """Whether the code or a layer brings its own AWS SDK; None lets the engine look."""

    @property
    def unqualified_arn(self) -> str:
        return self.function_arn.rsplit(":", 1)[0] if self.function_arn.count(":") > 6 else self.function_arn


@dataclass(slots=True)
class Outcome:
    """How an invocation ended for its caller.

    A buffered invocation answers as soon as the runtime has posted its response: the figures of the REPORT line
    (`duration_ms` and what follows) are final only after `await finished()`, or at once if `tail` was asked for.
    """

    status: Literal["ok", "function_error"]
    payload: bytes | AsyncIterator[bytes]
    """The function's answer, or the error document. An iterator where `stream` was asked for and the status is ok; an
    error in the middle of the stream is told by `error` after its end."""
    request_id: str = ""
    error: Literal["Handled", "Unhandled"] | None = None
    """What AWS puts in `X-Amz-Function-Error`. Managed runtimes answer `Unhandled` for every exception nowadays."""
    error_type: str = ""
    """`Runtime.ExitError`, `Sandbox.Timedout`, or the function's own type: for the REPORT line and metrics."""
    content_type: str = "application/octet-stream"
    duration_ms: float = 0.0
    billed_ms: int = 0
    init_ms: float | None = None
    """Only for the first invocation of an environment whose Init phase ran for it."""
    restore_ms: float | None = None
    extension_overhead_ms: float | None = None
    max_memory_mb: int = 0
    log_tail: bytes = b""
    """The last 4 KB of this invocation's log."""
    log_stream: str = ""
    cold: bool = False
    end: Awaitable[None] | None = None

    async def finished(self) -> None:
        """Returns when the Invoke phase is over (the runtime and all extensions asked for the next event)."""
        if self.end is not None:
            await self.end


class LogRecord(NamedTuple):
    """One line of a function's log: epoch milliseconds and text without its newline."""

    timestamp: int
    message: str
    source: Literal["function", "platform", "extension"] = "function"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A session of the execution role. `expires_at` in epoch seconds."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: float


class Clock(Protocol):
    def now(self) -> float:
        """Epoch seconds."""
        ...


class Hooks(Protocol):
    """What the engine needs from the rest of the platform. Every call comes on the event loop and must not block it."""

    ca_bundle: Path | None
    """PEM file with the platform's own certificate authority, which sandboxes trust beside the public ones."""

    async def credentials(self, spec: FunctionSpec) -> Credentials | None:
        """A new session of the execution role; None leaves the AWS_* credential variables out."""
        ...

    async def logs(self, spec: FunctionSpec, stream: str, records: Sequence[LogRecord]) -> None:
        """Stores log lines in `spec.log_group`. Batched; the invocation does not wait for it."""
        ...

    def connection(
        self, kind: Literal["https", "http", "xray"], listener: socket.socket, spec: FunctionSpec
    ) -> Callable[[], None]:
        """Adopts a socket that lives inside the sandbox's network namespace, on the platform's address there.

        `https` and `http` are listening TCP sockets (ports 443 and 80), `xray` a UDP socket (port 2000); all are
        non-blocking. The adopter owns the socket: the function it returns is called when the sandbox is gone, and must
        stop serving and close the socket. The sandbox's own SDK calls arrive here, for any AWS host name.
        """
        ...


@dataclass(frozen=True, slots=True)
class EngineSettings:
    data_dir: Path
    isolation: str = "auto"
    """The weakest acceptable sandbox tier: `full`, `user`, `container`, or `auto`."""
    endpoint_url: str = "http://127.0.7.1"
    """What `AWS_ENDPOINT_URL` says inside a sandbox; `` leaves it out (names still resolve to the platform)."""
    internet: bool = True
    """Whether the in-sandbox resolver forwards other names than AWS's."""
    obtain: bool = True
    """Whether what a runtime lacks (Node.js, an SDK) may be got from the registries when a function needs it."""
    max_environments: int = 3000
    idle_seconds: float = 600.0
    """An idle environment is shut down after this."""
    max_age_seconds: float = 2 * 3600.0
    init_timeout: float = 10.0
    prewarm: int = 1
    """Isolated sandboxes kept waiting for each runtime in use."""
    stream_bandwidth: float | None = 2 * 1024 * 1024
    """Bytes a second of a streamed response after its first 6 MB, as Lambda has it; None for no limit."""
    freeze_after: float = 0.002
    """Seconds between the end of an Invoke phase and the freeze; a next invocation within them saves both steps."""


class EngineError(Exception):
    """What the engine cannot do; the caller turns it into its AWS error."""


class RuntimeUnavailable(EngineError):
    """The runtime's interpreter is not on this machine, or its architecture is not ours. The text says what to do."""


class IsolationUnavailable(EngineError):
    """The machine cannot give the isolation tier that the operator demanded."""


class RequestTooLarge(EngineError):
    """The payload is over Lambda's limit (6,291,456 bytes)."""


class EngineLike(Protocol):
    """The engine as services use it (`ctx.component(Engine)` gives one)."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

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
        """Runs one invocation; starts an environment where none is idle.

        `invoked_arn` is the ARN that the caller used (unqualified, an alias); None stands for the spec's own.
        `client_context` and `identity` are JSON texts (the runtime gets them as headers). With `tail` the answer waits
        for the end of the Invoke phase and carries the log's tail. With `stream` the payload is an iterator of chunks.
        With `provisioned` an idle environment that `provision` started comes before others, which leave those alone.
        How many may run is the caller's to decide: `over` is called once, when the invocation is, with its outcome, whose
        figures are final then; None where it was refused. A caller that is cancelled does not stop the function (as on
        AWS). Raises RuntimeUnavailable, RequestTooLarge.
        """
        ...

    def retire(self, function_arn: str) -> None:
        """Shuts environments of this function down, busy ones after their invocation: all versions and aliases for an
        unqualified ARN, else that version's."""
        ...

    async def expect(self, runtime: str) -> None:
        """Raises RuntimeUnavailable for a runtime that is neither on this machine nor can be obtained."""
        ...

    async def prepare(self, spec: FunctionSpec) -> None:
        """Gets the runtime's parent process and a sandbox ready, so that the first invocation is a fast cold start."""
        ...

    async def provision(self, spec: FunctionSpec, count: int) -> int:
        """Keeps `count` initialised environments for exactly this spec (0 gives them up); returns how many stand.
        Raises EngineError with the function's error if its Init fails."""
        ...

    def running(self, function_arn: str) -> int:
        """Invocations in progress of a function (unqualified ARN: all its versions)."""
        ...

    def describe(self) -> dict[str, Any]:
        """For `fogbank doctor`: the tier and what its probes found, runtimes with their interpreters, environments."""
        ...
