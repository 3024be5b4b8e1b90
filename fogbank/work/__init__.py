"""Durable tasks and their one runner; the clocks."""

from fogbank.work.clock import Clock, SystemClock
from fogbank.work.runner import Runner
from fogbank.work.tasks import Task

__all__ = ["Clock", "Runner", "SystemClock", "Task"]
