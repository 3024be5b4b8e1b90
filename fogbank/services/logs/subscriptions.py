"""Subscription filters: matching events go to a function as they are written."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.iam.principal import service
from fogbank.kit import arn as arns
from fogbank.services.logs import errors, logs, patterns
from fogbank.services.logs.names import group as require_group
from fogbank.services.logs.names import group_access, group_arn, milliseconds
from fogbank.services.logs.records import Group, Stream, Subscription
from fogbank.services.logs.timeline import event_id, shown_id

MOST = 2


@logs.operation(access=group_access("PutSubscriptionFilter"))
def put_subscription_filter(ctx: Context, req: dict[str, Any]) -> None:
    patterns.compiled(req["filterPattern"])
    _check_destination(ctx, req)
    group = require_group(ctx, req["logGroupName"])
    sender = _sender(ctx, group, req["destinationArn"])
    others = [s for s in group.subscriptions if s.name != req["filterName"]]
    old = next((s for s in group.subscriptions if s.name == req["filterName"]), None)
    if len(others) >= MOST:
        raise errors.limit_exceeded()
    new = Subscription(
        name=req["filterName"],
        pattern=req["filterPattern"],
        destination=req["destinationArn"],
        role=req.get("roleArn") or "",
        distribution=req.get("distribution") or "ByLogStream",
        transformed=bool(req.get("applyOnTransformedLogs")),
        created=old.created if old else milliseconds(ctx),
        sender=sender,
    )
    group.subscriptions = sorted([*others, new], key=lambda s: s.name)
    ctx.tx.put(group)


def _check_destination(ctx: Context, req: dict[str, Any]) -> None:
    target = arns.parse(req["destinationArn"])
    if target is None:
        raise errors.invalid("Invalid destinationArn")
    if target.service == "kinesis" and not req.get("roleArn"):
        raise errors.invalid("destinationArn for vendor kinesis cannot be used without roleArn")
    if target.service == "firehose" and not req.get("roleArn"):
        raise errors.invalid("destinationArn for vendor firehose cannot be used without roleArn")
    if target.service == "lambda" and (target.account != ctx.account or target.region != ctx.region):
        raise AwsError(
            "AccessDeniedException",
            "Cross-account lambda invocation passing is not allowed. "
            "You must use DestinationPolicies to create cross account lambda triggers.",
            status=400,
        )
    if target.service not in ("lambda", "kinesis", "firehose", "logs"):
        raise errors.invalid("PutSubscriptionFilter operation cannot work with destinationArn for vendor "
                             f"{target.service}")
    if req.get("roleArn"):
        ctx.authorise("iam:PassRole", req["roleArn"], {"iam:PassedToService": "logs.amazonaws.com"})


def _sender(ctx: Context, group: Group, destination: str) -> str:
    """As which service a function lets us call it; AWS tries the function when the filter is made."""
    if ":lambda:" not in destination:
        return ""
    for name in (f"logs.{ctx.region}.amazonaws.com", "logs.amazonaws.com"):
        caller = service(name, source_arn=group_arn(ctx, f"{group.name}:*"), source_account=ctx.account)
        with contextlib.suppress(AwsError):
            ctx.authorise("lambda:InvokeFunction", destination, principal=caller)
            return name
    raise errors.invalid(
        "Could not execute the lambda function. Make sure you have given CloudWatch Logs permission to execute your "
        "function."
    )


@logs.operation(access=group_access("DescribeSubscriptionFilters"))
def describe_subscription_filters(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    group = require_group(ctx, req["logGroupName"])
    prefix = req.get("filterNamePrefix") or ""
    return {"subscriptionFilters": [_view(group, s) for s in group.subscriptions if s.name.startswith(prefix)]}


@logs.operation(access=group_access("DeleteSubscriptionFilter"))
def delete_subscription_filter(ctx: Context, req: dict[str, Any]) -> None:
    group = require_group(ctx, req["logGroupName"])
    kept = [s for s in group.subscriptions if s.name != req["filterName"]]
    if len(kept) == len(group.subscriptions):
        raise errors.not_found("The specified subscription filter does not exist.")
    group.subscriptions = kept
    ctx.tx.put(group)


def forward(ctx: Context, group: Group, stream: Stream, number: int, events: list[tuple[int, str]]) -> None:
    """Commits a delivery of the matching events to each filter's destination.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html has the record's form.
    """
    for subscription in group.subscriptions:
        matches = patterns.compiled(subscription.pattern)
        chosen = [
            {"id": shown_id(event_id(time, stream.id, number, place)), "timestamp": time, "message": message}
            for place, (time, message) in enumerate(events)
            if matches(message)
        ]
        if chosen and subscription.destination.startswith("arn:") and ":lambda:" in subscription.destination:
            ctx.deliver(
                subscription.destination,
                {"awslogs": {"data": _packed(ctx, group, stream, subscription, chosen)}},
                service=subscription.sender,
                source_arn=group_arn(ctx, f"{group.name}:*"),
            )


def _packed(
    ctx: Context, group: Group, stream: Stream, subscription: Subscription, events: list[dict[str, Any]]
) -> str:
    content = {
        "messageType": "DATA_MESSAGE",
        "owner": ctx.account,
        "logGroup": group.name,
        "logStream": stream.name,
        "subscriptionFilters": [subscription.name],
        "logEvents": events,
    }
    return base64.b64encode(gzip.compress(json.dumps(content).encode(), 5, mtime=0)).decode()


def _view(group: Group, s: Subscription) -> dict[str, Any]:
    return {
        "filterName": s.name,
        "logGroupName": group.name,
        "filterPattern": s.pattern,
        "destinationArn": s.destination,
        "roleArn": s.role or None,
        "distribution": s.distribution,
        "applyOnTransformedLogs": s.transformed,
        "creationTime": s.created,
    }
