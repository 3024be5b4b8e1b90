"""Random operations against a model of dicts: with rollbacks, savepoints, batches, and reopening."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fogbank.store import Exists, Record, Store, Tx, record


@record("model.row", key=("a", "b", "c"), indexes={"n": ("n",), "mixed": ("b", "m", "n")})
class Row(Record):
    a: str
    b: int
    c: bytes
    n: float = 0.0
    m: str | None = None


Key = tuple[str, int, bytes]
Model = dict[Key, Row]

texts = st.sampled_from(["", "a", "a\0", "b", "é"])
numbers = st.sampled_from([-(2**63), -1, 0, 1, 2**63 - 1])
blobs = st.sampled_from([b"", b"\0", b"a", b"\xff"])
keys = st.tuples(texts, numbers, blobs)
rows = st.builds(
    lambda key, n, m: Row(a=key[0], b=key[1], c=key[2], n=n, m=m),
    keys, st.sampled_from([-1.5, 0.0, 2.0]), st.sampled_from([None, "x", "y"]),
)


class Undo(Exception):
    pass


ORDERS: dict[str | None, tuple[str, ...]] = {
    None: ("a", "b", "c"), "n": ("n", "a", "b", "c"), "mixed": ("b", "m", "n", "a", "c")
}
Step = Callable[[Tx, Model], None]


def put(row: Row) -> Step:
    def step(tx: Tx, model: Model) -> None:
        tx.put(row)
        model[row.a, row.b, row.c] = row

    return step


def insert(row: Row) -> Step:
    def step(tx: Tx, model: Model) -> None:
        try:
            tx.insert(row)
        except Exists as exists:
            assert exists.key in model
        else:
            assert (row.a, row.b, row.c) not in model
            model[row.a, row.b, row.c] = row

    return step


def delete(key: Key) -> Step:
    def step(tx: Tx, model: Model) -> None:
        assert tx.delete(Row, *key) == (model.pop(key, None) is not None)

    return step


def clear(key: Key, depth: int, limit: int | None) -> Step:
    def step(tx: Tx, model: Model) -> None:
        gone = sorted(k for k in model if k[:depth] == key[:depth])[:limit]
        assert tx.clear(Row, *key[:depth], limit=limit) == len(gone)
        for k in gone:
            del model[k]

    return step


def look(row: Row, index: str | None, depth: int, width: int, exclusive: bool, down: bool, limit: int | None) -> Step:
    def step(tx: Tx, model: Model) -> None:
        order = ORDERS[index]
        place = tuple(getattr(row, member) for member in order)
        if None in place:
            return
        prefix, start = place[:depth], place[depth : depth + width]
        options: dict[str, Any] = {"limit": limit, "reverse": down}
        if start:
            options["after" if exclusive else "since"] = start

        def within(other: Row) -> bool:
            values = tuple(getattr(other, member) for member in order)
            if index and None in values:
                return False
            here = values[depth : depth + width]
            return values[:depth] == prefix and (
                not start or (here < start if down else here > start) or (here == start and not exclusive)
            )

        expected = sorted(
            (other for other in model.values() if within(other)),
            key=lambda other: tuple(getattr(other, member) for member in order), reverse=down,
        )[:limit]
        found = tx.find(Row, index, *prefix, **options) if index else tx.scan(Row, *prefix, **options)
        assert list(found) == expected
        if index is None:
            assert tx.count(Row, *prefix) == sum(k[:depth] == prefix for k in model)
        key = (row.a, row.b, row.c)
        assert tx.get(Row, *key) == model.get(key)

    return step


steps = st.one_of(
    st.builds(put, rows),
    st.builds(put, rows),
    st.builds(insert, rows),
    st.builds(delete, keys),
    st.builds(clear, keys, st.integers(0, 3), st.sampled_from([None, 0, 1, 3])),
    st.builds(
        look, rows, st.sampled_from([None, "n", "mixed"]), st.integers(0, 3), st.integers(0, 2), st.booleans(),
        st.booleans(), st.sampled_from([None, None, 1, 2]),
    ),
)
# An operation: its steps, with what becomes of it; an inner list stands in a savepoint that is undone or kept.
inner = st.tuples(st.lists(steps, max_size=4), st.booleans())
operations = st.tuples(st.lists(st.one_of(steps, inner), max_size=6), st.booleans())
histories = st.lists(st.one_of(operations, st.sampled_from(["wait", "turn", "reopen"])), max_size=25)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories)
def test_the_store_is_what_a_dict_would_be(history: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_play(Path(folder), history))


async def _play(folder: Path, history: list[Any]) -> None:
    store = await Store.open(folder)
    model: Model = {}
    for event in history:
        if event == "wait":
            if store.pending is not None:
                await store.pending
        elif event == "turn":
            await asyncio.sleep(0)
        elif event == "reopen":
            await store.close()
            store = await Store.open(folder)
        else:
            model = _operate(store, model, *event)
    assert store.run(lambda tx: list(tx.scan(Row)))[0] == [model[key] for key in sorted(model)]
    await store.close()


def _operate(store: Store, model: Model, parts: list[Any], undone: bool) -> Model:
    after = dict(model)

    def operation(tx: Tx) -> None:
        nonlocal after
        for part in parts:
            if not isinstance(part, tuple):
                part(tx, after)
                continue
            inner_model = dict(after)
            try:
                with tx.savepoint():
                    for step in part[0]:
                        step(tx, inner_model)
                    if part[1]:
                        raise Undo
                after = inner_model
            except Undo:
                pass
        if undone:
            raise Undo

    try:
        store.run(operation)
    except Undo:
        return model
    return after
