"""Lambda authorizers: TOKEN and REQUEST, their answers, and for how long these are kept.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-use-lambda-authorizer.html
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import regex

from fogbank.api import AwsError
from fogbank.iam.evaluate import Attached, PolicySet
from fogbank.iam.facts import Facts
from fogbank.iam.policy import compile as compile_policy
from fogbank.iam.principal import service
from fogbank.services.apigateway.plane import failures
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.compiled import place_of
from fogbank.services.apigateway.plane.mapping import request_value
from fogbank.services.apigateway.plane.state import Plane

DEFAULT_TTL = 300
MOST_SECONDS = 30
_DENIED = "User is not authorized to access this resource"


class Verdict(msgspec.Struct):
    """An authorizer's answer, ready to be asked about any method of the API."""

    policies: PolicySet
    context: dict[str, Any]
    key: str | None


async def authorise(plane: Plane, call: Call) -> None:
    authorizer = call.method.authorizer
    if authorizer is None or not authorizer["function"]:
        raise failures.authorizer_failure("Execution failed due to configuration error: Invalid authorizer")
    ttl = authorizer.get("authorizerResultTtlInSeconds", DEFAULT_TTL)
    identity = _identity(call, authorizer, ttl)
    key = (call.stage.serial, authorizer["id"], identity)
    verdict: Verdict | None = plane.answer(key, call.started) if ttl and identity else None
    if verdict is None:
        verdict = await _ask(plane, call, authorizer, identity)
        if ttl and identity:
            plane.keep_answer(key, verdict, call.started + ttl)
    call.authorizer = verdict.context
    if verdict.key is not None:
        call.identity["usageIdentifierKey"] = verdict.key
    _decide(call, verdict.policies)


def _identity(call: Call, authorizer: dict[str, Any], ttl: int) -> tuple[str, ...]:
    """The values of the identity sources. Raises 401 where one is missing or has not the form it must."""
    token = authorizer["type"] == "TOKEN"
    sources = [source.strip() for source in (authorizer.get("identitySource") or "").split(",") if source.strip()]
    values = []
    for source in sources:
        found = request_value(call, source)
        if not found or not found[-1]:
            if token or ttl:
                raise failures.unauthorized()
            continue
        values.append(found[-1])
    expression = authorizer.get("identityValidationExpression")
    if token and expression:
        try:
            fits = regex.match(expression, values[0], timeout=0.05)
        except (regex.error, TimeoutError) as error:
            raise failures.authorizer_failure(f"Invalid identity validation expression: {error}") from error
        if not fits:
            raise failures.unauthorized()
    return tuple(values)


async def _ask(plane: Plane, call: Call, authorizer: dict[str, Any], identity: tuple[str, ...]) -> Verdict:
    stage = call.stage
    call.note(f"Starting authorizer: {authorizer['id']} for request: {call.request_id}")
    account, region = place_of(authorizer["function"])
    source = f"arn:aws:execute-api:{stage.region}:{stage.account}:{stage.api}/authorizers/{authorizer['id']}"
    params = {"FunctionName": authorizer["function"], "Payload": msgspec.json.encode(_event(call, authorizer, identity))}
    began = call.ctx.now
    try:
        principal = service("apigateway.amazonaws.com", source_arn=source, source_account=stage.account)
        if authorizer.get("authorizerCredentials"):
            role = authorizer["authorizerCredentials"]
            principal = call.ctx.assume(role, "BackplaneAssumeRoleSession", "apigateway.amazonaws.com")
        task = plane.spawn(
            call.ctx.call_async("lambda", "Invoke", params, principal=principal, account=account, region=region)
        )
        done, _ = await asyncio.wait({task}, timeout=MOST_SECONDS)
        if not done:
            task.cancel()
            raise failures.authorizer_failure("Execution failed due to an authorizer that timed out")
        outcome = task.result()
    except AwsError as error:
        raise failures.authorizer_failure(
            f"Execution failed due to configuration error: Invalid permissions on Lambda function: {error.code}"
        ) from error
    return _read(call, outcome, int((call.ctx.now - began) * 1000))


def _event(call: Call, authorizer: dict[str, Any], identity: tuple[str, ...]) -> dict[str, Any]:
    if authorizer["type"] == "TOKEN":
        return {"type": "TOKEN", "methodArn": call.resource_arn, "authorizationToken": identity[0]}
    headers, query = call.event_headers(), call.query_values
    return {
        "type": "REQUEST",
        "methodArn": call.resource_arn,
        "resource": call.method.path,
        "path": call.path,
        "httpMethod": call.request.method,
        "headers": {name: values[-1] for name, values in headers.items()},
        "multiValueHeaders": headers,
        "queryStringParameters": {name: values[-1] for name, values in query.items()},
        "multiValueQueryStringParameters": query,
        "pathParameters": call.path_parameters,
        "stageVariables": call.stage.variables,
        "requestContext": call.request_context(),
    }


def _read(call: Call, outcome: dict[str, Any], latency: int) -> Verdict:
    payload = outcome.get("Payload") or b""
    try:
        described = msgspec.json.decode(payload)
    except (msgspec.DecodeError, RecursionError) as error:
        raise failures.authorizer_failure("Execution failed due to configuration error: authorizer gave no JSON") from error
    if outcome.get("FunctionError"):
        if isinstance(described, dict) and described.get("errorMessage") == "Unauthorized":
            raise failures.unauthorized()
        raise failures.authorizer_failure(f"Lambda execution failed: {payload[:500].decode('utf-8', 'replace')}")
    if not isinstance(described, dict) or not isinstance(described.get("principalId"), str):
        raise failures.authorizer_failure("Execution failed due to configuration error: Authorizer response malformed")
    given = described.get("context") or {}
    if not isinstance(given, dict) or not all(isinstance(v, (str, int, float, bool)) or v is None for v in given.values()):
        raise failures.authorizer_failure("Execution failed due to configuration error: Invalid JSON in context")
    try:
        policy = compile_policy(msgspec.json.encode(described.get("policyDocument")).decode())
        policies = PolicySet((Attached(policy, "authorizer"),))
    except (AwsError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise failures.authorizer_failure(f"Execution failed due to configuration error: Invalid policy document: {error}") \
            from error
    key = described.get("usageIdentifierKey")
    context: dict[str, Any] = {name: _text(value) for name, value in given.items() if value is not None}
    context |= {"principalId": described["principalId"], "integrationLatency": latency}
    return Verdict(policies, context, key if isinstance(key, str) else None)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _decide(call: Call, policies: PolicySet) -> None:
    facts = Facts({"aws:SourceIp": call.source_ip}, now=call.started)
    action = "execute-api:invoke"
    if policies.deny(action, call.resource_arn, facts):
        raise failures.access_denied(f"{_DENIED} with an explicit deny")
    if not policies.allow(action, call.resource_arn, facts):
        raise failures.access_denied(_DENIED)
