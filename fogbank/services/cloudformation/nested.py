"""AWS::CloudFormation::Stack: a stack within a stack. The outer one's step waits for the inner one's operation.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from __future__ import annotations

from typing import Any, cast

from fogbank.api import Context, Provisioned, ResourceCall, ResourceType
from fogbank.services.cloudformation import cloudformation, differences, lookup, stacks, types
from fogbank.services.cloudformation.calls import StackCall
from fogbank.services.cloudformation.deferral import Deferred
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.functions import text
from fogbank.services.cloudformation.prepare import prepare
from fogbank.services.cloudformation.records import Revision, Stack

_LONGEST = 36 * 3600.0
_DEEPEST = 10


@cloudformation.resource_type
class NestedStack(ResourceType):
    type_name = types.STACK
    required = frozenset(("TemplateURL",))
    properties = frozenset(("TemplateURL", "Parameters", "Tags", "NotificationARNs", "TimeoutInMinutes"))

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        own = cast(StackCall, call)
        name = call.generate_name(128)
        await _authorise(own, "CreateStack", f"arn:aws:cloudformation:{call.region}:{call.account}:stack/{name}/*")
        found = await own.ctx.transact(lambda ctx: _begun(ctx, own, name))
        if found is not None:
            raise _waiting(found.id, None)  # begun before a crash
        child = await own.ctx.transact(lambda ctx: _new(ctx, own, name))
        request = await own.ctx.transact(lambda ctx: _request(ctx, own, props))
        prepared = await prepare(own.ctx, request, child, None, reviewed=True)

        def begin(ctx: Context) -> None:
            child.parent_step = (own.operation.number, own.step.logical_id)
            stacks.begin_create(
                ctx,
                child,
                prepared,
                {**request, "RoleARN": own.operation.role_arn},
                "ROLLBACK",
                principal=own.operation.principal,
            )

        raise _waiting(child.id, begin)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        own = cast(StackCall, call)
        await _authorise(own, "UpdateStack", current.physical_id)
        begun = await own.ctx.transact(lambda ctx: _busy(ctx, own, current.physical_id))
        if begun:
            raise _waiting(current.physical_id, None)
        child, previous = await own.ctx.transact(lambda ctx: stacks.updatable(ctx, current.physical_id))
        request = await own.ctx.transact(lambda ctx: _request(ctx, own, new))
        prepared = await prepare(own.ctx, request, child, previous, reviewed=True)
        plain = await differences.resolved(own.ctx, prepared)
        changed = await own.ctx.transact(
            lambda ctx: bool(prepared.failure) or differences.differs(ctx, child, prepared, previous, plain)
        )
        if not changed:
            return Provisioned(child.id, outputs_of(child))

        def begin(ctx: Context) -> None:
            fresh, _ = stacks.updatable(ctx, child.id)
            fresh.parent_step = (own.operation.number, own.step.logical_id)
            stacks.begin_update(ctx, fresh, prepared, request, principal=own.operation.principal)

        raise _waiting(child.id, begin)

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        own = cast(StackCall, call)
        child = await own.ctx.transact(lambda ctx: lookup.find(ctx, current.physical_id, dead=False))
        if child is None:
            return
        await _authorise(own, "DeleteStack", child.id)

        def begin(ctx: Context) -> None:
            fresh = lookup.find(ctx, child.id, dead=False)
            if fresh is None:
                return
            fresh.parent_step = (own.operation.number, own.step.logical_id)
            ctx.tx.put(fresh)
            stacks.begin_delete(ctx, fresh, principal=own.operation.principal)

        raise _waiting(child.id, begin)


def outputs_of(child: Stack) -> dict[str, str]:
    return {f"Outputs.{output['OutputKey']}": output["OutputValue"] for output in child.outputs}


def _waiting(child_id: str, begin: Any) -> Deferred:
    return Deferred(
        timeout=_LONGEST,
        expired=f"Embedded stack {child_id} did not finish",
        physical_id=child_id,
        binding=True,
        begin=begin,
    )


async def _authorise(call: StackCall, operation: str, arn: str) -> None:
    await call.ctx.transact(lambda ctx: ctx.authorise(f"cloudformation:{operation}", arn))


def _begun(ctx: Context, call: StackCall, name: str) -> Stack | None:
    found = lookup.find(ctx, name)
    return found if found is not None and found.parent == call.stack.uuid else None


def _busy(ctx: Context, call: StackCall, child_id: str) -> bool:
    found = lookup.find(ctx, child_id, dead=False)
    return found is not None and tuple(found.parent_step) == (call.operation.number, call.step.logical_id)


def _new(ctx: Context, call: StackCall, name: str) -> Stack:
    depth, outer = 1, call.stack
    while outer.parent and depth <= _DEEPEST:
        above = lookup.by_uuid(ctx, outer.parent)
        if above is None:
            break
        depth, outer = depth + 1, above
    if depth > _DEEPEST:
        raise validation(f"Stacks may be nested {_DEEPEST} deep at most")
    return stacks.new_stack(ctx, name, parent=call.stack.uuid, root=call.stack.root or call.stack.uuid)


def _request(ctx: Context, call: StackCall, props: dict[str, Any]) -> dict[str, Any]:
    """The nested stack's request: what the resource says, with the capabilities and the tags of the outer stack."""
    outer = ctx.tx.get(Revision, call.stack.uuid, call.stack.target or call.stack.current)
    given = props.get("Parameters") or {}
    if not isinstance(given, dict):
        raise validation("Property Parameters must be a map of names and values")
    tags = {**call.tags, **{str(tag["Key"]): text(tag["Value"]) for tag in props.get("Tags") or []}}
    return {
        "TemplateURL": text(props["TemplateURL"]),
        "Parameters": [
            {
                "ParameterKey": name,
                "ParameterValue": ",".join(map(text, value)) if isinstance(value, list) else text(value),
            }
            for name, value in given.items()
        ],
        "Capabilities": outer.capabilities if outer else [],
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items() if not key.startswith("aws:")],
        "NotificationARNs": props.get("NotificationARNs"),
        "TimeoutInMinutes": int(props["TimeoutInMinutes"]) if props.get("TimeoutInMinutes") else None,
    }
