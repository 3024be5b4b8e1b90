"""`fogbank status`: whether the cloud runs, where, and how it is."""

from __future__ import annotations

import argparse
import json
import urllib.request
from typing import Any

from fogbank.cli import runfile


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the health answer as it came")


def run(options: argparse.Namespace) -> int:
    running = runfile.read(options.data_dir)
    if not running:
        print("Fogbank is not running.")
        return 3
    answer = health(running["endpoint"])
    if options.json:
        print(json.dumps(answer, indent=2))
        return 0
    print(f"Fogbank {answer['version']} is running: {running['endpoint']} (pid {running['pid']})")
    print(f"data      {options.data_dir}")
    print(f"services  {', '.join(sorted(answer['services']))}")
    return 0


def health(endpoint: str) -> dict[str, Any]:
    """The answer of `GET /_fogbank/health`."""
    with urllib.request.urlopen(f"{endpoint}/_fogbank/health", timeout=10) as response:
        answer: dict[str, Any] = json.load(response)
        return answer
