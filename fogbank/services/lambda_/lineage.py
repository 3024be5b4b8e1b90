"""Loops of functions: the trace header counts how often each function has run in a chain of events. Pure.

A function's SDK sends the header of the invocation that it runs in with every call, and what a call causes carries it on.
`Lineage=3f1c9b4e:2,0a7be113:1` names functions by a digest. https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

from hashlib import sha256

MOST = 16
"""About so often a function may run in one chain."""
MOST_NAMED = 32
"""Functions that one header names: a chain of others pushes the first out."""


def times(header: str, function: str) -> int:
    """How often the chain has run the function (an ARN without a qualifier)."""
    return dict(_counts(header)).get(_digest(function), 0)


def extended(header: str, function: str) -> str:
    """The header for an invocation of the function: counted once more. A stranger's header is taken as it is."""
    counts = dict(_counts(header))
    digest = _digest(function)
    count = counts.pop(digest, 0) + 1
    named = [*counts.items(), (digest, count)][-MOST_NAMED:]
    parts = [part for part in header.split(";") if part and not part.startswith("Lineage=")]
    return ";".join([*parts, "Lineage=" + ",".join(f"{name}:{number}" for name, number in named)])


def _counts(header: str) -> list[tuple[str, int]]:
    for part in header.split(";"):
        name, _, value = part.strip().partition("=")
        if name == "Lineage":
            pairs = (entry.partition(":") for entry in value.split(",")[:MOST_NAMED])
            return [(digest, int(number)) for digest, _, number in pairs if number.isdecimal() and len(number) < 9]
    return []


def _digest(function: str) -> str:
    return sha256(function.encode()).hexdigest()[:8]
