"""Figures of the Lambda engine (part B): cold starts, warm dispatch, throughput, many environments.

    python bench/engine.py [cold] [warm] [many] [scale]

Each figure is printed with its median and spread. Cold starts are from the call of `invoke` to its answer, in a new
environment each time, with the runtime's parent process running and a waiting sandbox, as in steady use.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import uvloop

from fogbank.engine.engine import Engine
from fogbank.engine.spec import Credentials, EngineSettings, FunctionSpec, LogRecord

TRIVIAL = "def handler(event, context):\n    return event\n"
CLIENT = "import boto3\nclient = boto3.client('dynamodb')\n" + TRIVIAL
NODE = "exports.handler = async (event) => event;\n"


class Clock:
    def now(self) -> float:
        return time.time()


class Hooks:
    ca_bundle: Path | None = None

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        return Credentials("ASIABENCH", "secret", "token", time.time() + 3600)

    async def logs(self, spec: FunctionSpec, stream: str, records: Sequence[LogRecord]) -> None:
        pass

    def connection(self, kind: str, listener: Any, spec: FunctionSpec) -> Callable[[], None]:
        return listener.close  # type: ignore[no-any-return]


class Bench:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.code = root / "code"
        self.code.mkdir()
        for folder in (root, self.code):
            folder.chmod(0o755)
        self.engine = Engine(EngineSettings(root / "data", prewarm=2), Clock(), Random(), Hooks())

    def spec(self, text: str, runtime: str | None = None, **changes: Any) -> FunctionSpec:
        runtime = runtime or f"python3.{sys.version_info.minor}"
        name = f"f{uuid.uuid4().hex[:12]}"
        tree = Path(tempfile.mkdtemp(dir=self.code))
        tree.chmod(0o755)
        (tree / ("app.py" if runtime.startswith("python") else "app.js")).write_text(text)
        arn = f"arn:aws:lambda:us-east-1:111111111111:function:{name}:$LATEST"
        fields: dict[str, Any] = {
            "function_arn": arn, "account": "111111111111", "region": "us-east-1", "name": name, "version": "$LATEST",
            "runtime": runtime, "handler": "app.handler", "revision": name, "code_dir": tree, "memory_mb": 256,
        }  # fmt: skip
        return FunctionSpec(**{**fields, **changes})

    async def cold(self, label: str, make: Callable[[], FunctionSpec], times: int = 30) -> float:
        figures = []
        for turn in range(times):
            spec = make()
            began = time.perf_counter()
            outcome = await self.engine.invoke(spec, b"{}", request_id=str(turn))
            figures.append((time.perf_counter() - began) * 1000)
            assert outcome.status == "ok", outcome.payload
            await outcome.finished()
            self.engine.retire(spec.function_arn)
            await asyncio.sleep(0.12)
        show(label, figures[3:], "ms")
        return statistics.median(figures[3:])


def show(label: str, figures: list[float], unit: str) -> None:
    ordered = sorted(figures)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    middle = statistics.median(ordered)
    print(f"{label:58} p50 {middle:9.3f}  p99 {p99:9.3f}  least {ordered[0]:9.3f} {unit}", flush=True)


def plain_process(code: str, times: int = 8) -> float:
    """The same module in a fresh interpreter, from spawn to exit."""
    figures = []
    environment = {**os.environ, "AWS_DEFAULT_REGION": "us-east-1"}
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, env=environment)
        figures.append((time.perf_counter() - began) * 1000)
    return statistics.median(figures)


async def cold(bench: Bench) -> None:
    await bench.cold("cold start, Python, trivial", lambda: bench.spec(TRIVIAL, bundles_sdk=True))
    ours = await bench.cold("cold start, Python, boto3 client at import", lambda: bench.spec(CLIENT))
    plain = plain_process(CLIENT)
    print(f"{'  a plain process doing the same':58} p50 {plain:9.3f}  ratio {ours / plain:.3f}")
    if shutil.which("node"):
        major = subprocess.run(["node", "-v"], capture_output=True, text=True, check=True).stdout[1:].split(".")[0]
        await bench.cold("cold start, Node.js, trivial", lambda: bench.spec(NODE, f"nodejs{major}.x"))


async def warm(bench: Bench) -> None:
    spec = bench.spec(TRIVIAL, bundles_sdk=True)
    event = json.dumps({"key": "value"}).encode()
    figures = []
    for turn in range(5000):
        began = time.perf_counter()
        outcome = await bench.engine.invoke(spec, event, request_id=str(turn))
        figures.append((time.perf_counter() - began) * 1e6)
        await outcome.finished()
    show("warm invocation, one after the other", figures[100:], "µs")
    figures = []
    for turn in range(200):
        await asyncio.sleep(0.005)
        began = time.perf_counter()
        await bench.engine.invoke(spec, event, request_id=str(turn))
        figures.append((time.perf_counter() - began) * 1e6)
    show("warm invocation, from frozen", figures, "µs")

    async def caller(count: int) -> None:
        for turn in range(count):
            await bench.engine.invoke(spec, event, request_id=str(turn))

    await asyncio.gather(*(caller(20) for _ in range(10)))
    began = time.perf_counter()
    await asyncio.gather(*(caller(2000) for _ in range(10)))
    rate = 20000 / (time.perf_counter() - began)
    environments = bench.engine.describe()["environments"][spec.function_arn]
    print(f"{f'invocations a second, 10 callers, {environments} environments':58}     {rate:9.0f}")
    bench.engine.retire(spec.function_arn)


async def scale(bench: Bench) -> None:
    """From one environment to 100, each making a boto3 client."""
    await many(bench, 100, CLIENT, "scale-out to 100 with a boto3 client")


async def few(bench: Bench) -> None:
    await many(bench, 100, label="100 environments, boto3 imported")


async def many(
    bench: Bench, count: int = 1000, code: str = "import boto3\n" + TRIVIAL, label: str = "1,000 environments, boto3"
) -> None:
    slow = code.replace("    return event", "    import time; time.sleep(event)\n    return event")
    spec = bench.spec(slow, timeout_s=60)
    await bench.engine.invoke(spec, b"0", request_id="first")
    seconds = str(count / 100).encode()
    began = time.perf_counter()
    await asyncio.gather(*(bench.engine.invoke(spec, seconds, request_id=str(n)) for n in range(count)))
    took = time.perf_counter() - began
    environments = bench.engine.describe()["environments"][spec.function_arn]
    memory = sandbox_memory() / max(1, environments)
    print(f"{label:58} {took:9.2f} s less a handler of {count / 100:.0f} s; {environments} stand, {memory:.2f} MB PSS each")
    bench.engine.retire(spec.function_arn)
    await asyncio.sleep(1)


def sandbox_memory() -> float:
    """Megabytes (PSS) of all processes whose command line is a zygote's."""
    total = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if b"zygote.main" in (entry / "cmdline").read_bytes():
                    for line in (entry / "smaps_rollup").read_text().splitlines():
                        if line.startswith("Pss:"):
                            total += int(line.split()[1])
            except OSError:
                continue
    return total / 1024


async def main() -> None:
    wanted = sys.argv[1:] or ["cold", "warm", "scale"]
    root = Path(tempfile.mkdtemp(prefix="fogbank-bench-"))
    bench = Bench(root)
    await bench.engine.start()
    isolation = bench.engine.describe()["isolation"]
    print(f"tier {isolation['tier']}, memory limit {isolation['memory limit']}")
    try:
        for name in wanted:
            await {"cold": cold, "warm": warm, "many": many, "few": few, "scale": scale}[name](bench)
    finally:
        await bench.engine.stop()
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    uvloop.run(main())
