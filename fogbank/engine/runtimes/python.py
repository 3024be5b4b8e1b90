"""Finding Python interpreters, and the SDK that Lambda's Python runtimes have."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six")


def candidates(version: str, data_dir: Path) -> Iterator[Path]:
    """Places where a real interpreter of that minor version may be (no shims), the likeliest first."""
    name = f"python{version}"
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield Path(sys.base_prefix) / "bin" / name
    yield data_dir / "runtimes" / name / "bin" / name
    home = Path(os.path.expanduser("~"))
    for folder, pattern in (
        (Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions", f"{version}.*"),
        (home / ".local/share/uv/python", f"cpython-{version}.*"),
        (Path("/opt/python"), f"{version}*"),
    ):
        try:
            found = sorted(folder.glob(pattern), key=_patch_number, reverse=True)
        except OSError:
            continue
        yield from (entry / "bin" / name for entry in found)
    for folder in (Path("/usr/local/bin"), Path("/usr/bin")):
        yield folder / name


def _patch_number(path: Path) -> int:
    digits = path.name.rsplit(".", 1)[-1].split("-")[0]
    return int(digits) if digits.isdigit() else -1


def find(version: str, data_dir: Path) -> Path | None:
    """The interpreter's real path, or None."""
    for path in candidates(version, data_dir):
        try:
            if path.exists() and os.access(path, os.X_OK):
                return path.resolve()
        except OSError:
            continue
    return None


def binds(interpreter: Path, version: str) -> tuple[list[tuple[str, str]], str]:
    """What to show at /var/lang, and where modules of the SDK go: never the machine's own site-packages."""
    prefix = interpreter.parent.parent
    library = prefix / "lib" / f"python{version}"
    if prefix in (Path("/usr"), Path("/usr/local")):
        shown = [(str(interpreter), f"/var/lang/bin/python{version}"), (str(library), f"/var/lang/lib/python{version}")]
        return shown, "/var/lang/lib/site-packages"
    return [(str(prefix), "/var/lang")], f"/var/lang/lib/python{version}/site-packages"


def sdk(version: str, data_dir: Path) -> Path | None:
    """A directory with boto3 and what it needs, from Fogbank's own environment; None if it does not suit the version.

    Files are linked where the file system allows, with the compiled ones beside them.
    """
    major, minor = (int(part) for part in version.split("."))
    try:
        distributions = [metadata.distribution(name) for name in _SDK]
    except metadata.PackageNotFoundError:
        return None
    least = str(distributions[0].metadata["Requires-Python"] or ">=3.0").strip().removeprefix(">=").split(",")[0]
    if (major, minor) < tuple(int(part) for part in least.split(".")[:2]):
        own = data_dir / "runtimes" / f"sdk-python{version}"
        return own if own.is_dir() else None
    stamp = f"{distributions[0].version}-{distributions[1].version}"
    target = data_dir / "cache" / f"sdk-python{version}-{stamp}"
    if target.is_dir():
        return target
    work = target.with_name(f"{target.name}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    own_tag = f".cpython-{sys.version_info.major}{sys.version_info.minor}."
    keep_compiled = version == f"{sys.version_info.major}.{sys.version_info.minor}"
    for distribution in distributions:
        for file in distribution.files or ():
            source = Path(str(distribution.locate_file(file)))
            if ".." in file.parts or not source.is_file() or file.parts[0].endswith(".data"):
                continue
            if file.suffix == ".pyc" and not (keep_compiled and own_tag in file.name):
                continue
            _place(source, work / file)
            compiled = source.parent / "__pycache__" / f"{source.stem}{own_tag}pyc"
            if keep_compiled and file.suffix == ".py" and compiled.is_file():
                _place(compiled, work / Path(file).parent / "__pycache__" / compiled.name)
    work.rename(target)
    return target


def _place(source: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
