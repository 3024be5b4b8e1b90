"""Which interpreter serves which runtime here, found once and remembered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from fogbank.engine.runtimes import node, python
from fogbank.engine.runtimes.table import RUNTIMES, Runtime
from fogbank.engine.spec import RuntimeUnavailable


@dataclass(frozen=True, slots=True)
class Tools:
    """What a runtime's sandboxes are made with. `binds` shows paths of this machine inside, read-only."""

    runtime: Runtime
    interpreter: Path | None = None
    binds: list[tuple[str, str]] = field(default_factory=list)
    site: str = ""
    sdk: Path | None = None


class Toolbox:
    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._known: dict[str, Tools] = {}

    async def get(self, name: str) -> Tools:
        """Raises RuntimeUnavailable with what to install."""
        tools = self._known.get(name)
        if tools is None:
            runtime = RUNTIMES.get(name)
            if runtime is None:
                raise RuntimeUnavailable(f"Fogbank does not have the runtime {name}")
            tools = await asyncio.to_thread(self._find, runtime)
            self._known[name] = tools
        return tools

    def _find(self, runtime: Runtime) -> Tools:
        if runtime.family == "python":
            interpreter = python.find(runtime.version, self._data_dir)
            if interpreter is None:
                raise RuntimeUnavailable(
                    f"{runtime.name} needs Python {runtime.version}, which is not on this machine: install it "
                    f"(`pyenv install {runtime.version}` or `uv python install {runtime.version}`)"
                )
            binds, site = python.binds(interpreter, runtime.version)
            return Tools(runtime, interpreter, binds, site, python.sdk(runtime.version, self._data_dir))
        if runtime.family == "nodejs":
            interpreter = node.find(runtime.version, self._data_dir)
            if interpreter is None:
                where = self._data_dir / "runtimes" / f"node{runtime.version}"
                raise RuntimeUnavailable(
                    f"{runtime.name} needs Node.js {runtime.version}, which is not on this machine: install it "
                    f"(`npm install --prefix {where} node@{runtime.version}`)"
                )
            return Tools(runtime, interpreter, [(str(interpreter), "/var/lang/bin/node")])
        return Tools(runtime)

    def describe(self) -> dict[str, str]:
        return {name: str(tools.interpreter or "the function's own") for name, tools in self._known.items()}
