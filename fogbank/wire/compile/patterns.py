"""Java's regular expressions as Python's. What cannot be said, or could take exponential time, is left out."""

from __future__ import annotations

import re
import unicodedata
import warnings
from functools import lru_cache
from itertools import groupby
from re import _parser as sre_parse  # type: ignore[attr-defined]

from fogbank.wire.compile.backtracking import explosive, unbounded

LINEAR = 1 << 24
POLYNOMIAL = 1024
_SCANNED = 0x20000  # beyond are rare ideographs and private use

_POSIX = {
    "Alnum": "a-zA-Z0-9", "Alpha": "a-zA-Z", "ASCII": r"\x00-\x7f", "Blank": r" \t", "Cntrl": r"\x00-\x1f\x7f",
    "Digit": "0-9", "Graph": "!-~", "Lower": "a-z", "Print": " -~", "Punct": r"!-/:-@\[-`{-~",
    "Space": r" \t\n\x0b\f\r", "Upper": "A-Z", "XDigit": "0-9a-fA-F",
    # Letters and numbers are what Python's \w has (and the underscore): close enough, and a thousand times smaller.
    "L": r"\w", "N": r"\w", "IsAlphabetic": r"\w", "IsLetter": r"\w", "IsDigit": r"\d", "IsL": r"\w", "IsN": r"\w",
}  # fmt: skip
_CLASS_THEN_DASH = re.compile(r"(\\[wdsWDS])-(?=[^\]])")  # a literal dash to Java, an error to Python
_ESCAPE = re.compile(
    r"\\u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})"
    r"|\\x\{([0-9a-fA-F]{1,6})\}|\\([pP])(?:\{(\w+)\}|([LMNPSZC]))"
    r"|\\Q(.*?)(?:\\E|$)|\\(z|h|R|e)|\\(/|-|[\"'#%&,:;<=>@_`~!]| )"
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
    if explosive(tree):
        return None
    limit = LINEAR if unbounded(tree) <= 1 else POLYNOMIAL
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
    return _CLASS_THEN_DASH.sub(r"\1\\-", "".join(out))


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
    points = map(unicodedata.category, map(chr, range(_SCANNED)))
    position = 0
    for member, run in groupby(points, lambda found: found.startswith(category)):
        end = position + sum(1 for _ in run)
        if member:
            parts.append(f"\\U{position:08X}" + (f"-\\U{end - 1:08X}" if end - position > 1 else ""))
        position = end
    if not parts:
        raise ValueError(category)
    return "".join(parts)
