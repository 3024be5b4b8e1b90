"""Functions from a container image's root file system, in the same sandbox."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fogbank.engine.spec import ImageConfig
from tests.engine.conftest import Bench

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not Path("/bin/bash").exists(), reason="the image is made of this machine's bash"),
]
RUNTIME = """#!/bin/bash
# A runtime in a shell, for an image that has nothing else.
while true; do
  exec 5<>/dev/tcp/127.0.0.1/9001
  printf 'GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' >&5
  size=0
  while IFS= read -r line <&5; do
    line=${line%$'\\r'}
    [ -z "$line" ] && break
    case $line in
      Lambda-Runtime-Aws-Request-Id:*) id=${line#*: } ;;
      Content-Length:*) size=${line#*: } ;;
    esac
  done
  IFS= read -r -N "$size" event <&5
  exec 5>&-
  (echo x > /root-is-writable) 2>/dev/null && writable=yes || writable=no
  echo data > /tmp/file
  body="{\\"event\\": $event, \\"handler\\": \\"$_HANDLER\\", \\"from\\": \\"$FROM_IMAGE\\", \\"cwd\\": \\"$PWD\\","
  body="$body \\"root\\": \\"$(echo /*)\\", \\"writable\\": \\"$writable\\", \\"argument\\": \\"$1\\", \\"uid\\": $UID}"
  exec 5<>/dev/tcp/127.0.0.1/9001
  printf 'POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\\r\\nContent-Length: %s\\r\\n\\r\\n%s' \\
    "$id" "${#body}" "$body" >&5
  IFS= read -r line <&5
  exec 5>&-
done
"""


def image(root: Path) -> Path:
    """A root file system with a shell and what it is linked with."""
    rootfs = root / "rootfs"
    linked = subprocess.run(["ldd", "/bin/bash"], capture_output=True, text=True, check=True).stdout
    for path in ["/bin/bash", *re.findall(r"(/\S+) \(0x", linked)]:
        target = rootfs / path[1:]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(path), target)
    (rootfs / "work").mkdir()
    (rootfs / "entry.sh").write_text(RUNTIME.replace("\\\\", "\\"))
    (rootfs / "entry.sh").chmod(0o755)
    for folder in [rootfs, *(path for path in rootfs.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    return rootfs


async def test_an_image_is_the_root(bench: Bench) -> None:
    rootfs = image(bench.tree({}))
    config = ImageConfig(rootfs, ("/entry.sh",), ("app.handler",), {"FROM_IMAGE": "yes"}, "/work")
    spec = bench.spec({}, "", image=config, code_dir=None)
    seen = await bench.value(spec, {"a": 1})
    root = set(seen.pop("root").split())
    uid = seen.pop("uid")
    assert uid != 0
    assert seen == {
        "event": {"a": 1}, "handler": "app.handler", "from": "yes", "cwd": "/work", "writable": "no",
        "argument": "app.handler",
    }  # fmt: skip
    assert {"/bin", "/entry.sh", "/tmp", "/proc", "/work"} <= root
    assert not root & {"/usr", "/.host", "/home"} - ({"/usr"} if (rootfs / "usr").exists() else set())
    assert not (rootfs / "root-is-writable").exists()
    assert await bench.value(spec, 2)


async def test_an_entry_point_that_is_missing(bench: Bench) -> None:
    config = ImageConfig(image(bench.tree({})), ("nothing",))
    document = await bench.error(bench.spec({}, "", image=config, code_dir=None), request_id="r")
    assert document["errorMessage"] == "RequestId: r Error: Runtime exited with error: exit status 127"
