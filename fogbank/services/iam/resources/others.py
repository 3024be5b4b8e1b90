"""AWS::IAM::AccessKey, InstanceProfile, UserToGroupAddition, ServiceLinkedRole, OIDCProvider, SAMLProvider,
ServerCertificate."""

from __future__ import annotations

import asyncio

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.iam import iam
from fogbank.services.iam.resources.common import Props, chosen, create_once, ignoring, tags


@iam.resource_type
class AccessKeyType(ResourceType):
    type_name = "AWS::IAM::AccessKey"
    required = frozenset({"UserName"})
    properties = frozenset({"Serial", "Status", "UserName"})
    create_only = frozenset({"Serial", "UserName"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        key = (await call("iam", "CreateAccessKey", {"UserName": props["UserName"]}))["AccessKey"]
        await self._set_status(call, props, key["AccessKeyId"])
        return Provisioned(key["AccessKeyId"], {"SecretAccessKey": key["SecretAccessKey"]})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        await self._set_status(call, {"Status": "Active", **new}, current.physical_id)
        return current

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        params = {"UserName": props["UserName"], "AccessKeyId": current.physical_id}
        await ignoring("NoSuchEntity", call("iam", "DeleteAccessKey", params))

    async def _set_status(self, call: ResourceCall, props: Props, key_id: str) -> None:
        if status := props.get("Status"):
            params = {"UserName": props["UserName"], "AccessKeyId": key_id, "Status": status}
            await call("iam", "UpdateAccessKey", params)


@iam.resource_type
class InstanceProfileType(ResourceType):
    type_name = "AWS::IAM::InstanceProfile"
    required = frozenset({"Roles"})
    properties = frozenset({"InstanceProfileName", "Path", "Roles"})
    create_only = frozenset({"InstanceProfileName", "Path"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        name = props.get("InstanceProfileName") or call.generate_name(128)
        params = {"InstanceProfileName": name, **chosen(props, "Path")}
        profile = (await create_once(
            "InstanceProfileName" not in props,
            lambda: call("iam", "CreateInstanceProfile", params),
            lambda: call("iam", "GetInstanceProfile", {"InstanceProfileName": name}),
        ))["InstanceProfile"]
        await self._put(call, name, [role["RoleName"] for role in profile["Roles"]], props["Roles"])
        return Provisioned(name, {"Arn": profile["Arn"]})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        await self._put(call, current.physical_id, old["Roles"], new["Roles"])
        return current

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        name = current.physical_id
        await self._put(call, name, props["Roles"], [])
        await ignoring("NoSuchEntity", call("iam", "DeleteInstanceProfile", {"InstanceProfileName": name}))

    async def _put(self, call: ResourceCall, name: str, old: list[str], new: list[str]) -> None:
        for role in set(old) - set(new):
            params = {"InstanceProfileName": name, "RoleName": role}
            await ignoring("NoSuchEntity", call("iam", "RemoveRoleFromInstanceProfile", params))
        for role in [role for role in new if role not in old]:
            await call("iam", "AddRoleToInstanceProfile", {"InstanceProfileName": name, "RoleName": role})


@iam.resource_type
class UserToGroupAdditionType(ResourceType):
    type_name = "AWS::IAM::UserToGroupAddition"
    required = frozenset({"GroupName", "Users"})
    properties = frozenset({"GroupName", "Users"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        for user in props["Users"]:
            await call("iam", "AddUserToGroup", {"GroupName": props["GroupName"], "UserName": user})
        return Provisioned(call.generate_name(64))

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        await self.create(call, new)
        gone = old["Users"] if old["GroupName"] != new["GroupName"] else set(old["Users"]) - set(new["Users"])
        await self.delete(call, {"GroupName": old["GroupName"], "Users": sorted(gone)}, current)
        return current

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        for user in props["Users"]:
            params = {"GroupName": props["GroupName"], "UserName": user}
            await ignoring("NoSuchEntity", call("iam", "RemoveUserFromGroup", params))


@iam.resource_type
class ServiceLinkedRoleType(ResourceType):
    type_name = "AWS::IAM::ServiceLinkedRole"
    required = frozenset({"AWSServiceName"})
    properties = frozenset({"AWSServiceName", "CustomSuffix", "Description"})
    create_only = frozenset({"AWSServiceName", "CustomSuffix"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        params = chosen(props, "AWSServiceName", "CustomSuffix", "Description")
        name = (await call("iam", "CreateServiceLinkedRole", params))["Role"]["RoleName"]
        return Provisioned(name, {"RoleName": name})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        params = {"RoleName": current.physical_id, "Description": new.get("Description") or ""}
        await call("iam", "UpdateRoleDescription", params)
        return current

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        await ignoring("NoSuchEntity", call("iam", "DeleteServiceLinkedRole", {"RoleName": current.physical_id}))


@iam.resource_type
class OidcProviderType(ResourceType):
    type_name = "AWS::IAM::OIDCProvider"
    properties = frozenset({"ClientIdList", "Tags", "ThumbprintList", "Url"})
    create_only = frozenset({"Url"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        params = {
            "Url": props["Url"],
            "ClientIDList": props.get("ClientIdList") or [],
            "ThumbprintList": props.get("ThumbprintList") or [],
            "Tags": tags(call, props),
        }
        arn = (await call("iam", "CreateOpenIDConnectProvider", params))["OpenIDConnectProviderArn"]
        return Provisioned(arn, {"Arn": arn})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        arn = {"OpenIDConnectProviderArn": current.physical_id}
        before, after = set(old.get("ClientIdList") or ()), set(new.get("ClientIdList") or ())
        await asyncio.gather(
            *(call("iam", "AddClientIDToOpenIDConnectProvider", {**arn, "ClientID": id}) for id in after - before),
            *(call("iam", "RemoveClientIDFromOpenIDConnectProvider", {**arn, "ClientID": id}) for id in before - after),
        )
        if new.get("ThumbprintList") != old.get("ThumbprintList"):
            params = {**arn, "ThumbprintList": new.get("ThumbprintList") or []}
            await call("iam", "UpdateOpenIDConnectProviderThumbprint", params)
        return current

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        await call("iam", "DeleteOpenIDConnectProvider", {"OpenIDConnectProviderArn": current.physical_id})


@iam.resource_type
class SamlProviderType(ResourceType):
    type_name = "AWS::IAM::SAMLProvider"
    required = frozenset({"SamlMetadataDocument"})
    properties = frozenset({"Name", "SamlMetadataDocument", "Tags"})
    create_only = frozenset({"Name"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        name = props.get("Name") or call.generate_name(128)
        params = {"Name": name, "SAMLMetadataDocument": props["SamlMetadataDocument"], "Tags": tags(call, props)}
        arn = f"arn:aws:iam::{call.account}:saml-provider/{name}"
        try:
            await call("iam", "CreateSAMLProvider", params)
        except AwsError as error:
            if error.code != "EntityAlreadyExists" or "Name" in props:
                raise
        return Provisioned(arn, {"Arn": arn})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        params = {"SAMLProviderArn": current.physical_id, "SAMLMetadataDocument": new["SamlMetadataDocument"]}
        await call("iam", "UpdateSAMLProvider", params)
        return current

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        await ignoring("NoSuchEntity", call("iam", "DeleteSAMLProvider", {"SAMLProviderArn": current.physical_id}))


@iam.resource_type
class ServerCertificateType(ResourceType):
    type_name = "AWS::IAM::ServerCertificate"
    properties = frozenset({"CertificateBody", "CertificateChain", "Path", "PrivateKey", "ServerCertificateName", "Tags"})
    create_only = frozenset({"CertificateBody", "CertificateChain", "PrivateKey", "ServerCertificateName"})

    async def create(self, call: ResourceCall, props: Props) -> Provisioned:
        name = props.get("ServerCertificateName") or call.generate_name(128)
        params = {
            "ServerCertificateName": name,
            **chosen(props, "CertificateBody", "CertificateChain", "Path", "PrivateKey"),
            "Tags": tags(call, props),
        }
        found = (await create_once(
            "ServerCertificateName" not in props,
            lambda: call("iam", "UploadServerCertificate", params),
            lambda: call("iam", "GetServerCertificate", {"ServerCertificateName": name}),
        ))["ServerCertificate"]
        return Provisioned(name, {"Arn": found["ServerCertificateMetadata"]["Arn"]})

    async def update(self, call: ResourceCall, old: Props, new: Props, current: Provisioned) -> Provisioned:
        params = {"ServerCertificateName": current.physical_id, "NewPath": new.get("Path") or "/"}
        await call("iam", "UpdateServerCertificate", params)
        return current

    async def delete(self, call: ResourceCall, props: Props, current: Provisioned) -> None:
        params = {"ServerCertificateName": current.physical_id}
        await ignoring("NoSuchEntity", call("iam", "DeleteServerCertificate", params))
