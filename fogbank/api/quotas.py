"""The one table of quotas: AWS's defaults from `quotas.json`, and what an account in a region was given instead.

Services read their limits here by AWS's quota code; the Service Quotas API shows the same table and changes it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from fogbank.store import Record, record

if TYPE_CHECKING:
    from fogbank.store import Tx

GLOBAL_REGION = "us-east-1"
"""Where the quotas of global services are kept, as AWS has it."""


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: str
    value: float
    unit: str = "None"
    adjustable: bool = False
    is_global: bool = False
    period: tuple[int, str] | None = None
    """Of a rate: `(1, "SECOND")`."""
    metric: dict[str, Any] | None = None
    """CloudWatch's metric of how much of it is used (`UsageMetric`)."""
    description: str = ""


class QuotedService(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: str
    quotas: list[Quota]


@record("quotas.applied", key=("account", "region", "service", "code"))
class Applied(Record):
    """A quota's value where it is not the default."""

    account: str
    region: str
    service: str
    code: str
    value: float


@cache
def services() -> dict[str, QuotedService]:
    """Every service with quotas, by its code."""
    data = (Path(__file__).parent / "quotas.json").read_bytes()
    return {service.code: service for service in msgspec.json.decode(data, type=list[QuotedService])}


@cache
def find(service: str, code: str) -> Quota | None:
    found = services().get(service)
    return next((quota for quota in found.quotas if quota.code == code), None) if found else None


def home(quota: Quota, region: str) -> str:
    """The region where a quota's applied value is kept."""
    return GLOBAL_REGION if quota.is_global else region


def value(tx: Tx, account: str, region: str, service: str, code: str) -> float:
    """What holds for this account in this region. Raises KeyError for a quota that is not in the table."""
    quota = find(service, code)
    if quota is None:
        raise KeyError(f"{service} {code}")
    applied = tx.get(Applied, account, home(quota, region), service, code)
    return applied.value if applied else quota.value
