"""Who is throttled, and how it is told: through the API, as functions really run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudUnderTest
from tests.services.lambda_.helpers import create, invoke, package
from tests.services.lambda_.test_provisioning import ready

# Writes into the log, runs as long as it is told, and says by which kind of initialisation its environment came about.
SOURCE = """
import os, time
def handler(event, context):
    print("began", event)
    time.sleep(event or 0)
    return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
"""
OTHER = package("def handler(event, context): return 'the other'\n")


@pytest.fixture
def at_once() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


def refusal(call: Callable[[], Any]) -> dict[str, Any]:
    with pytest.raises(ClientError) as info:
        call()
    response = info.value.response
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert response["Error"] == {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}
    return {name: response[name] for name in ("Reason", "Type")}


def began(cloud: CloudUnderTest, name: str, count: int) -> None:
    """Waits until that many invocations of a function have begun."""
    logs, deadline = cloud.client("logs"), time.monotonic() + 30
    while True:
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{name}", filterPattern="began")["events"]
        except logs.exceptions.ResourceNotFoundException:
            events = []
        if len(events) >= count:
            return
        assert time.monotonic() < deadline, events
        time.sleep(0.02)


def start(pool: ThreadPoolExecutor, cloud: CloudUnderTest, name: str, seconds: float, count: int) -> list[Future[Any]]:
    return [pool.submit(invoke, cloud, name, seconds) for _ in range(count)]


def test_reserved_concurrency_is_held_and_given_back(cloud: CloudUnderTest, at_once: ThreadPoolExecutor) -> None:
    client = cloud.client("lambda")
    create(cloud, "held", SOURCE)
    client.put_function_concurrency(FunctionName="held", ReservedConcurrentExecutions=2)
    running = start(at_once, cloud, "held", 1.5, 2)
    began(cloud, "held", 2)
    told = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User"}
    assert refusal(lambda: invoke(cloud, "held")) == told
    assert refusal(lambda: client.invoke_with_response_stream(FunctionName="held")) == told
    assert [future.result() for future in running] == ["on-demand"] * 2
    deadline = time.monotonic() + 10
    while True:
        try:
            assert invoke(cloud, "held") == "on-demand"
            break
        except ClientError:
            assert time.monotonic() < deadline
    client.put_function_concurrency(FunctionName="held", ReservedConcurrentExecutions=0)
    assert refusal(lambda: invoke(cloud, "held")) == told
    client.delete_function_concurrency(FunctionName="held")
    assert invoke(cloud, "held") == "on-demand"


def test_a_reservation_that_is_provisioned_leaves_nothing_for_latest(cloud: CloudUnderTest) -> None:
    """As recorded from AWS (test_lambda.py, provisioned concurrency beside a reservation of one)."""
    client = cloud.client("lambda")
    create(cloud, "taken", SOURCE, Publish=True)
    client.put_function_concurrency(FunctionName="taken", ReservedConcurrentExecutions=1)
    assert invoke(cloud, "taken") == "on-demand"
    client.put_provisioned_concurrency_config(FunctionName="taken", Qualifier="1", ProvisionedConcurrentExecutions=1)
    ready(cloud, "taken", "1", 1)
    assert refusal(lambda: invoke(cloud, "taken"))["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert invoke(cloud, "taken:1") == "provisioned-concurrency"


def test_what_is_provisioned_comes_first_and_the_rest_spills_over(
    cloud: CloudUnderTest, at_once: ThreadPoolExecutor
) -> None:
    client = cloud.client("lambda")
    create(cloud, "spilling", SOURCE, Publish=True)
    client.create_alias(FunctionName="spilling", Name="live", FunctionVersion="1")
    assert invoke(cloud, "spilling:1") == "on-demand"
    client.put_provisioned_concurrency_config(
        FunctionName="spilling", Qualifier="live", ProvisionedConcurrentExecutions=2
    )
    ready(cloud, "spilling", "live", 2)
    assert [invoke(cloud, "spilling:live") for _ in range(5)] == ["provisioned-concurrency"] * 5
    answers = [future.result() for future in start(at_once, cloud, "spilling:live", 1.0, 4)]
    assert sorted(answers) == ["on-demand"] * 2 + ["provisioned-concurrency"] * 2

    client.publish_version(FunctionName="spilling")  # the same code: still version 1
    client.update_function_code(FunctionName="spilling", ZipFile=OTHER, Publish=True)
    client.update_alias(
        FunctionName="spilling", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 1.0}}
    )
    assert invoke(cloud, "spilling:live") == "the other"
    assert invoke(cloud, "spilling:1") == "provisioned-concurrency"


def test_the_rate_of_requests_is_ten_times_the_concurrency(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    create(cloud, "rated")
    client.put_function_concurrency(FunctionName="rated", ReservedConcurrentExecutions=1)
    reasons: set[str] = set()
    deadline = time.monotonic() + 20
    while "ReservedFunctionInvocationRateLimitExceeded" not in reasons and time.monotonic() < deadline:
        try:
            client.invoke(FunctionName="rated", Payload=b"1")
        except ClientError as error:
            reasons.add(error.response["Reason"])
    assert "ReservedFunctionInvocationRateLimitExceeded" in reasons


def test_a_throttled_event_waits_in_the_queue(cloud: CloudUnderTest, at_once: ThreadPoolExecutor) -> None:
    client = cloud.client("lambda")
    create(cloud, "queued", SOURCE)
    client.put_function_concurrency(FunctionName="queued", ReservedConcurrentExecutions=1)
    for _ in range(3):
        client.invoke(FunctionName="queued", InvocationType="Event", Payload=b"0.5")
    began(cloud, "queued", 3)


def test_an_event_for_a_function_without_concurrency_goes_to_its_destination(cloud: CloudUnderTest) -> None:
    """As recorded from AWS: at once, with a condition of its own, and never tried."""
    client = cloud.client("lambda")
    create(cloud, "closed")
    create(cloud, "told", "import json\ndef handler(event, context): print('record', json.dumps(event))\n")
    client.put_function_concurrency(FunctionName="closed", ReservedConcurrentExecutions=0)
    arn = client.get_function(FunctionName="told")["Configuration"]["FunctionArn"]
    iam = cloud.client("iam")
    iam.attach_role_policy(RoleName="closed-role", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaRole")
    client.put_function_event_invoke_config(
        FunctionName="closed", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    client.invoke(FunctionName="closed", InvocationType="Event", Payload=b"{}")
    logs, deadline, found = cloud.client("logs"), time.monotonic() + 30, []
    while not found:
        assert time.monotonic() < deadline
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/told", filterPattern="record")["events"]
        except logs.exceptions.ResourceNotFoundException:
            time.sleep(0.05)
    record = json.loads(found[0]["message"].removeprefix("record "))
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["requestPayload"] == {}


def test_functions_without_a_reservation_share_what_is_left(
    fresh_cloud: CloudUnderTest, at_once: ThreadPoolExecutor
) -> None:
    """All but the last hundred of an account's thousand can be reserved: a hundred and one do not run at once."""
    client = fresh_cloud.client("lambda")
    create(fresh_cloud, "greedy")
    create(fresh_cloud, "shared", SOURCE, MemorySize=128)
    client.put_function_concurrency(FunctionName="greedy", ReservedConcurrentExecutions=900)
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 100
    with ThreadPoolExecutor(101) as pool:
        calls = [pool.submit(_reason, fresh_cloud, "shared", 6) for _ in range(101)]
        answers = sorted(future.result() for future in calls)
    assert answers == ["ConcurrentInvocationLimitExceeded"] + ["on-demand"] * 100
    assert invoke(fresh_cloud, "greedy", 1) == 1


def _reason(cloud: CloudUnderTest, name: str, seconds: float) -> str:
    try:
        return str(invoke(cloud, name, seconds))
    except ClientError as error:
        return str(error.response["Reason"])
