"""Text with `*` for any run of characters; `\\*` and `\\\\` stand for themselves. Matched without backtracking."""

from __future__ import annotations


class Wildcard:
    """Raises ValueError for what EventBridge refuses: two `*` in a row, another escape."""

    __slots__ = ("_parts",)

    def __init__(self, text: str) -> None:
        self._parts = _split(text)
        """The literals between the asterisks."""

    def matches(self, value: str) -> bool:
        """Each literal is sought from where the one before it ended: the leftmost place is always as good as any."""
        first, *rest = self._parts
        if not rest:
            return value == first
        last = rest.pop()
        if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
            return False
        at, end = len(first), len(value) - len(last)
        for part in rest:
            found = value.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


def _split(text: str) -> list[str]:
    parts, current, at = [], "", 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
            if text[at : at + 1] not in ("*", "\\"):
                raise ValueError("Invalid escape character in wildcard pattern")
            current += text[at]
        elif character == "*":
            if text[at + 1 : at + 2] == "*":
                raise ValueError("Consecutive wildcard characters are not allowed")
            parts.append(current)
            current = ""
        else:
            current += character
        at += 1
    return [*parts, current]
