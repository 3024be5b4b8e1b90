"""Ruby: interpreters of this machine, rbenv's among them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from fogbank.engine.runtimes.language import Interpreter, Language, Tools, hear, newest
from fogbank.engine.runtimes.shelf import Shelf
from fogbank.engine.runtimes.table import Runtime


def candidates(version: str, shelf: Shelf) -> Iterator[Path]:
    rbenv = Path(os.environ.get("RBENV_ROOT") or os.path.expanduser("~/.rbenv")) / "versions"
    for folder in (rbenv, Path(os.path.expanduser("~/.rubies"))):
        yield from (entry / "bin" / "ruby" for entry in newest(folder, f"*{version}.*"))
    for bin_folder in ("/usr/local/bin", "/usr/bin"):
        yield Path(bin_folder) / f"ruby{version}"
        yield Path(bin_folder) / "ruby"


def ask(path: Path) -> Interpreter | None:
    match = re.match(r"ruby (\d+\.\d+\.\d+)", hear(str(path), "--version"))
    return Interpreter(path.resolve(), match[1]) if match else None


def tools(runtime: Runtime, found: Interpreter, shelf: Shelf, may_obtain: bool) -> Tools:
    """Ruby has its paths compiled in: it is shown where it lies on this machine (which /tmp or /opt
    would hide), and has Lambda's name as a link."""
    prefix = found.path.parent.parent
    links = [("/var/lang/bin/ruby", str(found.path))]
    binds = [] if prefix == Path("/usr") else [(str(prefix), str(prefix))]
    return Tools(runtime, found.path, binds, links=links, version=found.version)


RUBY = Language("Ruby", candidates, ask, tools, lambda version: f"`rbenv install {version}`")
