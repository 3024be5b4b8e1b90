"""What environments are made with: zygotes and their sandboxes, credentials, the log sink, sockets for the gateway."""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fogbank.engine import rootfs
from fogbank.engine.cgroups import Cgroups
from fogbank.engine.dns import Resolver
from fogbank.engine.logs import LogSink
from fogbank.engine.outbound import Outbound
from fogbank.engine.runtimes import RUNTIMES, Runtime, Toolbox, Tools
from fogbank.engine.sandbox import Sandbox
from fogbank.engine.spec import Clock, Credentials, EngineSettings, FunctionSpec, Hooks, RuntimeUnavailable
from fogbank.engine.zygote import Slots, Zygote

BASE_UID = 900_000
IMAGE = Runtime("image", "provided")
"""Container images bring everything themselves."""
SLOTS = 4096
_RESTOCK_DELAY = 0.02
_CLOSING = 100
"""Hundredths of a second that the end waits for killed processes to leave their control groups."""
_SDK_PLACES = ("boto3", "python/boto3", "botocore")


class Workshop:
    def __init__(
        self, settings: EngineSettings, clock: Clock, hooks: Hooks, tier: str, cgroups: Cgroups, toolbox: Toolbox
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.hooks = hooks
        self.tier = tier
        self.cgroups = cgroups
        self.loop = asyncio.get_running_loop()
        self.timer = time.perf_counter
        """Seconds for measured durations: the loop's own time has a grain of a millisecond."""
        self.sink = LogSink(hooks)
        self.resolver = Resolver(settings.internet)
        self.outbound = Outbound()
        self.toolbox = toolbox
        self.slots = Slots(min(SLOTS, settings.max_environments + 64))
        self._zygotes: dict[tuple[str, str, bool], asyncio.Future[Zygote]] = {}
        self._homes: dict[int, Zygote] = {}
        self._dying: set[Sandbox] = set()
        self._scanned: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._bundle: Path | None = None

    # -- zygotes and sandboxes -----------------------------------------------------------------------------------------

    async def zygote(self, spec: FunctionSpec) -> Zygote:
        """The parent for this function's sandboxes: one per runtime, account (forks share the hash seed) and SDK."""
        key = (self.runtime_of(spec).name, spec.account, self.runtime_of(spec).family == "python" and not _brings_sdk(spec))
        future = self._zygotes.get(key)
        if future is not None and future.done() and (future.cancelled() or future.exception()):
            future = None
        if future is None or (future.done() and not future.result().alive):
            future = self._zygotes[key] = self.loop.create_task(self._start_zygote(*key))
        return await asyncio.shield(future)

    async def _start_zygote(self, runtime: str, account: str, with_sdk: bool) -> Zygote:
        tools = Tools(IMAGE) if runtime == IMAGE.name else await self.toolbox.get(runtime)
        if self._bundle is None:
            self._bundle = rootfs.write_ca_bundle(self.settings.data_dir, self.hooks.ca_bundle)
        plan = rootfs.plan(
            tools, tier=self.tier, data_dir=self.settings.data_dir, ca_bundle=self._bundle, with_sdk=with_sdk,
            base_uid=BASE_UID, slots=SLOTS,
        )  # fmt: skip
        plan["zygote"]["outbound"] = self.settings.internet
        zygote = Zygote(plan, self.tier, self.slots, self.cgroups, BASE_UID)
        await zygote.start()
        return zygote

    def expire(self, idle_seconds: float) -> None:
        """Ends parents that no environment has needed for so long: each holds 20 to 60 MB."""
        for key, future in list(self._zygotes.items()):
            if not future.done() or future.cancelled() or future.exception():
                continue
            zygote = future.result()
            if zygote.idle and self.loop.time() - zygote.used > idle_seconds:
                del self._zygotes[key]
                zygote.stop()

    async def sandbox(self, spec: FunctionSpec) -> tuple[Sandbox, dict[str, Any], Credentials | None]:
        """An empty sandbox, what its runtime process is told to become, and a session of the execution role."""
        await self._sdk(spec)
        zygote, credentials = await asyncio.gather(self.zygote(spec), self.hooks.credentials(spec))
        sandbox = await zygote.take()
        self._homes[sandbox.slot] = zygote
        if self.settings.prewarm:
            self.loop.call_later(_RESTOCK_DELAY, zygote.restock, self.settings.prewarm)
        return sandbox, self._becoming(spec), credentials

    async def _sdk(self, spec: FunctionSpec) -> None:
        """Obtains what a Node.js function imports of the SDK; one that cannot be had is missed by the function itself."""
        runtime = self.runtime_of(spec)
        if runtime.family != "nodejs" or spec.revision in self._scanned:
            return
        trees = [*([spec.code_dir] if spec.code_dir else []), *spec.layers]
        try:
            await self.toolbox.npm.sdk(runtime.version, trees)
        except RuntimeUnavailable as error:
            self.loop.call_exception_handler({"message": f"the SDK of {spec.function_arn}: {error}"})
        self._scanned.add(spec.revision)

    async def prepare(self, spec: FunctionSpec) -> None:
        await self._sdk(spec)
        (await self.zygote(spec)).stock(self.settings.prewarm)

    def _becoming(self, spec: FunctionSpec) -> dict[str, Any]:
        """How the runtime process starts, by runtime; a wrapper script takes the process over."""
        runtime = self.runtime_of(spec)
        if spec.image is not None:
            return {"argv": [*spec.image.entrypoint, *spec.image.command], "cwd": spec.image.workdir or "/"}
        wrapper = spec.environment.get("AWS_LAMBDA_EXEC_WRAPPER", "")
        if runtime.family == "provided":
            return {"bootstrap": ["/var/task/bootstrap", "/opt/bootstrap"]}
        if runtime.family == "python":
            program = [self.toolbox.program(runtime), "/var/runtime/bootstrap.py"]
            return {"argv": [wrapper, *program]} if wrapper else {"python": True}
        if runtime.program:
            return {"argv": [wrapper, *runtime.program] if wrapper else list(runtime.program)}
        program = ["/var/lang/bin/node", *_node_flags(spec), "/var/runtime/_fogbank/nodejs/main.cjs"]
        if wrapper:
            return {"argv": [wrapper, *program], "fresh": True}
        if any(name in spec.environment for name in ("NODE_OPTIONS", "NODE_EXTRA_CA_CERTS")):
            return {"argv": program, "fresh": True}
        return {"node": True}

    def assign(self, sandbox: Sandbox, spec: FunctionSpec, go: dict[str, Any] | None) -> None:
        """Shows the function's files in the sandbox and sets its limits; with `go` the runtime starts as well."""
        order: dict[str, Any] = {
            "op": "assign",
            "code": str(spec.code_dir) if spec.code_dir else None,
            "rootfs": str(spec.image.rootfs) if spec.image else None,
            "layers": [str(layer) for layer in spec.layers],
            "tmp_mb": spec.ephemeral_mb,
            "limits": self.cgroups.limits(spec.memory_mb),
        }
        if go is not None:
            self._note_replacement(sandbox, go)
            order["go"] = go
        sandbox.send(order)

    def go(self, sandbox: Sandbox, go: dict[str, Any]) -> None:
        """Starts the runtime, after the extensions."""
        self._note_replacement(sandbox, go)
        sandbox.send({"op": "go", "go": go})

    @staticmethod
    def _note_replacement(sandbox: Sandbox, go: dict[str, Any]) -> None:
        if go.get("fresh"):
            sandbox.starting.append("runtime")

    def keep(self, task: asyncio.Task[None]) -> None:
        """Holds a task that nobody waits for until it ends."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def adopt_sockets(self, sandbox: Sandbox, spec: FunctionSpec) -> list[Callable[[], None]]:
        sandbox.adopted = True
        return [
            self.hooks.connection("https", sandbox.https, spec),
            self.hooks.connection("http", sandbox.http, spec),
            self.hooks.connection("xray", sandbox.xray, spec),
        ]

    def discard(self, sandbox: Sandbox) -> None:
        """Kills it; its descriptors are closed once it is gone."""
        self._homes.pop(sandbox.slot, None)
        if sandbox.gone:
            sandbox.close()
            return
        self._dying.add(sandbox)

        def gone() -> None:
            self._dying.discard(sandbox)
            sandbox.close()

        sandbox.on_gone.append(gone)
        sandbox.kill()

    def resident_mb(self, sandbox: Sandbox | None) -> int:
        """The peak resident memory of the runtime process, where no control group counts it."""
        pid = sandbox.pids.get("runtime") if sandbox else None
        with suppress(OSError, ValueError, IndexError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024 + 1
        return 0

    def outgrown(self, sandbox: Sandbox, memory_mb: int) -> bool:
        """Whether the runtime process holds more than the function's memory: asked where no control group sees to it."""
        with suppress(OSError, ValueError, LookupError):
            pages = int(Path(f"/proc/{sandbox.pids['runtime']}/statm").read_text().split()[1])
            return pages * resource.getpagesize() > memory_mb * 1024 * 1024
        return False

    # -- facts ---------------------------------------------------------------------------------------------------------

    def runtime_of(self, spec: FunctionSpec) -> Runtime:
        runtime = IMAGE if spec.image is not None else RUNTIMES.get(spec.runtime)
        if runtime is None:
            raise RuntimeUnavailable(f"Fogbank does not have the runtime {spec.runtime or 'for container images'}")
        return runtime

    def log_stream(self, spec: FunctionSpec, identity: str) -> str:
        """`2026/01/01/[$LATEST]0123...`: a stream for each environment."""
        day = datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y/%m/%d")
        return f"{day}/[{spec.version}]{identity}"

    def describe(self) -> dict[str, Any]:
        zygotes = []
        for (runtime, account, with_sdk), future in self._zygotes.items():
            if future.done() and not future.cancelled() and not future.exception() and future.result().alive:
                zygote = future.result()
                zygotes.append({
                    "runtime": runtime, "account": account, "sdk": with_sdk, "version": zygote.version,
                    "pid": zygote.pid, "sandboxes": zygote.sandboxes,
                })  # fmt: skip
        return {"runtimes": self.toolbox.describe(), "parents": zygotes}

    async def close(self) -> None:
        """Waits for environments that are shutting down, as long as they may take, and ends everything."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=2.5)
        for future in self._zygotes.values():
            if not future.done():
                future.cancel()
            elif not future.cancelled() and future.exception() is None:
                future.result().stop()
        for sandbox in list(self._dying):
            sandbox.ended()
        self._zygotes.clear()
        await self.sink.flush()
        for _ in range(_CLOSING):
            if self.cgroups.close():
                break
            await asyncio.sleep(0.01)


def _brings_sdk(spec: FunctionSpec) -> bool:
    """Whether the function or a layer has its own SDK: it must not meet one that is loaded already."""
    if spec.bundles_sdk is not None:
        return spec.bundles_sdk
    roots = [*([spec.code_dir] if spec.code_dir else []), *spec.layers]
    return any(os.path.exists(root / place) for root in roots for place in _SDK_PLACES) or any(
        next((layer / "python" / "lib").glob("python*/site-packages/boto*"), None) for layer in spec.layers
    )


def _node_flags(spec: FunctionSpec) -> list[str]:
    """The heap that Lambda gives Node.js for a memory size."""
    return [f"--max-old-space-size={max(64, int(spec.memory_mb * 0.9))}"]
