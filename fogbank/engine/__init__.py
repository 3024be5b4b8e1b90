"""Lambda execution: lifecycle states, Runtime, Extensions and Telemetry APIs, runtimes, sandboxes, pool."""
