"""The command line: thin, and quick to start. Each command imports what it needs when it runs."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fogbank import __version__

COMMANDS = {
    "up": "start the cloud",
    "down": "stop it",
    "status": "say whether it runs, and where",
    "doctor": "say what this machine can do, what is missing, and how to get it",
    "runtimes": "list the runtimes of functions, get, choose and remove their interpreters",
    "trust": "print or install the certificate authority of the cloud's TLS addresses",
    "env": "print the environment variables that point AWS tools at the cloud",
    "coverage": "list every operation and CloudFormation type that is there",
    "invoke": "call a function and see its answer and its log, or run its code here under a debugger",
    "logs": "show what functions wrote, and follow it",
    "dev": "watch an application's folders and send each saved change to its function",
    "costs": "say what was used, and what AWS would ask for it, by function, account or tag",
    "iam": "explain why a recent call was allowed or denied",
}


def default_data_dir() -> Path:
    """`fogbank` under the user's XDG data home."""
    home = os.environ.get("XDG_DATA_HOME") or os.path.join(os.path.expanduser("~"), ".local", "share")
    return Path(os.environ.get("FOGBANK_DATA_DIR") or os.path.join(home, "fogbank"))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="fogbank", description="The AWS serverless cloud on your own machine.")
    parser.add_argument("--version", action="version", version=f"fogbank {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((a for a in (sys.argv[1:] if argv is None else argv) if not a.startswith("-")), "")
    for name, summary in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=summary)
        sub.add_argument("--data-dir", type=Path, default=default_data_dir(), help="where the state is kept")
        if name == chosen:
            module = importlib.import_module(f"fogbank.cli.{name}")
            module.arguments(sub)
            sub.set_defaults(run=module.run)
    options = parser.parse_args(argv)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        return 0
