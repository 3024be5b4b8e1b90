"""Strict mode: an output is checked against the model, member by member. For tests; it reads the whole model."""

from __future__ import annotations

from typing import Any

from fogbank.wire.compile.shapes import Shape

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "float": (int, float),
    "timestamp": (int, float),
    "boolean": (bool,),
    "blob": (bytes,),
    "list": (list, tuple),
    "map": (dict,),
    "structure": (dict,),
}


class Undescribed(Exception):
    """An output that the model does not allow: a defect of the handler that made it."""


def check(model: dict[str, Any], operation: str, output: dict[str, Any]) -> None:
    reference = model["operations"][operation].get("output")
    if reference is None:
        if output:
            raise Undescribed(f"{operation} has no output, but got {sorted(output)}")
        return
    _check(Shape(model["shapes"], reference), output, operation)


def _is(value: Any, allowed: tuple[type, ...]) -> bool:
    return isinstance(value, allowed)


def _check(shape: Shape, value: Any, where: str) -> None:
    if value is None or shape.is_document or shape.is_streaming or shape["jsonvalue"]:
        return
    allowed = _TYPES[shape.type]
    if not _is(value, allowed) or (isinstance(value, bool) and shape.type != "boolean"):
        raise Undescribed(f"{where} is a {shape.type}, but got {type(value).__name__} {value!r:.100}")
    if shape.type == "structure":
        members = dict(shape.members())
        for name, item in value.items():
            if name not in members:
                raise Undescribed(f"{where} has no member {name}, only {sorted(members)}")
            _check(members[name], item, f"{where}.{name}")
    elif shape.type == "list":
        for index, item in enumerate(value):
            _check(shape.member, item, f"{where}[{index}]")
    elif shape.type == "map":
        for key, item in value.items():
            _check(shape.key, key, f"{where} key")
            _check(shape.value, item, f"{where}[{key!r}]")
