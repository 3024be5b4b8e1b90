"""The AWS SDK for JavaScript that Lambda's Node.js runtimes have: those parts of it that functions import, through npm.

The whole of version 3 is some 400 packages. What a function's sources name and do not bring is installed before its
first Init, into one directory for each Node.js version, which every sandbox of it shows read-only. A name that is put
together at run time is not seen: `fogbank runtimes install` gets the usual clients beforehand.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterable
from pathlib import Path

from fogbank.engine.runtimes.registry import Unobtainable, npm_install
from fogbank.engine.runtimes.shelf import Shelf
from fogbank.engine.spec import RuntimeUnavailable

_IMPORT = re.compile(rb"""['"`]((?:@aws-sdk|@smithy)/[a-z0-9-]+|aws-sdk)(?:/[\w./-]*)?['"`]""")
_SOURCES = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")
_MAX_FILE = 1024 * 1024
_MAX_FILES = 2000
_V2_LAST_NODE = 16
"""Lambda's Node.js runtimes have version 2 of the SDK up to this version, and version 3 from the next on."""
_RANGES = {18: "<3.968.0"}
"""The last versions of the SDK that run on an older Node.js."""
_CLIENTS = (
    "api-gateway apigatewaymanagementapi athena cloudformation cloudwatch cloudwatch-logs cognito-identity-provider "
    "dynamodb eventbridge firehose iam kinesis kms lambda rds-data s3 scheduler secrets-manager ses sfn sns sqs ssm "
    "sts xray"
).split()
USUAL = (
    *(f"@aws-sdk/client-{name}" for name in _CLIENTS),
    "@aws-sdk/lib-dynamodb", "@aws-sdk/lib-storage", "@aws-sdk/util-dynamodb", "@aws-sdk/credential-providers",
    "@aws-sdk/s3-request-presigner", "@aws-sdk/s3-presigned-post",
)  # fmt: skip


def usual(version: str) -> tuple[str, ...]:
    """What most functions use of the SDK that a Node.js version has on Lambda."""
    return ("aws-sdk",) if int(version) <= _V2_LAST_NODE else USUAL


def sdk_dir(shelf: Shelf, version: str) -> Path:
    """Where the SDK for a Node.js version lies: shown to every sandbox of it as /var/runtime/node_modules."""
    folder = shelf.place(f"sdk-nodejs{version}") / "node_modules"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def install(shelf: Shelf, version: str, packages: Iterable[str]) -> None:
    """Adds those packages that are not there yet. Blocks while npm works. Raises Unobtainable."""
    folder = sdk_dir(shelf, version)
    with shelf.lock(f"sdk-nodejs{version}"):
        missing = sorted(name for name in packages if not (folder / name).exists())
        if missing:
            npm_install(shelf, [_specification(name, int(version)) for name in missing], folder.parent)


def _specification(name: str, version: int) -> str:
    if name == "aws-sdk":
        return "aws-sdk@2"
    return f"{name}@{_RANGES.get(version, '3')}" if name.startswith("@aws-sdk/") else name


class Npm:
    """Looks what functions import, and gets it."""

    def __init__(self, shelf: Shelf, allowed: bool) -> None:
        self._shelf = shelf
        self._allowed = allowed

    async def sdk(self, version: str, trees: Iterable[Path]) -> None:
        """Installs those parts of the SDK that the sources name and do not bring. Raises RuntimeUnavailable."""
        folder = sdk_dir(self._shelf, version)
        wanted = await asyncio.to_thread(missing, list(trees), folder, int(version))
        if not wanted:
            return
        if not self._allowed:
            raise RuntimeUnavailable(
                f"{', '.join(wanted)} of the AWS SDK is not here: `fogbank runtimes install nodejs{version}.x` gets it"
            )
        try:
            await asyncio.to_thread(install, self._shelf, version, wanted)
        except Unobtainable as error:
            raise RuntimeUnavailable(str(error)) from error


def missing(trees: list[Path], folder: Path, version: int) -> list[str]:
    """Packages of the SDK that the sources import, that they do not bring, and that are not installed yet."""
    found: set[str] = set()
    for tree in trees:
        for source in _sources(tree):
            try:
                found |= {match.decode() for match in _IMPORT.findall(source.read_bytes())}
            except OSError:
                continue
    places = [folder, *(tree / inner for tree in trees for inner in ("node_modules", "nodejs/node_modules"))]
    ours = {name for name in found if (name == "aws-sdk") == (version <= _V2_LAST_NODE)}
    return sorted(name for name in ours if not any((place / name).exists() for place in places))


def _sources(tree: Path) -> Iterable[Path]:
    count = 0
    for folder, directories, names in os.walk(tree):
        directories[:] = [name for name in directories if name != "node_modules" and not name.startswith(".")]
        for name in names:
            path = Path(folder) / name
            if name.endswith(_SOURCES) and path.is_file() and path.stat().st_size <= _MAX_FILE:
                count += 1
                if count > _MAX_FILES:
                    return
                yield path
