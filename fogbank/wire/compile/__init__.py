"""The compiler: a service model in, Python source per operation and protocol out."""

from __future__ import annotations

from typing import Any


def source_of(model: dict[str, Any], operation: str, part: str) -> str:
    """The source of one unit. `part` is a protocol (`parse`, `serialise`), `validate`, or `error.` and a protocol (`members`
    of the error shape that `operation` names then)."""
    from fogbank.wire.compile.constraints import compile_validator
    from fogbank.wire.compile.operation import compile_codec, compile_error

    if part == "validate":
        return compile_validator(model, operation)
    if part.startswith("error."):
        return compile_error(model, operation, part.removeprefix("error."))
    return compile_codec(model, operation, part)
