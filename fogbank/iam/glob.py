"""Wildcards of the policy language: `*` is any run of characters, `?` exactly one. Matching never backtracks.

A pattern is cut at its stars; each piece is found leftmost, one after the other, which is enough for globs. So a
hostile pattern costs at most the product of the lengths, never the exponential of a regular expression's backtracking.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

Matcher = Callable[[str], bool]

ANY = "\0*"
ONE = "\0?"
"""In a pattern given as parts: a wildcard, where a plain part is literal text, stars and all."""


def compile_glob(pattern: str) -> Matcher:
    """A function that tells whether a whole string matches `pattern`."""
    return compile_parts(split(pattern))


def split(pattern: str) -> list[str]:
    """The pattern as parts: literal texts, `ANY` and `ONE`."""
    return [_MARKS.get(part, part) for part in re.split(r"([*?])", pattern) if part]


_MARKS = {"*": ANY, "?": ONE}


def compile_parts(parts: Sequence[str]) -> Matcher:
    """As `compile_glob`, of a pattern whose literal texts are already told from its wildcards."""
    pieces: list[list[str]] = [[]]
    for part in parts:
        if part == ANY:
            pieces.append([])
        else:
            pieces[-1].append(part)
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        if ONE not in first:
            return "".join(first).__eq__
        whole = _piece(first)
        return lambda text: whole.fullmatch(text) is not None
    middle = [_piece(piece) for piece in pieces[1:-1] if piece]
    if ONE not in first and not middle and not last:
        prefix = "".join(first)
        return lambda text: text.startswith(prefix)
    return _general(_piece(first), middle, _piece(last), _length(last))


def _general(head: re.Pattern[str], middle: list[re.Pattern[str]], tail: re.Pattern[str], tail_length: int) -> Matcher:
    def match(text: str) -> bool:
        found = head.match(text)
        if found is None:
            return False
        at = found.end()
        end = len(text) - tail_length
        if end < at or tail.match(text, end) is None:
            return False
        for piece in middle:
            found = piece.search(text, at, end)
            if found is None:
                return False
            at = found.end()
        return True

    return match


def _piece(parts: Iterable[str]) -> re.Pattern[str]:
    """Literal characters and single dots only: a match is a comparison, a search a scan."""
    return re.compile("".join("." if part == ONE else re.escape(part) for part in parts), re.DOTALL)


def _length(parts: Iterable[str]) -> int:
    return sum(1 if part == ONE else len(part) for part in parts)


def any_of(patterns: Iterable[str]) -> Matcher:
    """A function that tells whether a string matches one of `patterns`; exact texts and prefixes cost least."""
    exact: set[str] = set()
    prefixes: list[str] = []
    others: list[Matcher] = []
    for pattern in patterns:
        if "*" not in pattern and "?" not in pattern:
            exact.add(pattern)
        elif pattern.find("*") == len(pattern) - 1 and "?" not in pattern:
            prefixes.append(pattern[:-1])
        else:
            others.append(compile_glob(pattern))
    if "" in prefixes:
        return lambda text: True
    starts = tuple(prefixes)
    if not others:
        if not starts:
            return exact.__contains__
        if not exact:
            return lambda text: text.startswith(starts)
    fixed = frozenset(exact)
    rest = tuple(others)
    return lambda text: text in fixed or text.startswith(starts) or any(match(text) for match in rest)
