"""Where in a policy's text each of its statements stands, as the simulator reports it."""

from __future__ import annotations

from collections.abc import Iterator


def statements(text: str) -> list[tuple[int, int]]:
    """Start and end offsets of each statement of a valid policy document."""
    depth, key, is_list, start = 0, "", False, 0
    found: list[tuple[int, int]] = []
    for kind, at, end in _tokens(text):
        if kind == "string":
            if depth == 1:
                key = text[at + 1 : end - 1]
        elif kind in "{[":
            depth += 1
            if kind == "[" and depth == 2 and key == "Statement":
                is_list = True
            if kind == "{" and key == "Statement" and depth == (3 if is_list else 2):
                start = at
        elif kind in "}]":
            if kind == "}" and key == "Statement" and depth == (3 if is_list else 2):
                found.append((start, end))
            depth -= 1
            if depth == 1:
                key = "" if key == "Statement" else key
    return found


def line_and_column(text: str, offset: int) -> dict[str, int]:
    before = text[:offset]
    line = before.count("\n")
    return {"Line": line + 1, "Column": offset - (before.rfind("\n") + 1) + 1}


def _tokens(text: str) -> Iterator[tuple[str, int, int]]:
    """Brackets and strings, with their extent."""
    at = 0
    while at < len(text):
        character = text[at]
        if character == '"':
            end = at + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            yield "string", at, end + 1
            at = end + 1
            continue
        if character in "{}[]":
            yield character, at, at + 1
        at += 1
