"""The small regular expressions of filter patterns, matched in time linear in the message.

CloudWatch's dialect has no groups, so an expression is alternatives of sequences of repeated characters: an automaton
whose states fit in one integer. Python's own matcher would need quadratic time and more for some messages.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html#regex-expressions
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

MOST_STATES = 600
_CLASS = re.compile(r"\[\^?(?:\\.|[^\]\\])+\]")
_REPEAT = re.compile(r"\{(\d{1,3})(,(\d{1,3})?)?\}")
_HEX = re.compile(r"\\x([0-9a-fA-F]{2})")
_ESCAPES = "dDsSwW"


@lru_cache(256)
def compiled(source: str) -> Callable[[str], bool]:
    """A search for `source` anywhere in a text. Raises ValueError where it is malformed, or has what AWS lacks."""
    automata = [_Automaton(part) for part in _alternatives(source)]
    return lambda text: any(automaton.search(text) for automaton in automata)


def _alternatives(source: str) -> list[str]:
    parts, start, at = [], 0, 0
    while at < len(source):
        if source[at] == "\\":
            at += 1
        elif source[at] == "[":
            match = _CLASS.match(source, at)
            at = match.end() - 1 if match else at
        elif source[at] == "|":
            parts.append(source[start:at])
            start = at + 1
        at += 1
    return [*parts, source[start:]]


class _Automaton:
    """One sequence. Bit i of a state set: the first i elements are matched."""

    def __init__(self, source: str) -> None:
        self.anchored = source.startswith("^")
        self.to_end = source.endswith("$") and not source.endswith("\\$")
        source = source[1 if self.anchored else 0 : len(source) - 1 if self.to_end else len(source)]
        self.tests: list[re.Pattern[str]] = []
        self.optional = 0
        self.loops = 0
        at = 0
        while at < len(source):
            at = self._element(source, at)
            if len(self.tests) > MOST_STATES:
                raise ValueError("too long")
        self.accept = 1 << len(self.tests)
        self.moves: dict[str, tuple[int, int]] = {}

    def _element(self, source: str, at: int) -> int:
        atom, at = _atom(source, at)
        least, most, at = _repetition(source, at)
        test = re.compile(atom, re.DOTALL)
        if most is not None and most < least:
            raise ValueError("a repetition that ends before it begins")
        for number in range(max(least, 1) if most is None else most):
            place = len(self.tests)
            self.tests.append(test)
            if number >= least:
                self.optional |= 1 << place
        if most is None:
            self.loops |= 1 << len(self.tests)
        return at

    def search(self, text: str) -> bool:
        start = self._closed(1)
        state = start
        for character in text:
            if state & self.accept and not self.to_end:
                return True
            advance, loop = self._moves(character)
            state = self._closed(((state & advance) << 1) | (state & loop))
            if not self.anchored:
                state |= start
            elif not state:
                return False
        return bool(state & self.accept)

    def _closed(self, state: int) -> int:
        """With the states reached by leaving out optional elements."""
        while (more := state | ((state & self.optional) << 1)) != state:
            state = more
        return state

    def _moves(self, character: str) -> tuple[int, int]:
        moves = self.moves.get(character)
        if moves is None:
            advance = sum(1 << place for place, test in enumerate(self.tests) if test.match(character))
            moves = advance, (advance << 1) & self.loops
            if len(self.moves) < 1024:
                self.moves[character] = moves
        return moves


def _atom(source: str, at: int) -> tuple[str, int]:
    """One element as an expression that matches a single character, and where it ends."""
    character = source[at]
    if character == "\\":
        if match := _HEX.match(source, at):
            return re.escape(chr(int(match[1], 16))), match.end()
        if at + 1 == len(source):
            raise ValueError("a lone backslash")
        following = source[at + 1]
        if following.isalnum() and following not in _ESCAPES:
            raise ValueError(f"unknown escape {following}")
        return f"\\{following}" if following in _ESCAPES else re.escape(following), at + 2
    if character == "[":
        match = _CLASS.match(source, at)
        if not match:
            raise ValueError("a class without end")
        try:
            re.compile(match[0])
        except re.error as error:
            raise ValueError(str(error)) from error
        return match[0], match.end()
    if character == ".":
        return ".", at + 1
    if character in "*+?{}()^$]":
        raise ValueError(f"{character} has nothing to stand for")
    return re.escape(character), at + 1


def _repetition(source: str, at: int) -> tuple[int, int | None, int]:
    """Least and most times (None for any number), and where the repetition ends."""
    sign = source[at : at + 1]
    if sign and sign in "*+?":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[sign] + (at + 1,)
    if sign == "{":
        match = _REPEAT.match(source, at)
        if not match:
            raise ValueError("a repetition without end")
        least = int(match[1])
        most = least if match[2] is None else int(match[3]) if match[3] else None
        return least, most, match.end()
    return 1, 1, at
