"""Every runtime identifier as a small declaration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Family = Literal["python", "nodejs", "provided", "java", "ruby", "dotnet"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """`version` is that of the interpreter; the dates are AWS's own (deprecation, then creation and update blocked)."""

    name: str
    family: Family
    version: str = ""
    deprecated: str = ""

    @property
    def execution_env(self) -> str:
        """The value of AWS_EXECUTION_ENV; custom runtimes do not have it."""
        return "" if self.family == "provided" else f"AWS_Lambda_{self.name}"


def _entries() -> list[Runtime]:
    python = {"3.8": "2024-10-14", "3.9": "2025-12-15", "3.10": "", "3.11": "", "3.12": "", "3.13": "", "3.14": ""}
    node = {"14": "2023-12-04", "16": "2024-06-12", "18": "2025-09-01", "20": "2026-04-30", "22": "", "24": ""}
    entries = [Runtime(f"python{version}", "python", version, date) for version, date in python.items()]
    entries += [Runtime(f"nodejs{version}.x", "nodejs", version, date) for version, date in node.items()]
    entries += [Runtime("provided", "provided", "", "2024-01-08"), Runtime("go1.x", "provided", "", "2024-01-08")]
    entries += [Runtime("provided.al2", "provided"), Runtime("provided.al2023", "provided")]
    return entries


RUNTIMES: dict[str, Runtime] = {entry.name: entry for entry in _entries()}
