"""What functions cost: counted from real invocations, read through Cost Explorer and the command."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, CloudUnderTest
from tests.services.lambda_.helpers import PYTHON, TRUST, create, invoke, package
from tests.services.lambda_.test_provisioning import ready

LAMBDA = {"Dimensions": {"Key": "SERVICE", "Values": ["AWS Lambda"]}}
REPORT = re.compile(r"Billed Duration: (\d+) ms\tMemory Size: (\d+) MB")


def period(days: int = 1) -> dict[str, str]:
    today = datetime.now(UTC).date()
    return {"Start": (today - timedelta(days=1)).isoformat(), "End": (today + timedelta(days=days)).isoformat()}


def used(cloud: CloudUnderTest, function: str, *, metric: str = "UsageQuantity", key: str = ACCOUNT) -> dict[str, Decimal]:
    """By usage type."""
    answer = cloud.client("ce", key=key).get_cost_and_usage_with_resources(
        TimePeriod=period(), Granularity="MONTHLY", Metrics=[metric],
        Filter={"Dimensions": {"Key": "RESOURCE_ID", "Values": [f":{function}"], "MatchOptions": ["ENDS_WITH"]}},
        GroupBy=[{"Type": "DIMENSION", "Key": "USAGE_TYPE"}],
    )
    found: dict[str, Decimal] = {}
    for result in answer["ResultsByTime"]:
        for group in result["Groups"]:
            name = group["Keys"][0]
            found[name] = found.get(name, Decimal()) + Decimal(group["Metrics"][metric]["Amount"])
    return found


def eventually(read: Callable[[], Any], seconds: float = 20) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := read()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_requests_and_gb_seconds_are_those_of_the_log(cloud: CloudUnderTest) -> None:
    create(cloud, "billed", "import time\ndef handler(event, context): time.sleep(event)\n", MemorySize=256)
    for seconds in (0.01, 0.02, 0.03):
        invoke(cloud, "billed", seconds)
    reports = eventually(lambda: len(found := log(cloud, "billed")) == 3 and found)
    expected = sum(Decimal(ms) * mb for ms, mb in reports) / 1024000
    usage = eventually(lambda: (found := used(cloud, "billed")).get("Request") == 3 and found)
    assert usage == {"Request": 3, "Lambda-GB-Second": expected.quantize(Decimal("1e-10"))}
    cost = used(cloud, "billed", metric="UnblendedCost")
    assert cost["Request"] == Decimal("0.0000006")
    assert cost["Lambda-GB-Second"] == (expected * Decimal("0.0000166667")).quantize(Decimal("1e-10"))
    cloud.restart()
    assert used(cloud, "billed") == usage


def log(cloud: CloudUnderTest, function: str) -> list[tuple[int, int]]:
    """Billed milliseconds and memory of each report."""
    events = cloud.client("logs").filter_log_events(logGroupName=f"/aws/lambda/{function}", filterPattern="REPORT")["events"]
    return [(int(ms), int(mb)) for event in events for ms, mb in REPORT.findall(event["message"])]


def test_storage_beyond_what_is_free_and_large_events(cloud: CloudUnderTest) -> None:
    create(cloud, "stored", MemorySize=128, EphemeralStorage={"Size": 1024})
    payload = b'"' + b"x" * (262_144 + 65_536) + b'"'
    cloud.client("lambda").invoke(FunctionName="stored", InvocationType="Event", Payload=payload)
    usage = eventually(lambda: (found := used(cloud, "stored")) and found)
    assert usage["Request"] == 3, "256 KB, 64 KB, and the quotation marks"
    assert usage["Lambda-Storage-GB-Second"] == usage["Lambda-GB-Second"] * 4


def test_provisioned_concurrency_costs_while_it_stands(cloud: CloudUnderTest) -> None:
    functions = cloud.client("lambda")
    create(cloud, "standing", Publish=True)
    target = {"FunctionName": "standing", "Qualifier": "1"}
    functions.put_provisioned_concurrency_config(**target, ProvisionedConcurrentExecutions=2)
    ready(cloud, "standing", "1", 2)
    invoke(cloud, "standing:1")
    functions.delete_provisioned_concurrency_config(**target)
    usage = eventually(lambda: "Request" in (found := used(cloud, "standing")) and found)
    assert usage["Lambda-Provisioned-Concurrency"] > 0
    assert usage["Lambda-Provisioned-GB-Second"] > 0
    assert "Lambda-GB-Second" not in usage


def test_groups_by_tag_and_account_and_who_sees_what(cloud: CloudUnderTest) -> None:
    other = "111111111111"
    create(cloud, "blue", Tags={"team": "blue"})
    create(cloud, "plain")
    for name in ("blue", "blue", "plain"):
        invoke(cloud, name)
    theirs = cloud.client("lambda", key=other)
    iam = cloud.client("iam", key=other)
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    theirs.create_function(FunctionName="theirs", Runtime=PYTHON, Handler="app.handler", Role=role,
                           Code={"ZipFile": package("def handler(event, context): pass")})
    theirs.invoke(FunctionName="theirs")
    eventually(lambda: used(cloud, "blue").get("Request") == 2 and used(cloud, "theirs").get("Request") == 1)

    def groups(definition: dict[str, str], key: str = ACCOUNT) -> dict[str, Decimal]:
        answer = cloud.client("ce", key=key).get_cost_and_usage(
            TimePeriod=period(), Granularity="DAILY", Metrics=["UsageQuantity"], GroupBy=[definition],
            Filter={"And": [LAMBDA, {"Dimensions": {"Key": "USAGE_TYPE", "Values": ["Request"]}}]},
        )
        days = answer["ResultsByTime"]
        assert len(days) == 2
        return {g["Keys"][0]: Decimal(g["Metrics"]["UsageQuantity"]["Amount"]) for day in days for g in day["Groups"]}

    assert groups({"Type": "TAG", "Key": "team"})["team$blue"] == 2
    assert groups({"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"})[other] == 1
    assert groups({"Type": "DIMENSION", "Key": "LINKED_ACCOUNT"}, key=other) == {other: 1}
    explorer = cloud.client("ce")
    assert "team" in explorer.get_tags(TimePeriod=period())["Tags"]
    assert explorer.get_tags(TimePeriod=period(), TagKey="team")["Tags"] == ["blue"]
    values = explorer.get_dimension_values(TimePeriod=period(), Dimension="SERVICE")["DimensionValues"]
    assert [value["Value"] for value in values] == ["AWS Lambda"]


def test_the_command(cloud: CloudUnderTest) -> None:
    create(cloud, "shown", Tags={"stage": "beta"})
    invoke(cloud, "shown")
    eventually(lambda: used(cloud, "shown"))

    def costs(*options: str) -> str:
        command = [*cloud.command, "costs", *options]
        done = subprocess.run(command, env=cloud.environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    lines = costs().splitlines()
    assert lines[0].split() == ["function", "requests", "GB-seconds", "USD"]
    assert any(line.split()[:2] == [f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:shown", "1"] for line in lines)
    assert any(line.split()[:2] == ["beta", "1"] for line in costs("--by", "tag:stage").splitlines())
    assert ACCOUNT in costs("--by", "account")


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"TimePeriod": {"Start": "2026-01-02", "End": "2026-01-02"}},
         "Start date (and hour) should be before end date (and hour)"),
        ({"TimePeriod": {"Start": "2026-13-02", "End": "2026-01-02"}}, "Start time 2026-13-02 is invalid"),
        ({"Metrics": ["Dearness"]}, "Dearness"),
        ({"GroupBy": [{"Type": "DIMENSION", "Key": "AZ"}]}, "AZ"),
        ({"GroupBy": [{"Type": "TAG", "Key": "a"}] * 3}, "Only up to 2"),
        ({"Filter": {"And": [LAMBDA]}}, "at least two"),
        ({"Filter": {"Not": LAMBDA, "Or": [LAMBDA, LAMBDA]}}, "number of roots"),
    ],
)
def test_bad_input(cloud: CloudUnderTest, members: dict[str, Any], text: str) -> None:
    given = {"TimePeriod": period(), "Granularity": "DAILY", "Metrics": ["UnblendedCost"], **members}
    with pytest.raises(ClientError) as error:
        cloud.client("ce").get_cost_and_usage(**given)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert text in error.value.response["Error"]["Message"]
