"""`fogbank dev`: watch a SAM application's folders, send each saved change to its function, and show the logs."""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fogbank.cli import client
from fogbank.cli.following import Follower

LOOK_EVERY = 0.05
LOGS_EVERY = 0.5
SKIPPED = frozenset({"__pycache__", ".git", ".venv", ".aws-sam", ".mypy_cache", ".pytest_cache"})


def arguments(parser: argparse.ArgumentParser) -> None:
    client.arguments(parser)
    parser.add_argument("--stack", required=True, help="the deployed stack")
    parser.add_argument("--template", type=Path, default=Path("template.yaml"), help="its SAM template")


@dataclass
class Watched:
    """One function: where its source is, what it is called in the cloud, what was seen last."""

    logical_id: str
    folder: Path
    built: Path
    name: str
    seen: dict[str, tuple[int, int]] = field(default_factory=dict)


def run(options: argparse.Namespace) -> int:
    try:
        functions = _functions(options)
        if not functions:
            print(f"No function of {options.template} with a local CodeUri stands in {options.stack}.", file=sys.stderr)
            return 1
        return _watch(options, functions)
    except client.NotRunning:
        print("Fogbank is not running.", file=sys.stderr)
        return 3


def _watch(options: argparse.Namespace, functions: list[Watched]) -> int:
    lambda_, logs = client.create(options, "lambda"), client.create(options, "logs")
    followers: dict[str, Follower] = {}
    for function in functions:
        function.seen = _state(function.folder)
        followers[function.logical_id] = Follower(logs, f"/aws/lambda/{function.name}", int(time.time() * 1000))
        print(f"watching {function.folder} for {function.logical_id}", flush=True)
    next_logs = 0.0
    while True:
        for function in functions:
            state = _state(function.folder)
            if state != function.seen:
                function.seen = state
                _update(lambda_, function)
        if time.monotonic() >= next_logs:
            next_logs = time.monotonic() + LOGS_EVERY
            for name, follower in followers.items():
                for event in follower.events():
                    print(f"{name} | {event['message'].rstrip()}", flush=True)
        time.sleep(LOOK_EVERY)


def _update(lambda_: Any, function: Watched) -> None:
    from botocore.exceptions import ClientError

    began = time.monotonic()
    try:
        lambda_.update_function_code(FunctionName=function.name, ZipFile=_package(function))
    except ClientError as error:
        print(f"{function.logical_id}: {error}", file=sys.stderr, flush=True)
        return
    took = (time.monotonic() - began) * 1000
    print(f"{time.strftime('%H:%M:%S')} {function.logical_id} updated in {took:.0f} ms", flush=True)


def _functions(options: argparse.Namespace) -> list[Watched]:
    from fogbank.services.cloudformation import documents

    template = documents.read_any(options.template.read_text())
    stack = client.create(options, "cloudformation").describe_stack_resources(StackName=options.stack)
    names = {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in stack["StackResources"]}
    base = options.template.parent
    default = ((template.get("Globals") or {}).get("Function") or {}).get("CodeUri")
    found = []
    for logical_id, resource in template["Resources"].items():
        code = (resource.get("Properties") or {}).get("CodeUri", default)
        if resource.get("Type") == "AWS::Serverless::Function" and isinstance(code, str) and logical_id in names:
            built = base / ".aws-sam" / "build" / logical_id
            found.append(Watched(logical_id, base / code, built, names[logical_id]))
    return found


def _package(function: Watched) -> bytes:
    """What `sam build` made of the function, if it did, with the sources as they are now on top."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        taken = {str(path.relative_to(function.folder)): path for path in _files(function.folder)}
        if function.built.is_dir():
            taken = {**{str(path.relative_to(function.built)): path for path in _files(function.built)}, **taken}
        for name, path in taken.items():
            file.write(path, name)
    return archive.getvalue()


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    found = {}
    for path in _files(folder):
        try:
            status = path.stat()
        except OSError:
            continue  # An editor's temporary file, gone again.
        found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in SKIPPED]
        yield from (Path(parent) / name for name in names if not name.endswith((".swp", "~")))
