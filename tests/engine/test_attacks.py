"""A hostile function harms neither the platform nor its neighbours, as root and as an ordinary user."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.engine.attacks import ATTACKS, PRELUDE, event_for
from tests.engine.conftest import Bench, until

pytestmark = pytest.mark.asyncio(loop_scope="session")
IS_ROOT = os.getuid() == 0
ECHO = "def handler(event, context):\n    return event"


@pytest.mark.parametrize("name", ATTACKS)
async def test_attack(bench: Bench, engine_root: Path, name: str) -> None:
    (engine_root / "secret").write_text("the neighbour's")
    with socket.socket() as listener, socket.socket(socket.AF_UNIX) as hidden:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        port = listener.getsockname()[1]
        abstract = f"fogbank-test-{os.getpid()}"
        hidden.bind("\0" + abstract)
        hidden.listen()
        own = socket.gethostbyname(socket.gethostname())
        addresses = [["127.0.0.1", port], [own, port], ["169.254.169.254", 80], ["127.0.0.1", 22]]
        event = event_for(engine_root, addresses, abstract, [os.getpid(), os.getppid()], IS_ROOT)
        spec = bench.spec(PRELUDE + ATTACKS[name], ephemeral_mb=8, memory_mb=3008, timeout_s=20)
        assert await bench.value(spec, event) == []
    assert await bench.value(bench.spec(ECHO), "alive") == "alive"


async def test_memory(bench: Bench) -> None:
    if not bench.engine.describe()["isolation"]["memory limit"].startswith("enforced"):
        pytest.skip("no control groups may be written here")
    spec = bench.spec("def handler(event, context):\n    return len(bytearray(1 << 30))", memory_mb=128)
    outcome = await bench.call(spec, request_id="r")
    assert outcome.payload == (
        b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r Error: Runtime exited with error: signal: killed"}'
    )
    assert outcome.max_memory_mb == 128
    through_tmp = "def handler(event, context):\n    open('/tmp/x', 'wb').write(b'x' * (200 << 20))"
    assert (await bench.error(bench.spec(through_tmp, memory_mb=128)))["errorType"] == "Runtime.ExitError"


async def test_killing_everything_it_can_see(bench: Bench) -> None:
    code = """
import os, time
def handler(event, context):
    if os.fork() == 0:
        time.sleep(60)
    os.kill(-1, 9)
    return "alone"
"""
    assert await bench.value(bench.spec(code)) == "alone"
    assert await bench.value(bench.spec(ECHO), 1) == 1


async def test_files_are_not_shared(bench: Bench) -> None:
    writes = "import os\ndef handler(event, context):\n    open('/tmp/left', 'w').write('x'); return os.listdir('/tmp')"
    lists = "import os\ndef handler(event, context):\n    return os.listdir('/tmp')"
    spec = bench.spec(writes)
    assert await bench.value(spec) == ["left"]
    assert await bench.value(spec) == ["left"], "the same environment keeps its files"
    assert await bench.value(bench.spec(lists)) == []
    first, second = await asyncio.gather(*(bench.call(bench.spec(lists)) for _ in range(2)))
    assert first.payload == second.payload == b"[]"


async def test_symlinks_in_the_package_lead_nowhere(bench: Bench, engine_root: Path) -> None:
    secret = engine_root / "secret"
    secret.write_text("the neighbour's")
    code = """
def handler(event, context):
    seen = []
    for name in ("absolute", "relative", "folder/secret"):
        try:
            seen.append(open("/var/task/" + name).read())
        except OSError:
            pass
    return seen
"""
    spec = bench.spec(code)
    assert spec.code_dir is not None
    (spec.code_dir / "absolute").symlink_to(secret)
    (spec.code_dir / "relative").symlink_to("../../secret")
    (spec.code_dir / "folder").symlink_to(engine_root)
    assert await bench.value(spec) == []


async def test_nothing_runs_while_frozen(bench: Bench) -> None:
    code = """
import os, threading, time
count = 0
def work():
    global count
    while True:
        count += 1
        time.sleep(0.001)
