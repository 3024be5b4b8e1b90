"""TestInvokeMethod: one method of the definition under edit, without its authorization, with its log in the answer."""

from __future__ import annotations

import datetime
from typing import Any

from fogbank.api import Context, Request
from fogbank.services.apigateway import apigateway, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.plane import endpoint, logs, refusals
from fogbank.services.apigateway.plane.answers import response
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.compiled import CompiledStage, compile_deployment
from fogbank.services.apigateway.plane.failures import Failure
from fogbank.services.apigateway.plane.routes import Routes
from fogbank.services.apigateway.plane.state import Plane
from fogbank.services.apigateway.records import Deployment, Stage

STAGE = "test-invoke-stage"


@apigateway.operation(access=access("POST", "/restapis/{restApiId}/resources/{resourceId}/methods/{httpMethod}"))
async def test_invoke_method(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    call = await ctx.transact(lambda c: _prepare(c, req))
    call.ctx = ctx
    call.log = []
    call.note(f"Starting execution for request: {call.request_id}")
    call.note(f"HTTP Method: {call.request.method}, Resource Path: {call.path}")
    logs.trace(call)
    try:
        if call.method.validation is not None:
            call.method.validation.check(call)
        sent = response(call, await endpoint.integrate(ctx.component(Plane), call))
        body = sent.body.decode("utf-8", "replace") if isinstance(sent.body, bytes) else ""
        own = _headers(sent.headers)
        call.note(f"Method response body after transformations: {body}")
        call.note(f"Method response headers: {logs.java({name: values[-1] for name, values in own.items()})}")
        call.note("Successfully completed execution")
    except Failure as failure:
        sent = refusals.refused(call, failure)
        body = sent.body.decode("utf-8", "replace") if isinstance(sent.body, bytes) else ""
        own = {name: values for name, values in _headers(sent.headers).items() if name != "Content-Type"}
    call.note(f"Method completed with status: {sent.status}")
    return {
        "status": sent.status,
        "body": body,
        "headers": {name: values[-1] for name, values in own.items()},
        "multiValueHeaders": own,
        "log": _log(call),
        "latency": int((ctx.now - call.started) * 1000),
    }


def _prepare(ctx: Context, req: dict[str, Any]) -> Call:
    draft, _ = lookup.method(ctx, req)
    api = lookup.api(ctx, req["restApiId"])
    resource = draft.definition.resources[req["resourceId"]]
    stage = Stage(api=api.id, name=STAGE, deployment="", created=ctx.now, updated=ctx.now)
    deployment = Deployment(
        api=api.id, id="", created=ctx.now, settings=api.settings, definition=draft.definition
    )
    compiled = compile_deployment(ctx, api, stage, deployment, req.get("stageVariables") or {})
    path, _, query = (req.get("pathWithQueryString") or resource["path"]).partition("?")
    headers = {**(req.get("headers") or {}), **{n: v[-1] for n, v in (req.get("multiValueHeaders") or {}).items() if v}}
    verb = "GET" if req["httpMethod"] == "ANY" else req["httpMethod"]
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    lower = {name.lower(): value for name, value in headers.items()}
    request = Request(verb, f"/{STAGE}{path}", query, lower, raw_headers=raw, peer="test-invoke-source-ip")
    call = Call(ctx, request, (req.get("body") or "").encode())
    call.stage, call.path, call.raw_path = compiled, path, path
    _find(call, compiled, req["httpMethod"], resource["path"])
    return call


def _find(call: Call, stage: CompiledStage, method: str, path: str) -> None:
    """The method that was named, whatever the path; of the path, the parameters that it gives."""
    found = stage.routes.find(path, method)
    assert found is not None
    call.method = found[0]
    alone: Routes[bool] = Routes()
    alone.add(path, {"ANY": True})
    given = alone.find(call.path, "ANY")
    call.path_parameters = given[1] if given else {}


def _headers(headers: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in headers:
        if name not in ("x-amzn-RequestId", "x-amz-apigw-id"):
            found.setdefault(name, []).append(value)
    return found


def _log(call: Call) -> str:
    at = datetime.datetime.fromtimestamp(call.started, datetime.UTC)
    stamp = f"{at:%a %b %d %H:%M:%S} UTC {at:%Y}"
    lines = [f"Execution log for request {call.request_id}", *(f"{stamp} : {line}" for line in call.log or [])]
    return "\n".join(lines) + "\n"
