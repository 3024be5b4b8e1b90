"""What has been used, by hour and resource: services add to it as they serve, Cost Explorer reads it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from fogbank.store import Record, Tx, record


class Item(NamedTuple):
    """One kind of use of one resource."""

    account: str
    region: str
    service: str
    """The service's name in a bill: `AWS Lambda`."""
    usage_type: str
    """AWS's name of it without the region's prefix: `Lambda-GB-Second`."""
    resource: str
    """An ARN."""


@record("usage.hour", key=("account", "hour", "region", "service", "usage_type", "resource"))
class Hour(Record):
    account: str
    hour: str
    """`2026-01-31T09`, UTC."""
    region: str
    service: str
    usage_type: str
    resource: str
    amount: int = 0
    """In the units of the price list, which are whole numbers: MB-milliseconds, requests."""
    tags: dict[str, str] = {}
    """The resource's when it was last used in this hour."""


def hour(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H")


def add(tx: Tx, now: float, item: Item, amount: int, tags: dict[str, str]) -> None:
    """Counts `amount` more of an item in the hour of `now`."""
    account, region, service, usage_type, resource = item
    key = (account, hour(now), region, service, usage_type, resource)
    found = tx.get(Hour, *key) or Hour(
        account=account, hour=key[1], region=region, service=service, usage_type=usage_type, resource=resource
    )
    found.amount += amount
    found.tags = tags
    tx.put(found)
