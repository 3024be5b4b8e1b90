"""AWS::IAM::Role, User and Group."""

from __future__ import annotations

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.iam import iam
from fogbank.services.iam.resources.common import (
    Entity,
    Props,
    chosen,
    create_once,
    ignoring,
    tags,
    take_off,
    text,
)


@iam.resource_type
class RoleType(ResourceType):
    type_name = "AWS::IAM::Role"
    required = frozenset({"AssumeRolePolicyDocument"})
    properties = frozenset({
        "AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration", "Path",
        "PermissionsBoundary", "Policies", "RoleName", "Tags",
    })
    create_only = frozenset({"Path", "RoleName"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        name = props.get("RoleName") or call.generate_name(64)
        params = {
            "RoleName": name,
            "AssumeRolePolicyDocument": text(props["AssumeRolePolicyDocument"]),
            **chosen(props, "Path", "Description", "PermissionsBoundary"),
            "Tags": tags(call, props),
        }
        if props.get("MaxSessionDuration"):
            params["MaxSessionDuration"] = int(props["MaxSessionDuration"])
        role = (await create_once(
            "RoleName" not in props,
            lambda: call("iam", "CreateRole", params), lambda: call("iam", "GetRole", {"RoleName": name}),
        ))["Role"]
        entity = Entity(call, "Role", name)
        try:
            await entity.attach([], props.get("ManagedPolicyArns") or [])
            await entity.put_policies([], props.get("Policies") or [])
        except AwsError:
            await self.delete(call, props, Provisioned(name))
            raise
        return Provisioned(name, {"Arn": role["Arn"], "RoleId": role["RoleId"]})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        name = current.physical_id
        entity = Entity(call, "Role", name)
        if text(old["AssumeRolePolicyDocument"]) != text(new["AssumeRolePolicyDocument"]):
            document = text(new["AssumeRolePolicyDocument"])
            await call("iam", "UpdateAssumeRolePolicy", {"RoleName": name, "PolicyDocument": document})
        await call("iam", "UpdateRole", {
            "RoleName": name,
            "Description": new.get("Description") or "",
            "MaxSessionDuration": int(new.get("MaxSessionDuration") or 3600),
        })
        await entity.bound(old.get("PermissionsBoundary"), new.get("PermissionsBoundary"))
        await entity.attach(old.get("ManagedPolicyArns") or [], new.get("ManagedPolicyArns") or [])
        await entity.put_policies(old.get("Policies") or [], new.get("Policies") or [])
        await entity.retag(tags(call, old), tags(call, new))
        return current

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        entity = Entity(call, "Role", current.physical_id)
        await ignoring("NoSuchEntity", take_off(entity, props))
        await ignoring("NoSuchEntity", call("iam", "DeleteRole", {"RoleName": current.physical_id}))


@iam.resource_type
class UserType(ResourceType):
    type_name = "AWS::IAM::User"
    properties = frozenset({
        "Groups", "LoginProfile", "ManagedPolicyArns", "Path", "PermissionsBoundary", "Policies", "Tags", "UserName",
    })
    create_only = frozenset({"UserName"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        name = props.get("UserName") or call.generate_name(64)
        params = {"UserName": name, **chosen(props, "Path", "PermissionsBoundary"), "Tags": tags(call, props)}
        user = (await create_once(
            "UserName" not in props,
            lambda: call("iam", "CreateUser", params), lambda: call("iam", "GetUser", {"UserName": name}),
        ))["User"]
        entity = Entity(call, "User", name)
        await entity.attach([], props.get("ManagedPolicyArns") or [])
        await entity.put_policies([], props.get("Policies") or [])
        await self._join(call, name, [], props.get("Groups") or [])
        if profile := props.get("LoginProfile"):
            await ignoring("EntityAlreadyExists", call("iam", "CreateLoginProfile", {"UserName": name, **profile}))
        return Provisioned(name, {"Arn": user["Arn"]})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        name = current.physical_id
        entity = Entity(call, "User", name)
        if (old.get("Path") or "/") != (new.get("Path") or "/"):
            await call("iam", "UpdateUser", {"UserName": name, "NewPath": new.get("Path") or "/"})
        await entity.bound(old.get("PermissionsBoundary"), new.get("PermissionsBoundary"))
        await entity.attach(old.get("ManagedPolicyArns") or [], new.get("ManagedPolicyArns") or [])
        await entity.put_policies(old.get("Policies") or [], new.get("Policies") or [])
        await self._join(call, name, old.get("Groups") or [], new.get("Groups") or [])
        await entity.retag(tags(call, old), tags(call, new))
        user = (await call("iam", "GetUser", {"UserName": name}))["User"]
        return Provisioned(name, {"Arn": user["Arn"]})

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        name = current.physical_id
        await ignoring("NoSuchEntity", self._join(call, name, props.get("Groups") or [], []))
        await ignoring("NoSuchEntity", take_off(Entity(call, "User", name), props))
        await ignoring("NoSuchEntity", call("iam", "DeleteLoginProfile", {"UserName": name}))
        await ignoring("NoSuchEntity", call("iam", "DeleteUser", {"UserName": name}))

    async def _join(self, call: ResourceCall, name: str, old: list[str], new: list[str]) -> None:
        for group in new:
            await call("iam", "AddUserToGroup", {"GroupName": group, "UserName": name})
        for group in set(old) - set(new):
            await ignoring(
                "NoSuchEntity", call("iam", "RemoveUserFromGroup", {"GroupName": group, "UserName": name})
            )


@iam.resource_type
class GroupType(ResourceType):
    type_name = "AWS::IAM::Group"
    properties = frozenset({"GroupName", "ManagedPolicyArns", "Path", "Policies"})
    create_only = frozenset({"GroupName"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        name = props.get("GroupName") or call.generate_name(128)
        params = {"GroupName": name, **chosen(props, "Path")}
        group = (await create_once(
            "GroupName" not in props,
            lambda: call("iam", "CreateGroup", params), lambda: call("iam", "GetGroup", {"GroupName": name}),
        ))["Group"]
        entity = Entity(call, "Group", name)
        await entity.attach([], props.get("ManagedPolicyArns") or [])
        await entity.put_policies([], props.get("Policies") or [])
        return Provisioned(name, {"Arn": group["Arn"]})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        name = current.physical_id
        entity = Entity(call, "Group", name)
        if (old.get("Path") or "/") != (new.get("Path") or "/"):
            await call("iam", "UpdateGroup", {"GroupName": name, "NewPath": new.get("Path") or "/"})
        await entity.attach(old.get("ManagedPolicyArns") or [], new.get("ManagedPolicyArns") or [])
        await entity.put_policies(old.get("Policies") or [], new.get("Policies") or [])
        group = (await call("iam", "GetGroup", {"GroupName": name}))["Group"]
        return Provisioned(name, {"Arn": group["Arn"]})

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        await ignoring("NoSuchEntity", take_off(Entity(call, "Group", current.physical_id), props))
        await ignoring("NoSuchEntity", call("iam", "DeleteGroup", {"GroupName": current.physical_id}))
