"""Records: dataclass-like rows with a key and indexes, JSON-encoded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

import msgspec

KeyPart = str | int | float | bytes
R = TypeVar("R", bound="Record")


class Record(msgspec.Struct, kw_only=True):
    """A row. Members with defaults may be added later: older rows read with the default."""

    __shape__: ClassVar[Any] = None


class Shape:
    """How a record class lies in its table."""

    def __init__(self, cls: type[Record], table: str, key: tuple[str, ...], indexes: dict[str, tuple[str, ...]],
                 version: int, migrate: Callable[[dict[str, Any]], dict[str, Any]] | None) -> None:
        members = set(cls.__struct_fields__)
        for member in (*key, *(m for index in indexes.values() for m in index)):
            if member not in members:
                raise TypeError(f"{table}: {member} is no member of {cls.__name__}")
        self.cls, self.table, self.key, self.indexes = cls, table, key, indexes
        self.version, self.migrate = version, migrate
        self.decode = msgspec.json.Decoder(cls).decode
        self.encode = msgspec.json.Encoder().encode


def record(table: str, *, key: tuple[str, ...], indexes: Mapping[str, tuple[str, ...]] | None = None, version: int = 1,
           migrate: Callable[[dict[str, Any]], dict[str, Any]] | None = None) -> Callable[[type[R]], type[R]]:
    def mark(cls: type[R]) -> type[R]:
        cls.__shape__ = Shape(cls, table, key, dict(indexes or {}), version, migrate)
        return cls
    return mark


def shape_of(cls: type[Record]) -> Shape:
    shape = cls.__shape__
    if shape is None:
        raise TypeError(f"{cls.__name__} is no record: it lacks @record")
    return shape  # type: ignore[no-any-return]
