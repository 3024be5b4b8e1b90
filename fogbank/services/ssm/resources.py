"""CloudFormation's types of Systems Manager."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.ssm import ssm

_PASSED = ("AllowedPattern", "DataType", "Description", "Policies", "Tier")


@ssm.resource_type
class ParameterResource(ResourceType):
    type_name = "AWS::SSM::Parameter"
    required = frozenset({"Type", "Value"})
    properties = frozenset({*_PASSED, "Name", "Tags", "Type", "Value"})
    create_only = frozenset({"Name"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        # A name of CloudFormation's begins with its own prefix, as recorded.
        name = props.get("Name") or f"CFN-{call.generate_name(1000)}"
        tags = [{"Key": key, "Value": value} for key, value in {**call.tags, **(props.get("Tags") or {})}.items()]
        params = {**_params(props), "Name": name, "Type": props["Type"]}
        try:
            await call("ssm", "PutParameter", {**params, "Tags": tags})
        except AwsError as error:
            if error.code != "ParameterAlreadyExists" or props.get("Name"):
                raise
        return _made(name, props)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        name = current.physical_id
        await call("ssm", "PutParameter", {**_params(new), "Name": name, "Type": new["Type"], "Overwrite": True})
        had, wanted, target = old.get("Tags") or {}, new.get("Tags") or {}, {"ResourceType": "Parameter", "ResourceId": name}
        if gone := [key for key in had if key not in wanted]:
            await call("ssm", "RemoveTagsFromResource", {**target, "TagKeys": gone})
        if wanted and wanted != had:
            tags = [{"Key": key, "Value": str(value)} for key, value in wanted.items()]
            await call("ssm", "AddTagsToResource", {**target, "Tags": tags})
        return _made(name, new)

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        try:
            await call("ssm", "DeleteParameter", {"Name": current.physical_id})
        except AwsError as error:
            if error.code != "ParameterNotFound":
                raise


def _params(props: dict[str, Any]) -> dict[str, Any]:
    return {"Value": str(props["Value"]), **{key: props[key] for key in _PASSED if props.get(key)}}


def _made(name: str, props: dict[str, Any]) -> Provisioned:
    return Provisioned(name, {"Type": props["Type"], "Value": str(props["Value"])})
