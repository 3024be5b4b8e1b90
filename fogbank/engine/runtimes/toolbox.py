"""Which interpreter serves which runtime here, found once and remembered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from fogbank.engine.runtimes import node, python
from fogbank.engine.runtimes.node_sdk import Npm
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
    def __init__(self, data_dir: Path, obtain: bool = False) -> None:
        self._data_dir = data_dir
        self._obtain = obtain
        self.npm = Npm(data_dir, obtain)
        self._known: dict[str, Tools] = {}

    async def get(self, name: str) -> Tools:
        """Raises RuntimeUnavailable with what to install."""
        tools = self._known.get(name)
        if tools is None:
            runtime = RUNTIMES.get(name)
            if runtime is None:
                raise RuntimeUnavailable(f"Fogbank does not have the runtime {name}")
            try:
                tools = await asyncio.to_thread(self._find, runtime)
            except RuntimeUnavailable:
                if runtime.family != "nodejs" or not self._obtain:
                    raise
                await self.npm.node(runtime.version)
                tools = await asyncio.to_thread(self._find, runtime)
            self._known[name] = tools
        return tools

    def interpreter(self, name: str) -> Path | None:
        """Where a runtime's interpreter is; None for one that brings its own. Raises RuntimeUnavailable."""
        runtime = RUNTIMES[name]
        version = runtime.version
        if runtime.family == "python":
            found = python.find(version, self._data_dir)
            how = f"`pyenv install {version}` or `uv python install {version}`"
        elif runtime.family == "nodejs":
            found = node.find(version, self._data_dir)
            how = f"`npm install --prefix {self._data_dir / 'runtimes' / f'node{version}'} node@{version}`"
        else:
            return None
        if found is None:
            language = {"python": "Python", "nodejs": "Node.js"}[runtime.family]
            raise RuntimeUnavailable(
                f"{name} needs {language} {version}, which is not on this machine: install it ({how})"
            )
        return found

    def _find(self, runtime: Runtime) -> Tools:
        interpreter = self.interpreter(runtime.name)
        if interpreter is None:
            return Tools(runtime)
        if runtime.family == "python":
            binds, site = python.binds(interpreter, runtime.version)
            return Tools(runtime, interpreter, binds, site, python.sdk(runtime.version, self._data_dir))
        sdk = self.npm.sdk_dir(runtime.version)
        return Tools(
            runtime, interpreter, [(str(interpreter), "/var/lang/bin/node"), (str(sdk), "/var/runtime/node_modules")]
        )

    def describe(self) -> dict[str, str]:
        return {name: str(tools.interpreter or "the function's own") for name, tools in self._known.items()}
