"""An engine with one busy and one frozen environment, to be killed by the test."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.engine.conftest import running_bench

CODE = """
import subprocess, time
def handler(event, context):
    subprocess.Popen(["/bin/bash", "-c", "trap '' TERM HUP; exec -a %s sleep 300" % event["marker"]],
                     start_new_session=True)
    time.sleep(event["seconds"])
"""


async def main(root: Path, marker: str) -> None:
    bench, _ = await running_bench(root)
    frozen, busy = bench.spec(CODE), bench.spec(CODE, timeout_s=300)
    await bench.call(frozen, {"marker": marker, "seconds": 0.3})
    task = asyncio.ensure_future(bench.call(busy, {"marker": marker, "seconds": 300}))
    await asyncio.sleep(0.7)
    print("ready", flush=True)
    await task


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
