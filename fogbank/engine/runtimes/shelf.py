"""Where interpreters and SDKs that were obtained lie, and which interpreter the operator chose for a runtime.

`DATA/runtimes`, or the directory that FOGBANK_RUNTIMES names, which several clouds may share. What is put there is
complete or absent: it is made beside its place and renamed.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple


class Choice(NamedTuple):
    """The operator's word: this program for that runtime; as a substitute where its version is another."""

    path: str
    version: str
    substitute: bool


class Shelf:
    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def of(cls, data_dir: Path) -> Shelf:
        named = os.environ.get("FOGBANK_RUNTIMES")
        return cls(Path(named) if named else data_dir / "runtimes")

    def place(self, name: str) -> Path:
        return self.directory / name

    def has(self, name: str) -> bool:
        return self.place(name).is_dir()

    def stamp(self) -> tuple[int, ...]:
        """Changes whenever something is put here, removed or chosen."""
        found = []
        for path in (self.directory, self._choices):
            try:
                found.append(path.stat().st_mtime_ns)
            except OSError:
                found.append(0)
        return tuple(found)

    def put(self, name: str, make: Callable[[Path], None]) -> Path:
        """Has `make` fill an empty directory, which then takes that name. One process at a time makes a thing; the
        others wait and find it there."""
        place = self.place(name)
        with self.lock(name):
            if place.is_dir():
                return place
            work = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=self.directory))
            try:
                make(work)
                _readable(work)
                work.rename(place)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        return place

    def remove(self, name: str) -> bool:
        if not self.has(name):
            return False
        with self.lock(name):
            trash = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=self.directory))
            self.place(name).rename(trash / name)
            shutil.rmtree(trash)
        return True

    @property
    def _choices(self) -> Path:
        return self.directory / "choices.json"

    def choices(self) -> dict[str, Choice]:
        try:
            return {name: Choice(**choice) for name, choice in json.loads(self._choices.read_text()).items()}
        except (OSError, ValueError, TypeError):
            return {}

    def choose(self, name: str, choice: Choice | None) -> bool:
        """Sets or, with None, forgets a choice. Returns whether there was one."""
        with self.lock("choices"):
            known = self.choices()
            had = known.pop(name, None) is not None
            if choice is not None:
                known[name] = choice
            work = self._choices.with_suffix(".new")
            work.write_text(json.dumps({name: choice._asdict() for name, choice in known.items()}, indent=1))
            work.replace(self._choices)
        return had

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with open(self.directory / f".{name}.lock", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _readable(root: Path) -> None:
    """For everybody: the functions run as other users."""
    root.chmod(0o755)
    for folder, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = os.path.join(folder, name)
            mode = os.lstat(path).st_mode
            if not stat.S_ISLNK(mode):
                wanted = 0o755 if stat.S_ISDIR(mode) or mode & 0o100 else 0o644
                if stat.S_IMODE(mode) != wanted:
                    os.chmod(path, wanted)
