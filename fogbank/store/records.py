"""Record types: which members make up the key, which are indexed, and how a row is read and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from operator import attrgetter
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform

import msgspec

from fogbank.store.errors import StoreError

Migrate = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class RecordMeta(msgspec.StructMeta):
    """Makes every record keyword-only, so that members with and without defaults stand in any order."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> RecordMeta:
        options.setdefault("kw_only", True)
        return super().__new__(mcls, name, bases, namespace, **options)


class Record(msgspec.Struct, metaclass=RecordMeta):
    """A row: a msgspec Struct, made with keywords. Each one read is a fresh object, the reader's own."""

    __definition__: ClassVar[Any]


R = TypeVar("R", bound=Record)
C = TypeVar("C", bound=type[Record])


def record(
    table: str,
    key: tuple[str, ...],
    indexes: Mapping[str, tuple[str, ...]] | None = None,
    version: int = 1,
    migrate: Migrate | None = None,
) -> Callable[[C], C]:
    """Declares a class as the rows of `table`, ordered by the members named in `key`.

    indexes   name -> members: `Tx.find` reads by them. A row with None in such a member is not in that index.
    version   raise it when old rows need more than defaults for new members; they pass through `migrate(dict) -> dict`
              when they are read (once for each row, from whatever version it has). It may not change the key.
    """

    def register(cls: C) -> C:
        cls.__definition__ = RecordType(cls, table, key, dict(indexes or {}), version, migrate)
        return cls

    return register


class RecordType(Generic[R]):
    """All that an engine needs to know of a record class."""

    def __init__(
        self,
        cls: type[R],
        table: str,
        key: tuple[str, ...],
        indexes: dict[str, tuple[str, ...]],
        version: int,
        migrate: Migrate | None,
    ) -> None:
        members = set(cls.__struct_fields__)
        unknown = {*key, *(member for index in indexes.values() for member in index)} - members
        if unknown or not key:
            raise StoreError(f"{table}: {cls.__name__} has no members {', '.join(sorted(unknown)) or 'for a key'}")
        self.cls = cls
        self.table = table
        self.key = key
        self.indexes = indexes
        self.version = version
        self.migrate = migrate
        self.indexed = tuple(dict.fromkeys(m for index in indexes.values() for m in index if m not in key))
        """Indexed members outside the key, each kept in a column of its own."""
        self.key_of = _tuple_of(key)
        self.columns_of = _tuple_of((*key, *self.indexed))
        self.encode: Callable[[R], bytes] = msgspec.json.Encoder().encode

    @cached_property
    def decode(self) -> Callable[[bytes], R]:
        """Made at first use, when all types that the class names are defined."""
        return msgspec.json.Decoder(self.cls).decode

    def read(self, data: bytes, version: int) -> R:
        """A row as it was written by `version` of the record."""
        if version == self.version:
            return self.decode(data)
        value = msgspec.json.decode(data)
        if self.migrate is not None:
            value = self.migrate(value)
        return msgspec.convert(value, self.cls)

    def order(self, index: str | None) -> tuple[str, ...]:
        """The members by which rows are ordered: those of the index, then the rest of the key."""
        if index is None:
            return self.key
        members = self.indexes[index]
        return (*members, *(m for m in self.key if m not in members))

    def position_of(self, index: str | None, skip: int) -> Callable[[Any], tuple[Any, ...]]:
        """Where a row stands in that order, without the first `skip` members."""
        members = self.order(index)[skip:]
        return _tuple_of(members) if members else lambda row: ()


def definition_of(cls: type[R]) -> RecordType[R]:
    definition: RecordType[R] | None = getattr(cls, "__definition__", None)
    if definition is None or definition.cls is not cls:
        raise StoreError(f"{cls.__name__} is not a record: it lacks @record(...)")
    return definition


def _tuple_of(members: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    getter = attrgetter(*members)
    return getter if len(members) > 1 else lambda row: (getter(row),)
