"""Log groups: create, delete, describe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.logs import errors, logs
from fogbank.services.logs.names import check_length, group_access, group_arn, milliseconds, named_group
from fogbank.services.logs.names import group as require
from fogbank.services.logs.records import Group, MetricFilter, Stream, Usage


@logs.operation(access=group_access("CreateLogGroup"))
def create_log_group(ctx: Context, req: dict[str, Any]) -> None:
    name = req["logGroupName"]
    check_length(name)
    if ctx.tx.get(Group, ctx.account, ctx.region, name):
        raise errors.exists("The specified log group already exists")
    ctx.tx.put(
        Group(
            account=ctx.account,
            region=ctx.region,
            name=name,
            id=ctx.random.getrandbits(62),
            created=milliseconds(ctx),
            kms_key=req.get("kmsKeyId") or "",
            log_class=req.get("logGroupClass") or "STANDARD",
            tags=req.get("tags") or {},
            protected=bool(req.get("deletionProtectionEnabled")),
        )
    )


@logs.operation(access=group_access("DeleteLogGroup"))
def delete_log_group(ctx: Context, req: dict[str, Any]) -> None:
    group = require(ctx, req["logGroupName"])
    if group.protected:
        raise errors.invalid("The specified log group cannot be deleted because it has deletion protection enabled.")
    ctx.tx.delete(Group, ctx.account, ctx.region, group.name)
    ctx.tx.delete(Usage, group.id)
    ctx.tx.clear(MetricFilter, group.id)
    ctx.tx.clear(Stream, group.id)
    ctx.cancel("logs.expire", str(group.id))
    ctx.schedule("logs.purge", {"group": group.id}, key=str(group.id))


@logs.operation(access=group_access("PutLogGroupDeletionProtection", "logGroupIdentifier"))
def put_log_group_deletion_protection(ctx: Context, req: dict[str, Any]) -> None:
    group = require(ctx, named_group(req))
    group.protected = bool(req["deletionProtectionEnabled"])
    ctx.tx.put(group)


@logs.operation(access=group_access("AssociateKmsKey"))
def associate_kms_key(ctx: Context, req: dict[str, Any]) -> None:
    group = require(ctx, _group_of_key(req))
    group.kms_key = req["kmsKeyId"]
    ctx.tx.put(group)


@logs.operation(access=group_access("DisassociateKmsKey"))
def disassociate_kms_key(ctx: Context, req: dict[str, Any]) -> None:
    group = require(ctx, _group_of_key(req))
    group.kms_key = ""
    ctx.tx.put(group)


def _group_of_key(req: dict[str, Any]) -> str:
    return named_group({"logGroupName": req.get("logGroupName"), "logGroupIdentifier": req.get("resourceIdentifier")})


@logs.operation(access=group_access("DescribeLogGroups", "logGroupNamePrefix"))
def describe_log_groups(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    prefix, pattern = req.get("logGroupNamePrefix") or "", req.get("logGroupNamePattern") or ""
    if prefix and pattern:
        raise errors.invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
    limit = req.get("limit") or 50
    found: list[Group] = []
    for group in _groups(ctx, prefix, req.get("nextToken")):
        # The pattern is a part of the name, in any case of letters.
        if pattern and pattern.lower() not in group.name.lower():
            continue
        if req.get("logGroupIdentifiers") and not _identified(ctx, group, req["logGroupIdentifiers"]):
            continue
        if req.get("logGroupClass") and group.log_class != req["logGroupClass"]:
            continue
        found.append(group)
        if len(found) > limit:
            break
    return {
        "logGroups": [_view(ctx, group) for group in found[:limit]],
        "nextToken": paging.encode(found[limit - 1].name) if len(found) > limit else None,
    }


@logs.operation(access=group_access("ListLogGroups", "logGroupNamePattern"))
def list_log_groups(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    pattern, limit = (req.get("logGroupNamePattern") or "").lower(), req.get("limit") or 50
    prefix, part = ("", pattern) if not pattern.startswith("^") else (pattern[1:], "")
    found: list[Group] = []
    for group in _groups(ctx, "", req.get("nextToken")):
        name = group.name.lower()
        if name.startswith(prefix) and part in name and req.get("logGroupClass") in (None, group.log_class):
            found.append(group)
            if len(found) > limit:
                break
    return {
        "logGroups": [
            {"logGroupName": g.name, "logGroupArn": group_arn(ctx, g.name), "logGroupClass": g.log_class}
            for g in found[:limit]
        ],
        "nextToken": paging.encode(found[limit - 1].name) if len(found) > limit else None,
    }


def _groups(ctx: Context, prefix: str, token: str | None) -> Iterator[Group]:
    """Groups in the order of their names, those after the token's."""
    after = None
    if token:
        try:
            after = str(paging.decode(token))
        except ValueError as error:
            raise errors.bad_token() from error
    options: dict[str, Any] = {"after": after} if after is not None else {"since": prefix or None}
    for group in ctx.tx.scan(Group, ctx.account, ctx.region, **options):
        if not group.name.startswith(prefix):
            if group.name > prefix:
                return
            continue
        yield group


def _identified(ctx: Context, group: Group, identifiers: list[str]) -> bool:
    arn = group_arn(ctx, group.name)
    return any(wanted in (group.name, arn, f"{arn}:*") for wanted in identifiers)


def _view(ctx: Context, group: Group) -> dict[str, Any]:
    usage = ctx.tx.get(Usage, group.id)
    arn = group_arn(ctx, group.name)
    return {
        "logGroupName": group.name,
        "creationTime": group.created,
        "retentionInDays": group.retention_days or None,
        "metricFilterCount": group.metric_filters,
        "arn": f"{arn}:*",
        "storedBytes": usage.stored if usage else 0,
        "kmsKeyId": group.kms_key or None,
        "logGroupClass": group.log_class,
        "logGroupArn": arn,
        "deletionProtectionEnabled": group.protected,
    }
