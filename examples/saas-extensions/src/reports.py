"""What tenants' extensions wrote, and what they cost."""

import json
import re
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import boto3
from saas import FUNCTIONS, answering, caller, log_group_of

PRICES = json.loads((Path(__file__).parent / "prices.json").read_text())
REPORT = re.compile(r"REPORT RequestId: \S+\t.*?Billed Duration: (?P<ms>\d+) ms\tMemory Size: (?P<mb>\d+) MB")

logs, lambda_ = boto3.client("logs"), boto3.client("lambda")


def show_logs(event):
    """The latest hundred lines, oldest first; `?contains=` takes CloudWatch's filter patterns."""
    pattern = (event["queryStringParameters"] or {}).get("contains", "")
    lines = deque(_lines(caller(event)["id"], pattern), maxlen=100)
    return 200, {"lines": [{"time": line["timestamp"], "text": line["message"].rstrip("\n")} for line in lines]}


def show_cost(event):
    return 200, _cost(caller(event)["id"])


def show_costs(event):
    """For the operator: every tenant, found by the tag that its function bears."""
    pages = lambda_.get_paginator("list_functions").paginate()
    extensions = [f["FunctionArn"] for page in pages for f in page["Functions"] if f["FunctionName"].startswith(FUNCTIONS)]
    tenants = {lambda_.list_tags(Resource=arn)["Tags"]["tenant"] for arn in extensions}
    rows = {tenant_id: _cost(tenant_id) for tenant_id in sorted(tenants)}
    return 200, {"tenants": rows, "total": round(sum(row["cost"] for row in rows.values()), 10)}


def _cost(tenant_id):
    """This month's, from the line that Lambda writes at the end of each invocation.

    A tenant can print such a line too, and will be billed for it.
    """
    month = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    month_began = int(month.timestamp() * 1000)
    reports = [found for line in _lines(tenant_id, "REPORT", month_began) if (found := REPORT.match(line["message"]))]
    gb_seconds = sum(int(report["ms"]) / 1000 * int(report["mb"]) / 1024 for report in reports)
    cost = len(reports) * PRICES["request"] + gb_seconds * PRICES["gb_second"]
    return {
        "since": month.date().isoformat(), "requests": len(reports), "gb_seconds": round(gb_seconds, 6),
        "cost": round(cost, 10), "currency": PRICES["currency"],
    }


def _lines(tenant_id, pattern, since=0):
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group_of(tenant_id), filterPattern=pattern, startTime=since
    )
    for page in pages:
        yield from page["events"]


handler = answering({
    ("GET", "/tenants/{id}/logs"): show_logs,
    ("GET", "/tenants/{id}/cost"): show_cost,
    ("GET", "/costs"): show_costs,
})
