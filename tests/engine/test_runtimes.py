"""Each interpreter that this machine has runs functions as its runtime; what is missing is named."""

from __future__ import annotations

import pytest

from fogbank.engine.runtimes import RUNTIMES, Toolbox
from fogbank.engine.spec import EngineError, RuntimeUnavailable
from tests.engine.conftest import Bench

pytestmark = pytest.mark.asyncio(loop_scope="session")
PYTHONS = [name for name, runtime in RUNTIMES.items() if runtime.family == "python"]


@pytest.mark.parametrize("name", PYTHONS)
async def test_python(bench: Bench, name: str) -> None:
    try:
        Toolbox(bench.engine.settings.data_dir).interpreter(name)
    except RuntimeUnavailable as missing:
        assert f"fogbank runtimes add {name} PATH" in str(missing)
        pytest.skip(str(missing))
    code = """
import asyncio, decimal, json, logging, sqlite3, ssl, subprocess, sys, pwd, os
def handler(event, context):
    logging.getLogger().error("told")
    child = subprocess.run([sys.executable, "-c", "import json; print(json.dumps('child'))"], capture_output=True, text=True)
    return ["%d.%d" % sys.version_info[:2], child.stdout.strip(), sys.executable, pwd.getpwuid(os.getuid()).pw_name]
"""
    version = name.removeprefix("python")
    spec = bench.spec(code, name, timeout_s=20)
    assert await bench.value(spec) == [version, '"child"', f"/var/lang/bin/python{version}", "sbx_user1051"]
    assert any("told" in line for line in await bench.lines(spec))
    raising = bench.spec("def handler(event, context):\n    raise KeyError('k')", name)
    assert (await bench.error(raising))["errorType"] == "KeyError"


async def test_unknown_runtimes_are_refused(bench: Bench) -> None:
    for runtime, text in (("cobol85", "Fogbank does not have the runtime cobol85"), ("", "container images")):
        with pytest.raises(EngineError, match=text):
            await bench.call(bench.spec({"app.py": ""}, runtime))


async def test_layers_are_merged_in_order(bench: Bench) -> None:
    first = bench.tree({"python/one.py": "n = 1", "python/both.py": "n = 1", "data/x": "first"})
    second = bench.tree({"python/two.py": "n = 2", "python/both.py": "n = 2"})
    code = """
import os
import both, one, two
def handler(event, context):
    return [one.n, two.n, both.n, open("/opt/data/x").read(), sorted(os.listdir("/opt"))]
"""
    spec = bench.spec(code, layers=(first, second))
    assert await bench.value(spec) == [1, 2, 2, "first", ["data", "python"]]
