"""`fogbank up`: start the cloud, in the foreground or detached."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from fogbank.cli import runfile


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", type=int, default=4566, help="the one port of every API (default 4566)")
    parser.add_argument("--listen", metavar="ADDR", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--strict", action="store_true", help="refuse the test/test credentials; print a root key once")
    parser.add_argument("--detach", action="store_true", help="go on in the background")
    parser.add_argument(
        "--isolation",
        choices=("auto", "full", "user", "container"),
        default="auto",
        help="refuse to start where functions would be isolated more weakly than this",
    )
    parser.add_argument(
        "--enforce-runtime-dates", action="store_true", help="refuse deprecated Lambda runtimes from AWS's dates on"
    )
    parser.add_argument(
        "--no-install", action="store_true", help="get no interpreter or SDK from the registries when a function needs one"
    )


def run(options: argparse.Namespace) -> int:
    running = runfile.read(options.data_dir)
    if running:
        print(f"Fogbank is already running: {running['endpoint']} (pid {running['pid']})", file=sys.stderr)
        return 1
    options.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)  # it holds secrets
    return _detached(options) if options.detach else _foreground(options)


def _foreground(options: argparse.Namespace) -> int:
    from fogbank.api.cloud import Settings
    from fogbank.app import serve

    settings = Settings(
        data_dir=options.data_dir.resolve(),
        port=options.port,
        listen=options.listen,
        strict=options.strict,
        isolation=options.isolation,
        enforce_runtime_dates=options.enforce_runtime_dates,
        obtain_runtimes=not options.no_install,
    )
    return serve(settings)


def _detached(options: argparse.Namespace) -> int:
    """Starts the same command in a session of its own, and waits until it has said that it is ready."""
    log = options.data_dir / "log" / "fogbank.log"
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "fogbank", "up", "--data-dir", str(options.data_dir.resolve())]
    command += ["--port", str(options.port), "--listen", options.listen, "--isolation", options.isolation]
    for flag in ("strict", "enforce_runtime_dates", "no_install"):
        if getattr(options, flag):
            command.append("--" + flag.replace("_", "-"))
    begin = log.stat().st_size if log.exists() else 0
    with open(log, "ab") as output:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
            cwd="/", env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        said = _said(log, begin)
        if "Fogbank is ready" in said:
            print(said, end="")
            return 0
        if child.poll() is not None:
            print(said, end="", file=sys.stderr)
            return child.returncode or 1
        time.sleep(0.01)
    print(f"Fogbank did not become ready in 30 s; see {log}", file=sys.stderr)
    return 1


def _said(log: Path, begin: int) -> str:
    with open(log, "rb") as file:
        file.seek(begin)
        return file.read().decode(errors="replace")
