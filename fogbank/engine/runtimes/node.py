"""Node.js: found on the machine, or had from the npm registry, whose `node-linux-*` packages are the real binaries."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from fogbank.engine.runtimes.language import Interpreter, Language, Tools, hear, newest
from fogbank.engine.runtimes.node_sdk import sdk_dir
from fogbank.engine.runtimes.registry import npm_install, npm_machine
from fogbank.engine.runtimes.shelf import Shelf
from fogbank.engine.runtimes.table import Runtime


def candidates(version: str, shelf: Shelf) -> Iterator[Path]:
    yield from newest(shelf.place(f"nodejs{version}"), "node_modules/*/bin/node")
    on_path = shutil.which("node")
    if on_path:
        yield Path(on_path)
    nvm = Path(os.environ.get("NVM_DIR") or os.path.expanduser("~/.nvm")) / "versions" / "node"
    yield from (entry / "bin" / "node" for entry in newest(nvm, f"v{version}.*"))
    for folder in ("/usr/local/bin", "/usr/bin"):
        yield Path(folder) / "node"


def ask(path: Path) -> Interpreter | None:
    match = re.match(r"v(\d+(?:\.\d+)+)", hear(str(path), "--version"))
    return Interpreter(path.resolve(), match[1]) if match else None


def obtain(version: str, shelf: Shelf) -> None:
    shelf.put(f"nodejs{version}", lambda place: npm_install(shelf, [f"node-{npm_machine()}@{version}"], place))


def tools(runtime: Runtime, found: Interpreter, shelf: Shelf, may_obtain: bool) -> Tools:
    binds = [
        (str(found.path), "/var/lang/bin/node"),
        (str(sdk_dir(shelf, runtime.version)), "/var/runtime/node_modules"),
    ]
    return Tools(runtime, found.path, binds, version=found.version)


NODE = Language(
    "Node.js", candidates, ask, tools, lambda version: f"`fogbank runtimes install nodejs{version}.x`", obtain
)
