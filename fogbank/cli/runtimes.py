"""`fogbank runtimes`: which interpreter serves each Lambda runtime here; getting, choosing and removing them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fogbank.engine.runtimes import Toolbox


def arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="every runtime, its interpreter, its dates (the default)")
    listing.add_argument("--json", action="store_true", help="print everything that is known, as JSON")
    install = actions.add_parser("install", help="get interpreters and SDKs from the registries")
    install.add_argument("runtime", nargs="+")
    add = actions.add_parser("add", help="name the interpreter of a runtime")
    add.add_argument("runtime")
    add.add_argument("path", type=Path)
    add.add_argument("--substitute", action="store_true", help="even though its version is another; functions will say so")
    remove = actions.add_parser("remove", help="remove what was got, and forget what was named")
    remove.add_argument("runtime", nargs="+")


def run(options: argparse.Namespace) -> int:
    from fogbank.engine.runtimes import RUNTIMES, Toolbox

    named = getattr(options, "runtime", [])
    unknown = [name for name in ([named] if isinstance(named, str) else named) if name not in RUNTIMES]
    if unknown:
        print(f"Fogbank does not have the runtime {unknown[0]}. It has {', '.join(RUNTIMES)}.", file=sys.stderr)
        return 2
    toolbox = Toolbox(options.data_dir, obtain=True)
    action = {"install": _install, "add": _add, "remove": _remove}.get(options.action, _list)
    return action(toolbox, options)


def _list(toolbox: Toolbox, options: argparse.Namespace) -> int:
    from fogbank.engine.runtimes import RUNTIMES

    found = {name: _facts(toolbox, name) for name in sorted(RUNTIMES, key=_order)}
    if getattr(options, "json", False):
        print(json.dumps(found, indent=2))
        return 0
    for name, facts in found.items():
        version = facts["version"] + (" (a substitute)" if facts["substitute"] else "")
        print(f"{name:<16} {version or '-':<10} {facts['interpreter'] or 'missing: ' + facts['get']}")
        if facts["note"]:
            print(f"{'':<27} {facts['note']}")
    return 0


def _order(name: str) -> list[Any]:
    digits = "".join(c if c.isdigit() else " " for c in name)
    return [name.rstrip("0123456789.xal"), [int(part) for part in digits.split()]]


def _facts(toolbox: Toolbox, name: str) -> dict[str, Any]:
    from fogbank.engine.runtimes import RUNTIMES
    from fogbank.engine.runtimes.lifecycle import dates
    from fogbank.engine.runtimes.toolbox import LANGUAGES
    from fogbank.engine.spec import RuntimeUnavailable

    known = dates(name)
    facts: dict[str, Any] = {
        "version": "", "interpreter": None, "get": "", "substitute": False, "deprecated": known.deprecated,
        "create_blocked": known.create_blocked, "update_blocked": known.update_blocked, "note": _note(name),
    }  # fmt: skip
    try:
        found = toolbox.look(name)
    except RuntimeUnavailable as missing:
        how = LANGUAGES[RUNTIMES[name].family].how(RUNTIMES[name].version)
        return {**facts, "get": str(missing) if name in toolbox.shelf.choices() else how}
    if found is None:
        return {**facts, "interpreter": "the function's own bootstrap"}
    choice = toolbox.shelf.choices().get(name)
    return {**facts, "version": found.version, "interpreter": str(found.path),
            "substitute": choice is not None and choice.substitute}  # fmt: skip


def _note(name: str) -> str:
    """What AWS's dates say today."""
    from fogbank.engine.runtimes.lifecycle import blocked, dates, deprecated

    now, known = time.time(), dates(name)
    if not deprecated(name, now):
        return f"AWS deprecates it on {known.deprecated}" if known.deprecated else ""
    create = "refuses" if blocked(name, "create", now) else "will refuse"
    update = "refuses" if blocked(name, "update", now) else "will refuse"
    return (
        f"deprecated by AWS on {known.deprecated}; it {create} new functions from {known.create_blocked}, "
        f"{update} updates from {known.update_blocked}"
    )


def _install(toolbox: Toolbox, options: argparse.Namespace) -> int:
    from fogbank.engine.runtimes import RUNTIMES, node_sdk, python
    from fogbank.engine.runtimes.registry import Unobtainable
    from fogbank.engine.spec import RuntimeUnavailable

    status = 0
    for name in options.runtime:
        runtime = RUNTIMES[name]
        try:
            found = toolbox.obtain(name)
            if found is None:
                print(f"{name}: a function brings its own; there is nothing to install")
                continue
            print(f"{name}: {found.version}, {found.path}")
            if runtime.family == "nodejs":
                node_sdk.install(toolbox.shelf, runtime.version, node_sdk.usual(runtime.version))
                print(f"{'':<{len(name) + 1}} the AWS SDK for JavaScript is in {toolbox.shelf.directory}")
            elif runtime.family == "python":
                print(f"{'':<{len(name) + 1}} boto3 is in {python.sdk(runtime.version, found.path, toolbox.shelf, True)}")
        except (RuntimeUnavailable, Unobtainable) as error:
            print(error, file=sys.stderr)
            status = 1
    return status


def _add(toolbox: Toolbox, options: argparse.Namespace) -> int:
    from fogbank.engine.runtimes import RUNTIMES
    from fogbank.engine.runtimes.shelf import Choice
    from fogbank.engine.runtimes.toolbox import LANGUAGES

    name, path = options.runtime, options.path.expanduser().absolute()
    runtime = RUNTIMES[name]
    language = LANGUAGES.get(runtime.family)
    if language is None:
        print(f"Functions of {name} bring their own program: there is nothing to name.", file=sys.stderr)
        return 2
    found = language.ask(path) if path.exists() else None
    if found is None:
        print(f"{path} does not answer as {language.title} does.", file=sys.stderr)
        return 1
    real = found.serves(runtime.version)
    if not real and not options.substitute:
        print(
            f"{path} is {language.title} {found.version}, and {name} is {runtime.version}. With --substitute it is taken "
            "nevertheless, and functions with that runtime say so.", file=sys.stderr,
        )  # fmt: skip
        return 1
    toolbox.shelf.choose(name, Choice(str(found.path), found.version, not real))
    print(f"{name}: {found.version}, {found.path}{'' if real else ', a substitute'}")
    return 0


def _remove(toolbox: Toolbox, options: argparse.Namespace) -> int:
    from fogbank.engine.runtimes import RUNTIMES

    for name in options.runtime:
        runtime = RUNTIMES[name]
        gone = toolbox.shelf.choose(name, None)
        shelf_name = f"{runtime.family}{runtime.version}"
        for thing in (shelf_name, f"sdk-{shelf_name}"):
            gone = toolbox.shelf.remove(thing) or gone
        print(f"{name}: removed" if gone else f"{name}: nothing was installed or named here")
    return 0