threading.Thread(target=work, daemon=True).start()
if os.fork() == 0:
    n = 0
    while True:
        n += 1
        open("/tmp/n.new", "w").write(str(n))
        os.rename("/tmp/n.new", "/tmp/n")
        time.sleep(0.001)
def handler(event, context):
    return [count, int(open("/tmp/n").read()) if os.path.exists("/tmp/n") else 0]
"""
    spec = bench.spec(code)
    await bench.value(spec)
    await asyncio.sleep(0.05)
    before = await bench.value(spec)
    await asyncio.sleep(0.5)
    after = await bench.value(spec)
    assert after[0] - before[0] < 60, "the thread of a frozen function ran"
    assert after[1] - before[1] < 60, "the child of a frozen function ran"


async def test_daemons_die_with_the_environment(bench: Bench) -> None:
    marker = f"fogbank-daemon-{os.getpid()}"
    code = f"""
import os, signal, subprocess
def handler(event, context):
    subprocess.Popen(["/bin/bash", "-c", "trap '' TERM HUP INT; exec -a {marker} sleep 300"], start_new_session=True)
    import time; time.sleep(0.2)  # until it has become what the test looks for: the freeze comes at once
"""
    spec = bench.spec(code)
    await bench.call(spec)

    def alive() -> bool:
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    if marker.encode() in (entry / "cmdline").read_bytes().split(b"\0")[0]:
                        return True
                except OSError:
                    continue
        return False

    await until(alive)
    bench.engine.retire(spec.function_arn)
    await until(lambda: not alive())


async def test_a_flood_of_log_is_held_back(bench: Bench) -> None:
    code = """
import os
def handler(event, context):
    line = b"x" * 1023 + b"\\n"
    for _ in range(event):
        os.write(1, line * 64)
"""
    spec = bench.spec(code, timeout_s=30)
    echo = bench.spec(ECHO)
    await bench.value(echo, 1)
    flood = asyncio.ensure_future(bench.call(spec, 512))
    slowest = 0.0
    while not flood.done():
        began = time.perf_counter()
        assert await bench.value(echo, 1) == 1
        slowest = max(slowest, time.perf_counter() - began)
        await asyncio.sleep(0.01)
    assert (await flood).status == "ok"
    assert slowest < 1.0
    lines = await bench.lines(spec)
    assert sum(line.startswith("xxx") for line in lines) == 512 * 64


async def test_neighbour_of_a_fork_bomb(bench: Bench) -> None:
    bomb = """
import os
def handler(event, context):
    while True:
        try:
            os.fork()
        except OSError:
            pass
"""
    spec = bench.spec(bomb, timeout_s=1)
    echo = bench.spec(ECHO)
    await bench.value(echo, 1)
    bombing = asyncio.ensure_future(bench.error(spec))
    await asyncio.sleep(0.2)
    began = time.perf_counter()
    assert await bench.value(echo, 1) == 1
    assert time.perf_counter() - began < 1.0
    assert (await bombing)["errorType"] == "Sandbox.Timedout"
    assert await bench.value(bench.spec(ECHO), 2) == 2


@pytest.mark.skipif(not IS_ROOT, reason="already an ordinary user")
async def test_the_user_tier(engine_root: Path) -> None:
    """The same attacks where Fogbank runs as an ordinary user."""
    python = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if not (Path(python).exists() and shutil.which("setpriv")):
        pytest.skip("no interpreter that an ordinary user may execute")
    site = next(path for path in sys.path if path.endswith("site-packages"))
    here = Path(__file__).parent.parent.parent
    done = subprocess.run(
        ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", python, "-m", "tests.engine.attacks"],
        env={"PYTHONPATH": f"{here}:{site}", "PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"},
        cwd="/", capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    results = json.loads(done.stdout)
    assert results.pop("tier") == "user"
    assert results.pop("afterwards") == "alive"
    assert results.pop("memory") == "Runtime.ExitError", "watched where it cannot be enforced"
    assert results == {name: [] for name in ATTACKS}
