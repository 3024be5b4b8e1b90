"""What a killed platform leaves: nothing that runs, and nothing that the next start does not clean up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.engine.conftest import Bench, descriptors, running_bench, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
HERE = Path(__file__).parent.parent.parent


def with_marker(marker: str) -> int:
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                count += (entry / "cmdline").read_bytes().split(b"\0")[0] == marker.encode()
            except OSError:
                continue
    return count


async def test_kill_of_the_platform_kills_every_sandbox() -> None:
    marker = f"fogbank-left-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="fogbank-death-") as folder:
        victim = subprocess.Popen(
            [sys.executable, "-m", "tests.engine.victim", folder, marker],
            cwd=HERE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "ready\n"
            assert with_marker(marker) == 2
        finally:
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        await until(lambda: with_marker(marker) == 0)
        bench, engine = await running_bench(Path(folder))
        try:
            code = "def handler(event, context):\n    return event"
            assert await bench.value(bench.spec(code), 1) == 1
            shop = engine._workshop
            assert shop is not None
            for base in shop.cgroups._bases:
                groups = {entry.name for entry in base.iterdir() if entry.is_dir()}
                assert len(groups) <= 1 + engine.settings.prewarm, groups
        finally:
            await engine.stop()


async def test_nothing_leaks(bench: Bench) -> None:
    """Descriptors and control groups are given back when environments end."""
    code = "import os\ndef handler(event, context):\n    os._exit(1) if event else None"

    async def round_trip() -> None:
        spec = bench.spec(code)
        await bench.call(spec)
        await bench.error(spec, 1)
        bench.engine.retire(spec.function_arn)
        shop = bench.engine._workshop
        await until(lambda: shop is not None and not shop._dying)

    await round_trip()
    before = descriptors()
    for _ in range(5):
        await round_trip()
    assert descriptors() <= before + 10, "one waiting sandbox holds eight"


async def test_a_killed_zygote_is_replaced(bench: Bench) -> None:
    code = "import time\ndef handler(event, context):\n    time.sleep(event); return 1"
    spec = bench.spec(code, account="222222222222")
    assert await bench.value(spec, 0) == 1
    parents = bench.engine.describe()["parents"]
    (pid,) = [parent["pid"] for parent in parents if parent["account"] == "222222222222"]
    os.kill(pid, signal.SIGKILL)
    await until(lambda: all(p["account"] != "222222222222" for p in bench.engine.describe()["parents"]))
    assert await bench.value(spec, 0) == 1


async def test_an_idle_parent_ends(bench: Bench) -> None:
    spec = bench.spec("def handler(event, context):\n    return 1", account="444444444444")
    await bench.value(spec)
    shop = bench.engine._workshop
    assert shop is not None

    def parents() -> list[str]:
        return [parent["account"] for parent in bench.engine.describe()["parents"]]

    shop.expire(-1.0)
    assert "444444444444" in parents(), "its environment still stands"
    bench.engine.retire(spec.function_arn)
    await until(lambda: not shop._dying)
    (key,) = [key for key in shop._zygotes if key[1] == "444444444444"]
    await until(lambda: shop._zygotes[key].result().idle)
    shop.expire(-1.0)
    assert "444444444444" not in parents()
    assert await bench.value(spec) == 1
