"""A real cloud under test: the command a user types, on a port and a data directory of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ACCOUNT = "000000000000"
REGION = "us-east-1"
_CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=60)


class CloudUnderTest:
    command = (sys.executable, "-m", "fogbank")

    def __init__(self, data_dir: Path, *options: str, variables: dict[str, str] | None = None) -> None:
        self.variables = variables or {}
        self.data_dir = data_dir
        self.options = options
        self.port = _free_port()
        self.endpoint = f"http://localhost:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self.log = data_dir.parent / f"{data_dir.name}.log"

    def start(self) -> CloudUnderTest:
        command = [*self.command, "up", "--data-dir", str(self.data_dir), "--port", str(self.port)]
        with open(self.log, "ab") as log:
            # An output that AWS's model does not describe is an error here.
            strict = {**os.environ, **self.variables, "FOGBANK_STRICT_OUTPUT": "1"}
            self.process = subprocess.Popen([*command, *self.options], stdout=log, stderr=log, env=strict)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"the cloud ended at once:\n{self.output()}")
            try:
                urllib.request.urlopen(f"{self.endpoint}/_fogbank/health", timeout=5).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"the cloud did not start:\n{self.output()}")

    def stop(self) -> None:
        """An orderly end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """`kill -9`."""
        self._end(signal.SIGKILL)

    def restart(self, *, kill: bool = True) -> None:
        """Ends the process, by default with `kill -9`, and starts it on the same data and port."""
        self._end(signal.SIGKILL if kill else signal.SIGTERM)
        self.start()

    def client(
        self, service: str, *, region: str = REGION, key: str = "test", secret: str = "test", token: str | None = None,
        **config: Any,
    ) -> Any:
        """A boto3 client; root of account 000000000000 unless a key is given (an account's id is its root's key)."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=self.endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=_CONFIG.merge(Config(**config)),
        )

    def environment(self, *, key: str = "test", secret: str = "test", region: str = REGION) -> dict[str, str]:
        """Variables for a command-line client, with nothing of the developer's own AWS settings."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        tools = Path(__file__).parent.parent / ".tools" / "bin"
        return {
            **kept,
            "PATH": f"{tools}:{kept.get('PATH', '')}",
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": region,
            "AWS_REGION": region,
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
        }

    def output(self) -> str:
        return self.log.read_text(errors="replace")[-8000:] if self.log.exists() else ""

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
