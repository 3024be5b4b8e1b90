"""The AWS SDK for JavaScript that Lambda's Node.js runtimes have: those parts of it that functions import, through npm.

The whole of version 3 is some 400 packages. What a function's sources name and do not bring is installed before its
first Init, into one directory for each Node.js version, which every sandbox of it shows.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from fogbank.engine.spec import RuntimeUnavailable

_TIMEOUT = 180.0
_IMPORT = re.compile(rb"""['"]((?:@aws-sdk|@smithy)/[a-z0-9-]+|aws-sdk)(?:/[\w./-]*)?['"]""")
_SOURCES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
_MAX_FILE = 1024 * 1024
_MAX_FILES = 2000
_V2_LAST_NODE = 16
"""Lambda's Node.js runtimes have version 2 of the SDK up to this version, and version 3 from the next on."""
_RANGES = {18: "<3.800.0"}
"""The last versions of the SDK that run on an older Node.js."""


class Npm:
    """One installation at a time in each directory."""

    def __init__(self, data_dir: Path, allowed: bool) -> None:
        self._data_dir = data_dir
        self._allowed = allowed
        self._locks: dict[Path, asyncio.Lock] = {}

    async def node(self, version: str) -> None:
        """Installs a Node.js of that major version. Raises RuntimeUnavailable with npm's own words."""
        await self.install(self._data_dir / "runtimes" / f"node{version}", [f"node@{version}"], scripts=True)

    def sdk_dir(self, version: str) -> Path:
        """Where the SDK for a Node.js version lies: shown to every sandbox of it as /var/runtime/node_modules."""
        folder = self._data_dir / "runtimes" / f"sdk-nodejs{version}" / "node_modules"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    async def sdk(self, version: str, trees: Iterable[Path]) -> None:
        """Installs those parts of the SDK that the sources name and do not bring. Raises RuntimeUnavailable."""
        folder = self.sdk_dir(version)
        wanted = await asyncio.to_thread(missing, list(trees), folder, int(version))
        if wanted:
            limit = _RANGES.get(int(version))
            await self.install(folder.parent, [f"{name}@{limit}" if limit else name for name in wanted])

    async def install(self, prefix: Path, packages: list[str], scripts: bool = False) -> None:
        if not self._allowed:
            raise RuntimeUnavailable(f"{', '.join(packages)} would have to be installed, and that is not allowed here")
        npm = shutil.which("npm")
        if npm is None:
            raise RuntimeUnavailable(f"npm is not on this machine: {', '.join(packages)} cannot be installed")
        async with self._locks.setdefault(prefix, asyncio.Lock()):
            prefix.mkdir(parents=True, exist_ok=True)
            options = ["--no-audit", "--no-fund", "--silent", *([] if scripts else ["--ignore-scripts"])]
            process = await asyncio.create_subprocess_exec(
                npm, "install", "--prefix", str(prefix), *options, *packages,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                cwd=prefix,
            )  # fmt: skip
            try:
                output, _ = await asyncio.wait_for(process.communicate(), _TIMEOUT)
            except TimeoutError:
                process.kill()
                await process.wait()
                raise RuntimeUnavailable(f"npm did not install {', '.join(packages)} in time") from None
        if process.returncode:
            words = output.decode("utf-8", "replace").strip()[-500:]
            raise RuntimeUnavailable(f"npm could not install {', '.join(packages)}: {words or 'no reason given'}")


def missing(trees: list[Path], folder: Path, version: int) -> list[str]:
    """Packages of the SDK that the sources import, that they do not bring, and that are not installed yet."""
    found: set[str] = set()
    for tree in trees:
        for source in _sources(tree):
            try:
                found |= {match.decode() for match in _IMPORT.findall(source.read_bytes())}
            except OSError:
                continue
    places = [folder, *(tree / inner for tree in trees for inner in ("node_modules", "nodejs/node_modules"))]
    ours = {name for name in found if (name == "aws-sdk") == (version <= _V2_LAST_NODE)}
    return sorted(name for name in ours if not any((place / name).exists() for place in places))


def _sources(tree: Path) -> Iterable[Path]:
    count = 0
    for folder, directories, names in os.walk(tree):
        directories[:] = [name for name in directories if name != "node_modules" and not name.startswith(".")]
        for name in names:
            path = Path(folder) / name
            if name.endswith(_SOURCES) and path.is_file() and path.stat().st_size <= _MAX_FILE:
                count += 1
                if count > _MAX_FILES:
                    return
                yield path
