"""Unpacked images: one folder for each digest, shared by every function that runs it.

`DATA/images/DIGEST/rootfs` is the root file system, `image.json` beside it says how it is entered.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from fogbank.api import Context
from fogbank.kit.layers import BadImage, Layer, unpack
from fogbank.services.lambda_ import lambda_
from fogbank.services.lambda_.records import Code, Function, Version

_CONFIG_LIMIT = 4 << 20
_AT_WORK = ".unpacking-"
_FORGET_AFTER = 3 * 3600.0
"""Longer than an environment lives: none has the tree as its root any more."""


def folder(ctx: Context, code: Code) -> Path:
    return ctx.cloud.settings.data_dir / "images" / code.sha256


def entry(tree: Path) -> dict[str, Any]:
    """`entrypoint`, `command` (lists), `workdir` (may be empty) and `environment` of the image itself."""
    own: dict[str, Any] = json.loads((tree / "image.json").read_bytes())
    return own


class Trees:
    """Those being made: all who need one wait for the same (`ctx.component(Trees)`)."""

    def __init__(self) -> None:
        self._at_work: dict[str, asyncio.Task[None]] = {}
        self._clean = False

    async def make(self, tree: Path, config: Path, layers: list[Path]) -> None:
        """Unpacks an image, given as files. It goes on when a caller gives up. Raises BadImage."""
        task = self._at_work.get(tree.name)
        if task is None:
            left = [] if self._clean else list(tree.parent.glob(f"{_AT_WORK}*"))  # by a crash: nothing is at work yet
            self._clean = True
            task = asyncio.create_task(asyncio.to_thread(_make, tree, config, layers, left))
            self._at_work[tree.name] = task
            task.add_done_callback(lambda done: self._done(tree.name, done))
        await asyncio.shield(task)

    def _done(self, name: str, task: asyncio.Task[None]) -> None:
        del self._at_work[name]
        if not task.cancelled():
            task.exception()  # told to those who wait, if any still do

    async def stop(self) -> None:
        """What is under way is finished: threads cannot be ended."""
        await asyncio.gather(*self._at_work.values(), return_exceptions=True)


def forget(ctx: Context, code: Code) -> None:
    """The tree is removed by and by, when no function has it any more."""
    ctx.schedule("lambda.forget-image", {"sha256": code.sha256}, delay=_FORGET_AFTER, key=code.sha256)


@lambda_.task("lambda.forget-image")
async def forget_now(ctx: Context, payload: dict[str, Any]) -> None:
    code = Code(blob="", sha256=payload["sha256"], size=0)
    if not await ctx.transact(lambda c: _used(c, code.sha256)):
        await asyncio.to_thread(_remove, folder(ctx, code))


def _used(ctx: Context, sha256: str) -> bool:
    rows: Iterator[Function | Version] = chain(ctx.tx.scan(Function), ctx.tx.scan(Version))
    return any(row.settings.code.sha256 == sha256 for row in rows)


def _make(tree: Path, config: Path, layers: list[Path], left: list[Path]) -> None:
    """Beside its place, then renamed: a crash leaves no half of an image under a good name."""
    if tree.is_dir():
        return
    if config.stat().st_size > _CONFIG_LIMIT:
        raise BadImage("its configuration is too large")
    own, diff_ids = read_config(config.read_bytes())
    if len(diff_ids) != len(layers):
        raise BadImage("its configuration tells of other layers")
    tree.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    for path in left:
        shutil.rmtree(path, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=_AT_WORK, dir=tree.parent))
    try:
        os.chmod(work, 0o755)
        (work / "rootfs").mkdir(mode=0o755)
        unpack([Layer(path, diff_id) for path, diff_id in zip(layers, diff_ids, strict=True)], work / "rootfs")
        (work / "image.json").write_text(json.dumps(own))
        os.rename(work, tree)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _remove(tree: Path) -> None:
    work = tree.with_name(f"{_AT_WORK}{tree.name}")  # half of it must not stay under its good name
    try:
        os.rename(tree, work)
    except FileNotFoundError:
        return
    shutil.rmtree(work, ignore_errors=True)


def read_config(data: bytes) -> tuple[dict[str, Any], list[str]]:
    """How the image is entered, and the digests of its uncompressed layers. Raises BadImage."""
    try:
        document = json.loads(data)
        config = document.get("config") or {}
        own = {
            "entrypoint": _texts(config.get("Entrypoint")),
            "command": _texts(config.get("Cmd")),
            "workdir": "".join(_texts([config.get("WorkingDir") or ""])),
            "environment": dict(pair.split("=", 1) for pair in _texts(config.get("Env"))),
        }
        return own, _texts(document["rootfs"]["diff_ids"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadImage("its configuration cannot be read") from error


def _texts(value: Any) -> list[str]:
    items = value or []
    if not isinstance(items, list) or not all(isinstance(item, str) and "\0" not in item for item in items):
        raise ValueError("not a list of texts")
    return items
