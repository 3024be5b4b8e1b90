"""Form bodies of the query and ec2 protocols, as a tree of their dotted names."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_plus

from fogbank.wire.runtime.malformed import Malformed

__all__ = ["form_boolean", "form_entries", "form_float", "form_integer", "form_items", "form_leaf", "form_tree"]

Node = dict[str, Any] | str

_MOST_FIELDS = 20_000
_DEEPEST = 64


def parse_form(text: str) -> dict[str, str]:
    """Fields by name, the first of a name winning. Raises Malformed past the limits."""
    fields: dict[str, str] = {}
    parts = text.split("&", _MOST_FIELDS)
    if len(parts) > _MOST_FIELDS:
        raise Malformed("")
    try:
        for part in parts:
            if part:
                name, _, value = part.partition("=")
                if "%" in part or "+" in part:
                    name = unquote_plus(name, errors="strict")
                    value = unquote_plus(value, errors="strict")
                fields.setdefault(name, value)
    except UnicodeDecodeError:
        raise Malformed("") from None
    return fields


def form_tree(fields: dict[str, str]) -> dict[str, Any]:
    """`A.member.1.B=x` as {"A": {"member": {"1": {"B": "x"}}}}; where a name is both, its own value stands at ""."""
    tree: dict[str, Any] = {}
    for name, value in fields.items():
        if "." not in name:
            node = tree.get(name)
            if type(node) is dict:
                node[""] = value
            else:
                tree[name] = value
            continue
        parts = name.split(".")
        if len(parts) > _DEEPEST:
            raise Malformed("")
        here = tree
        for part in parts[:-1]:
            node = here.get(part)
            if type(node) is not dict:
                node = here[part] = {} if node is None else {"": node}
            here = node
        last = parts[-1]
        node = here.get(last)
        if type(node) is dict:
            node[""] = value
        else:
            here[last] = value
    return tree


def form_leaf(node: Node) -> str:
    return node if type(node) is str else node.get("", "")  # type: ignore[union-attr]


def form_items(node: Node, *names: str) -> list[Any]:
    """A list's elements in the order of their numbers, under one of `names`, or directly below (`Name.1`)."""
    if type(node) is str:
        if node:
            raise Malformed("")
        return []
    assert isinstance(node, dict)
    items: dict[str, Any] = node
    for name in names:
        inner = node.get(name)
        if inner is not None:
            if type(inner) is str:
                return [] if not inner else [inner]
            items = inner
            break
    numbered = []
    for index, item in items.items():
        if index.isascii() and index.isdigit() and len(index) < 10:
            numbered.append((int(index), item))
        elif index:
            raise Malformed("")
    numbered.sort(key=lambda pair: pair[0])
    return [item for _, item in numbered]


def form_entries(node: Node, key_name: str, value_name: str, *names: str) -> list[tuple[str, Any]]:
    """A map's entries, each a key and a value node."""
    entries = []
    for item in form_items(node, *names):
        if type(item) is str or key_name not in item:
            raise Malformed("")
        entries.append((form_leaf(item[key_name]), item.get(value_name, "")))
    return entries


def form_boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered == "true" or lowered == "1":
        return True
    if lowered == "false" or lowered == "0":
        return False
    raise Malformed(f"Invalid value '{text[:256]}' for a boolean")


def form_integer(text: str) -> int:
    try:
        if len(text) < 40:
            return int(text)
    except ValueError:
        pass
    raise Malformed(f"Invalid value '{text[:256]}' for an integer")


def form_float(text: str) -> float:
    try:
        return float(text[:400])
    except ValueError:
        raise Malformed(f"Invalid value '{text[:256]}' for a number") from None
