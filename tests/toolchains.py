"""Compilers that tests use: `make tools` gets a Go, the others are the machine's. A test without its own is skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

_TOOLS = Path(__file__).parent.parent / ".tools"


def go_build(source: Path, target: Path) -> None:
    """Builds one static program of the standard library from a file or a package's directory."""
    own = _TOOLS / "go" / "go" / "bin" / "go"
    go = str(own) if own.exists() else shutil.which("go")
    if go is None:
        pytest.skip("no Go: `make tools` gets one from the registry, or install golang-go")
    cache = os.environ.get("GOCACHE", str(_TOOLS / "go-cache"))
    settings = {"GOCACHE": cache, "GOTOOLCHAIN": "local", "CGO_ENABLED": "0", "GOFLAGS": "", "GOPROXY": "off"}
    folder, what = (source, ".") if source.is_dir() else (source.parent, source.name)
    _run([go, "build", "-trimpath", "-o", str(target.absolute()), what], folder, settings)


def rust_build(source: Path, target: Path) -> None:
    """Builds one program of the standard library, without cargo."""
    rustc = shutil.which("rustc")
    if rustc is None:
        pytest.skip("no Rust compiler is installed (rustc)")
    _run([rustc, "--edition", "2021", "-O", "-o", str(target), str(source)], source.parent, {})


def _run(command: list[str], folder: Path, settings: dict[str, str]) -> None:
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
