"""How long a pattern can take: whether a hostile text could make Python's matcher try exponentially many ways.

The analysis is cautious: a pattern that it cannot prove harmless is called explosive.
"""

from __future__ import annotations

from re import _constants as sre  # type: ignore[attr-defined]
from typing import Any

_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_MANY = 32
_LOOKS = (sre.AT, sre.ASSERT, sre.ASSERT_NOT)
_ASCII = frozenset(range(128))
_WORD = frozenset(point for point in range(128) if chr(point).isalnum() or point == 95)
_OTHER = 128
"""Stands for every character beyond ASCII."""
_ALL = _ASCII | {_OTHER}
_CATEGORIES = {
    sre.CATEGORY_DIGIT: frozenset(range(48, 58)) | {_OTHER},
    sre.CATEGORY_WORD: _WORD | {_OTHER},
    sre.CATEGORY_SPACE: frozenset(map(ord, " \t\n\r\f\v")) | {_OTHER},
    sre.CATEGORY_NOT_DIGIT: _ALL - frozenset(range(48, 58)),
    sre.CATEGORY_NOT_WORD: _ALL - _WORD,
    sre.CATEGORY_NOT_SPACE: _ALL - frozenset(map(ord, " \t\n\r\f\v")),
}


def unbounded(tree: Any) -> int:
    """How many repeats without a (small) end a parsed pattern has: with one, matching is linear."""
    count = 0
    for item in tree:
        if _is_long(item):
            count += 1
        count += sum(unbounded(child) for child in _children(item))
    return count


def explosive(tree: Any) -> bool:
    """Whether a long repeat's body can divide one text in several ways, so that each repetition multiplies the tries."""
    for item in tree:
        if _is_long(item) and not _divides_one_way(item[1][2]):
            return True
        if any(explosive(child) for child in _children(item)):
            return True
    return False


def _divides_one_way(body: Any) -> bool:
    """Whether repeating `body` matches any text in at most one way, as far as a simple look can tell.

    It does where nothing in it repeats or chooses ambiguously, or where a character that no inner repeat can match
    must stand in each repetition.
    """
    inner = list(_inner_repeats(body))
    if _ambiguous_choice(body):
        return False
    if not inner:
        return True
    marks = [_characters([item]) for item in _spine(body) if item[0] not in _LOOKS and not _nullable([item])]
    return all(any(not (mark & taken) for mark in marks) for taken in inner)


def _spine(body: Any) -> list[Any]:
    """The items that every repetition passes, groups opened."""
    items = list(body)
    opened: list[Any] = []
    for item in items:
        if item[0] is sre.SUBPATTERN:
            opened.extend(_spine(item[1][3]))
        elif item[0] in _REPEATS and item[1][0] == item[1][1] == 1:
            opened.extend(_spine(item[1][2]))
        else:
            opened.append(item)
    return opened


def _inner_repeats(body: Any) -> Any:
    """The characters that each repeat of varying length within `body` can match."""
    for item in body:
        if item[0] in _REPEATS and item[1][1] > 1 and item[1][0] != item[1][1]:
            yield _characters(item[1][2])
        for child in _children(item):
            yield from _inner_repeats(child)


def _ambiguous_choice(body: Any) -> bool:
    for item in body:
        if item[0] is sre.BRANCH:
            seen: frozenset[int] = frozenset()
            empty = 0
            for branch in item[1][1]:
                if _nullable(branch):
                    empty += 1
                first = _first(branch)
                if empty > 1 or first & seen:
                    return True
                seen |= first
        if item[0] not in (sre.ASSERT, sre.ASSERT_NOT) and any(_ambiguous_choice(child) for child in _children(item)):
            return True
    return False


def _is_long(item: Any) -> bool:
    return item[0] in _REPEATS and item[1][1] > _MANY


def _children(item: Any) -> list[Any]:
    """The sub-patterns of one parsed item."""
    kind, value = item
    if kind in _REPEATS or kind is getattr(sre, "POSSESSIVE_REPEAT", None):
        return [value[2]]
    if kind is sre.SUBPATTERN:
        return [value[3]]
    if kind is sre.BRANCH:
        return list(value[1])
    if kind in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    if kind is getattr(sre, "ATOMIC_GROUP", None):
        return [value]
    return []


def _nullable(items: Any) -> bool:
    """Whether the sequence can match the empty text."""
    for kind, value in items:
        if kind in _REPEATS:
            if value[0] > 0 and not _nullable(value[2]):
                return False
        elif kind is sre.SUBPATTERN:
            if not _nullable(value[3]):
                return False
        elif kind is sre.BRANCH:
            if not any(_nullable(branch) for branch in value[1]):
                return False
        elif kind not in _LOOKS:
            return False
    return True


def _single(item: Any) -> frozenset[int]:
    """The characters that an item of one character matches."""
    kind, value = item
    if kind is sre.LITERAL:
        return frozenset((min(value, _OTHER),))
    if kind is sre.NOT_LITERAL:
        return _ALL - {value}
    if kind is not sre.IN:
        return _ALL
    found: set[int] = set()
    negated = False
    for inner, content in value:
        if inner is sre.NEGATE:
            negated = True
        elif inner is sre.LITERAL:
            found.add(min(content, _OTHER))
        elif inner is sre.RANGE:
            found.update(range(min(content[0], _OTHER), min(content[1], _OTHER) + 1))
        else:
            found |= _CATEGORIES.get(content, _ALL)
    if negated:
        return _ALL - (found - {_OTHER})
    return frozenset(found)


def _characters(items: Any) -> frozenset[int]:
    """Every character that can occur in a match of the sequence."""
    found: frozenset[int] = frozenset()
    for item in items:
        if item[0] in _LOOKS:
            continue
        children = _children(item)
        if children:
            for child in children:
                found |= _characters(child)
        else:
            found |= _single(item)
    return found


def _first(items: Any) -> frozenset[int]:
    """The characters with which a match of the sequence can begin."""
    found: frozenset[int] = frozenset()
    for item in items:
        if item[0] in _LOOKS:
            continue
        children = _children(item)
        if children:
            for child in children:
                found |= _first(child)
        else:
            found |= _single(item)
        if not _nullable([item]):
            break
    return found
