"""A running engine, functions made from source text, and everything that they log."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import pytest
import pytest_asyncio

from fogbank.engine.engine import Engine
from fogbank.engine.spec import Credentials, EngineSettings, FunctionSpec, LogRecord, Outcome


class WallClock:
    def now(self) -> float:
        return time.time()


@dataclass
class RecordingHooks:
    ca_bundle: Path | None = None
    lines: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    served: list[tuple[str, Any]] = field(default_factory=list)

    async def credentials(self, spec: FunctionSpec) -> Credentials:
        return Credentials("ASIATEST", "secret", "token", time.time() + 3600)

    async def logs(self, spec: FunctionSpec, stream: str, records: Sequence[LogRecord]) -> None:
        self.lines[spec.name] += [record.message for record in records]

    def connection(self, kind: str, listener: Any, spec: FunctionSpec) -> Callable[[], None]:
        self.served.append((kind, listener.getsockname()))
        return listener.close  # type: ignore[no-any-return]


class Bench:
    """The engine with its hooks, and short ways to make and call functions."""

    def __init__(self, engine: Engine, hooks: RecordingHooks, root: Path) -> None:
        self.engine = engine
        self.hooks = hooks
        self.root = root

    def spec(self, files: str | dict[str, str], runtime: str = "python3.11", **changes: Any) -> FunctionSpec:
        if isinstance(files, str):
            files = {"app.py" if runtime.startswith("python") else "app.js": files}
        name = changes.pop("name", f"f{uuid.uuid4().hex[:12]}")
        tree = self.tree(files)
        arn = f"arn:aws:lambda:us-east-1:111111111111:function:{name}:$LATEST"
        fields: dict[str, Any] = {
            "function_arn": arn, "account": "111111111111", "region": "us-east-1", "name": name, "version": "$LATEST",
            "runtime": runtime, "handler": "app.handler", "revision": str(tree), "code_dir": tree,
            "log_group": f"/aws/lambda/{name}", "bundles_sdk": True, "timeout_s": 10,
        }  # fmt: skip
        return FunctionSpec(**{**fields, **changes})

    def tree(self, files: dict[str, str]) -> Path:
        tree = Path(tempfile.mkdtemp(dir=self.root))
        tree.chmod(0o755)
        for path, text in files.items():
            target = tree / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            target.chmod(0o755)
        return tree

    async def call(self, spec: FunctionSpec, event: Any = None, **options: Any) -> Outcome:
        options.setdefault("request_id", str(uuid.uuid4()))
        outcome = await self.engine.invoke(spec, json.dumps(event).encode(), **options)
        await outcome.finished()
        return outcome

    async def value(self, spec: FunctionSpec, event: Any = None, **options: Any) -> Any:
        outcome = await self.call(spec, event, **options)
        assert isinstance(outcome.payload, bytes)
        assert outcome.status == "ok", outcome.payload
        return json.loads(outcome.payload)

    async def error(self, spec: FunctionSpec, event: Any = None, **options: Any) -> Any:
        outcome = await self.call(spec, event, **options)
        assert outcome.status == "function_error"
        assert isinstance(outcome.payload, bytes)
        return json.loads(outcome.payload)

    async def lines(self, spec: FunctionSpec) -> list[str]:
        """The function's whole log so far."""
        shop = self.engine._workshop
        assert shop is not None
        await shop.sink.flush()
        return self.hooks.lines[spec.name]


async def running_bench(root: Path, **settings: Any) -> tuple[Bench, Engine]:
    hooks = RecordingHooks()
    engine = Engine(EngineSettings(root / "data", **settings), WallClock(), Random(7), hooks)
    await engine.start()
    code = root / "code"
    code.mkdir(exist_ok=True)
    for folder in (root, code):
        folder.chmod(0o755)
    return Bench(engine, hooks, code), engine


@pytest.fixture(scope="session")
def engine_root() -> Any:
    root = Path(tempfile.mkdtemp(prefix="fogbank-engine-"))
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def bench(engine_root: Path) -> AsyncIterator[Bench]:
    bench, engine = await running_bench(engine_root)
    if engine.describe()["isolation"]["tier"] == "none":
        pytest.skip("this machine allows no sandbox")
    yield bench
    await engine.stop()


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Waits for a condition that an event elsewhere makes true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.005)
