"""`fogbank costs`: what was used this month and what AWS would ask for it, by function, account or tag."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from fogbank.cli import client


def arguments(parser: argparse.ArgumentParser) -> None:
    client.arguments(parser)
    parser.add_argument("--by", default="function", help="function (default), account, region, or tag:KEY")
    parser.add_argument("--since", type=date.fromisoformat, default=None, help="first day, as 2026-01-31 (default: this month's)")
    parser.add_argument("--until", type=date.fromisoformat, default=None, help="last day (default: today)")


def run(options: argparse.Namespace) -> int:
    from botocore.exceptions import ClientError

    group = _group(options.by)
    if group is None:
        print("--by takes function, account, region, or tag:KEY.", file=sys.stderr)
        return 2
    today = datetime.now(UTC).date()
    since, until = options.since or today.replace(day=1), options.until or today
    try:
        # One filter that holds for every line: the operation with resources wants one.
        answer = client.create(options, "ce").get_cost_and_usage_with_resources(
            TimePeriod={"Start": since.isoformat(), "End": (until + timedelta(days=1)).isoformat()},
            Granularity="MONTHLY",
            Metrics=["UnblendedCost", "UsageQuantity"],
            Filter={"Dimensions": {"Key": "SERVICE", "Values": ["AWS Lambda"]}},
            GroupBy=[group, {"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
        )
    except client.NotRunning:
        print("Fogbank is not running.", file=sys.stderr)
        return 3
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    print(table(options.by, answer["ResultsByTime"]), end="")
    return 0


def _group(by: str) -> dict[str, str] | None:
    named = {"function": "RESOURCE_ID", "account": "LINKED_ACCOUNT", "region": "REGION"}
    if by in named:
        return {"Type": "DIMENSION", "Key": named[by]}
    return {"Type": "TAG", "Key": by[4:]} if by.startswith("tag:") and by[4:] else None


def table(by: str, results: list[dict[str, Any]]) -> str:
    """A line for each, the dearest first, and their sum."""
    rows: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(), Decimal(), Decimal()])
    for result in results:
        for group in result["Groups"]:
            name, usage_type = group["Keys"]
            row = rows[name.partition("$")[2] or "(untagged)" if by.startswith("tag:") else name]
            quantity = Decimal(group["Metrics"]["UsageQuantity"]["Amount"])
            if usage_type.startswith("Request"):
                row[0] += quantity
            elif "Storage" not in usage_type:
                row[1] += quantity
            row[2] += Decimal(group["Metrics"]["UnblendedCost"]["Amount"])
    width = max([len(by), 5, *map(len, rows)])
    lines = [f"{by:<{width}} {'requests':>12} {'GB-seconds':>16} {'USD':>16}"]
    for name, (requests, seconds, cost) in sorted(rows.items(), key=lambda item: (-item[1][2], item[0])):
        lines.append(f"{name:<{width}} {requests:>12} {seconds:>16.6f} {cost:>16.10f}")
    lines.append(f"{'total':<{width}} {sum(r[0] for r in rows.values()):>12} {'':>16} {sum(r[2] for r in rows.values()):>16.10f}")
    return "\n".join(lines) + "\n"
