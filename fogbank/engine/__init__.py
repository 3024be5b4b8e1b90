"""Lambda execution: lifecycle states, Runtime, Extensions and Telemetry APIs, runtimes, sandboxes, pool."""

from fogbank.engine.engine import Engine

__all__ = ["Engine"]
