"""The facts of a request that conditions and policy variables ask for: condition keys and their values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

Values = tuple[str, ...]


class Facts:
    """Condition keys, whose names are case-insensitive, with their values as text.

    `request` is spelled as AWS spells its keys (`aws:SourceIp`) and holds str, bool, int, float, or a list of them; it
    is read only where a policy asks. `standing` holds what derives from the principal: lower-case keys, tuples of text.
    """

    __slots__ = ("_folded", "_now", "_request", "_standing")

    def __init__(
        self, request: Mapping[str, Any], standing: Mapping[str, Values] | None = None, now: float | None = None
    ) -> None:
        self._request = request
        self._standing = standing or {}
        self._now = now
        self._folded: dict[str, Any] | None = None

    def get(self, key: str) -> Values | None:
        """The values of `key` (in lower case), or None where the request does not have it."""
        folded = self._folded
        if folded is None:
            folded = self._folded = {name.lower(): value for name, value in self._request.items()}
        value = folded.get(key)
        if value is None:
            value = self._standing.get(key)
            if value is None:
                return self._clock(key) if self._now is not None else None
        return value if type(value) is tuple else as_values(value)

    def _clock(self, key: str) -> Values | None:
        now = self._now or 0.0
        if key == "aws:currenttime":
            return (datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),)
        if key == "aws:epochtime":
            return (str(int(now)),)
        return None


def as_values(value: Any) -> Values:
    """A value as handlers give it, in the text that conditions compare."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return tuple(as_text(item) for item in value)
    return (as_text(value),)


def as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)
