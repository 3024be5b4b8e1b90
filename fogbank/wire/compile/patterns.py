"""Java's regular expressions as Python's. What cannot be said, or could take exponential time, is left out."""

from __future__ import annotations

import re
import sys
import unicodedata
import warnings
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parse  # type: ignore[attr-defined]
from typing import Any

LINEAR = 1 << 24
POLYNOMIAL = 1024

_POSIX = {
    "Alnum": "a-zA-Z0-9", "Alpha": "a-zA-Z", "ASCII": r"\x00-\x7f", "Blank": r" \t", "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9", "Graph": "!-~", "Lower": "a-z", "Print": " -~", "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r", "Upper": "A-Z", "XDigit": "0-9a-fA-F",
    # Letters and numbers are what Python's \w has (and the underscore): close enough, and a thousand times smaller.
    "L": r"\w", "N": r"\w", "IsAlphabetic": r"\w", "IsLetter": r"\w", "IsDigit": r"\d", "IsL": r"\w", "IsN": r"\w",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\x\{([0-9a-fA-F]{1,6})\}|\\([pP])(?:\{(\w+)\}|([LMNPSZC]))|\\Q(.*?)(?:\\E|$)|\\(z|h|R|e)|\\(/|-|[\"'#%&,:;<=>@_`~!]| )"
    r"|\\(.)|(\[\^?|\])|(\(\?<(?![=!]))",
    re.DOTALL,
)


@lru_cache(maxsize=512)
def translate(java: str) -> tuple[str, bool, int] | None:
    """(pattern, whether it must match the whole text, most characters worth matching), or None to do without.

    AWS's older framework matches the whole text, the newer searches: patterns with an anchor at one end only are of the
    newer kind.
    """
    try:
        python = _rewrite(java)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            re.compile(python)
            tree = sre_parse.parse(python)
    except (ValueError, re.error, Warning, OverflowError, RecursionError, LookupError):
        return None
    if _explosive(tree):
        return None
    limit = LINEAR if _unbounded(tree) <= 1 else POLYNOMIAL
    whole = java.startswith("^") == java.endswith("$")
    return python, whole, limit


def _rewrite(java: str) -> str:
    depth = 0
    out: list[str] = []
    position = 0
    if "&&" in java:
        raise ValueError("class intersection")
    for match in _ESCAPE.finditer(java):
        out.append(java[position : match.start()])
        position = match.end()
        high, low, code, p, name, letter, quoted, special, plain, other, bracket, group = match.groups()
        inside = depth > 0
        if high:
            point = 0x10000 + ((int(high, 16) - 0xD800) << 10) + int(low, 16) - 0xDC00
            out.append(f"\\U{point:08X}")
        elif code:
            out.append(f"\\U{int(code, 16):08X}")
        elif p:
            out.append(_category(name or letter, p == "P", inside))
        elif quoted is not None and other is None and special is None and plain is None and not bracket and not group:
            out.append(re.escape(quoted))
        elif special:
            out.append(
                {"z": r"\Z", "h": r" \t\xa0" if inside else r"[ \t\xa0]", "R": r"(?:\r\n|[\n\r])", "e": r"\x1b"}[special]
            )
        elif plain:
            out.append("\\" + plain if plain in "-#&~ " else plain)
        elif other:
            out.append(match.group())
        elif bracket:
            if bracket == "]":
                depth = max(0, depth - 1)
            elif inside:
                if bracket == "[^":
                    raise ValueError("nested class")
                bracket = "\\["
            else:
                depth = 1
            out.append(bracket)
        elif group:
            out.append("(?P<")
    out.append(java[position:])
    return "".join(out)


def _category(name: str, negated: bool, inside: bool) -> str:
    ranges = _POSIX.get(name) or _POSIX.get(name.removeprefix("Is")) or _ranges(name.removeprefix("Is"))
    if negated and inside:
        raise ValueError("negated category in a class")
    if inside:
        return ranges
    return f"[^{ranges}]" if negated else f"[{ranges}]"


@lru_cache(maxsize=32)
def _ranges(category: str) -> str:
    """A class's content for a Unicode general category, or for one of its groups (one letter)."""
    if not re.fullmatch("[A-Z][a-z]?", category):
        raise ValueError(category)
    parts: list[str] = []
    start = None
    for point in range(sys.maxunicode + 2):
        member = point <= sys.maxunicode and unicodedata.category(chr(point)).startswith(category)
        if member and start is None:
            start = point
        elif not member and start is not None:
            parts.append(f"\\U{start:08X}" + (f"-\\U{point - 1:08X}" if point - 1 > start else ""))
            start = None
    if not parts:
        raise ValueError(category)
    return "".join(parts)


_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT)
_MANY = 32


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


def _unbounded(tree: Any) -> int:
    count = 0
    for item in tree:
        if item[0] in _REPEATS and item[1][1] > _MANY:
            count += 1
        count += sum(_unbounded(child) for child in _children(item))
    return count


def _explosive(tree: Any) -> bool:
    """Whether a repeated part can itself match one text in many ways, which backtracking tries all.

    That is so where a repeat's body can be a lone repeat (`(a+)*`, `(a+b?)*`), or a choice whose branches begin alike.
    """
    for item in tree:
        if item[0] in _REPEATS and item[1][1] > _MANY and (_lone_repeat(item[1][2]) or _overlapping(item[1][2])):
            return True
        if any(_explosive(child) for child in _children(item)):
            return True
    return False


def _lone_repeat(body: Any) -> bool:
    items = [item for item in body if item[0] not in (sre.AT, sre.ASSERT, sre.ASSERT_NOT)]
    solid = [item for item in items if not _nullable([item])]
    if len(solid) > 1:
        return False
    for item in solid or items:
        if item[0] in _REPEATS and item[1][1] > 1:
            return True
        if item[0] in (sre.SUBPATTERN, sre.BRANCH) and any(_lone_repeat(child) for child in _children(item)):
            return True
    return False


def _nullable(items: Any) -> bool:
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
        elif kind not in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            return False
    return True


def _overlapping(body: Any) -> bool:
    """A choice directly repeated whose branches can begin with the same character."""
    items = list(body)
    while len(items) == 1 and items[0][0] is sre.SUBPATTERN:
        items = list(items[0][1][3])
    if len(items) != 1 or items[0][0] is not sre.BRANCH:
        return False
    seen: set[int] = set()
    for branch in items[0][1][1]:
        first = _first(branch)
        if first is None or first & seen:
            return True
        seen |= first
    return False


def _first(branch: Any) -> set[int] | None:
    """The ASCII characters a branch can begin with; None where that is not simple to say."""
    for kind, value in branch:
        if kind is sre.LITERAL:
            return {value}
        if kind is sre.IN:
            found: set[int] = set()
            for inner, content in value:
                if inner is sre.LITERAL:
                    found.add(content)
                elif inner is sre.RANGE:
                    found.update(range(content[0], min(content[1], 0x10FF) + 1))
                else:
                    return None
            return found
        if kind in _REPEATS and value[0] > 0:
            return _first(value[2])
        return None
    return None
