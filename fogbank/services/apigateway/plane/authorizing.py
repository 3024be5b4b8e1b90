"""Who may call a method: the API's resource policy, IAM, or an authorizer."""

from __future__ import annotations

import re

from fogbank.api import AwsError, Context
from fogbank.iam.principal import ANONYMOUS, Principal
from fogbank.services.apigateway import apigateway
from fogbank.services.apigateway.plane import authorizers, failures
from fogbank.services.apigateway.plane.call import Call
from fogbank.services.apigateway.plane.failures import Failure
from fogbank.services.apigateway.plane.state import Plane

_ADDRESS = re.compile(r"arn:[\w-]+:execute-api:[\w-]*:\d*:([^/]+)/([^/]+)/.*", re.DOTALL)
_ACCOUNT = re.compile(r":\d{8}(\d{4}):")
_FORMS = {
    "MissingAuthenticationTokenException": ("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token"),
    "ExpiredTokenException": ("EXPIRED_TOKEN", None),
    "InvalidSignatureException": ("INVALID_SIGNATURE", None),
    "IncompleteSignatureException": ("INVALID_SIGNATURE", None),
}


@apigateway.resource_policy
def policy_of(ctx: Context, resource: str) -> str | None:
    """Of an address (`execute-api`), the policy that its stage's deployment has."""
    match = _ADDRESS.fullmatch(resource)
    stage = ctx.component(Plane).stage_now(ctx, match[1], match[2]) if match else None
    return stage.settings.get("policy") if stage else None


async def authorise(plane: Plane, call: Call) -> None:
    """Raises a Failure unless the request may go on."""
    kind = call.method.settings["authorizationType"]
    policy = call.stage.settings.get("policy")
    if kind == "AWS_IAM":
        call.principal = await _signer(call)
        await _allowed(call, call.principal)
    elif kind == "CUSTOM":
        if policy:
            await _allowed(call, ANONYMOUS, deny_only=True)
        await authorizers.authorise(plane, call)
    elif kind == "COGNITO_USER_POOLS":
        call.note("Fogbank does not have Cognito user pools yet: no token can be checked.")
        raise failures.unauthorized()
    elif policy:
        await _allowed(call, ANONYMOUS)


async def _signer(call: Call) -> Principal:
    try:
        return await call.ctx.transact(lambda c: c.cloud.signer(c, call.request))
    except AwsError as error:
        kind, message = _FORMS.get(error.code, ("ACCESS_DENIED", None))
        code = error.code if error.code.endswith("Exception") else f"{error.code}Exception"
        raise Failure(kind, message or error.message, code, status=403) from error


async def _allowed(call: Call, principal: Principal, *, deny_only: bool = False) -> None:
    resource = call.resource_arn
    try:
        await call.ctx.transact(lambda c: c.authorise("execute-api:Invoke", resource, principal=principal))
    except AwsError as error:
        explicit = "explicit deny" in error.message
        if deny_only and not explicit:
            return
        shown = _ACCOUNT.sub(r":********\1:", resource)
        who = "anonymous" if principal is ANONYMOUS else principal.arn
        text = f"User: {who} is not authorized to perform: execute-api:Invoke on resource: {shown}"
        raise failures.access_denied(f"{text} with an explicit deny" if explicit else text) from error
