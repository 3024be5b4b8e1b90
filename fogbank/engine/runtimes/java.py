"""Java: development kits of this machine, and the runtime client, which is compiled with one of them."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from fogbank.engine.runtimes.language import Interpreter, Language, Tools, hear, newest
from fogbank.engine.runtimes.registry import Unobtainable
from fogbank.engine.runtimes.shelf import Shelf
from fogbank.engine.runtimes.table import Runtime

_SOURCES = Path(__file__).parent.parent / "inside" / "_fogbank" / "java"
_CLIENT = "/var/java/client"
_COMPILE_TIMEOUT = 120.0


def candidates(version: str, shelf: Shelf) -> Iterator[Path]:
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    homes += newest(Path("/usr/lib/jvm"), f"*[!0-9.]{version}[!0-9]*") + newest(Path("/usr/lib/jvm"), f"*-{version}")
    homes += newest(Path(os.path.expanduser("~/.sdkman/candidates/java")), f"{version}.*")
    homes += newest(Path("/opt"), f"*j[dr][ke]*{version}*")
    yield from (home / "bin" / "java" for home in homes)
    on_path = shutil.which("java")
    if on_path:
        yield Path(on_path)


def ask(path: Path) -> Interpreter | None:
    """The file `release` tells at once what the program takes 100 ms for."""
    try:
        real = path.resolve(strict=True)
        release = (real.parent.parent / "release").read_text(errors="replace")
    except OSError:
        release = ""
    match = re.search(r'^JAVA_VERSION="([^"]+)"', release, re.MULTILINE)
    match = match or re.search(r' version "([^"]+)"', hear(str(path), "-version"))
    if match is None or not os.access(path, os.X_OK):
        return None
    return Interpreter(path.resolve(), match[1].removeprefix("1.").replace("_", "."))


def tools(runtime: Runtime, found: Interpreter, shelf: Shelf, may_obtain: bool) -> Tools:
    home = found.path.parent.parent
    binds = [(str(home), "/var/lang"), (str(client(found.path, shelf)), _CLIENT)]
    # Debian keeps a JDK's configuration here, and links to it.
    binds += [(str(folder), str(folder)) for folder in newest(Path("/etc"), f"java-{runtime.version}-openjdk")]
    return Tools(runtime, found.path, binds, version=found.version)


def client(java: Path, shelf: Shelf) -> Path:
    """The compiled runtime client: one for all versions, made once. Raises Unobtainable without a compiler."""
    sources = sorted(_SOURCES.glob("*.java"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:12]
    return shelf.put(f"java-client-{digest}", lambda place: _compile(_compiler(java), sources, place))


def _compiler(java: Path) -> Path:
    own = java.with_name("javac")
    found = own if own.exists() else Path(shutil.which("javac") or "")
    if not found.name:
        raise Unobtainable(f"{java} has no compiler beside it: Fogbank's Java client needs a JDK's javac once")
    return found


def _compile(javac: Path, sources: list[Path], place: Path) -> None:
    level = ["--release", "8"] if "1.8." not in hear(str(javac), "-version") else []
    command = [str(javac), *level, "-encoding", "UTF-8", "-nowarn", "-Xlint:none", "-d", str(place), *map(str, sources)]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_COMPILE_TIMEOUT, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unobtainable(f"Fogbank's Java client was not compiled: {error}") from error
    if done.returncode:
        raise Unobtainable(f"Fogbank's Java client was not compiled: {done.stderr.strip()[-500:]}")


JAVA = Language(
    "Java", candidates, ask, tools, lambda version: f"install a JDK {version}, `apt install openjdk-{version}-jdk-headless`"
)
