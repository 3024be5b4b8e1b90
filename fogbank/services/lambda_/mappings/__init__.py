"""Event source mappings: Lambda reads from queues and streams, and invokes a function with what it found."""

from fogbank.services.lambda_.mappings import operations, poll

__all__ = ["operations", "poll"]
