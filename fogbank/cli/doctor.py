"""`fogbank doctor`: what isolation, runtimes and optional parts this machine has, what is missing, how to get it."""

from __future__ import annotations

import argparse
import json
from typing import Any


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print everything that was found, as JSON")


def run(options: argparse.Namespace) -> int:
    from fogbank.engine.examine import examine

    found = examine(options.data_dir)
    if options.json:
        print(json.dumps(found, indent=2, default=str))
    else:
        print("\n".join(_lines(found)))
    return 0


def _lines(found: dict[str, Any]) -> list[str]:
    lines = [f"isolation  {found['tier']}: {found['tier_means']}"]
    lines += [f"           lacks {lack}" for lack in found["lacks"]]
    for name, runtime in sorted(found["runtimes"].items()):
        state = runtime["interpreter"] or f"missing: {runtime['get']}"
        lines.append(f"{name:<16} {state}")
    return lines
