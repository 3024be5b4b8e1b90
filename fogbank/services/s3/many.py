"""Configurations of which a bucket has many, each by its id: analytics, intelligent tiering, inventory, metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.s3 import s3
from fogbank.services.s3.access import on_bucket, require_bucket
from fogbank.services.s3.errors import invalid_argument, s3_error
from fogbank.services.s3.records import Bucket, Setting
from fogbank.services.s3.rules import configurations as rules

_PAGE = 100
_MOST = 1000


def _put(ctx: Context, req: dict[str, Any], member: str, check: Callable[[dict[str, Any]], None]) -> None:
    bucket = require_bucket(ctx, req)
    configuration = req[member]
    if configuration.get("Id") != req["Id"]:
        raise s3_error("IdMismatch")
    check(configuration)
    if ctx.tx.get(Setting, bucket.name, member, req["Id"]) is None and _count(ctx, bucket, member) >= _MOST:
        raise s3_error("TooManyConfigurations")
    ctx.tx.put(Setting(bucket=bucket.name, kind=member, id=req["Id"], value=configuration))


def _count(ctx: Context, bucket: Bucket, member: str) -> int:
    return ctx.tx.count(Setting, bucket.name, member)


def _get(ctx: Context, req: dict[str, Any], member: str) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    setting = ctx.tx.get(Setting, bucket.name, member, req["Id"])
    if setting is None:
        raise s3_error("NoSuchConfiguration")
    return {member: setting.value}


def _delete(ctx: Context, req: dict[str, Any], member: str) -> None:
    bucket = require_bucket(ctx, req)
    if not ctx.tx.delete(Setting, bucket.name, member, req["Id"]):
        raise s3_error("NoSuchConfiguration")


def _list(ctx: Context, req: dict[str, Any], member: str) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    token = req.get("ContinuationToken")
    try:
        after = str(paging.decode(token)) if token else None
    except ValueError:
        raise invalid_argument("The continuation token provided is incorrect", "continuation-token") from None
    found = list(ctx.tx.scan(Setting, bucket.name, member, after=after, limit=_PAGE + 1))
    page = found[:_PAGE]
    return {
        f"{member}List": [setting.value for setting in page],
        "IsTruncated": len(found) > _PAGE,
        "ContinuationToken": token,
        "NextContinuationToken": paging.encode(page[-1].id) if len(found) > _PAGE else None,
    }


# Analytics.


def _check_analytics(configuration: dict[str, Any]) -> None:
    if configuration.get("StorageClassAnalysis") is None:
        raise s3_error("MalformedXML")


@s3.operation(action="s3:PutAnalyticsConfiguration", access=on_bucket("PutAnalyticsConfiguration"))
def put_bucket_analytics_configuration(ctx: Context, req: dict[str, Any]) -> None:
    _put(ctx, req, "AnalyticsConfiguration", _check_analytics)


@s3.operation(action="s3:GetAnalyticsConfiguration", access=on_bucket("GetAnalyticsConfiguration"))
def get_bucket_analytics_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _get(ctx, req, "AnalyticsConfiguration")


@s3.operation(action="s3:GetAnalyticsConfiguration", access=on_bucket("GetAnalyticsConfiguration"))
def list_bucket_analytics_configurations(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, req, "AnalyticsConfiguration")


@s3.operation(action="s3:PutAnalyticsConfiguration", access=on_bucket("PutAnalyticsConfiguration"))
def delete_bucket_analytics_configuration(ctx: Context, req: dict[str, Any]) -> None:
    _delete(ctx, req, "AnalyticsConfiguration")


# Intelligent tiering.


def _check_tiering(configuration: dict[str, Any]) -> None:
    rules.one_of(configuration.get("Status"), ("Enabled", "Disabled"))
    if not configuration.get("Tierings"):
        raise s3_error("MalformedXML")
    for tiering in configuration["Tierings"]:
        rules.one_of(tiering.get("AccessTier"), ("ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"))
        least = 90 if tiering["AccessTier"] == "ARCHIVE_ACCESS" else 180
        if not least <= (tiering.get("Days") or 0) <= 730:
            raise s3_error("MalformedXML")


@s3.operation(
    action="s3:PutIntelligentTieringConfiguration", access=on_bucket("PutIntelligentTieringConfiguration")
)
def put_bucket_intelligent_tiering_configuration(ctx: Context, req: dict[str, Any]) -> None:
    _put(ctx, req, "IntelligentTieringConfiguration", _check_tiering)


@s3.operation(
    action="s3:GetIntelligentTieringConfiguration", access=on_bucket("GetIntelligentTieringConfiguration")
)
def get_bucket_intelligent_tiering_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _get(ctx, req, "IntelligentTieringConfiguration")


@s3.operation(
    action="s3:GetIntelligentTieringConfiguration", access=on_bucket("GetIntelligentTieringConfiguration")
)
def list_bucket_intelligent_tiering_configurations(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, req, "IntelligentTieringConfiguration")


@s3.operation(
    action="s3:PutIntelligentTieringConfiguration", access=on_bucket("PutIntelligentTieringConfiguration")
)
def delete_bucket_intelligent_tiering_configuration(ctx: Context, req: dict[str, Any]) -> None:
    _delete(ctx, req, "IntelligentTieringConfiguration")


# Inventory.


@s3.operation(action="s3:PutInventoryConfiguration", access=on_bucket("PutInventoryConfiguration"))
def put_bucket_inventory_configuration(ctx: Context, req: dict[str, Any]) -> None:
    _put(ctx, req, "InventoryConfiguration", lambda given: rules.inventory(given, req["Id"]))


@s3.operation(action="s3:GetInventoryConfiguration", access=on_bucket("GetInventoryConfiguration"))
def get_bucket_inventory_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _get(ctx, req, "InventoryConfiguration")


@s3.operation(action="s3:GetInventoryConfiguration", access=on_bucket("GetInventoryConfiguration"))
def list_bucket_inventory_configurations(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, req, "InventoryConfiguration")


@s3.operation(action="s3:PutInventoryConfiguration", access=on_bucket("PutInventoryConfiguration"))
def delete_bucket_inventory_configuration(ctx: Context, req: dict[str, Any]) -> None:
    _delete(ctx, req, "InventoryConfiguration")


# Metrics.


@s3.operation(action="s3:PutMetricsConfiguration", access=on_bucket("PutMetricsConfiguration"))
def put_bucket_metrics_configuration(ctx: Context, req: dict[str, Any]) -> None:
    _put(ctx, req, "MetricsConfiguration", lambda given: None)


@s3.operation(action="s3:GetMetricsConfiguration", access=on_bucket("GetMetricsConfiguration"))
def get_bucket_metrics_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _get(ctx, req, "MetricsConfiguration")


@s3.operation(action="s3:GetMetricsConfiguration", access=on_bucket("GetMetricsConfiguration"))
def list_bucket_metrics_configurations(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _list(ctx, req, "MetricsConfiguration")


@s3.operation(action="s3:PutMetricsConfiguration", access=on_bucket("PutMetricsConfiguration"))
def delete_bucket_metrics_configuration(ctx: Context, req: dict[str, Any]) -> None:
    _delete(ctx, req, "MetricsConfiguration")
