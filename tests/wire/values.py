"""Hypothesis strategies for values of a model's shapes."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from fogbank.wire.compile.shapes import Shape

# What XML 1.0 and HTTP can carry; the wire's own tests of odd characters are elsewhere.
TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cs", "Cn", "Cc")), max_size=12)
HEADER = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=","), min_size=1, max_size=12)
LABEL = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("Cs", "Cc")), min_size=1, max_size=12
)
TIMES = st.integers(0, 4102444800).map(float)


def values(shape: Shape, depth: int = 0) -> st.SearchStrategy[Any]:
    kind = shape.type
    if shape.is_document:
        return st.dictionaries(TEXT, st.one_of(TEXT, st.integers(-(2**53), 2**53), st.booleans()), max_size=2)
    if kind == "structure":
        return structures(shape, depth)
    if kind == "list":
        return st.lists(values(shape.member, depth + 1), max_size=0 if depth > 4 else 2)
    if kind == "map" and shape["location"] == "querystring":
        return st.dictionaries(LABEL, LABEL, max_size=2)
    if kind == "map":
        return st.dictionaries(values(shape.key, depth + 1), values(shape.value, depth + 1), max_size=0 if depth > 4 else 2)
    location = shape["location"]
    if kind == "string":
        if shape["enum"]:
            return st.sampled_from(shape["enum"])
        return LABEL if location in ("uri", "querystring") else HEADER if location == "header" else TEXT
    if kind == "integer" and location == "statusCode":
        return st.integers(200, 299)
    if kind == "integer":
        return st.integers(-(2**31), 2**31 - 1)
    if kind == "float":
        return st.floats(-1e6, 1e6).map(lambda number: round(number, 3))
    if kind == "boolean":
        return st.booleans()
    if kind == "blob":
        return st.binary(max_size=16)
    return TIMES


def structures(shape: Shape, depth: int = 0) -> st.SearchStrategy[dict[str, Any]]:
    """Some members at random, those in the path always; a union has exactly one."""
    if shape["union"]:
        members = list(shape.members())
        if depth > 4:
            members = [pair for pair in members if pair[1].type not in ("structure", "list", "map")] or members[:1]
        return st.one_of([values(member, depth + 1).map(lambda value, n=name: {n: value}) for name, member in members])
    required, optional = {}, {}
    for name, member in shape.members():
        if member["eventstream"] or (depth > 4 and member.type in ("structure", "list", "map")):
            continue
        located = member["location"] in ("uri",) or member.is_streaming
        (required if located else optional)[name] = member
    wanted = {name: values(member, depth + 1) for name, member in required.items()}

    def chosen(names: frozenset[str]) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({**wanted, **{n: values(optional[n], depth + 1) for n in sorted(names)}})

    if not optional:
        return st.fixed_dictionaries(wanted)
    most = 6 if depth == 0 else 3
    return st.frozensets(st.sampled_from(sorted(optional)), max_size=min(most, len(optional))).flatmap(chosen)
