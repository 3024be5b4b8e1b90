"""Finding Node.js by major version."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path


def candidates(version: str, data_dir: Path) -> Iterator[Path]:
    yield data_dir / "runtimes" / f"node{version}" / "node_modules" / "node" / "bin" / "node"
    on_path = shutil.which("node")
    if on_path:
        yield Path(on_path)
    nvm = Path(os.environ.get("NVM_DIR") or os.path.expanduser("~/.nvm")) / "versions" / "node"
    try:
        found = sorted(nvm.glob(f"v{version}.*"), reverse=True)
    except OSError:
        found = []
    yield from (entry / "bin" / "node" for entry in found)
    for folder in ("/usr/local/bin", "/usr/bin"):
        yield Path(folder) / "node"


def find(version: str, data_dir: Path) -> Path | None:
    """The executable of that major version, or None. Asks each candidate for its version: it may block for 50 ms."""
    for path in candidates(version, data_dir):
        try:
            if not os.access(path, os.X_OK):
                continue
            told = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        match = re.match(r"v(\d+)\.", told.stdout)
        if match and match[1] == version:
            return path.resolve()
    return None
