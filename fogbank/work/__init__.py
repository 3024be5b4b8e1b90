"""Durable tasks and their one runner; the clocks."""

from fogbank.work.clock import Clock, SimulatedClock, SystemClock, Timer
from fogbank.work.outcomes import GiveUp, RetryAfter
from fogbank.work.runner import Runner
from fogbank.work.tasks import Task

__all__ = ["Clock", "GiveUp", "RetryAfter", "Runner", "SimulatedClock", "SystemClock", "Task", "Timer"]
