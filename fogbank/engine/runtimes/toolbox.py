"""Which interpreter serves which runtime here: found, chosen by the operator, or obtained; once, and remembered."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from fogbank.engine.runtimes.dotnet import DOTNET
from fogbank.engine.runtimes.java import JAVA
from fogbank.engine.runtimes.language import Interpreter, Language, Tools
from fogbank.engine.runtimes.node import NODE
from fogbank.engine.runtimes.node_sdk import Npm
from fogbank.engine.runtimes.python import PYTHON
from fogbank.engine.runtimes.registry import Unobtainable
from fogbank.engine.runtimes.ruby import RUBY
from fogbank.engine.runtimes.shelf import Shelf
from fogbank.engine.runtimes.table import RUNTIMES, Family, Runtime
from fogbank.engine.spec import RuntimeUnavailable

log = logging.getLogger("fogbank.runtimes")

LANGUAGES: dict[Family, Language] = {"python": PYTHON, "nodejs": NODE, "java": JAVA, "ruby": RUBY, "dotnet": DOTNET}
_RETRY_SECONDS = 60.0
"""A registry that gave nothing is not asked again sooner."""


class Toolbox:
    """`obtain` allows what a runtime lacks to be got from the registries when a function needs it."""

    def __init__(self, data_dir: Path, obtain: bool = False) -> None:
        self.shelf = Shelf.of(data_dir)
        self.npm = Npm(self.shelf, obtain)
        self._obtain = obtain
        self._known: dict[str, Tools] = {}
        self._stamp: tuple[int, ...] = ()
        self._getting: dict[str, asyncio.Task[Tools]] = {}
        self._failed: dict[str, tuple[float, str]] = {}
        self._heard: dict[Path, Interpreter | None] = {}

    async def get(self, name: str) -> Tools:
        """Finds or obtains. Raises RuntimeUnavailable with what to do."""
        runtime = _runtime(name)
        if self._stamp != self.shelf.stamp():
            self._known.clear()
        tools = self._known.get(name)
        if tools is not None:
            return tools
        loop = asyncio.get_running_loop()
        when, text = self._failed.get(name, (0.0, ""))
        if text and loop.time() < when + _RETRY_SECONDS:
            raise RuntimeUnavailable(text)
        task = self._getting.get(name)
        if task is None:
            task = self._getting[name] = loop.create_task(asyncio.to_thread(self._make, runtime))
            task.add_done_callback(lambda done: self._got(name, loop.time(), done))
        return await asyncio.shield(task)

    def _got(self, name: str, now: float, task: asyncio.Task[Tools]) -> None:
        del self._getting[name]
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._known[name] = task.result()
            self._stamp = self.shelf.stamp()
            self._failed.pop(name, None)
        else:
            self._heard.clear()
            if isinstance(error, RuntimeUnavailable) and isinstance(error.__cause__, Unobtainable):
                self._failed[name] = (now, str(error))

    async def expect(self, name: str) -> None:
        """For a function that is being made: raises RuntimeUnavailable where its runtime is neither here nor can be
        obtained."""
        runtime = _runtime(name)
        if name not in self._known and name not in self._getting and not self._can_obtain(runtime):
            await asyncio.to_thread(self.look, name)

    def look(self, name: str) -> Interpreter | None:
        """The interpreter; None for a runtime that brings its own. Blocks for some 50 ms. Raises RuntimeUnavailable."""
        runtime = _runtime(name)
        language = LANGUAGES.get(runtime.family)
        if language is None:
            return None
        choice = self.shelf.choices().get(name)
        if choice is not None:
            found = self._hear(language, Path(choice.path))
            if found is not None and (choice.substitute or found.serves(runtime.version)):
                return found
            told = f"tells the version {found.version}" if found else "does not answer"
            raise RuntimeUnavailable(f"{choice.path}, which was chosen for {name}, {told}")
        for path in language.candidates(runtime.version, self.shelf):
            try:
                found = self._hear(language, path) if path.exists() else None
            except OSError:
                continue
            if found is not None and found.serves(runtime.version):
                return found
        raise RuntimeUnavailable(
            f"{name} needs {language.title} {runtime.version}, which is not on this machine: "
            f"{language.how(runtime.version)}, or name one with `fogbank runtimes add {name} PATH`"
        )

    def interpreter(self, name: str) -> Path | None:
        """The path of `look`."""
        found = self.look(name)
        return found.path if found else None

    def obtain(self, name: str) -> Interpreter | None:
        """Gets the interpreter from its registry where it is not here. Blocks. Raises RuntimeUnavailable."""
        runtime = _runtime(name)
        language = LANGUAGES.get(runtime.family)
        try:
            return self.look(name)
        except RuntimeUnavailable:
            if language is None or language.obtain is None or name in self.shelf.choices():
                raise
        log.info("obtaining %s %s for %s", language.title, runtime.version, name)
        try:
            language.obtain(runtime.version, self.shelf)
        except Unobtainable as error:
            raise RuntimeUnavailable(f"{name} needs {language.title} {runtime.version}: {error}") from error
        return self.look(name)

    def _can_obtain(self, runtime: Runtime) -> bool:
        language = LANGUAGES.get(runtime.family)
        return self._obtain and language is not None and language.obtain is not None

    def _hear(self, language: Language, path: Path) -> Interpreter | None:
        if path not in self._heard:
            self._heard[path] = language.ask(path)
        return self._heard[path]

    def _make(self, runtime: Runtime) -> Tools:
        found = self.obtain(runtime.name) if self._can_obtain(runtime) else self.look(runtime.name)
        if found is None:
            return Tools(runtime)
        language = LANGUAGES[runtime.family]
        if not found.serves(runtime.version):
            log.warning("%s runs on %s %s, a substitute", runtime.name, language.title, found.version)
        try:
            return language.tools(runtime, found, self.shelf, self._obtain)
        except Unobtainable as error:
            raise RuntimeUnavailable(f"{runtime.name}: {error}") from error

    def program(self, runtime: Runtime) -> str:
        """The path of a Python in its sandboxes, which have been started."""
        known = self._known.get(runtime.name)
        return known.program if known else f"/var/lang/bin/python{runtime.version}"

    def describe(self) -> dict[str, str]:
        return {name: str(tools.interpreter or "the function's own") for name, tools in self._known.items()}


def _runtime(name: str) -> Runtime:
    runtime = RUNTIMES.get(name)
    if runtime is None:
        raise RuntimeUnavailable(f"Fogbank does not have the runtime {name}")
    return runtime


def substitution(data_dir: Path, name: str) -> str:
    """What a function's description says of a runtime that another version stands in for; `` for a real one."""
    choice = Shelf.of(data_dir).choices().get(name)
    if choice is None or not choice.substitute:
        return ""
    title = LANGUAGES[RUNTIMES[name].family].title
    return f"Runs on {title} {choice.version} in the place of {name}: `fogbank runtimes add --substitute` chose it."
