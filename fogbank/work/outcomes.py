"""How a task handler can end, besides returning (done) and raising anything else (tried again by its `Retry`)."""

from __future__ import annotations


class RetryAfter(Exception):
    """Try again in `seconds`. Unless `counts`, that was no failed attempt: what the task needs was just not there."""

    def __init__(self, seconds: float, reason: str = "", *, counts: bool = False) -> None:
        super().__init__(reason or f"again in {seconds} s")
        self.seconds = seconds
        self.counts = counts


class GiveUp(Exception):
    """No further attempt would help: `exhausted` runs at once. `raise GiveUp(...) from error` hands it `error`."""
