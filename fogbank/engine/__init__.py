"""Lambda execution: lifecycle states, Runtime, Extensions and Telemetry APIs, runtimes, sandboxes, pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fogbank.engine.engine import Engine

__all__ = ["Engine"]


def __getattr__(name: str) -> Any:
    """`Engine` is imported when it is first asked for: the platform starts without it."""
    if name == "Engine":
        from fogbank.engine.engine import Engine

        return Engine
    raise AttributeError(name)
