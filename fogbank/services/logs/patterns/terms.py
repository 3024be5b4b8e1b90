"""Terms: `ERROR "two words" ?any ?of -without %regular.expression%`. Case counts."""

from __future__ import annotations

import re
from collections.abc import Callable

from fogbank.services.logs.patterns.scanner import BadPattern, regex_test, unescaped

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|%((?:[^%\\]|\\.)+)%|(\w+))(?=\s|$)', re.DOTALL)


class Terms:
    def __init__(
        self, every: list[Callable[[str], bool]], some: list[Callable[[str], bool]], none: list[Callable[[str], bool]]
    ) -> None:
        self._every = every
        # AWS ignores optional terms where there are required ones.
        self._some = some if not every else []
        self._none = none

    def __call__(self, message: str) -> bool:
        return (
            all(test(message) for test in self._every)
            and (not self._some or any(test(message) for test in self._some))
            and not any(test(message) for test in self._none)
        )

    def extract(self, message: str) -> dict[str, str]:
        return {}


def parse(text: str) -> Terms:
    kinds: dict[str, list[Callable[[str], bool]]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if not match:
            raise BadPattern(f"no term at {at}")
        kinds[match[1]].append(_test(match))
        at = match.end()
    return Terms(kinds[""], kinds["?"], kinds["-"])


def _test(match: re.Match[str]) -> Callable[[str], bool]:
    if match[3] is not None:
        return regex_test(match[3])
    term = unescaped(match[2]) if match[2] is not None else match[4]
    return lambda message: term in message
