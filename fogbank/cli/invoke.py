"""`fogbank invoke`: call a function and see its answer and its log; or run its code here, under a debugger."""

from __future__ import annotations

import argparse
import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fogbank.cli import client

HARNESSES = Path(__file__).parent / "harnesses"


def arguments(parser: argparse.ArgumentParser) -> None:
    client.arguments(parser)
    parser.add_argument("function", help="a function's name or ARN")
    parser.add_argument("-e", "--event", default="{}", help="JSON, @FILE, or - for standard input (default {})")
    parser.add_argument("--event-only", action="store_true", help="queue the event and return (InvocationType=Event)")
    parser.add_argument("--here", metavar="FOLDER", type=Path,
                        help="run the code of FOLDER in a plain process of this machine, with the function's configuration")
    parser.add_argument("--debug", metavar="PORT", type=int,
                        help="with --here: wait for a debugger on PORT (debugpy for Python, the inspector for Node.js)")


def run(options: argparse.Namespace) -> int:
    try:
        return _here(options) if options.here else _there(options)
    except client.NotRunning:
        print("Fogbank is not running.", file=sys.stderr)
        return 3


def _there(options: argparse.Namespace) -> int:
    from botocore.exceptions import ClientError

    kind = "Event" if options.event_only else "RequestResponse"
    try:
        answer = client.create(options, "lambda").invoke(
            FunctionName=options.function, Payload=_event(options.event), InvocationType=kind, LogType="Tail"
        )
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    if answer.get("LogResult"):
        print(base64.b64decode(answer["LogResult"]).decode(errors="replace"), end="", file=sys.stderr)
    print(answer["Payload"].read().decode(errors="replace"))
    return 1 if answer.get("FunctionError") else 0


def _here(options: argparse.Namespace) -> int:
    """The function's environment variables and handler; the caller's own keys, as a developer's harness has them."""
    configuration = client.create(options, "lambda").get_function_configuration(FunctionName=options.function)
    variables = (configuration.get("Environment") or {}).get("Variables") or {}
    environment = {
        **os.environ,
        **client.environment(options),
        **variables,
        "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
        "AWS_LAMBDA_FUNCTION_VERSION": configuration["Version"],
        "FOGBANK_FUNCTION_ARN": configuration["FunctionArn"],
        "FOGBANK_TIMEOUT": str(configuration["Timeout"]),
    }
    command = _harness(configuration, options.debug) + [configuration["Handler"]]
    done = subprocess.run(command, input=_event(options.event), env=environment, cwd=options.here, check=False)
    return done.returncode


def _harness(configuration: dict[str, Any], port: int | None) -> list[str]:
    if configuration.get("Runtime", "").startswith("nodejs"):
        inspect = [f"--inspect-brk=127.0.0.1:{port}"] if port is not None else []
        return ["node", *inspect, str(HARNESSES / "run.js")]
    wait = ["-m", "debugpy", "--listen", f"127.0.0.1:{port}", "--wait-for-client"] if port is not None else []
    return [sys.executable, *wait, str(HARNESSES / "run.py")]


def _event(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    return Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
