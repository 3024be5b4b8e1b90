"""The Shutdown phase: who is told, in which order, and how long each may take."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from fogbank.engine.extensions import Extensions
from fogbank.engine.journal import Journal
from fogbank.engine.lifecycle import Machine
from fogbank.engine.sandbox import Sandbox
from fogbank.engine.spec import Clock

_RUNTIME_SHARE = 0.3
"""The runtime gets this part of the time before it is killed; the extensions, who outlive it, the rest."""
_LISTENERS_SHARE = 0.1
"""The runtime's output ends with it: what is buffered reaches the listeners before they hear of the end."""


def allowance(extensions: Extensions) -> float:
    """Seconds: 2 with an external extension, 0.5 with only internal ones, else none."""
    if extensions.external:
        return 2.0
    return 0.5 if extensions.internal else 0.0


async def shut_down(
    reason: str, sandbox: Sandbox, runtime: Machine, extensions: Extensions, journal: Journal, clock: Clock,
    changed: asyncio.Event,
) -> None:
    """Returns when all have ended or their time is over; what is left is then killed by the caller."""
    total = allowance(extensions)
    loop = asyncio.get_running_loop()
    began = loop.time()
    deadline_ms = int((clock.now() + total) * 1000)
    sandbox.thaw()
    if runtime != "exited":
        sandbox.signal("runtime", signal.SIGTERM if reason == "spindown" else signal.SIGKILL)
        await _wait(lambda: runtime == "exited", changed, began + total * _RUNTIME_SHARE)
        if runtime != "exited":
            sandbox.signal("runtime", signal.SIGKILL)
    await journal.drain(total * _LISTENERS_SHARE)
    extensions.shut_down(
        reason, deadline_ms, lambda extension: sandbox.signal(f"extension:{extension.name}", signal.SIGKILL)
    )
    drained = loop.create_task(journal.drain(total))
    await _wait(lambda: extensions.all_gone or sandbox.gone, changed, began + total)
    drained.cancel()


async def _wait(condition: Callable[[], bool], changed: asyncio.Event, until: float) -> None:
    loop = asyncio.get_running_loop()
    while not condition():
        left = until - loop.time()
        if left <= 0:
            return
        changed.clear()
        try:
            await asyncio.wait_for(changed.wait(), left)
        except TimeoutError:
            return
