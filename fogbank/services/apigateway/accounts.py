"""The account's settings: the role that writes execution logs."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import apigateway, errors
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.patching import patches
from fogbank.services.apigateway.records import Account


@apigateway.operation(access=access("GET", "/account"))
def get_account(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _view(ctx.tx.get(Account, ctx.account, ctx.region) or Account(account=ctx.account, region=ctx.region))


@apigateway.operation(access=access("PATCH", "/account"))
def update_account(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    account = ctx.tx.get(Account, ctx.account, ctx.region) or Account(account=ctx.account, region=ctx.region)
    for patch in patches(req):
        if patch.path != "/cloudwatchRoleArn":
            raise errors.bad_path(patch.path)
        role = "" if patch.op == "remove" else patch.value or ""
        if role:
            if not role.startswith("arn:"):
                raise errors.bad_request("The role ARN is not well formed")
            ctx.authorise("iam:PassRole", role, {"iam:PassedToService": "apigateway.amazonaws.com"})
        account.log_role = role
    ctx.tx.put(account)
    return _view(account)


def _view(account: Account) -> dict[str, Any]:
    return {
        "cloudwatchRoleArn": account.log_role or None,
        "throttleSettings": {"burstLimit": 5000, "rateLimit": 10000.0},
        "features": ["UsagePlans"],
        "apiKeyVersion": "4",
    }
