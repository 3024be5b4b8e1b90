"""Methods that templates call: those of Java's strings, lists, maps and numbers, and of `$input` and `$util`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import regex

from fogbank.services.apigateway.vtl.nodes import TemplateError

PATTERN_SECONDS = 0.05


class Bound:
    """An object with methods of its own, by name; `attributes` are what it has besides."""

    def __init__(self, methods: dict[str, Callable[..., Any]], attributes: dict[str, Any] | None = None) -> None:
        self.methods = methods
        self.attributes = attributes or {}

    def attribute(self, name: str) -> Any:
        return self.attributes.get(name)


def call(value: Any, name: str, arguments: list[Any]) -> Any:
    """Raises TemplateError for arguments that do not fit; a method that is not there gives null."""
    if isinstance(value, Bound):
        method = value.methods.get(name)
    elif isinstance(value, bool):
        method = None
    elif isinstance(value, str):
        method = _bind(_STRINGS, value, name)
    elif isinstance(value, list):
        method = _bind(_LISTS, value, name)
    elif isinstance(value, dict):
        method = _bind(_MAPS, value, name)
    else:
        method = _bind(_NUMBERS, value, name)
    if method is None:
        return _text(value) if name == "toString" and not arguments else None
    try:
        return method(*arguments)
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, regex.error, TimeoutError) as error:
        raise TemplateError(f"{name}: {error}") from error


def _bind(table: dict[str, Callable[..., Any]], value: Any, name: str) -> Callable[..., Any] | None:
    method = table.get(name)
    return None if method is None else lambda *arguments: method(value, *arguments)


def _text(value: Any) -> str:
    from fogbank.services.apigateway.vtl.evaluating import shown

    return shown(value)


def _bounded_replace(text: str, old: str, new: str) -> str:
    if len(text) * max(1, len(new)) > 100 << 20:
        raise ValueError("too long")
    return text.replace(old, new)


def _replace_all(text: str, pattern: str, new: str) -> str:
    """Java's `$1` is Python's `\\g<1>`."""
    template = regex.sub(r"\$(\d)", r"\\g<\1>", new.replace("\\", "\\\\"))
    return str(regex.sub(pattern, template, text, timeout=PATTERN_SECONDS))


def _split(text: str, pattern: str) -> list[str]:
    parts = [part or "" for part in regex.split(pattern, text, timeout=PATTERN_SECONDS)]
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _set_item(items: list[Any], index: int, value: Any) -> Any:
    old, items[index] = items[index], value
    return old


def _add(items: list[Any], *arguments: Any) -> bool:
    if len(arguments) == 2:
        items.insert(arguments[0], arguments[1])
    else:
        items.append(arguments[0])
    return True


def _put(held: dict[str, Any], key: Any, value: Any) -> Any:
    old = held.get(_text(key))
    held[_text(key)] = value
    return old


_STRINGS: dict[str, Callable[..., Any]] = {
    "length": len,
    "isEmpty": lambda s: not s,
    "substring": lambda s, begin, end=None: s[begin:end],
    "indexOf": lambda s, part: s.find(part),
    "lastIndexOf": lambda s, part: s.rfind(part),
    "contains": lambda s, part: part in s,
    "startsWith": lambda s, part: s.startswith(part),
    "endsWith": lambda s, part: s.endswith(part),
    "equals": lambda s, other: s == other,
    "equalsIgnoreCase": lambda s, other: s.lower() == str(other).lower(),
    "toUpperCase": lambda s: s.upper(),
    "toLowerCase": lambda s: s.lower(),
    "trim": lambda s: s.strip(),
    "concat": lambda s, other: s + other,
    "charAt": lambda s, index: s[index],
    "replace": _bounded_replace,
    "replaceAll": _replace_all,
    "replaceFirst": lambda s, pattern, new: regex.sub(pattern, new, s, count=1, timeout=PATTERN_SECONDS),
    "matches": lambda s, pattern: regex.fullmatch(pattern, s, timeout=PATTERN_SECONDS) is not None,
    "split": _split,
}
_LISTS: dict[str, Callable[..., Any]] = {
    "size": len,
    "isEmpty": lambda items: not items,
    "get": lambda items, index: items[index] if -1 < index < len(items) else None,
    "set": _set_item,
    "add": _add,
    "addAll": lambda items, more: items.extend(list(more)) or True,
    "remove": lambda items, index: items.pop(index),
    "contains": lambda items, item: item in items,
    "indexOf": lambda items, item: items.index(item) if item in items else -1,
}
_MAPS: dict[str, Callable[..., Any]] = {
    "get": lambda held, key: held.get(_text(key)),
    "put": _put,
    "putAll": lambda held, more: held.update(more),
    "remove": lambda held, key: held.pop(_text(key), None),
    "containsKey": lambda held, key: _text(key) in held,
    "containsValue": lambda held, value: value in held.values(),
    "keySet": list,
    "values": lambda held: list(held.values()),
    "entrySet": lambda held: [{"key": key, "value": value} for key, value in held.items()],
    "size": len,
    "isEmpty": lambda held: not held,
}
_NUMBERS: dict[str, Callable[..., Any]] = {
    "intValue": int,
    "longValue": int,
    "doubleValue": float,
    "equals": lambda number, other: number == other,
    "compareTo": lambda number, other: (number > other) - (number < other),
}
