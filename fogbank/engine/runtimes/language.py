"""What Fogbank must know of a language to run its functions, as one small declaration per language."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from fogbank.engine.runtimes.shelf import Shelf
from fogbank.engine.runtimes.table import Runtime


class Interpreter(NamedTuple):
    """A program that answered, and the version that it told: `/usr/bin/node`, `20.11.1`."""

    path: Path
    version: str
    also: tuple[str, ...] = ()
    """Further versions that the same program runs."""

    def serves(self, version: str) -> bool:
        return any(told == version or told.startswith(version + ".") for told in (self.version, *self.also))


@dataclass(frozen=True, slots=True)
class Tools:
    """What a runtime's sandboxes are made with. `binds` shows paths of this machine inside, read-only; `program` is
    Python's path there."""

    runtime: Runtime
    interpreter: Path | None = None
    binds: list[tuple[str, str]] = field(default_factory=list)
    site: str = ""
    sdk: Path | None = None
    links: list[tuple[str, str]] = field(default_factory=list)
    version: str = ""
    program: str = ""


@dataclass(frozen=True, slots=True)
class Language:
    """`candidates(version, shelf)` names places, the likeliest first; `ask(path)` runs one and hears its version, None
    for what does not answer; `tools` makes ready what stands in the sandbox; `obtain(version, shelf)` gets the
    interpreter from a registry and may raise Unobtainable; `how(version)` is what an operator can do instead."""

    title: str
    candidates: Callable[[str, Shelf], Iterable[Path]]
    ask: Callable[[Path], Interpreter | None]
    tools: Callable[[Runtime, Interpreter, Shelf, bool], Tools]
    how: Callable[[str], str]
    obtain: Callable[[str, Shelf], None] | None = None


def hear(*command: str) -> str:
    """What a program prints within ten seconds, on both outputs; `` for one that fails. `command[0]` is a path."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ""
    return done.stdout + done.stderr if done.returncode == 0 else ""


def newest(folder: Path, pattern: str) -> list[Path]:
    """Entries that match, the highest version first; none where the folder cannot be read."""
    try:
        return sorted(folder.glob(pattern), key=_number, reverse=True)
    except OSError:
        return []


def _number(path: Path) -> list[int]:
    digits = "".join(c if c.isdigit() else " " for c in path.name)
    return [int(part) for part in digits.split()]
