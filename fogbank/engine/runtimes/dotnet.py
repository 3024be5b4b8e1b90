""".NET: the `dotnet` of this machine. It runs functions that are programs of their own (an "executable assembly").

Handlers of the form ASSEMBLY::TYPE::METHOD need Amazon.Lambda.RuntimeSupport, which only NuGet has, beside them.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from fogbank.engine.runtimes.language import Interpreter, Language, Tools, hear
from fogbank.engine.runtimes.shelf import Shelf
from fogbank.engine.runtimes.table import Runtime


def candidates(version: str, shelf: Shelf) -> Iterator[Path]:
    roots = [os.environ.get("DOTNET_ROOT") or "", os.path.expanduser("~/.dotnet")]
    roots += ["/usr/share/dotnet", "/usr/lib/dotnet", "/usr/local/share/dotnet"]
    for root in filter(None, roots):
        yield Path(root) / "dotnet"
    on_path = shutil.which("dotnet")
    if on_path:
        yield Path(on_path)


def ask(path: Path) -> Interpreter | None:
    """The shared frameworks that it has."""
    found = re.findall(r"^Microsoft\.NETCore\.App (\d+\.\d+\.\d+)", hear(str(path), "--list-runtimes"), re.MULTILINE)
    if not found:
        return None
    newest, *others = sorted(found, key=lambda version: [int(part) for part in version.split(".")], reverse=True)
    return Interpreter(path.resolve(), newest, tuple(others))


def tools(runtime: Runtime, found: Interpreter, shelf: Shelf, may_obtain: bool) -> Tools:
    return Tools(runtime, found.path, [(str(found.path.parent), "/var/lang/bin")], version=found.version)


DOTNET = Language(
    ".NET", candidates, ask, tools,
    lambda version: f"install the .NET {version} runtime from dotnet.microsoft.com; no registry that Fogbank uses has it",
)  # fmt: skip
