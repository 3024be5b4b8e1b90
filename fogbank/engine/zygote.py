"""The zygotes as the platform holds them: one process per runtime, account and SDK, each with a few sandboxes in stock."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from fogbank.engine.cgroups import Cgroups
from fogbank.engine.sandbox import Sandbox, receive
from fogbank.engine.spec import EngineError

INSIDE = Path(__file__).parent / "inside"
START_TIMEOUT = 30.0
SPAWN_TIMEOUT = 60.0
"""An order may wait behind a thousand others."""
_IN_FLIGHT = 16
_MOST_IN_STOCK = 8


class Slots:
    """Small numbers, each in use by one sandbox at most: they give the sandbox its user and its control groups."""

    def __init__(self, limit: int) -> None:
        self._free: list[int] = []
        self._next = 0
        self._limit = limit

    def take(self) -> int:
        if self._free:
            return self._free.pop()
        if self._next >= self._limit:
            raise EngineError(f"{self._limit} sandboxes are running: no more are allowed on this machine")
        self._next += 1
        return self._next - 1

    def give_back(self, slot: int) -> None:
        self._free.append(slot)


class Zygote:
    """A started parent process. `take()` gives an isolated, empty sandbox."""

    def __init__(self, plan: dict[str, Any], tier: str, slots: Slots, cgroups: Cgroups, base_uid: int) -> None:
        self._plan = plan
        self._tier = tier
        self._slots = slots
        self._cgroups = cgroups
        self._base_uid = base_uid
        self._loop = asyncio.get_running_loop()
        self._channel: socket.socket | None = None
        self._waiting: dict[int, asyncio.Future[Sandbox]] = {}
        self._alive: dict[int, Sandbox] = {}
        self._orders: deque[int] = deque()
        self._ordered = 0
        self._wanted = 0
        self.used = self._loop.time()
        self._stock: list[asyncio.Future[Sandbox]] = []
        self._ready: asyncio.Future[str] = self._loop.create_future()
        self.version = ""
        self.pid = 0
        self.on_death: Callable[[], None] = lambda: None

    async def start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        ours.setblocking(False)
        plan = {**self._plan, "zygote": {**self._plan["zygote"], "channel": theirs.fileno(), "tier": self._tier}}
        errors = Path(self._plan["errors"])
        with theirs, open(errors, "ab") as log:
            launcher = subprocess.Popen(
                [sys.executable, "-S", "-c", "from _fogbank import launcher; launcher.main()", json.dumps(plan)],
                env={"PYTHONPATH": str(INSIDE), "PYTHONDONTWRITEBYTECODE": "1"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._channel = ours
        self._loop.add_reader(ours, self._readable)
        try:
            self.version = await asyncio.wait_for(asyncio.shield(self._ready), START_TIMEOUT)
        except (TimeoutError, EngineError) as error:
            self.stop()
            tail = errors.read_text(errors="replace")[-2000:].strip()
            raise EngineError(f"the sandbox parent did not start: {tail or error or 'no answer'}") from None
        finally:
            launcher.poll()

    def _readable(self) -> None:
        assert self._channel is not None
        for _ in range(16):
            try:
                data, descriptors, pid = receive(self._channel)
            except BlockingIOError:
                return
            except OSError:
                data, descriptors, pid = b"", [], 0
            if not data:
                self._died()
                return
            self._handle(json.loads(data), descriptors, pid)

    def _handle(self, message: dict[str, Any], descriptors: list[int], pid: int) -> None:
        kind, slot = message["op"], message.get("slot", -1)
        if kind == "ready":
            self.pid = pid
            self._ready.set_result(message["version"])
        elif kind == "warm":
            self._refresh()
        elif kind == "born":
            sandbox = Sandbox(slot, pid, descriptors, self._cgroups.of(slot))
            if self._plan["zygote"].get("ahead"):
                sandbox.starting.append("runtime")
            self._alive[slot] = sandbox
            future = self._delivered(slot)
            if future is not None and not future.done():
                future.set_result(sandbox)
            else:
                sandbox.kill()
        elif kind == "failed":
            future = self._delivered(slot)
            if future is not None and not future.done():
                future.set_exception(EngineError(f"no sandbox: {message['error']}"))
                future.exception()
        elif kind == "gone":
            lost = self._alive.pop(slot, None)
            self._slots.give_back(slot)
            future = self._delivered(slot)
            if future is not None and not future.done():
                future.set_exception(EngineError("no sandbox: its init ended"))
                future.exception()
            if lost is not None:
                lost.ended()

    def _died(self) -> None:
        if self._channel is None:
            return
        self._loop.remove_reader(self._channel)
        self._channel.close()
        self._channel = None
        error = EngineError("the sandbox parent ended")
        if not self._ready.done():
            self._ready.set_exception(error)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)
                future.exception()
        for slot in {*self._waiting, *self._alive}:
            self._slots.give_back(slot)
        self._waiting.clear()
        self._orders.clear()
        alive, self._alive = self._alive, {}
        for sandbox in alive.values():
            sandbox.ended()
        self.on_death()

    @property
    def alive(self) -> bool:
        return self._channel is not None

    @property
    def sandboxes(self) -> int:
        return len(self._alive) + len(self._waiting)

    @property
    def idle(self) -> bool:
        """Whether every sandbox it has is in stock."""
        return self.sandboxes <= len(self._stock)

    def _spawn(self) -> asyncio.Future[Sandbox]:
        if self._channel is None:
            raise EngineError("the sandbox parent ended")
        slot = self._slots.take()
        future: asyncio.Future[Sandbox] = self._loop.create_future()
        self._waiting[slot] = future
        self._orders.append(slot)
        self._pump()
        return future

    def _pump(self) -> None:
        """Sends orders, a few at a time: the channel holds a limited number of packets."""
        while self._orders and self._ordered < _IN_FLIGHT and self._channel is not None:
            slot = self._orders.popleft()
            order = {"op": "spawn", "slot": slot, "uid": self._base_uid + slot, "cgroups": self._cgroups.of(slot)}
            self._ordered += 1
            try:
                self._channel.send(json.dumps(order).encode())
            except OSError:
                self._died()
                return

    def _delivered(self, slot: int) -> asyncio.Future[Sandbox] | None:
        """An order has been carried out, or failed."""
        future = self._waiting.pop(slot, None)
        if future is not None:
            self._ordered -= 1
            self._pump()
        return future

    async def take(self) -> Sandbox:
        """A sandbox from the stock, or a new one."""
        self.used = self._loop.time()
        while self._stock:
            future = self._stock.pop(0)
            with suppress(EngineError):
                sandbox = await asyncio.wait_for(future, SPAWN_TIMEOUT)
                if not sandbox.gone:
                    sandbox.taken = True
                    return sandbox
        self._wanted = min(_MOST_IN_STOCK, self._wanted * 2 + 1)
        sandbox = await asyncio.wait_for(self._spawn(), SPAWN_TIMEOUT)
        sandbox.taken = True
        return sandbox

    def restock(self, least: int) -> None:
        """Keeps sandboxes waiting: `least`, and more while they were wanted faster than they stood ready."""
        self.stock(max(least, self._wanted))
        self._wanted = max(0, self._wanted - 1)

    def stock(self, count: int) -> None:
        """Has `count` sandboxes wait for a function."""
        with suppress(EngineError):
            while len(self._stock) < count and self.alive:
                self._stock.append(self._spawn())

    def _refresh(self) -> None:
        """Sandboxes made before the SDK was loaded in full give way to better ones."""
        count, stock = len(self._stock), self._stock
        self._stock = []
        for future in stock:
            future.add_done_callback(lambda done: None if done.exception() else done.result().kill())
        self.stock(count)

    def stop(self) -> None:
        if self._channel is not None:
            pid = self.pid
            self._died()
            if pid:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
