"""What compiled code calls. `namespace()` gives a unit's global names."""

from __future__ import annotations

from typing import Any

from fogbank.wire.messages import Response
from fogbank.wire.runtime import constraints, eventstream, forms, jsontypes, locations, timestamps, xmltext


def namespace() -> dict[str, Any]:
    names: dict[str, Any] = {"Response": Response}
    for module in (constraints, eventstream, forms, jsontypes, locations, timestamps, xmltext):
        names.update((name, value) for name, value in vars(module).items() if name in module.__all__)
    return names
