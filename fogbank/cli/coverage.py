"""`fogbank coverage`: what is there, read from the services' own manifests."""

from __future__ import annotations

import argparse


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--markdown", action="store_true", help="as docs/coverage.md has it")


def run(options: argparse.Namespace) -> int:
    print(markdown() if options.markdown else _plain(), end="")
    return 0


def _registry() -> dict[str, tuple[list[str], int, list[str]]]:
    """By service: its operations here, how many AWS has, its CloudFormation types."""
    from fogbank.registry import SERVICES, Registry
    from fogbank.wire import Codecs

    codecs = Codecs(None)
    registry = Registry(codecs)
    found = {}
    for name in sorted(SERVICES):
        operations = sorted(registry.service(name).operations)
        found[name] = (operations, len(codecs.service(name).operation_names), sorted(registry.resource_types(name)))
    return found


def _plain() -> str:
    lines = []
    for name, (operations, every, types) in _registry().items():
        lines += [f"{name} {operation}" for operation in operations]
        lines += [f"{name} {kind}" for kind in types]
        lines.append(f"{name}: {len(operations)} of {every} operations")
    return "\n".join(lines) + "\n"


def markdown() -> str:
    lines = [
        "# What is there",
        "",
        "Written by `fogbank coverage --markdown` from the services' manifests. An operation that is not listed answers",
        "`NotImplemented` (501) and names itself.",
    ]
    # Not how many AWS has: that is another number with each release of botocore.
    for name, (operations, _, types) in _registry().items():
        lines += ["", f"## {name}", "", f"{len(operations)} operations: {', '.join(operations)}."]
        if types:
            lines += ["", f"CloudFormation: {', '.join(types)}."]
    return "\n".join(lines) + "\n"
