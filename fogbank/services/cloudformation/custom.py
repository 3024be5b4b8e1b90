"""Custom resources: a function of the user's is told what to make, and answers by a PUT to a presigned address.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html
"""

from __future__ import annotations

import json
from typing import Any, cast
from urllib.parse import quote, unquote

from fogbank.api import AwsError, Context, Provisioned, Request, ResourceCall, ResourceType, Response
from fogbank.services.cloudformation import cloudformation, resuming, types, waits
from fogbank.services.cloudformation.calls import StackCall, random_suffix
from fogbank.services.cloudformation.changes import same
from fogbank.services.cloudformation.deferral import Deferred, Outcome
from fogbank.services.cloudformation.errors import validation
from fogbank.services.cloudformation.events import strings
from fogbank.services.cloudformation.records import Callback

MAX_RESPONSE = 4096
TIMEOUT = 3600
_EXPIRED = (
    "CloudFormation did not receive a response from your Custom Resource. Please check your logs for requestId [{id}]. "
    "If you are using the Python cfn-response module, you may need to update your Lambda function code so that "
    "CloudFormation can attach the updated version."
)


@cloudformation.resource_type
class CustomResource(ResourceType):
    type_name = types.CUSTOM
    required = frozenset(("ServiceToken",))

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        return await _ask(cast(StackCall, call), "Create", props)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        if not same(old.get("ServiceToken"), new.get("ServiceToken")):
            raise validation("Modifying service token is not allowed.")
        return await _ask(cast(StackCall, call), "Update", new, current.physical_id, old)

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await _ask(cast(StackCall, call), "Delete", props, current.physical_id)


async def _ask(
    call: StackCall, kind: str, props: dict[str, Any], physical_id: str = "", old: dict[str, Any] | None = None
) -> Provisioned:
    """Sends the request, once, and sets the step aside until its answer. Always raises."""
    timeout = _timeout(props.get("ServiceTimeout"))
    callback = await call.ctx.transact(lambda ctx: _callback(ctx, call, kind))
    if not callback.sent:
        await _send(call, str(props.get("ServiceToken")), _event(call, callback, props, physical_id, old))
        await call.ctx.transact(lambda ctx: _mark_sent(ctx, callback.id))
    raise Deferred(
        timeout=timeout,
        expired=_EXPIRED.format(id=callback.id),
        provisional=f"{call.stack_name}_{call.logical_id}_{random_suffix(call.token, 13)}",
    )


def _timeout(given: Any) -> float:
    try:
        seconds = int(given) if given is not None else TIMEOUT
    except (TypeError, ValueError):
        seconds = 0
    if not 1 <= seconds <= TIMEOUT:
        raise validation(f"ServiceTimeout must be a number of seconds from 1 to {TIMEOUT}")
    return float(seconds)


def _callback(ctx: Context, call: StackCall, kind: str) -> Callback:
    """The request's record: made once, found again by a step that runs again."""
    found = ctx.tx.get(Callback, call.token)
    if found is None:
        found = Callback(
            id=call.token,
            account=call.account,
            region=call.region,
            stack=call.stack.uuid,
            operation=call.operation.number,
            logical_id=call.step.logical_id,
            request=kind,
        )
        ctx.tx.put(found)
    return found


def _mark_sent(ctx: Context, id: str) -> None:
    found = ctx.tx.get(Callback, id)
    if found is not None:
        found.sent = True
        ctx.tx.put(found)


def _event(
    call: StackCall, callback: Callback, props: dict[str, Any], physical_id: str, old: dict[str, Any] | None
) -> dict[str, Any]:
    resource_type = call.resource_type
    event = {
        "RequestType": callback.request,
        "ServiceToken": str(props.get("ServiceToken")),
        "ResponseURL": _url(call, callback),
        "StackId": call.stack_id,
        "RequestId": callback.id,
        "LogicalResourceId": call.logical_id,
        "ResourceType": resource_type,
        "ResourceProperties": strings(props),
    }
    if physical_id:
        event["PhysicalResourceId"] = physical_id
    if old is not None:
        event["OldResourceProperties"] = strings(old)
    return event


