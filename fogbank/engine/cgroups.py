"""Control groups of sandboxes, version 1 or 2, where this process may write them: memory, CPU share, processes."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

_MEGABYTE = 1024 * 1024
VCPU_MB = 1769
"""Lambda gives a function one virtual CPU for each 1,769 MB."""
MAX_PROCESSES = 1024
_MOUNT = Path("/sys/fs/cgroup")
_ABANDONED = 3600
_WEIGHT = 8
"""What all sandboxes together weigh against one group of other processes."""


class Cgroups:
    """Where the groups of sandboxes lie: one directory per hierarchy, or none where nothing may be written."""

    def __init__(self, name: str, root: Path = _MOUNT) -> None:
        self._name = name
        self.problem = ""
        self.version = 0
        self._bases: list[Path] = []
        try:
            self._bases = self._find(root)
        except OSError as error:
            self.problem = f"{error.strerror or error} ({error.filename or root})"
        files = ("memory.limit_in_bytes", "memory.max")
        self.memory = any((base / file).exists() for base in self._bases for file in files)
        """Whether the kernel keeps sandboxes to their memory."""

    def _find(self, root: Path) -> list[Path]:
        own = {}
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for controller in controllers.split(","):
                own[controller] = path.lstrip("/")
        if (root / "cgroup.controllers").exists():
            return [self._version_2(root / own.get("", ""))]
        bases = []
        for controller in ("memory", "cpu", "pids"):
            parent = root / controller / own.get(controller, "")
            if parent.is_dir():
                base = parent / self._name
                base.mkdir(exist_ok=True)
                bases.append(base)
        if not bases:
            raise FileNotFoundError(2, "no control group hierarchy is mounted", str(root))
        self.version = 1
        for base in bases:
            _write(base / "memory.use_hierarchy", "1")
            _write(base / "cpu.shares", str(1024 * _WEIGHT))
        return bases

    def _version_2(self, parent: Path) -> Path:
        """Groups beside the platform's own: version 2 forbids processes in a group that hands controllers down."""
        if not (parent / "cgroup.procs").exists():
            parent = _MOUNT
        home = parent / f"{self._name}-platform"
        if parent != _MOUNT or os.getpid() != 1:
            with suppress(OSError):
                (parent / "cgroup.subtree_control").write_text("+memory +cpu +pids")
            if "memory" not in (parent / "cgroup.subtree_control").read_text():
                home.mkdir(exist_ok=True)
                (home / "cgroup.procs").write_text(str(os.getpid()))
                (parent / "cgroup.subtree_control").write_text("+memory +cpu +pids")
        base = parent / self._name
        base.mkdir(exist_ok=True)
        (base / "cgroup.subtree_control").write_text("+memory +cpu +pids")
        _write(base / "cpu.weight", str(100 * _WEIGHT))
        self.version = 2
        return base

    def of(self, slot: int) -> list[str]:
        """The directories of a sandbox's groups; the sandbox's own init makes and joins them."""
        return [str(base / f"s{slot}") for base in self._bases]

    def limits(self, memory_mb: int) -> list[tuple[str, str]]:
        """File names and contents, in the order of writing; a hierarchy takes those that it has."""
        size = str(memory_mb * _MEGABYTE)
        return [
            ("memory.limit_in_bytes", size),
            ("memory.memsw.limit_in_bytes", size),
            ("memory.max", size),
            ("memory.swap.max", "0"),
            ("memory.oom.group", "0"),
            ("pids.max", str(MAX_PROCESSES)),
        ]

    def share(self, slot: int, memory_mb: int) -> None:
        """Gives a sandbox its share of the processors, by its memory. Init runs before with a whole one, as on Lambda."""
        part = memory_mb / VCPU_MB
        for base in self._bases:
            _write(base / f"s{slot}" / "cpu.shares", str(max(2, round(1024 * part))))
            _write(base / f"s{slot}" / "cpu.weight", str(max(1, min(10000, round(100 * part)))))

    def peak_file(self, slot: int) -> Path | None:
        """Where the most memory that a sandbox ever used is read, in bytes."""
        for base in self._bases:
            for name in ("memory.max_usage_in_bytes", "memory.peak"):
                path = base / f"s{slot}" / name
                if path.exists():
                    return path
        return None

    def sweep(self) -> int:
        """Kills and removes what an earlier platform left here; returns how many groups there were."""
        count = 0
        for base in self._bases:
            with suppress(OSError):
                for group in [entry for entry in base.iterdir() if entry.is_dir()]:
                    count += 1
                    with suppress(OSError):
                        for pid in (group / "cgroup.procs").read_text().split():
                            with suppress(ProcessLookupError, PermissionError):
                                os.kill(int(pid), signal.SIGKILL)
                        group.rmdir()
        return count

    def close(self) -> bool:
        """Removes the groups; False while processes that are dying still hold one: call again."""
        self.sweep()
        gone = True
        for base in self._bases:
            try:
                base.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                gone = False
        return gone

    def tidy(self, now: float) -> None:
        """Removes empty groups of platforms that were killed and never started again."""
        for base in self._bases:
            for other in base.parent.glob("fogbank-*"):
                with suppress(OSError):
                    if now - other.stat().st_mtime > _ABANDONED:
                        for group in [entry for entry in other.iterdir() if entry.is_dir()]:
                            group.rmdir()
                    other.rmdir()


def _write(path: Path, text: str) -> None:
    """Where the hierarchy has such a file."""
    if path.exists():
        with suppress(OSError):
            path.write_text(text)
