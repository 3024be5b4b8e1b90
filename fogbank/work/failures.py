"""What becomes of a task whose handler raised."""

from __future__ import annotations

import logging
from random import Random
from typing import Protocol

from fogbank.kit.errors import AwsError
from fogbank.store import Tx
from fogbank.work.outcomes import GiveUp, RetryAfter
from fogbank.work.tasks import TOPIC, Task

log = logging.getLogger("fogbank.work")

_LEAST_CAP = 60.0
"""Seconds. `exhausted` handlers are tried for ever, at last this rarely."""


class Retrying(Protocol):
    """As `api.Retry`, which is upstairs."""

    @property
    def attempts(self) -> int: ...
    @property
    def first(self) -> float: ...
    @property
    def factor(self) -> float: ...
    @property
    def most(self) -> float: ...


def settle_failure(
    tx: Tx, task: Task, retry: Retrying, has_exhausted: bool, error: BaseException, now: float, random: Random
) -> None:
    """Writes when `task` is tried again, or that its `exhausted` handler is next, or that it is gone."""
    if task.superseded:
        tx.delete(Task, task.id)
        return
    if not isinstance(error, RetryAfter) or error.counts:
        task.attempts += 1
    cause = error.__cause__ if isinstance(error, GiveUp) and error.__cause__ else error
    task.code = cause.code if isinstance(cause, AwsError) else type(cause).__name__
    task.message = cause.message if isinstance(cause, AwsError) else str(cause)
    if not isinstance(cause, (AwsError, RetryAfter, GiveUp)):
        log.error("task %s of kind %s failed", task.id, task.kind, exc_info=cause)
    task.owner = None
    if isinstance(error, RetryAfter) and (not error.counts or task.attempts < retry.attempts):
        task.due = now + error.seconds
    elif task.exhausted:
        task.due = now + backoff(retry, task.attempts, random, max(retry.most, _LEAST_CAP))
    elif task.attempts < retry.attempts and not isinstance(error, GiveUp):
        task.due = now + backoff(retry, task.attempts, random, retry.most)
    elif has_exhausted:
        task.due, task.exhausted, task.attempts = now, True, 0
    else:
        log.error("task %s of kind %s is given up: %s: %s", task.id, task.kind, task.code, task.message)
        tx.delete(Task, task.id)
        return
    tx.put(task)
    tx.publish(TOPIC, (task.lane, task.due))


def backoff(retry: Retrying, attempts: int, random: Random, most: float) -> float:
    """Seconds: full jitter, up to `first * factor ** n` after n + 1 failed attempts.

    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    # Past this power the cap is reached by any factor that grows, and floats overflow at last.
    return random.uniform(0.0, min(most, retry.first * retry.factor ** min(attempts - 1, 60)))
