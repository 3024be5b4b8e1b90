"""Shapes as the compiler sees them: a shape's traits with those of the member that refers to it merged in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

STRINGS = frozenset({"string", "character"})
INTEGERS = frozenset({"integer", "long", "short", "byte", "bigInteger"})
FLOATS = frozenset({"float", "double", "bigDecimal"})


class Shape:
    """One reference to a shape of the model."""

    __slots__ = ("name", "reference", "shapes", "traits", "type")

    def __init__(self, shapes: dict[str, Any], reference: dict[str, Any]) -> None:
        self.shapes = shapes
        self.reference = reference
        self.name: str = reference["shape"]
        self.traits: dict[str, Any] = {**shapes[self.name], **reference}
        kind = self.traits["type"]
        self.type: str = (
            "string" if kind in STRINGS else "integer" if kind in INTEGERS else "float" if kind in FLOATS else kind
        )

    def __getitem__(self, trait: str) -> Any:
        return self.traits.get(trait)

    def members(self) -> Iterator[tuple[str, Shape]]:
        for name, reference in self.traits.get("members", {}).items():
            yield name, Shape(self.shapes, reference)

    @property
    def member(self) -> Shape:
        return Shape(self.shapes, self.traits["member"])

    @property
    def key(self) -> Shape:
        return Shape(self.shapes, self.traits["key"])

    @property
    def value(self) -> Shape:
        return Shape(self.shapes, self.traits["value"])

    @property
    def is_document(self) -> bool:
        return bool(self.traits.get("document"))

    @property
    def is_streaming(self) -> bool:
        return bool(self.traits.get("streaming") or self.traits.get("eventstream"))

    def wire_name(self, default: str) -> str:
        """The member's name on the wire. A structure's own `locationName` names it as a root, not as a member."""
        own = self.reference.get("locationName") if self.type == "structure" else self.traits.get("locationName")
        return str(own or default)

    @property
    def root_name(self) -> str:
        return str(self.shapes[self.name].get("locationName") or self.reference.get("locationName") or self.name)

    @property
    def in_response_head(self) -> bool:
        """Whether a member of an output travels outside the body."""
        return self.traits.get("location") in ("header", "headers", "statusCode")

    @property
    def flattened(self) -> bool:
        return bool(self.traits.get("flattened"))


def payload_member(shape: Shape | None) -> tuple[str, Shape] | None:
    """The member that is the whole body (`payload`), as (name, shape)."""
    if shape is None or not shape["payload"]:
        return None
    name = shape["payload"]
    return name, Shape(shape.shapes, shape.traits["members"][name])


def streaming_member(shape: Shape | None) -> str | None:
    """The member that is a stream: a streaming payload, or an event stream in any protocol."""
    if shape is None:
        return None
    for name, member in shape.members():
        if member["eventstream"] or (member["streaming"] and shape["payload"] == name):
            return name
    return None
