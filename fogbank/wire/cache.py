"""Compiled code on disk. The directory is ours alone (0700); what is damaged or foreign is ignored and made again."""

from __future__ import annotations

import hashlib
import marshal
import os
import sys
import tempfile
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

from fogbank.wire.model import botocore_version

_DIGEST = 16


def fingerprint() -> str:
    """Names everything that compiled code depends on: botocore's models, this compiler and its patches, the Python."""
    sum_ = hashlib.blake2b(digest_size=12)
    sum_.update(f"{botocore_version()} {sys.implementation.cache_tag} {sys.version_info}".encode() + MAGIC_NUMBER)
    here = Path(__file__).parent
    for path in sorted([*here.rglob("*.py"), *here.rglob("*.json")]):
        sum_.update(path.name.encode() + path.read_bytes())
    return sum_.hexdigest()


class Cache:
    """Marshalled values by name. Each file carries a digest of its content, since `marshal` trusts what it reads."""

    def __init__(self, directory: Path | None) -> None:
        self._directory: Path | None = None
        if directory is not None:
            self._directory = _private_directory(directory / fingerprint())

    def load(self, name: str) -> Any | None:
        if self._directory is None:
            return None
        try:
            raw = (self._directory / name).read_bytes()
        except OSError:
            return None
        content = memoryview(raw)[_DIGEST:]
        if hashlib.blake2b(content, digest_size=_DIGEST).digest() != raw[:_DIGEST]:
            return None
        try:
            return marshal.loads(content)
        except (EOFError, ValueError, TypeError):
            return None

    def store(self, name: str, value: Any) -> None:
        """Writes beside and renames, so that a reader in another process sees the whole file or none."""
        if self._directory is None:
            return
        content = marshal.dumps(value)
        try:
            handle, temporary = tempfile.mkstemp(dir=self._directory, prefix=".new-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(hashlib.blake2b(content, digest_size=_DIGEST).digest() + content)
                os.replace(temporary, self._directory / name)
            except BaseException:
                os.unlink(temporary)
                raise
        except OSError:
            return  # a full or read-only disk costs speed, never an answer


def _private_directory(path: Path) -> Path | None:
    """`path`, made for us alone; None where it cannot be, or where others could write code into it."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = path.stat()
    except OSError:
        return None
    if status.st_uid != os.getuid() or status.st_mode & 0o022:
        return None
    return path
