"""`fogbank down`: stop the cloud in an orderly way."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time

from fogbank.cli import runfile


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--timeout", type=float, default=15.0, help="seconds to wait before it is killed (default 15)")


def run(options: argparse.Namespace) -> int:
    running = runfile.read(options.data_dir)
    if not running:
        print("Fogbank is not running.")
        return 0
    pid = int(running["pid"])
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + options.timeout
    while runfile.read(options.data_dir):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            print(f"Fogbank (pid {pid}) did not stop in {options.timeout:g} s and was killed.", file=sys.stderr)
            break
        time.sleep(0.02)
    runfile.remove(options.data_dir)
    print("Fogbank has stopped.")
    return 0
