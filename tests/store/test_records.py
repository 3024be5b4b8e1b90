"""Rows: reading, writing, order, indexes; and how they outlive changes of their declaration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from fogbank.store import Exists, Record, Store, StoreError, Tx, record


@record("test.item", key=("group", "name"), indexes={"colour": ("colour",), "size": ("group", "size")})
class Item(Record):
    group: str
    name: str
    size: int = 0
    colour: str | None = None
    tags: dict[str, str] = {}


def filled(tx: Tx) -> None:
    for n in range(700):
        tx.put(Item(group="a", name=f"{n:04}", size=n % 7, colour="red" if n % 2 else None))
    tx.put(Item(group="b", name="only", size=3, colour="red"))


def names(rows: Any) -> list[str]:
    return [row.name for row in rows]


async def test_rows_are_written_read_and_removed(store: Store) -> None:
    item = Item(group="a", name="x", tags={"k": "v"})

    def change(tx: Tx) -> None:
        assert tx.get(Item, "a", "x") is None
        assert not tx.delete(Item, "a", "x")
        tx.insert(item)
        assert tx.get(Item, "a", "x") == item
        assert tx.get(Item, "a", "x") is not tx.get(Item, "a", "x")
        with pytest.raises(Exists) as caught:
            tx.insert(Item(group="a", name="x"))
        assert caught.value.key == ("a", "x")
        tx.put(Item(group="a", name="x", size=5))
        assert tx.count(Item) == tx.count(Item, "a") == tx.count(Item, "a", "x") == 1
        assert tx.count(Item, "b") == 0

    await store.transact(change)
    assert await store.transact(lambda tx: tx.delete(Item, "a", "x")) is True
    assert store.run(lambda tx: tx.get(Item, "a", "x")) == (None, store.pending)


async def test_scans_are_in_key_order_from_and_to_where_they_are_told(store: Store) -> None:
    await store.transact(filled)

    def look(tx: Tx) -> None:
        everything = [f"{n:04}" for n in range(700)]
        assert names(tx.scan(Item, "a")) == everything
        assert names(tx.scan(Item)) == [*everything, "only"]
        assert names(tx.scan(Item, "a", reverse=True)) == everything[::-1]
        assert names(tx.scan(Item, "a", after="0690")) == everything[691:]
        assert names(tx.scan(Item, "a", since="0690")) == everything[690:]
        assert names(tx.scan(Item, "a", since="0100", before="0103")) == everything[100:103]
        assert names(tx.scan(Item, "a", after="0003", reverse=True)) == everything[2::-1]
        assert names(tx.scan(Item, "a", since="0003", before="0001", reverse=True)) == ["0003", "0002"]
        assert names(tx.scan(Item, after=("a", "0698"))) == ["0699", "only"]
        assert names(tx.scan(Item, after="a")) == ["only"]
        assert names(tx.scan(Item, "a", after="zzz")) == []
        for limit in (0, 1, 31, 32, 33, 160, 161, 699, 700, 1000):
            assert names(tx.scan(Item, "a", limit=limit)) == everything[:limit]
        with pytest.raises(ValueError):
            tx.scan(Item, "a", after="1", since="1")
        with pytest.raises(ValueError):
            tx.scan(Item, "a", after=("1", "2"))

    store.run(look)


async def test_indexes_order_by_their_members_and_then_the_key(store: Store) -> None:
    await store.transact(filled)

    def look(tx: Tx) -> None:
        red = [f"{n:04}" for n in range(1, 700, 2)]
        assert names(tx.find(Item, "colour", "red")) == [*red, "only"]
        assert names(tx.find(Item, "colour", "red", reverse=True, limit=2)) == ["only", "0699"]
        assert names(tx.find(Item, "colour")) == [*red, "only"]  # Rows without a colour are not in the index.
        by_size = sorted(range(700), key=lambda n: (n % 7, n))
        assert names(tx.find(Item, "size", "a")) == [f"{n:04}" for n in by_size]
        assert names(tx.find(Item, "size", "a", after=(6, "0685"))) == ["0692", "0699"]
        assert names(tx.find(Item, "size", "a", since=6, limit=2)) == ["0006", "0013"]
        assert names(tx.find(Item, "size", "a", after=5, limit=1)) == ["0006"]
        with pytest.raises(KeyError):
            tx.find(Item, "shape", "round")

    store.run(look)


async def test_a_loop_may_change_and_remove_the_rows_it_is_given(store: Store) -> None:
    await store.transact(filled)

    def change(tx: Tx) -> int:
        seen = 0
        for item in tx.find(Item, "colour", "red"):
            seen += 1
            if seen % 2:
                item.colour, item.group = "blue", "c"
                tx.put(item)
            else:
                tx.delete(Item, item.group, item.name)
        return seen

    assert await store.transact(change) == 351


async def test_clear_removes_a_range_at_once_or_in_portions(store: Store) -> None:
    await store.transact(filled)

    def change(tx: Tx) -> None:
        assert tx.clear(Item, "a", before="0100") == 100
        assert tx.clear(Item, "a", limit=50) == 50
        assert next(tx.scan(Item, "a")).name == "0150"
        assert tx.clear(Item, "a") == 550
        assert tx.clear(Item, "a") == 0
        assert names(tx.find(Item, "colour", "red")) == ["only"]

    await store.transact(change)


async def test_keys_order_as_their_bytes_do(store: Store) -> None:
    texts = ["", "A", "a", "a\0b", "a b", "Ω", "\uffff", "\U0001f600", "é"]

    def change(tx: Tx) -> list[str]:
        for text in texts:
            tx.put(Item(group="k", name=text))
        return names(tx.scan(Item, "k"))

    assert await store.transact(change) == sorted(texts, key=str.encode)


async def test_what_could_not_be_read_back_is_refused(store: Store) -> None:
    for item in (
        Item(group="a", name="x", size="seven"),  # type: ignore[arg-type]
        Item(group="a", name="x", tags={"k": 1}),  # type: ignore[dict-item]
        Item(group="a", name="x", size=float("nan")),  # type: ignore[arg-type]
    ):
        with pytest.raises(msgspec.ValidationError):
            store.run(lambda tx, item=item: tx.put(item))
    with pytest.raises((TypeError, msgspec.ValidationError)):
        store.run(lambda tx: tx.put(Item(group=None, name="x")))  # type: ignore[arg-type]
    assert store.run(lambda tx: tx.count(Item))[0] == 0


async def test_every_range_is_read_by_an_index(store: Store) -> None:
    await store.transact(filled)
    queries = store._engine.schema[Item].queries  # type: ignore[attr-defined]
    plans = [
        queries.select(None, 1, (">", 1), ("<", 1), False),
        queries.select(None, 0, (">=", 2), ("", 0), True),
        queries.select("colour", 1, (">", 2), ("", 0), False),
        queries.select("size", 1, (">", 2), ("", 0), True),
        queries.select("size", 2, ("", 0), ("", 0), False),
    ]
    for text in plans:
        values = ["a"] * text.count("?")
        steps = [row[3] for row in store._engine.execute(f"EXPLAIN QUERY PLAN {text}", values)]  # type: ignore[attr-defined]
        assert len(steps) == 1 and steps[0].startswith("SEARCH"), (text, steps)


# --- declarations that change


def versions() -> tuple[type[Any], type[Any]]:
    @record("test.old", key=("id",), indexes={"name": ("name",)})
    class Old(Record):
        id: str
        name: str

    @record("test.old", key=("id",), indexes={"name": ("family", "given"), "year": ("year",)}, version=3,
            migrate=lambda row: {"given": row["name"].split()[0], "family": row["name"].split()[1], **row})
    class New(Record):
        id: str
        given: str
        family: str
        year: int = 1970

    return Old, New


async def test_old_rows_pass_through_migrate_and_into_changed_indexes(tmp_path: Path) -> None:
    old, new = versions()
    store = await Store.open(tmp_path)

    def fill(tx: Tx) -> None:
        for n in range(1200):
            tx.put(old(id=f"{n:04}", name=f"Ada{n} L{n % 3}"))

    await store.transact(fill)
    await store.close()
    for _ in range(2):
        store = await Store.open(tmp_path)

        def look(tx: Tx) -> None:
            assert tx.get(new, "0007") == new(id="0007", given="Ada7", family="L1", year=1970)
            assert [r.id for r in tx.find(new, "name", "L1", limit=2)] == ["0001", "0010"]
            assert tx.count(new) == len(list(tx.find(new, "year", 1970))) == 1200

        store.run(look)
        await store.close()
    store = await Store.open(tmp_path)
    with pytest.raises(StoreError, match="newer release"):
        store.run(lambda tx: tx.get(old, "0007"))
    await store.close()


async def test_a_rebuild_that_is_rolled_back_is_done_again(tmp_path: Path) -> None:
    old, new = versions()
    store = await Store.open(tmp_path)
    await store.transact(lambda tx: tx.put(old(id="1", name="Ada L")))
    await store.close()
    store = await Store.open(tmp_path)

    def broken(tx: Tx) -> None:
        assert [r.given for r in tx.find(new, "name", "L")] == ["Ada"]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.run(broken)
    assert [r.given for r in store.run(lambda tx: list(tx.find(new, "name", "L")))[0]] == ["Ada"]
    await store.close()


async def test_a_changed_key_is_refused(tmp_path: Path) -> None:
    store = await Store.open(tmp_path)

    @record("test.keyed", key=("a",))
    class One(Record):
        a: str
        b: str = ""

    await store.transact(lambda tx: tx.put(One(a="1")))
    await store.close()

    @record("test.keyed", key=("b",))
    class Two(Record):
        a: str
        b: str = ""

    store = await Store.open(tmp_path)
    with pytest.raises(StoreError, match="key"):
        store.run(lambda tx: tx.get(Two, "1"))
    await store.close()


def test_a_declaration_must_name_its_own_members() -> None:
    with pytest.raises(StoreError, match="nme"):

        @record("test.bad", key=("nme",))
        class Bad(Record):
            name: str
