"""A cloud within the test's process, with resource types whose behaviour the test chooses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.api.cloud import Settings
from fogbank.app import Platform
from fogbank.iam.principal import Principal, root
from fogbank.services.cloudformation.memory import Memory
from fogbank.store import Store
from fogbank.wire import Codecs

ACCOUNT = "111111111111"
REGION = "eu-west-1"


class Thing(ResourceType):
    """A resource in a dictionary. `Fail` names what shall go wrong, `Wait` what must be let go first."""

    type_name = "AWS::Test::Thing"
    properties = frozenset(("Name", "Value", "Fail", "Wait", "Needs", "Tags", "Size"))
    create_only = frozenset(("Name",))

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.log: list[tuple[str, str]] = []
        self.gates: dict[str, asyncio.Event] = {}
        self.entered: dict[str, asyncio.Event] = {}
        self.tags: dict[str, dict[str, str]] = {}

    def gate(self, name: str) -> asyncio.Event:
        return self.gates.setdefault(name, asyncio.Event())

    def arrival(self, name: str) -> asyncio.Event:
        return self.entered.setdefault(name, asyncio.Event())

    async def _pass(self, call: ResourceCall, verb: str, props: dict[str, Any]) -> None:
        self.log.append((verb, call.logical_id))
        if props.get("Wait") == verb:
            self.arrival(call.logical_id).set()
            await self.gate(call.logical_id).wait()
        if verb in str(props.get("Fail", "")).split(","):
            raise AwsError("InvalidThing", f"{call.logical_id} cannot be {verb}d")

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        await self._pass(call, "create", props)
        name = str(props.get("Name") or call.generate_name(64))
        self.things[name] = props
        self.tags[name] = call.tags
        return self._provisioned(name, props)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        await self._pass(call, "update", new)
        self.things[current.physical_id] = new
        self.tags[current.physical_id] = call.tags
        return self._provisioned(current.physical_id, new)

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await self._pass(call, "delete", props)
        self.things.pop(current.physical_id, None)

    @staticmethod
    def _provisioned(name: str, props: dict[str, Any]) -> Provisioned:
        return Provisioned(name, {"Arn": f"arn:thing:{name}", "Value": props.get("Value"), "Deep": {"Value": "d"}})


class Lab:
    """The cloud, and the calls of one of its principals."""

    def __init__(self, platform: Platform, thing: Thing) -> None:
        self.platform = platform
        self.thing = thing
        self.principal: Principal = root(ACCOUNT)

    async def call(self, operation: str, /, service: str = "cloudformation", **params: Any) -> dict[str, Any]:
        ctx = self.platform.context(service, ACCOUNT, REGION, self.principal)
        answer = await self.platform.call_async(ctx, service, operation, params, None, None, None)
        return {name: value for name, value in answer.items() if value is not None}

    async def refused(self, operation: str, /, **params: Any) -> AwsError:
        try:
            await self.call(operation, **params)
        except AwsError as error:
            return error
        raise AssertionError(f"{operation} was not refused")

    async def settled(self, name: str) -> dict[str, Any]:
        """The stack when nothing is in progress any more. Waits for events of the cloud, within reason."""
        async with asyncio.timeout(10):
            while True:
                stack = (await self.call("DescribeStacks", StackName=name))["Stacks"][0]
                if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                    return {key: value for key, value in stack.items() if value is not None}
                await asyncio.sleep(0.005)

    async def deploy(self, template: Any, name: str = "stack", **params: Any) -> dict[str, Any]:
        """Creates a stack and waits for its end."""
        made = await self.call("CreateStack", StackName=name, TemplateBody=body(template), **params)
        return await self.settled(made["StackId"])

    async def change(self, template: Any, name: str = "stack", **params: Any) -> dict[str, Any]:
        """Updates a stack and waits for its end."""
        made = await self.call("UpdateStack", StackName=name, TemplateBody=body(template), **params)
        return await self.settled(made["StackId"])

    async def remove(self, name: str = "stack", **params: Any) -> dict[str, Any]:
        stack = (await self.call("DescribeStacks", StackName=name))["Stacks"][0]
        await self.call("DeleteStack", StackName=name, **params)
        return await self.settled(stack["StackId"])

    async def events(self, name: str = "stack") -> list[tuple[str, str, str]]:
        """Logical id, status and reason, oldest first."""
        events = (await self.call("DescribeStackEvents", StackName=name))["StackEvents"]
        return [
            (event["LogicalResourceId"], event["ResourceStatus"], event["ResourceStatusReason"] or "")
            for event in reversed(events)
        ]


def body(template: Any) -> str:
    return template if isinstance(template, str) else json.dumps(template)


def things(**resources: Any) -> dict[str, Any]:
    """A template of things, each given by its properties."""
    return {"Resources": {name: {"Type": "AWS::Test::Thing", "Properties": props} for name, props in resources.items()}}


async def open_platform(data_dir: Path, thing: Thing) -> Platform:
    data_dir.mkdir(parents=True, exist_ok=True)
    store = await Store.open(data_dir)
    platform = Platform(Settings(data_dir=data_dir), store, Codecs(data_dir / "cache"))
    known = platform.resource_type
    platform.resource_type = lambda name: thing if name == thing.type_name else known(name)  # type: ignore[method-assign]
    platform.component(Memory).patience = 0
    await platform.runner.start()
    return platform


async def close_platform(platform: Platform) -> None:
    await platform.runner.stop(grace=0)
    for component in platform._components.values():
        await component.stop()
    await platform.store.close()


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    thing = Thing()
    platform = await open_platform(tmp_path / "data", thing)
    yield Lab(platform, thing)
    for gate in thing.gates.values():
        gate.set()
    await close_platform(platform)
