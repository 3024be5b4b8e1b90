"""The extensions of an environment, external and internal: who has registered, who is busy, what each is told."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path

from fogbank.engine.api_http import Call
from fogbank.engine.invocation import Invocation
from fogbank.engine.lifecycle import EXTENSION, Machine
from fogbank.engine.spec import FunctionSpec
from fogbank.kit.layers import inside

MAX_EXTENSIONS = 10
IDENTIFIER = "lambda-extension-identifier"
EVENTS = ("INVOKE", "SHUTDOWN")


class RegistrationRefused(Exception):
    """`kind` is the API's error type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class Extension:
    """One process of /opt/extensions, or a thread of the runtime's that registered."""

    def __init__(self, name: str, internal: bool) -> None:
        self.name = name
        self.internal = internal
        self.identifier = str(uuid.uuid4())
        self.events: tuple[str, ...] = ()
        self.machine = Machine(EXTENSION, "started")
        self.waiting: Call | None = None
        self.error_type = ""
        self.pending: dict[str, object] | None = None

    def tell(self, event: dict[str, object]) -> None:
        call, self.waiting = self.waiting, None
        if call is None:
            return
        head = f"Lambda-Extension-Event-Identifier: {uuid.uuid4()}\r\nContent-Type: application/json\r\n"
        call.reply(200, json.dumps(event).encode(), head.encode())


def discover(spec: FunctionSpec) -> list[str]:
    """The file names in /opt/extensions: each is started as an external extension."""
    if spec.image is not None:
        return _in_image(spec.image.rootfs)
    names: set[str] = set()
    for folder in (layer / "extensions" for layer in spec.layers):
        if folder.is_dir():
            names |= {entry.name for entry in os.scandir(folder) if entry.is_file()}
    return sorted(names)


def _in_image(rootfs: Path) -> list[str]:
    """An image's links mean something within it only."""
    folder = inside(rootfs, "opt/extensions")
    if folder is None or not folder.is_dir():
        return []
    found = ((name, inside(rootfs, f"opt/extensions/{name}")) for name in os.listdir(folder))
    return sorted(name for name, path in found if path is not None and path.is_file())


class Extensions:
    def __init__(self, names: Iterable[str]) -> None:
        self._all: dict[str, Extension] = {name: Extension(name, internal=False) for name in names}
        self._by_identifier: dict[str, Extension] = {}
        self.open = True
        """Registration ends with the Init phase of the runtime."""

    def __len__(self) -> int:
        return len(self._all)

    @property
    def external(self) -> list[Extension]:
        return [extension for extension in self._all.values() if not extension.internal]

    @property
    def internal(self) -> list[Extension]:
        return [extension for extension in self._all.values() if extension.internal]

    @property
    def registered(self) -> bool:
        """Whether every external extension has registered: only then is the runtime started."""
        return all(extension.machine != "started" for extension in self.external)

    @property
    def ready(self) -> bool:
        """Whether every extension waits for an event (or wants none, or is gone)."""
        return all(extension.machine.state in ("ready", "exited") for extension in self._all.values())

    def register(self, name: str, events: list[object]) -> Extension:
        extension = self._all.get(name)
        internal = extension is None or extension.internal
        for event in events:
            if event not in EVENTS:
                raise RegistrationRefused("Extension.InvalidEventType", f"{event}: ErrorInvalidEventType")
            if internal and event == "SHUTDOWN":
                raise RegistrationRefused(
                    "Extension.InvalidEventType", f"{event}: ShutdownEventNotSupportedForInternalExtension"
                )
        if extension is None:
            if not self.open:
                raise RegistrationRefused("Extension.RegistrationClosed", "Extension registration closed already")
            if len(self._all) >= MAX_EXTENSIONS:
                raise RegistrationRefused(
                    "Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached"
                )
            extension = self._all[name] = Extension(name, internal=True)
        elif internal:
            raise RegistrationRefused(
                "Extension.InvalidExtensionState", "Extension with this name already registered"
            )
        extension.machine.to("registered")
        extension.events = tuple(str(event) for event in events)
        self._by_identifier[extension.identifier] = extension
        return extension

    def identified(self, identifier: str) -> Extension | None:
        return self._by_identifier.get(identifier)

    def by_name(self, name: str) -> Extension | None:
        return self._all.get(name)

    def invoke(self, invocation: Invocation) -> None:
        """Tells those who asked for it that an invocation begins."""
        event: dict[str, object] = {
            "eventType": "INVOKE",
            "deadlineMs": invocation.deadline_ms,
            "requestId": invocation.request_id,
            "invokedFunctionArn": invocation.invoked_arn,
            "tracing": {"type": "X-Amzn-Trace-Id", "value": invocation.trace_id or ""},
        }
        for extension in self._all.values():
            if "INVOKE" in extension.events and extension.machine == "ready":
                extension.machine.to("running")
                extension.tell(event)

    def shut_down(self, reason: str, deadline_ms: int, kill: Callable[[Extension], None]) -> None:
        """Sends SHUTDOWN to those who asked for it; the others get no say."""
        event: dict[str, object] = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
        for extension in self.external:
            if extension.machine == "exited":
                continue
            if "SHUTDOWN" not in extension.events:
                kill(extension)
            elif extension.waiting is not None:
                extension.tell(event)
            else:
                extension.pending = event  # still busy with the last one

    @property
    def all_gone(self) -> bool:
        return all(extension.machine == "exited" for extension in self.external)
