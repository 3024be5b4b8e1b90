"""The note that a running cloud leaves in its data directory, so that the other commands find it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


def path(data_dir: Path) -> Path:
    return data_dir / "run.json"


def write(data_dir: Path, endpoint: str) -> None:
    note = path(data_dir)
    note.write_text(json.dumps({"pid": os.getpid(), "endpoint": endpoint}))


def read(data_dir: Path) -> dict[str, Any] | None:
    """The note of a cloud that is alive, else None: a note left by one that was killed says nothing."""
    try:
        note = json.loads(path(data_dir).read_text())
        os.kill(int(note["pid"]), 0)
        with open(f"/proc/{int(note['pid'])}/cmdline", "rb") as cmdline:
            return note if b"fogbank" in cmdline.read() else None
    except (OSError, ValueError, KeyError):
        return None


def remove(data_dir: Path) -> None:
    path(data_dir).unlink(missing_ok=True)
