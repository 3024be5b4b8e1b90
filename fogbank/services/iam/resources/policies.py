"""AWS::IAM::Policy, ManagedPolicy, and the inline policies of one role, user or group."""

from __future__ import annotations

from collections.abc import Iterator

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.iam import iam
from fogbank.services.iam.quotas import VERSIONS
from fogbank.services.iam.resources.common import Entity, Props, chosen, ignoring, text

_HOLDERS = {"Roles": "Role", "Users": "User", "Groups": "Group"}


def holders(props: Props) -> set[tuple[str, str]]:
    """Kind and name of each role, user and group that the properties list."""
    return {(word, name) for member, word in _HOLDERS.items() for name in props.get(member) or ()}


@iam.resource_type
class PolicyType(ResourceType):
    """An inline policy, the same in each of its holders."""

    type_name = "AWS::IAM::Policy"
    required = frozenset({"PolicyDocument", "PolicyName"})
    properties = frozenset({"PolicyDocument", "PolicyName", "Groups", "Roles", "Users"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        if not holders(props):
            raise AwsError("ValidationError", "At least one of [Groups,Roles,Users] must be non-empty.")
        for word, name in sorted(holders(props)):
            await Entity(call, word, name).run("Put", "Policy", PolicyName=props["PolicyName"],
                                               PolicyDocument=text(props["PolicyDocument"]))
        return Provisioned(call.generate_name(32), {"Id": call.generate_name(32)})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        await self.create(call, new)
        renamed = old["PolicyName"] != new["PolicyName"]
        await self._remove(call, old, holders(old) if renamed else holders(old) - holders(new))
        return current

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        await self._remove(call, props, holders(props))

    async def _remove(self, call: ResourceCall, props: Props, whose: set[tuple[str, str]]) -> None:
        for word, name in sorted(whose):
            work = Entity(call, word, name).run("Delete", "Policy", PolicyName=props["PolicyName"])
            await ignoring("NoSuchEntity", work)


@iam.resource_type
class ManagedPolicyType(ResourceType):
    type_name = "AWS::IAM::ManagedPolicy"
    required = frozenset({"PolicyDocument"})
    properties = frozenset({"Description", "Groups", "ManagedPolicyName", "Path", "PolicyDocument", "Roles", "Users"})
    create_only = frozenset({"Description", "ManagedPolicyName", "Path"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        name = props.get("ManagedPolicyName") or call.generate_name(128)
        params = {
            "PolicyName": name, "PolicyDocument": text(props["PolicyDocument"]), **chosen(props, "Path", "Description"),
        }
        arn = f"arn:aws:iam::{call.account}:policy{props.get('Path') or '/'}{name}"
        try:
            await call("iam", "CreatePolicy", params)
        except AwsError as error:
            if error.code != "EntityAlreadyExists" or "ManagedPolicyName" in props:
                raise
        await self._attach(call, arn, set(), holders(props))
        return await self._provisioned(call, arn)

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        arn = current.physical_id
        if text(old["PolicyDocument"]) != text(new["PolicyDocument"]):
            await self._make_room(call, arn)
            document = text(new["PolicyDocument"])
            await call("iam", "CreatePolicyVersion",
                       {"PolicyArn": arn, "PolicyDocument": document, "SetAsDefault": True})
        await self._attach(call, arn, holders(old), holders(new))
        return await self._provisioned(call, arn)

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        arn = current.physical_id
        await self._attach(call, arn, holders(props), set())
        await ignoring("NoSuchEntity", self._drop(call, arn))

    async def _drop(self, call: ResourceCall, arn: str) -> None:
        for version in await self._versions(call, arn):
            if not version["IsDefaultVersion"]:
                await call("iam", "DeletePolicyVersion", {"PolicyArn": arn, "VersionId": version["VersionId"]})
        await call("iam", "DeletePolicy", {"PolicyArn": arn})

    async def _make_room(self, call: ResourceCall, arn: str) -> None:
        versions = await self._versions(call, arn)
        if len(versions) >= VERSIONS:
            oldest = [version for version in versions if not version["IsDefaultVersion"]][-1]
            await call("iam", "DeletePolicyVersion", {"PolicyArn": arn, "VersionId": oldest["VersionId"]})

    async def _versions(self, call: ResourceCall, arn: str) -> list[Props]:
        versions: list[Props] = (await call("iam", "ListPolicyVersions", {"PolicyArn": arn}))["Versions"]
        return versions

    async def _attach(
        self, call: ResourceCall, arn: str, old: set[tuple[str, str]], new: set[tuple[str, str]]
    ) -> None:
        for word, name in sorted(new - old):
            await Entity(call, word, name).run("Attach", "Policy", PolicyArn=arn)
        for word, name in sorted(old - new):
            await ignoring("NoSuchEntity", Entity(call, word, name).run("Detach", "Policy", PolicyArn=arn))

    async def _provisioned(self, call: ResourceCall, arn: str) -> Provisioned:
        policy = (await call("iam", "GetPolicy", {"PolicyArn": arn}))["Policy"]
        wanted = ("PolicyId", "AttachmentCount", "DefaultVersionId", "IsAttachable", "PermissionsBoundaryUsageCount")
        return Provisioned(arn, {"PolicyArn": arn, **{name: policy[name] for name in wanted}})


class _OnePolicy(ResourceType):
    """One inline policy of one holder."""

    word = ""

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        document = text(props.get("PolicyDocument") or {})
        name = props["PolicyName"]
        await self._holder(call, props).run("Put", "Policy", PolicyName=name, PolicyDocument=document)
        return Provisioned(f"{name}|{props[f'{self.word}Name']}")

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        return await self.create(call, new)

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        work = self._holder(call, props).run("Delete", "Policy", PolicyName=props["PolicyName"])
        await ignoring("NoSuchEntity", work)

    def _holder(self, call: ResourceCall, props: Props) -> Entity:
        return Entity(call, self.word, props[f"{self.word}Name"])


def _one_policy_types() -> Iterator[type[ResourceType]]:
    for word in _HOLDERS.values():
        members = frozenset({"PolicyName", f"{word}Name"})
        yield type(f"{word}PolicyType", (_OnePolicy,), {
            "word": word,
            "type_name": f"AWS::IAM::{word}Policy",
            "required": members,
            "create_only": members,
            "properties": members | {"PolicyDocument"},
        })


for _cls in _one_policy_types():
    iam.resource_type(_cls)
