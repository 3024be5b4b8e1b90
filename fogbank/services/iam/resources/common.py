"""What the types of IAM share."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from fogbank.api import AwsError, ResourceCall

Props = dict[str, Any]


def text(document: Any) -> str:
    """A policy document as the API takes it: templates give it as a mapping or, by Fn::Sub, as a text."""
    return document if isinstance(document, str) else json.dumps(document)


def tags(call: ResourceCall, props: Props) -> list[dict[str, str]]:
    """The stack's and the resource's own tags; as recorded, entities of IAM get none of CloudFormation's."""
    given = {tag["Key"]: str(tag["Value"]) for tag in props.get("Tags") or ()}
    stack = {key: value for key, value in call.tags.items() if not key.startswith("aws:")}
    return [{"Key": key, "Value": value} for key, value in {**stack, **given}.items()]


def chosen(props: Props, *names: str) -> Props:
    return {name: props[name] for name in names if props.get(name) is not None}


async def ignoring(code: str, work: Awaitable[Any]) -> None:
    try:
        await work
    except AwsError as error:
        if error.code != code:
            raise


class Entity:
    """What users, groups and roles have in common: inline and attached policies."""

    def __init__(self, call: ResourceCall, word: str, name: str) -> None:
        self.call, self.word, self.key = call, word, {f"{word}Name": name}

    async def run(self, verb: str, noun: str, **more: Any) -> dict[str, Any]:
        return await self.call("iam", f"{verb}{self.word}{noun}", {**self.key, **more})

    async def put_policies(self, old: Iterable[Props], new: Iterable[Props]) -> None:
        for policy in new:
            await self.run("Put", "Policy", PolicyName=policy["PolicyName"],
                           PolicyDocument=text(policy["PolicyDocument"]))
        for name in {policy["PolicyName"] for policy in old} - {policy["PolicyName"] for policy in new}:
            await ignoring("NoSuchEntity", self.run("Delete", "Policy", PolicyName=name))

    async def attach(self, old: Iterable[str], new: Iterable[str]) -> None:
        for arn in [arn for arn in new if arn not in set(old)]:
            await self.run("Attach", "Policy", PolicyArn=arn)
        for arn in set(old) - set(new):
            await ignoring("NoSuchEntity", self.run("Detach", "Policy", PolicyArn=arn))

    async def retag(self, old: list[dict[str, str]], new: list[dict[str, str]]) -> None:
        gone = {tag["Key"] for tag in old} - {tag["Key"] for tag in new}
        if gone:
            await self.call("iam", f"Untag{self.word}", {**self.key, "TagKeys": sorted(gone)})
        if new:
            await self.call("iam", f"Tag{self.word}", {**self.key, "Tags": new})

    async def bound(self, old: str | None, new: str | None) -> None:
        if new and new != old:
            await self.run("Put", "PermissionsBoundary", PermissionsBoundary=new)
        elif old and not new:
            await ignoring("NoSuchEntity", self.run("Delete", "PermissionsBoundary"))


async def create_once(generated: bool, create: Callable[[], Awaitable[Any]],
                      get: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
    """The created entity; one that a run before a crash made under its generated name is taken for it."""
    try:
        await create()
    except AwsError as error:
        if error.code != "EntityAlreadyExists" or not generated:
            raise
    return await get()


async def take_off(entity: Entity, props: Props) -> None:
    """The policies that the template put on; others, put on by hand, make the delete fail as they do in AWS."""
    await entity.attach(props.get("ManagedPolicyArns") or [], [])
    await entity.put_policies(props.get("Policies") or [], [])
