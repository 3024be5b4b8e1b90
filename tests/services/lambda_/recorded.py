"""Answers compared with what AWS itself answered to the same calls.

The records name what differs between two runs by placeholders (`<uuid:1>`, `date`). A placeholder must stand for the same
text each time it comes within one scenario, and different ones for different texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, REGION

FOLDER = Path(__file__).parents[4] / "shared" / "recorded" / "aws" / "lambda"
_PLACEHOLDER = re.compile(r"<([a-zA-Z0-9_:\- ]+?)>")
_PATTERN = "regular expression pattern:"
_DATES = ("date", "datetime", "<datetime>", "timestamp")
_FIXED = {"<partition>": "aws", "<region>": REGION, "111111111111": ACCOUNT}
# Placeholders that stand for a value of another type, or for different values under one name.
_LOOSE = ("<code-size>", "<location>", "<layer-location>", "lambda-url", "<function-url>", "function-url", "code-sha256")


@lru_cache
def _records(name: str) -> dict[str, Any]:
    path = FOLDER / f"{name}.snapshot.json"
    if not path.exists():
        pytest.skip(f"the responses recorded from AWS are not here ({path.name})")
    records: dict[str, Any] = json.loads(path.read_text())
    return records


class Scenario:
    """One recorded sequence of calls."""

    def __init__(self, test: str, file: str = "test_lambda_api") -> None:
        found = [key for key in _records(file) if key.endswith(f"::{test}")]
        assert found, f"no record of {test}"
        self.content = _records(file)[found[-1]]["recorded-content"]
        self.bound: dict[str, str] = {}

    def check(self, key: str, call: Callable[[], Any] | Any, *, ignore: tuple[str, ...] = ()) -> Any:
        """Makes the call and compares its answer, or its error, with the record under `key`; returns the answer."""
        answer: Any = call
        if callable(call):
            try:
                answer = call()
            except ClientError as error:
                answer = error.response
        recorded = self.content[key]
        if isinstance(recorded, dict) and "CreateFunctionResponse" in recorded:
            recorded = recorded["CreateFunctionResponse"]
        differences = list(self._compare(recorded, _plain(answer), key, ignore))
        assert not differences, "\n".join(differences)
        return answer

    def _compare(self, recorded: Any, ours: Any, at: str, ignore: tuple[str, ...]) -> Any:
        if isinstance(recorded, str) and (recorded in _LOOSE or recorded in _DATES):
            return
        if isinstance(recorded, dict) and isinstance(ours, str) and ours.startswith("{"):
            ours = json.loads(ours)
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for name in sorted(recorded.keys() | ours.keys()):
                if name in ignore or name == "ResponseMetadata":
                    continue
                if name not in ours:
                    yield f"{at}.{name}: missing; AWS has {recorded[name]!r}"
                elif name not in recorded:
                    yield f"{at}.{name}: {ours[name]!r}; AWS has no such member"
                else:
                    yield from self._compare(recorded[name], ours[name], f"{at}.{name}", ignore)
            status = (recorded.get("ResponseMetadata") or {}).get("HTTPStatusCode")
            got = (ours.get("ResponseMetadata") or {}).get("HTTPStatusCode")
            if status and got and got != status:
                yield f"{at}: status {got}; AWS has {status}"
        elif isinstance(recorded, list) and isinstance(ours, list):
            if len(recorded) != len(ours):
                yield f"{at}: {len(ours)} elements; AWS has {len(recorded)}"
            for number, (one, other) in enumerate(zip(recorded, ours, strict=False)):
                yield from self._compare(one, other, f"{at}[{number}]", ignore)
        elif isinstance(recorded, str) and isinstance(ours, str):
            if not self._matches(recorded, ours):
                yield f"{at}: {ours!r}; AWS has {recorded!r}"
        elif recorded != ours:
            yield f"{at}: {ours!r}; AWS has {recorded!r}"

    def _matches(self, recorded: str, ours: str) -> bool:
        for placeholder, text in _FIXED.items():
            recorded = recorded.replace(placeholder, text)
        if _PATTERN in recorded and _PATTERN in ours:  # the patterns change with the models, and are the models'
            recorded, ours = recorded.partition(_PATTERN)[0], ours.partition(_PATTERN)[0]
        for name, text in self.bound.items():
            recorded = recorded.replace(f"<{name}>", text)
        names: list[str] = []
        pattern, at = "", 0
        for match in _PLACEHOLDER.finditer(recorded):
            pattern += re.escape(recorded[at : match.start()])
            pattern += f"(?P=p{names.index(match[1])})" if match[1] in names else f"(?P<p{len(names)}>.+?)"
            if match[1] not in names:
                names.append(match[1])
            at = match.end()
        found = re.fullmatch(pattern + re.escape(recorded[at:]), ours, re.DOTALL)
        if found is None:
            return False
        for number, name in enumerate(names):
            value = found[f"p{number}"]
            if value in [v for n, v in self.bound.items() if n.partition(":")[0] == name.partition(":")[0]]:
                return False
            self.bound[name] = value
        return True


def _plain(value: Any) -> Any:
    """Streams read, times as text."""
    if hasattr(value, "read"):
        text = value.read().decode()
        try:
            return json.loads(text) if text.startswith("{") else text
        except ValueError:
            return text
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value
