"""AWS's public parameters: those that templates and tools read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fogbank.api import Context
from fogbank.services.ssm.records import Parameter, Version

_SINCE = 1_700_000_000.0


@cache
def _table() -> dict[str, str]:
    names: dict[str, str] = json.loads((Path(__file__).parent / "public.json").read_text())
    return dict(sorted(names.items()))


def get(ctx: Context, name: str) -> Parameter | None:
    value = _table().get(name) if name.startswith("/aws/service/") else None
    return None if value is None else _parameter(ctx, name, value)


def below(ctx: Context, prefix: str) -> Iterator[Parameter]:
    return (_parameter(ctx, name, value) for name, value in _table().items() if name.startswith(prefix))


def _parameter(ctx: Context, name: str, value: str) -> Parameter:
    """An image's id differs from region to region, and is the same for ever after."""
    image = value == "ami"
    if image:
        value = "ami-0" + hashlib.sha256(f"{ctx.region}{name}".encode()).hexdigest()[:16]
    latest = Version(
        number=1, type="String", value=value, modified=_SINCE, modified_by="", data_type="aws:ec2:image" if image else "text"
    )
    return Parameter(account="", region=ctx.region, name=name, latest=latest)
