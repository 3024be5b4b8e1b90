"""The platform's side of one sandbox in use: its API server, log pipes, resolver and gateway sockets, memory figure."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from fogbank.engine.api_http import Budget, Connection
from fogbank.engine.extension_api import InsideApi
from fogbank.engine.journal import Journal
from fogbank.engine.logs import LogReader
from fogbank.engine.sandbox import Sandbox
from fogbank.engine.spec import FunctionSpec

if TYPE_CHECKING:
    from fogbank.engine.workshop import Workshop

_MAX_CONNECTIONS = 128


class Plumbing:
    def __init__(self, shop: Workshop, spec: FunctionSpec, sandbox: Sandbox, api: InsideApi, journal: Journal) -> None:
        self._shop = shop
        self._spec = spec
        self._sandbox = sandbox
        self._api = api
        self._journal = journal
        self._connections: set[Connection] = set()
        self._budget = Budget()
        self._loop = asyncio.get_running_loop()
        self._logs = LogReader(sandbox.log, sandbox.frames, shop.clock, shop.sink, journal.output)
        self._extension_logs: LogReader | None = None
        sandbox.on_extension_log = self._read_extensions
        self._loop.add_reader(sandbox.runtime_api, self._accept)
        shop.resolver.serve(sandbox.dns)
        self._gates: list[int] = []
        sandbox.on_gate = self._serve_gates
        self._serve_gates(sandbox.gates)
        self._releases: list[Callable[[], None]] = shop.adopt_sockets(sandbox, spec)
        path = shop.cgroups.peak_file(sandbox.slot)
        self._peak = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if path else None

    def _serve_gates(self, gates: list[int]) -> None:
        for gate in gates:
            self._gates.append(gate)
            self._shop.outbound.serve(gate)

    def _accept(self) -> None:
        for _ in range(16):
            try:
                peer, _address = self._sandbox.runtime_api.accept()
            except OSError:
                return
            if len(self._connections) >= _MAX_CONNECTIONS:
                peer.close()
                continue
            peer.setblocking(False)
            self._loop.create_task(self._loop.connect_accepted_socket(self._connection, peer))

    def _connection(self) -> Connection:
        made = Connection(self._api.route, self._api.handle, self._connections.discard, self._budget)
        self._connections.add(made)
        return made

    def _read_extensions(self, pipe: int) -> None:
        def output(timestamp: int, text: str, is_json: bool) -> None:
            self._journal.output(timestamp, text, is_json, "extension")

        self._extension_logs = LogReader(pipe, None, self._shop.clock, self._shop.sink, output)

    def drain_logs(self) -> None:
        """Takes in what has been written so far."""
        self._logs.drain()
        if self._extension_logs is not None:
            self._extension_logs.drain()

    def memory_mb(self) -> int:
        """The most memory used so far, by the control group or else by the runtime process."""
        if self._peak is not None:
            with suppress(OSError, ValueError):
                used = int(os.pread(self._peak, 32, 0)) // (1024 * 1024) + 1
                return min(used, self._spec.memory_mb)
        return self._shop.resident_mb(self._sandbox)

    def close(self) -> None:
        self._logs.finish()
        if self._extension_logs is not None:
            self._extension_logs.finish()
        self._loop.remove_reader(self._sandbox.runtime_api)
        for connection in list(self._connections):
            connection.abort()
        self._connections.clear()
        self._shop.resolver.stop(self._sandbox.dns)
        self._sandbox.on_gate = _refuse_gates
        for gate in self._gates:
            self._shop.outbound.stop(gate)
        for release in self._releases:
            release()
        self._releases = []
        if self._peak is not None:
            os.close(self._peak)
            self._peak = None


def _refuse_gates(gates: list[int]) -> None:
    for gate in gates:
        os.close(gate)
