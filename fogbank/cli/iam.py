"""`fogbank iam explain`: why a recent call was allowed or denied."""

from __future__ import annotations

import argparse
import json
import sys
import urllib.request
from typing import Any
from urllib.parse import urlencode

from fogbank.cli import runfile


def arguments(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    explain = verbs.add_parser("explain", help="show the decisions on recent calls, newest last")
    explain.add_argument("request_id", nargs="?", default="", help="only the call with this request id")
    explain.add_argument("--last", type=int, default=20, help="how many decisions (default 20)")
    explain.add_argument("--denied", action="store_true", help="only what was denied")


def run(options: argparse.Namespace) -> int:
    running = runfile.read(options.data_dir)
    if not running:
        print("Fogbank is not running.", file=sys.stderr)
        return 3
    query = urlencode({"request-id": options.request_id, "last": options.last})
    with urllib.request.urlopen(f"{running['endpoint']}/_fogbank/iam/decisions?{query}", timeout=10) as response:
        decisions = json.load(response)
    for decision in decisions:
        if not options.denied or not decision["allowed"]:
            print(_text(decision))
    return 0


def _text(decision: dict[str, Any]) -> str:
    verdict = "allowed" if decision["allowed"] else "DENIED "
    lines = [f"{verdict} {decision['action']} on {decision['resource']}", f"        by {decision['principal']}"]
    lines += [f"        {reason}" for reason in decision["reasons"]]
    lines.append(f"        request {decision['request_id']}")
    return "\n".join(lines)
