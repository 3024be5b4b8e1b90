"""GetCostAndUsage and its kin.

Costs are AWS's published prices for what was used here; nobody pays them. Account 000000000000, the operator's, sees every
account as a management account does; each other account sees itself.
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import Any

from fogbank.api import Context
from fogbank.api.usage import Hour
from fogbank.services.ce import ce, expressions, periods, prices
from fogbank.services.ce.periods import Period, invalid

OPERATOR = "000000000000"
COSTS = ("AmortizedCost", "BlendedCost", "NetAmortizedCost", "NetUnblendedCost", "UnblendedCost")
METRICS = (*COSTS, "NormalizedUsageAmount", "UsageQuantity")
MOST_GROUPS = 2


@ce.operation
def get_cost_and_usage(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if any(group.get("Key") == "RESOURCE_ID" for group in req.get("GroupBy") or []):
        raise invalid("Dimension RESOURCE_ID is to be had from GetCostAndUsageWithResources.")
    return _answer(ctx, req, req["Metrics"])


@ce.operation
def get_cost_and_usage_with_resources(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _answer(ctx, req, req.get("Metrics") or ["UnblendedCost"])


@ce.operation
def get_dimension_values(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    read = expressions.dimension(req["Dimension"])
    found = _values(ctx, req, read)
    values = [{"Value": value, "Attributes": {}} for value in found]
    return {"DimensionValues": values, "ReturnSize": len(values), "TotalSize": len(values)}


@ce.operation
def get_tags(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """The keys in use, or with `TagKey` that key's values."""
    if req.get("TagKey"):
        found = _values(ctx, req, expressions.tag(req["TagKey"]))
    else:
        rows = _filtered(ctx, periods.parse(req["TimePeriod"], "DAILY"), req)
        wanted = req.get("SearchString") or ""
        found = sorted({key for row in rows for key in row.tags if wanted in key})
    return {"Tags": found, "ReturnSize": len(found), "TotalSize": len(found)}


def _answer(ctx: Context, req: dict[str, Any], metrics: list[str]) -> dict[str, Any]:
    for metric in metrics:
        if metric not in METRICS:
            raise invalid(f"Unsupported metric {metric}; valid ones are: {', '.join(METRICS)}.")
    groups = req.get("GroupBy") or []
    if len(groups) > MOST_GROUPS:
        raise invalid(f"Only up to {MOST_GROUPS} group definitions are allowed.")
    reads = [expressions.grouping(group) for group in groups]
    granularity = req["Granularity"]
    parts = periods.divide(periods.parse(req["TimePeriod"], granularity), granularity)
    return {
        "GroupDefinitions": groups or None,
        "ResultsByTime": [_result(part, granularity, _filtered(ctx, part, req), reads, metrics) for part in parts],
        "DimensionValueAttributes": [],
    }


def _result(
    part: Period, granularity: str, rows: Iterable[Hour], reads: list[Callable[[Hour], str]], metrics: list[str]
) -> dict[str, Any]:
    by_keys: dict[tuple[str, ...], list[Hour]] = defaultdict(list)
    for row in rows:
        by_keys[tuple(read(row) for read in reads)].append(row)
    shown = {"TimePeriod": part.shown(granularity), "Estimated": True}
    if not reads:
        return {**shown, "Total": _sums(by_keys[()], metrics), "Groups": []}
    groups = [{"Keys": list(keys), "Metrics": _sums(found, metrics)} for keys, found in sorted(by_keys.items())]
    return {**shown, "Total": {}, "Groups": groups}


def _sums(rows: list[Hour], metrics: list[str]) -> dict[str, dict[str, str]]:
    priced = [prices.priced(row.service, row.usage_type, row.amount) for row in rows]
    units = {one.unit for one in priced}
    cost, quantity = sum((p.cost for p in priced), Decimal()), sum((p.quantity for p in priced), Decimal())
    made: dict[str, dict[str, str]] = {}
    for metric in metrics:
        if metric in COSTS:
            made[metric] = {"Amount": _shown(cost), "Unit": prices.currency()}
        else:
            unit = units.pop() if len(units) == 1 else "N/A"
            made[metric] = {"Amount": _shown(quantity if metric == "UsageQuantity" else Decimal()), "Unit": unit}
            units = {unit}
    return made


def _shown(amount: Decimal) -> str:
    return format(amount.quantize(Decimal("1e-10")).normalize(), "f")


def _values(ctx: Context, req: dict[str, Any], read: Callable[[Hour], str]) -> list[str]:
    rows = _filtered(ctx, periods.parse(req["TimePeriod"], "DAILY"), req)
    wanted = req.get("SearchString") or ""
    return sorted({value for row in rows if (value := read(row)) and wanted in value})


def _filtered(ctx: Context, period: Period, req: dict[str, Any]) -> Iterator[Hour]:
    test = expressions.compiled(req["Filter"]) if req.get("Filter") else None
    first, after = period.hours()
    for account in _accounts(ctx):
        for row in ctx.tx.scan(Hour, account, since=first, before=after):
            if test is None or test(row):
                yield row


def _accounts(ctx: Context) -> list[str]:
    if ctx.account != OPERATOR:
        return [ctx.account]
    accounts: list[str] = []
    while True:
        after = accounts[-1] if accounts else None
        found = next(iter(ctx.tx.scan(Hour, after=after, limit=1)), None)
        if found is None:
            return accounts
        accounts.append(found.account)
