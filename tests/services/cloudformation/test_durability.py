"""An operation that is cut off goes on where it was, and ends as if nothing had happened."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from fogbank.services.cloudformation.records import Operation, Step
from fogbank.work import Task
from tests.services.cloudformation.conftest import Lab, Thing, body, close_platform, open_platform, things


class Cut(BaseException):
    """The machine went away."""


class FragileThing(Thing):
    """Counts its calls and, at the chosen one, waits for the end that is about to come."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0
        self.cut_at = -1
        self.cut = asyncio.Event()

    async def _pass(self, call: object, verb: str, props: dict[str, object]) -> None:
        self.calls += 1
        if self.calls == self.cut_at:
            self.cut.set()
            await asyncio.Event().wait()
        await super()._pass(call, verb, props)  # type: ignore[arg-type]


async def until_settled_with_cuts(data: Path, thing: FragileThing, random: Random) -> Lab:
    """Runs the cloud on `data`, cutting it off at random calls, until the stack is settled."""
    for _ in range(60):
        platform = await open_platform(data, thing)
        lab = Lab(platform, thing)
        thing.cut.clear()
        thing.cut_at = thing.calls + random.randrange(1, 4)
        settled = asyncio.create_task(lab.settled("stack"))
        cut = asyncio.create_task(thing.cut.wait())
        await asyncio.wait((settled, cut), return_when=asyncio.FIRST_COMPLETED)
        cut.cancel()
        if settled.done():
            settled.result()
            return lab
        settled.cancel()
        await close_platform(platform)
    raise AssertionError("never settled")


@pytest.mark.parametrize("seed", range(4))
async def test_a_creation_and_an_update_survive_cuts(tmp_path: Path, seed: int) -> None:
    thing, random = FragileThing(), Random(seed)
    platform = await open_platform(tmp_path / "data", thing)
    before = things(A={}, B={"Value": {"Ref": "A"}}, C={"Value": {"Ref": "A"}}, D={"Value": {"Fn::Sub": "${B}${C}"}}, E={})
    await Lab(platform, thing).call("CreateStack", StackName="stack", TemplateBody=body(before))
    await close_platform(platform)
    lab = await until_settled_with_cuts(tmp_path / "data", thing, random)
    assert (await lab.settled("stack"))["StackStatus"] == "CREATE_COMPLETE"
    assert len(thing.things) == 5
    events = await lab.events()
    assert [event[0] for event in events if event[1] == "CREATE_COMPLETE"].count("D") == 1
    assert sum(event[1:] == ("CREATE_IN_PROGRESS", "") for event in events if event[0] != "stack") == 5

    thing.cut_at = -1
    after = things(A={"Name": "new"}, B={"Value": {"Ref": "A"}}, D={"Value": "plain", "Fail": "update"}, E={})
    await lab.call("UpdateStack", StackName="stack", TemplateBody=body(after))
    await close_platform(lab.platform)
    old = dict(thing.things)
    lab = await until_settled_with_cuts(tmp_path / "data", thing, random)
    assert (await lab.settled("stack"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert thing.things == old

    thing.cut_at = -1
    await lab.call("DeleteStack", StackName="stack")
    id = (await lab.call("ListStacks"))["StackSummaries"][0]["StackId"]
    assert (await lab.settled(id))["StackStatus"] == "DELETE_COMPLETE"
    assert thing.things == {}
    # Nothing stays behind that would grow for ever.
    left = lab.platform.store.run(
        lambda tx: (list(tx.scan(Operation)), list(tx.scan(Step)), [t.kind for t in tx.scan(Task)])
    )[0]
    assert left == ([], [], ["cloudformation.purge"])
    await close_platform(lab.platform)


async def test_a_hundred_resources_are_quick(lab: Lab) -> None:
    template = things(**{f"T{i}": {"Value": {"Ref": f"T{i - 1}"}} if i % 10 else {} for i in range(200)})
    began = asyncio.get_running_loop().time()
    stack = await lab.deploy(template)
    took = asyncio.get_running_loop().time() - began
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert took < 10, f"{took:.2f} s"
