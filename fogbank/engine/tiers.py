"""The isolation that this machine allows, found by trying: each step runs in a child and tells its errno."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fogbank.engine.cgroups import Cgroups
from fogbank.engine.spec import IsolationUnavailable

INSIDE = Path(__file__).parent / "inside"
ORDER = ("none", "container", "user", "full")
_WHAT = {
    "full": "user, mount, process, network, ipc and host name namespaces of root; read-only root; seccomp; no new "
    "privileges; a user of its own for each sandbox",
    "user": "the same within one user namespace of this user",
    "none": "no namespaces can be made here",
}


@dataclass(frozen=True, slots=True)
class Tier:
    """`name` is one of `full`, `user`, `container`, `none`. `probes` maps each step to `ok` or an errno's name."""

    name: str
    probes: dict[str, str] = field(default_factory=dict)
    memory_limit: str = ""
    problem: str = ""

    def describe(self) -> dict[str, Any]:
        return {
            "tier": self.name,
            "means": _WHAT.get(self.name, ""),
            "memory limit": self.memory_limit,
            "probes": self.probes,
        }


def cgroup_name(data_dir: Path) -> str:
    return "fogbank-" + hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]


def probe() -> dict[str, str]:
    """Tries the steps in a child process and returns what each gave."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", "from _fogbank import probe; probe.main()"],
        env={"PYTHONPATH": str(INSIDE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True, text=True, timeout=20, check=False,
    )  # fmt: skip
    try:
        numbers: dict[str, int] = json.loads(done.stdout)
    except ValueError:
        return {"probe": done.stderr.strip()[-200:] or "no answer"}
    return {step: errno.errorcode.get(number, str(number)) if number else "ok" for step, number in numbers.items()}


def choose(demanded: str) -> Tier:
    """The best tier that works here. Raises IsolationUnavailable where it is weaker than `demanded`."""
    if demanded not in ("auto", *ORDER[1:]):
        raise IsolationUnavailable(f"isolation is one of auto, full, user, container: not {demanded}")
    probes = probe()
    works = all(value == "ok" for value in probes.values())
    name = ("full" if os.getuid() == 0 else "user") if works else "none"
    problem = ", ".join(f"{step}: {value}" for step, value in probes.items() if value != "ok")
    if demanded != "auto" and ORDER.index(name) < ORDER.index(demanded):
        raise IsolationUnavailable(
            f"the isolation tier {demanded} was demanded, and this machine allows only {name} ({problem or 'not root'})"
        )
    cgroups = Cgroups("fogbank-probe")
    memory = f"enforced (control groups version {cgroups.version})" if cgroups.memory else "watched, not enforced"
    if not cgroups.memory:
        memory += f": {cgroups.problem or 'no memory controller'}"
    cgroups.close()
    return Tier(name, probes, memory, problem)
