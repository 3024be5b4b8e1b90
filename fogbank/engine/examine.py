"""What this machine gives the engine, for `fogbank doctor`: found without starting anything that stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fogbank.engine import tiers
from fogbank.engine.runtimes import RUNTIMES, Toolbox
from fogbank.engine.spec import RuntimeUnavailable


def examine(data_dir: Path) -> dict[str, Any]:
    """`tier`, `tier_means`, `lacks` (sentences), `probes`, `memory_limit`, and for each runtime its `interpreter` (a
    path, or None) with `get`: how to obtain it. Takes about half a second."""
    tier = tiers.choose("auto")
    lacks = [f"{step} ({result})" for step, result in tier.probes.items() if result != "ok"]
    if not tier.memory_limit.startswith("enforced"):
        lacks.append(f"a memory limit ({tier.memory_limit})")
    if tier.name == "user":
        lacks.append("a user of its own for each sandbox (run as root for that)")
    toolbox = Toolbox(data_dir)
    runtimes: dict[str, dict[str, str | None]] = {}
    for name in RUNTIMES:
        try:
            interpreter = toolbox.interpreter(name)
            runtimes[name] = {"interpreter": str(interpreter or "the function's own bootstrap"), "get": ""}
        except RuntimeUnavailable as missing:
            runtimes[name] = {"interpreter": None, "get": str(missing)}
    return {
        "tier": tier.name,
        "tier_means": tier.describe()["means"],
        "lacks": lacks,
        "probes": tier.probes,
        "memory_limit": tier.memory_limit,
        "runtimes": runtimes,
    }
