"""Wait conditions: a stack waits until signals come to an address, or by SignalResource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-waitcondition.html
"""

from __future__ import annotations

import json
import re
from typing import Any, cast
from urllib.parse import quote, unquote, urlsplit

from fogbank.api import AwsError, Context, Provisioned, ResourceCall, ResourceType
from fogbank.services.cloudformation import access, cloudformation, execution, lookup, resuming, types
from fogbank.services.cloudformation.calls import StackCall
from fogbank.services.cloudformation.deferral import Deferred, Outcome
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.records import Signal, Stack, Step

LONGEST = 43_200
_LIFE = 86_399
_DURATION = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?\Z")


@cloudformation.resource_type
class WaitConditionHandle(ResourceType):
    type_name = "AWS::CloudFormation::WaitConditionHandle"
    properties = frozenset[str]()

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        cloud = cast(StackCall, call).ctx.cloud
        path = f"{call.stack_id}/{call.logical_id}"
        proof = cloud.seal(_sealed_text(path), int(cloud.clock.now()) + _LIFE)
        host = f"cloudformation-waitcondition-{call.region}.s3.{call.region}.amazonaws.com"
        return Provisioned(f"https://{host}/{quote(path, safe='/')}?{proof}")

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        stack = cast(StackCall, call).stack
        await cast(StackCall, call).ctx.transact(lambda ctx: ctx.tx.clear(Signal, stack.uuid, call.logical_id))


@cloudformation.resource_type
class WaitCondition(ResourceType):
    type_name = types.WAIT_CONDITION
    properties = frozenset(("Handle", "Timeout", "Count"))
    create_only = frozenset(("Handle", "Timeout", "Count"))

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        own = cast(StackCall, call)
        handle, count, timeout = _awaited(own, props)

        def look(ctx: Context) -> None:
            step = ctx.tx.get(Step, own.step.stack, own.step.operation, own.step.logical_id)
            if step is not None:
                _weigh(ctx, own.stack, step)

        raise Deferred(
            timeout=timeout,
            handle=handle,
            count=count,
            begin=look,
            physical_id=f"{call.stack_id}/{handle}",
            expired=f"WaitCondition timed out. Received {{received}} conditions when expecting {count}",
        )

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        return


def _awaited(call: StackCall, props: dict[str, Any]) -> tuple[str, int, float]:
    """The handle's logical id, how many signals, within how many seconds."""
    if "Handle" not in props:
        signal = call.creation_policy.get("ResourceSignal")
        if not isinstance(signal, dict):
            raise validation("Property validation failure: [The property {/Handle} is required]")
        match = _DURATION.match(str(signal.get("Timeout", "PT5M")))
        if match is None or not any(match.groups()):
            raise validation(f"Invalid timeout {signal.get('Timeout')} in CreationPolicy")
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return call.logical_id, _number(signal.get("Count", 1), "Count", 10_000), hours * 3600.0 + minutes * 60 + seconds
    path = unquote(urlsplit(str(props["Handle"])).path)
    return (
        path.rpartition("/")[2],
        _number(props.get("Count", 1), "Count", 10_000),
        float(_number(props.get("Timeout"), "Timeout", LONGEST)),
    )


def _number(value: Any, name: str, most: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if not 1 <= number <= most:
        raise validation(f"Property {name} must be a number from 1 to {most}")
    return number


def _sealed_text(path: str) -> str:
    return f"cloudformation-wait/{path}"


async def signalled(ctx: Context, path: str, query: str, body: bytes) -> None:
    """A signal came to a handle's address."""
    if not ctx.cloud.sealed(_sealed_text(path), query):
        raise AwsError("AccessDenied", "Request has expired or the signature does not match", status=403)
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or said.get("Status") not in ("SUCCESS", "FAILURE") or not said.get("UniqueId"):
        raise AwsError("InvalidRequest", "A signal is a JSON object with Status, UniqueId, Data and Reason.", status=400)
    stack_id, _, handle = path.rpartition("/")
    _, _, _, region, account, _ = stack_id.split(":", 5)

    def change(inner: Context) -> None:
        there = inner.acting(account=account, region=region)
        stack = lookup.find(there, stack_id, dead=False)
        if stack is not None:
            _take(there, stack, handle, str(said["UniqueId"]), said["Status"], said)

    await ctx.transact(change)


@cloudformation.operation(access=access.on_stack("SignalResource"))
def signal_resource(ctx: Context, req: dict[str, Any]) -> None:
    stack = lookup.require(ctx, req["StackName"], dead=False)
    if not _waiting(ctx, stack, req["LogicalResourceId"]):
        raise validation(f"Resource {req['LogicalResourceId']} of stack {stack.name} does not wait for signals")
    _take(ctx, stack, req["LogicalResourceId"], req["UniqueId"], req["Status"], {})


def _take(ctx: Context, stack: Stack, handle: str, unique_id: str, status: str, said: dict[str, Any]) -> None:
    if ctx.tx.get(Signal, stack.uuid, handle, unique_id) is None and ctx.tx.count(Signal, stack.uuid, handle) >= 10_000:
        raise validation("Too many signals")
    ctx.tx.put(
        Signal(
            stack=stack.uuid,
            logical_id=handle,
            unique_id=unique_id[:256],
            status=status,
            data=_text(said.get("Data"))[:4096],
            reason=_text(said.get("Reason"))[:1024],
        )
    )
    for step in _waiting(ctx, stack, handle):
        _weigh(ctx, stack, step)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)


def _waiting(ctx: Context, stack: Stack, handle: str) -> list[Step]:
    operation = execution.current(ctx, stack)
    if operation is None:
        return []
    steps = ctx.tx.find(Step, "state", stack.uuid, operation.number, "deferred")
    return [step for step in steps if step.data.get("handle") == handle]


def _weigh(ctx: Context, stack: Stack, step: Step) -> None:
    """Ends the step if a signal says failure, or enough say success."""
    signals = list(ctx.tx.scan(Signal, stack.uuid, step.data["handle"]))
    failed = next((signal for signal in signals if signal.status == "FAILURE"), None)
    if failed is not None:
        reason = f"WaitCondition received failed message: '{failed.reason}' for uniqueId: {failed.unique_id}"
        outcome = Outcome(False, reason=reason)
    elif len(signals) >= step.data["count"]:
        data = json.dumps({signal.unique_id: signal.data for signal in signals}, separators=(",", ":"))
        outcome = Outcome(True, attributes={"Data": data})
    else:
        return
    resuming.resume(ctx, step.stack, step.operation, step.logical_id, outcome)
