"""Random calls, crashes and kills, for FOGBANK_SOAK_SECONDS (5 by default): each invocation has exactly one outcome."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from fogbank.engine.spec import EngineError
from tests.engine.conftest import Bench, descriptors, running_bench, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
SECONDS = float(os.environ.get("FOGBANK_SOAK_SECONDS", "5"))
CODE = """
import os, sys, time
def handler(event, context):
    what, amount = event
    print(what)
    if what == "sleep":
        time.sleep(amount)
    elif what == "crash":
        os._exit(amount)
    elif what == "raise":
        raise ValueError(amount)
    elif what == "fork":
        for _ in range(5):
            if os.fork() == 0:
                time.sleep(60)
    elif what == "hang":
        while True: pass
    return amount
"""
EXPECTED = {
    "echo": {"ok"}, "sleep": {"ok"}, "fork": {"ok"}, "raise": {"ValueError"},
    "crash": {"Runtime.ExitError"}, "hang": {"Sandbox.Timedout"},
}  # fmt: skip
KILLED = {"Runtime.ExitError", "EngineError"}
"""What may come instead where a kill from outside hit the environment or its zygote."""


async def test_soak(engine_root: Path) -> None:
    random = Random(11)
    bench, engine = await running_bench(engine_root, prewarm=2)
    try:
        specs = [bench.spec(CODE, timeout_s=1, name=f"soak{n}", account=f"{n % 2:012d}") for n in range(4)]
        for spec in specs:
            await bench.value(spec, ["echo", 1])
        before = descriptors()
        seen: Counter[str] = Counter()
        wrong: list[str] = []
        end = time.monotonic() + SECONDS
        await asyncio.gather(
            *(_caller(bench, specs[n % 4], Random(n), end, seen, wrong) for n in range(8)),
            _killer(bench, random, end),
            _retirer(bench, specs, random, end),
        )
        assert not wrong, wrong[:5]
        assert seen["ok"] > 20 * SECONDS, seen
        for spec in specs:
            engine.retire(spec.function_arn)
        shop = engine._workshop
        assert shop is not None
        await until(lambda: not engine._retired or not any(f.environments for f in engine._retired), 10)
        await until(lambda: not shop._dying, 10)
        assert [engine.running(spec.function_arn) for spec in specs] == [0] * len(specs)
        assert descriptors() < before + 8 * 2 * 8, "eight waiting sandboxes of two accounts hold eight each"
        assert await bench.value(bench.spec(CODE), ["echo", 3]) == 3
    finally:
        await engine.stop()


async def _caller(bench: Bench, spec: object, random: Random, end: float, seen: Counter[str], wrong: list[str]) -> None:
    while time.monotonic() < end:
        what = random.choices(list(EXPECTED), [30, 4, 1, 3, 2, 0.2])[0]
        amount = {"sleep": 0.05, "crash": 3}.get(what, 1)
        try:
            outcome = await asyncio.wait_for(bench.call(spec, [what, amount]), 30)  # type: ignore[arg-type]
            got = outcome.error_type or outcome.status
        except EngineError:
            got = "EngineError"
        seen[got] += 1
        if got not in EXPECTED[what] | KILLED:
            wrong.append(f"{what} gave {got}")


async def _killer(bench: Bench, random: Random, end: float) -> None:
    """Kills inits, runtime processes and, now and then, a zygote."""
    while time.monotonic() < end:
        await asyncio.sleep(random.uniform(0.05, 0.3))
        environments = [e for f in bench.engine._functions.values() for e in f._all if e._sandbox is not None]
        pids = []
        for environment in environments:
            sandbox = environment._sandbox
            if sandbox is not None and not sandbox.gone:
                pids += [sandbox.pid, *sandbox.pids.values()]
        if random.random() < 0.1:
            pids = [parent["pid"] for parent in bench.engine.describe()["parents"]]
        if pids:
            with suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)


async def _retirer(bench: Bench, specs: list[object], random: Random, end: float) -> None:
    while time.monotonic() < end:
        await asyncio.sleep(random.uniform(0.2, 0.6))
        bench.engine.retire(random.choice(specs).function_arn)  # type: ignore[attr-defined]
