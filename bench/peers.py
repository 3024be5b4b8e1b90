"""What we measure beside: each as its users start it, on a port of its own."""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = Path(__file__).parent.parent / ".tools" / "peers" / "bin"


@dataclass
class Peer:
    name: str
    arguments: list[str]
    health_path: str
    variables: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=lambda: _free_port())

    @property
    def endpoint(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def health(self) -> str:
        return f"http://127.0.0.1:{self.port}{self.health_path}"

    def command(self, work: Path) -> list[str]:
        return [part.format(port=self.port, data=work / "data") for part in self.arguments]

    def environment(self, work: Path) -> dict[str, str]:
        return {key: value.format(port=self.port, data=work / "data") for key, value in self.variables.items()}


def available() -> list[Peer]:
    """Ours, and the peers that `make bench` installed."""
    up = [sys.executable, "-m", "fogbank", "up", "--port", "{port}", "--data-dir", "{data}"]
    peers = [Peer("fogbank", up, "/_fogbank/health")]
    if os.path.exists(TOOLS / "moto_server"):
        peers.append(Peer("moto", [str(TOOLS / "moto_server"), "-p", "{port}"], "/moto-api/"))
    if os.path.exists(TOOLS / "ministack"):
        variables = {"GATEWAY_PORT": "{port}", "LOCALSTACK_PERSISTENCE": "0"}
        peers.append(Peer("ministack", [str(TOOLS / "ministack")], "/_localstack/health", variables))
    wanted = os.environ.get("BENCH_PEERS")
    return [peer for peer in peers if not wanted or peer.name in wanted.split(",")]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
