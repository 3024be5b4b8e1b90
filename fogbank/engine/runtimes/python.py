"""Python: interpreters of this machine, and the SDK that Lambda's Python runtimes have."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from fogbank.engine.runtimes.language import Interpreter, Language, Tools, hear, newest
from fogbank.engine.runtimes.registry import Unobtainable, pip_install
from fogbank.engine.runtimes.shelf import Shelf
from fogbank.engine.runtimes.table import Runtime

_SDK = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six")
# The last that run there. Said in full: pip takes conditions on the version of Python (botocore's on urllib3) as those
# of the Python that it runs on, and not every index tells which versions a package is for.
_LAST_SDK = {
    "3.8": ("boto3<1.38", "urllib3<1.27", "jmespath<1.1"),
    "3.9": ("boto3<1.43", "urllib3<1.27"),
}
_ASK = """
import json, os, sys
name = "python%d.%d" % sys.version_info[:2]
base = os.path.join(sys.base_prefix, "bin", name)
print(json.dumps([base if os.path.exists(base) else os.path.realpath(sys.executable), "%d.%d.%d" % sys.version_info[:3]]))
"""
_COMPILE_TIMEOUT = 120.0


def candidates(version: str, shelf: Shelf) -> Iterator[Path]:
    """Places where a real interpreter of that minor version may be (no shims), the likeliest first."""
    name = f"python{version}"
    if version == f"{sys.version_info.major}.{sys.version_info.minor}":
        yield Path(sys.base_prefix) / "bin" / name
    home = Path(os.path.expanduser("~"))
    pyenv = Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR") or home / ".local/share/uv/python")
    for folder, pattern in ((pyenv, f"{version}.*"), (uv, f"cpython-{version}.*"), (Path("/opt/python"), f"{version}*")):
        yield from (entry / "bin" / name for entry in newest(folder, pattern))
    for folder in (Path("/usr/local/bin"), Path("/usr/bin")):
        yield folder / name


def ask(path: Path) -> Interpreter | None:
    """A virtual environment answers with the interpreter that it was made from."""
    try:
        real, version = json.loads(hear(str(path), "-I", "-S", "-c", _ASK))
    except ValueError:
        return None
    return Interpreter(Path(real).resolve(), version)


def own() -> Path:
    """The interpreter that runs Fogbank itself."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    return (base if base.exists() else Path(sys.executable)).resolve()


def tools(runtime: Runtime, found: Interpreter, shelf: Shelf, may_obtain: bool) -> Tools:
    version = ".".join(found.version.split(".")[:2])  # a substitute has its own
    shown, site = binds(found.path, version)
    modules = sdk(version, found.path, shelf, may_obtain)
    program = f"/var/lang/bin/python{version}"
    return Tools(runtime, found.path, shown, site, modules, version=found.version, program=program)


def binds(interpreter: Path, version: str) -> tuple[list[tuple[str, str]], str]:
    """What to show at /var/lang, and where modules of the SDK go: never the machine's own site-packages."""
    prefix = interpreter.parent.parent
    library = prefix / "lib" / f"python{version}"
    if prefix in (Path("/usr"), Path("/usr/local")):
        shown = [(str(interpreter), f"/var/lang/bin/python{version}"), (str(library), f"/var/lang/lib/python{version}")]
        return shown, "/var/lang/lib/site-packages"
    return [(str(prefix), "/var/lang")], f"/var/lang/lib/python{version}/site-packages"


def sdk(version: str, interpreter: Path, shelf: Shelf, may_obtain: bool) -> Path | None:
    """A directory with boto3 and what it needs: from Fogbank's own environment, or where that is too new for the
    version from the shelf, where pip puts it. None if it cannot be had."""
    if not _own_sdk_suits(version):
        if may_obtain and not shelf.has(f"sdk-python{version}"):
            obtain_sdk(version, interpreter, shelf)
        return shelf.place(f"sdk-python{version}") if shelf.has(f"sdk-python{version}") else None
    stamp = "-".join(metadata.version(name) for name in ("boto3", "botocore"))
    return shelf.put(f"sdk-python{version}-{stamp}", lambda place: _copy(version, interpreter, place))


def obtain_sdk(version: str, interpreter: Path, shelf: Shelf) -> None:
    """The last boto3 that runs on a Python which Fogbank's own boto3 has left behind. Raises Unobtainable."""

    def make(place: Path) -> None:
        packages = _LAST_SDK.get(version, ("boto3",))
        pip_install(packages, place, f"--python-version={version}", "--implementation=cp")
        _compile(interpreter, place)

    if not _own_sdk_suits(version):
        shelf.put(f"sdk-python{version}", make)


def _own_sdk_suits(version: str) -> bool:
    """Whether every package of it runs on that version."""
    for name in _SDK:
        try:
            needed = str(metadata.metadata(name)["Requires-Python"] or "")
        except metadata.PackageNotFoundError:
            return False
        least = re.search(r">=\s*(\d+(?:\.\d+)?)", needed)
        if least and _numbers(version) < _numbers(least[1]):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _copy(version: str, interpreter: Path, place: Path) -> None:
    """Fogbank's own SDK, linked where the file system allows, with the compiled files of the right version beside."""
    own_tag = f".cpython-{sys.version_info.major}{sys.version_info.minor}."
    same = version == f"{sys.version_info.major}.{sys.version_info.minor}"
    for distribution in (metadata.distribution(name) for name in _SDK):
        for file in distribution.files or ():
            source = Path(str(distribution.locate_file(file)))
            if ".." in file.parts or not source.is_file() or file.parts[0].endswith(".data"):
                continue
            if file.suffix == ".pyc" and not (same and own_tag in file.name):
                continue
            _place(source, place / file)
            compiled = source.parent / "__pycache__" / f"{source.stem}{own_tag}pyc"
            if same and file.suffix == ".py" and compiled.is_file():
                _place(compiled, place / Path(file).parent / "__pycache__" / compiled.name)
    _compile(interpreter, place)


def _compile(interpreter: Path, place: Path) -> None:
    """Importing boto3 takes twice as long without compiled files, and a sandbox cannot write them."""
    command = [str(interpreter), "-I", "-m", "compileall", "-q", str(place)]
    try:
        subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_COMPILE_TIMEOUT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unobtainable(f"{interpreter} did not compile boto3: {error}") from error


def _place(source: Path, target: Path) -> None:
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


PYTHON = Language(
    "Python", candidates, ask, tools, lambda version: f"`pyenv install {version}` or `uv python install {version}`"
)
