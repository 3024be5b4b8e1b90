"""CloudFormation's own resource types. Nested stacks, custom resources and wait conditions have modules of their own."""

from __future__ import annotations

from typing import Any, cast

from fogbank.api import Context, Provisioned, ResourceCall, ResourceType
from fogbank.services.cloudformation import cloudformation, custom, nested, waits
from fogbank.services.cloudformation.calls import StackCall
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.records import Macro

__all__ = ["CdkMetadata", "MacroResource", "custom", "nested", "waits"]


@cloudformation.resource_type
class CdkMetadata(ResourceType):
    """What CDK says of itself in a template. It makes nothing in AWS either."""

    type_name = "AWS::CDK::Metadata"

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        return Provisioned(call.generate_name(128))

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        return


@cloudformation.resource_type
class MacroResource(ResourceType):
    type_name = "AWS::CloudFormation::Macro"
    required = frozenset(("Name", "FunctionName"))
    properties = frozenset(("Name", "FunctionName", "Description", "LogGroupName", "LogRoleARN"))
    create_only = frozenset(("Name",))

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        await cast(StackCall, call).ctx.transact(lambda ctx: _register(ctx, call, props, new=True))
        return Provisioned(str(props["Name"]))

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        await cast(StackCall, call).ctx.transact(lambda ctx: _register(ctx, call, new, new=False))
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await cast(StackCall, call).ctx.transact(
            lambda ctx: ctx.tx.delete(Macro, call.account, call.region, current.physical_id)
        )


def _register(ctx: Context, call: ResourceCall, props: dict[str, Any], *, new: bool) -> None:
    name = str(props["Name"])
    found = ctx.tx.get(Macro, call.account, call.region, name)
    if new and found is not None and found.token != call.token:
        raise validation(f"Transform with name {call.account}::{name} already exists")
    ctx.tx.put(
        Macro(account=call.account, region=call.region, name=name, function=str(props["FunctionName"]), token=call.token)
    )
