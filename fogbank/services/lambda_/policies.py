"""The resource policy of a function: who else may call it."""

from __future__ import annotations

import json
import re
from typing import Any

from fogbank.api import Context
from fogbank.kit import arn as arns
from fogbank.kit import ids
from fogbank.services.lambda_ import errors, lambda_, lookup
from fogbank.services.lambda_.names import FunctionName, access, resolve
from fogbank.services.lambda_.records import Alias, Function, Statement, Version

_ACCOUNT = re.compile(r"\d{12}")
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?|[a-z0-9-]+\.alexa\.com")


@lambda_.operation(access=access("AddPermission"))
def add_permission(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req)
    if name.qualifier == lookup.LATEST:
        raise errors.invalid("We currently do not support adding policies for $LATEST.")
    lookup.version(ctx, name, named=True)
    _check_revision(ctx, name, req)
    key = (name.account, name.region, name.name, name.qualifier)
    if ctx.tx.get(Statement, *key, req["StatementId"]):
        raise errors.conflict(
            f"The statement id ({req['StatementId']}) provided already exists. "
            "Please provide a new statement id, or remove the existing statement."
        )
    document = {
        "Sid": req["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(req["Principal"], name),
        "Action": req["Action"],
        "Resource": name.arn,
        **_conditions(req),
    }
    order = max((s.order for s in ctx.tx.scan(Statement, *key)), default=0) + 1
    ctx.tx.put(
        Statement(account=name.account, region=name.region, function=name.name, qualifier=name.qualifier,
                  sid=req["StatementId"], order=order, document=document)
    )
    _changed(ctx, name)
    return {"Statement": json.dumps(document, separators=(",", ":"))}


@lambda_.operation(access=access("RemovePermission"))
def remove_permission(ctx: Context, req: dict[str, Any]) -> None:
    name = resolve(ctx, req)
    key = (name.account, name.region, name.name, name.qualifier)
    if not ctx.tx.get(Function, name.account, name.region, name.name):
        raise errors.not_found(f"No policy found for: {name.arn}")
    lookup.version(ctx, name, named=True)
    if not ctx.tx.count(Statement, *key):
        raise errors.not_found("No policy is associated with the given resource.")
    _check_revision(ctx, name, req)
    if not ctx.tx.delete(Statement, *key, req["StatementId"]):
        raise errors.not_found(f"Statement {req['StatementId']} is not found in resource policy.")
    _changed(ctx, name)


@lambda_.operation(access=access("GetPolicy"))
def get_policy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req)
    document = policy_document(ctx, name)
    if document is None:
        raise errors.not_found("The resource you requested does not exist.")
    return {"Policy": document, "RevisionId": _revised(ctx, name).revision}


@lambda_.resource_policy
def policy_of(ctx: Context, arn: str) -> str | None:
    """The policy that guards `arn`, a function's with or without a qualifier."""
    parsed = arns.parse(arn)
    if not parsed or parsed.type != "function":
        return None
    function, _, qualifier = parsed.id.partition(":")
    return policy_document(ctx, FunctionName(parsed.account, parsed.region, function, qualifier))


def policy_document(ctx: Context, name: FunctionName) -> str | None:
    statements = list(ctx.tx.scan(Statement, name.account, name.region, name.name, name.qualifier))
    if not statements:
        return None
    statements.sort(key=lambda s: s.order)
    document = {"Version": "2012-10-17", "Id": "default", "Statement": [s.document for s in statements]}
    return json.dumps(document, separators=(",", ":"))


def _principal(text: str, name: FunctionName) -> Any:
    if text == "*":
        return "*"
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if text.startswith("arn:"):
        return {"AWS": text}
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    raise errors.invalid("The provided principal was invalid. Please check the principal and try again.")


def _conditions(req: dict[str, Any]) -> dict[str, Any]:
    equals = {
        "AWS:SourceAccount": req.get("SourceAccount"),
        "lambda:EventSourceToken": req.get("EventSourceToken"),
        "lambda:FunctionUrlAuthType": req.get("FunctionUrlAuthType"),
        "aws:PrincipalOrgID": req.get("PrincipalOrgID"),
    }
    conditions: dict[str, Any] = {}
    if named := {key: value for key, value in equals.items() if value}:
        conditions["StringEquals"] = named
    if req.get("SourceArn"):
        conditions["ArnLike"] = {"AWS:SourceArn": req["SourceArn"]}
    return {"Condition": conditions} if conditions else {}


def _revised(ctx: Context, name: FunctionName) -> Function | Version | Alias:
    """What carries the policy carries its revision: the function, the version, the alias."""
    scope = (name.account, name.region, name.name)
    found: Function | Version | Alias | None
    if not name.qualifier:
        found = ctx.tx.get(Function, *scope)
    elif lookup.is_version(name.qualifier):
        found = ctx.tx.get(Version, *scope, int(name.qualifier))
    else:
        found = ctx.tx.get(Alias, *scope, name.qualifier)
    if found is None:
        raise errors.not_found("The resource you requested does not exist.")
    return found


def _check_revision(ctx: Context, name: FunctionName, req: dict[str, Any]) -> None:
    if req.get("RevisionId") and req["RevisionId"] != _revised(ctx, name).revision:
        raise errors.wrong_revision("GetPolicy")


def _changed(ctx: Context, name: FunctionName) -> None:
    record = _revised(ctx, name)
    record.revision = ids.uuid4(ctx.random)
    ctx.tx.put(record)
