"""A sandbox as the platform holds it: the control socket of its init, its pipes, the sockets in its network."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

CREDENTIALS = struct.Struct("iII")
_DESCRIPTORS = 8


def receive(channel: socket.socket, size: int = 65536) -> tuple[bytes, list[int], int]:
    """One packet: its bytes, the descriptors that came with it, and the sender's process id here (0 if untold)."""
    space = socket.CMSG_SPACE(4 * _DESCRIPTORS) + socket.CMSG_SPACE(CREDENTIALS.size)
    data, ancillary, _, _ = channel.recvmsg(size, space)
    descriptors: list[int] = []
    pid = 0
    for level, kind, value in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            count = len(value) // 4
            descriptors += struct.unpack(f"{count}i", value[: 4 * count])
        elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            pid = CREDENTIALS.unpack(value[: CREDENTIALS.size])[0]
    return data, descriptors, pid


class Sandbox:
    """One isolated set of processes, empty until it is assigned to a function, and never given to a second one."""

    def __init__(self, slot: int, pid: int, descriptors: list[int], cgroups: list[str]) -> None:
        control, log, frames, runtime_api, dns, https, http, xray = descriptors
        self.slot = slot
        self.pid = pid
        self.cgroups = cgroups
        self.control = _adopt(control)
        self.runtime_api = _adopt(runtime_api)
        self.dns = _adopt(dns)
        self.https = _adopt(https)
        self.http = _adopt(http)
        self.xray = _adopt(xray)
        self.log = log
        self.frames = frames
        for pipe in (log, frames):
            os.set_blocking(pipe, False)
        self.pids: dict[str, int] = {}
        self.starting: list[str] = []
        self.on_exit: Callable[[str, int], None] = lambda name, status: None
        self.on_extension_log: Callable[[int], None] = lambda pipe: None
        self.extension_log: int | None = None
        self.gates: list[int] = []
        """Listeners that report connections: whoever takes the sandbox serves them and closes them."""
        self.on_gate: Callable[[list[int]], None] = lambda gates: None
        self._wanted_sockets: list[asyncio.Future[socket.socket]] = []
        self.on_failed: Callable[[str, str], None] = lambda name, error: None
        self.on_gone: list[Callable[[], None]] = []
        self.gone = False
        self.taken = False
        """Whether it has left the stock: then whoever took it closes it."""
        self.adopted = False
        """Whether others own the sockets for the gateway."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.control, self._readable)

    def _readable(self) -> None:
        try:
            data, descriptors, pid = receive(self.control)
        except BlockingIOError:
            return
        except OSError:
            data, descriptors, pid = b"", [], 0
        if not data:
            self._loop.remove_reader(self.control)
            return
        message = json.loads(data)
        if message["op"] == "pid" and self.starting:
            self.pids[self.starting.pop(0)] = pid
        elif message["op"] == "exit":
            self.on_exit(message["name"], message["status"])
        elif message["op"] == "socket":
            self._give_socket(_adopt(descriptors[0]))
        elif message["op"] == "gate":
            self.gates += descriptors
            self.on_gate(descriptors)
        elif message["op"] == "log":
            os.set_blocking(descriptors[0], False)
            self.extension_log = descriptors[0]
            self.on_extension_log(descriptors[0])
        elif message["op"] == "failed":
            self.on_failed(message["name"], message["error"])

    def send(self, order: dict[str, Any]) -> None:
        self._send(json.dumps(order).encode())

    def start(self, name: str, **order: Any) -> None:
        self.starting.append(name)
        self.send({"op": "start", "name": name, **order})

    def signal(self, name: str, number: int) -> None:
        self.send({"op": "signal", "name": name, "signal": number})

    async def new_socket(self) -> socket.socket:
        """An unconnected TCP socket in the sandbox's network: connected from here, it reaches what listens there."""
        future: asyncio.Future[socket.socket] = self._loop.create_future()
        self._wanted_sockets.append(future)
        self.send({"op": "socket"})
        return await future

    def _give_socket(self, made: socket.socket) -> None:
        while self._wanted_sockets:
            future = self._wanted_sockets.pop(0)
            if not future.done():
                future.set_result(made)
                return
        made.close()

    def freeze(self) -> None:
        self._send(b"F")

    def thaw(self) -> None:
        """Lets everything run again. The runtime is woken here at once; the init does it for the rest, in order."""
        self._send(b"C")
        pid = self.pids.get("runtime")
        if pid:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGCONT)

    def _send(self, data: bytes) -> None:
        # The init reads at once; a full socket means that it is gone or starved, and then the sandbox is lost.
        try:
            self.control.send(data)
        except BlockingIOError:
            self.kill()
        except OSError:
            pass

    def kill(self) -> None:
        """Ends every process in it, with its mounts and its network."""
        if not self.gone:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> None:
        """The zygote has reaped the init."""
        self.gone = True
        if not self.taken:
            self.close()
        callbacks, self.on_gone = self.on_gone, []
        for callback in callbacks:
            callback()

    def close(self) -> None:
        """Lets go of what the platform holds; the adopters of the other sockets close theirs."""
        if self.control.fileno() < 0:
            return
        self._loop.remove_reader(self.control)
        self.control.close()
        for item in (self.runtime_api, self.dns, *(() if self.adopted else (self.https, self.http, self.xray))):
            item.close()
        for pipe in (self.log, self.frames, self.extension_log):
            if pipe is not None:
                os.close(pipe)
        if not self.adopted:
            for gate in self.gates:
                os.close(gate)
        for future in self._wanted_sockets:
            future.cancel()


def _adopt(descriptor: int) -> socket.socket:
    item = socket.socket(fileno=descriptor)
    item.setblocking(False)
    return item
