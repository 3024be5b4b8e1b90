"""One data directory, one process."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from fogbank.store.errors import InUse


class LockFile:
    """Held until `release`, or until the process ends in whatever way. Raises `InUse`, naming the owner's pid."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(self._fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(self._fd)
            raise InUse(f"the data directory {path.parent} is in use by process {owner}") from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._fd)