def _url(call: StackCall, callback: Callback) -> str:
    region = call.region
    host = "s3.amazonaws.com" if region == "us-east-1" else f"s3.{region}.amazonaws.com"
    proof = call.ctx.cloud.seal(_sealed_text(callback.id), int(call.ctx.now) + 2 * TIMEOUT)
    path = quote(f"{call.stack_id}|{call.logical_id}|{callback.id}", safe="/")
    return f"https://cloudformation-custom-resource-response-{region.replace('-', '')}.{host}/{path}?{proof}"


def _sealed_text(id: str) -> str:
    return f"cloudformation-response/{id}"


async def _send(call: StackCall, token: str, event: dict[str, Any]) -> None:
    service = token.split(":")[2] if token.count(":") >= 5 else ""
    if service == "lambda":
        payload = json.dumps(event).encode()
        await call("lambda", "Invoke", {"FunctionName": token, "InvocationType": "Event", "Payload": payload})
    elif service == "sns":
        params = {"TopicArn": token, "Subject": "AWS CloudFormation custom resource request", "Message": json.dumps(event)}
        await call("sns", "Publish", params)
    else:
        raise validation(f"Invalid service token: {token}")


# --- the answer


@cloudformation.endpoint("cloudformation-response")
async def answered(ctx: Context, request: Request) -> Response:
    """A PUT to an address that we gave out: a custom resource's answer, or a wait condition's signal."""
    if request.method != "PUT":
        raise AwsError("AccessDenied", "Access Denied", status=403)
    body = request.body if isinstance(request.body, bytes) else await request.body.read(MAX_RESPONSE * 4)
    path = unquote(request.path.lstrip("/"))
    if getattr(ctx.address, "endpoint_id", "").startswith("cloudformation-waitcondition-"):
        await waits.signalled(ctx, path, request.query, body)
    else:
        await _answer(ctx, path, request.query, body)
    return Response(200, [("content-length", "0")])


async def _answer(ctx: Context, path: str, query: str, body: bytes) -> None:
    id = path.rpartition("|")[2]
    if not ctx.cloud.sealed(_sealed_text(id), query):
        raise AwsError("AccessDenied", "Request has expired or the signature does not match", status=403)

    def change(inner: Context) -> None:
        callback = inner.tx.get(Callback, id)
        if callback is None:
            return  # answered before, or given up
        there = inner.acting(account=callback.account, region=callback.region)
        outcome = _outcome(callback, body)
        resuming.resume(there, callback.stack, callback.operation, callback.logical_id, outcome)
        inner.tx.delete(Callback, id)

    await ctx.transact(change)


def _outcome(callback: Callback, body: bytes) -> Outcome:
    """What an answer says; one that is malformed fails the resource."""
    if len(body) > MAX_RESPONSE:
        return Outcome(False, reason="Response object is too long.")
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return Outcome(False, reason="Invalid Response object: The response is not a JSON object")
    physical_id = said.get("PhysicalResourceId")
    physical_id = physical_id if isinstance(physical_id, str) else ""
    if said.get("Status") == "FAILED":
        reason = f"Received response status [FAILED] from custom resource. Message returned: {said.get('Reason')}"
        return Outcome(False, physical_id, reason=f"{reason} (RequestId: {callback.id})")
    if said.get("Status") != "SUCCESS":
        return Outcome(False, reason="Invalid Response object: Value of Status must be SUCCESS or FAILED")
    if not physical_id and callback.request != "Delete":
        return Outcome(False, reason="Invalid PhysicalResourceId")
    data = said.get("Data")
    return Outcome(True, physical_id, data if isinstance(data, dict) else {}, no_echo=bool(said.get("NoEcho")))
