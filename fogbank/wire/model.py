"""botocore's service descriptions, found and read as plain data. botocore itself is never imported: that costs 230 ms."""

from __future__ import annotations

import gzip
import importlib.util
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

Model = dict[str, Any]

PATCHES = Path(__file__).parent / "patches"


class UnknownService(LookupError):
    """botocore describes no service of this name."""


@lru_cache(maxsize=1)
def data_directory() -> Path:
    """botocore's `data` directory. Raises ModuleNotFoundError where botocore is not installed."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("botocore is not installed: its service models are Fogbank's description of AWS")
    return Path(spec.origin).parent / "data"


@lru_cache(maxsize=1)
def botocore_version() -> str:
    text = (data_directory().parent / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r"^__version__\s*=\s*['\"]([^'\"]+)", text, re.MULTILINE)
    return found.group(1) if found else "unknown"


def read_model(service: str) -> Model:
    """The newest model of `service` with its extras and our patch merged in. Raises UnknownService."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]*", service):
        raise UnknownService(service)
    versions = sorted(p for p in data_directory().joinpath(service).glob("*") if p.is_dir())
    for version in reversed(versions):
        description = _read(version / "service-2.json")
        if description is not None:
            extras = _read(version / "service-2.sdk-extras.json")
            if extras is not None:
                merge(description, extras.get("merge", {}))
            patch = PATCHES / f"{service}.json"
            if patch.exists():
                merge(description, msgspec.json.decode(patch.read_bytes()))
            return slim(description)
    raise UnknownService(service)


def merge(into: Model, more: Model) -> None:
    """Deep merge: objects join, anything else is replaced, null removes."""
    for key, value in more.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = value


def slim(description: Model) -> Model:
    """Without documentation and what else the compiler never reads: a tenth of the size."""
    for operation in description["operations"].values():
        for name in ("documentation", "documentationUrl", "deprecatedMessage", "deprecatedSince", "endpointdiscovery"):
            operation.pop(name, None)
    for shape in description["shapes"].values():
        shape.pop("documentation", None)
        for member in _references(shape):
            for name in ("documentation", "deprecatedMessage", "deprecatedSince", "contextParam"):
                member.pop(name, None)
    description.pop("documentation", None)
    description.pop("examples", None)
    return description


def _references(shape: Model) -> list[Model]:
    return [*shape.get("members", {}).values(), *(shape[part] for part in ("member", "key", "value") if part in shape)]


def _read(path: Path) -> Model | None:
    if path.exists():
        raw = path.read_bytes()
    elif (packed := path.with_name(path.name + ".gz")).exists():
        raw = gzip.decompress(packed.read_bytes())
    else:
        return None
    decoded: Model = msgspec.json.decode(raw)
    return decoded
