"""What the services count of themselves: Lambda, API Gateway, Logs."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudUnderTest
from tests.services.cloudwatch.test_metrics import eventually
from tests.services.lambda_.helpers import create
from tests.services.lambda_.test_provisioning import ready

RAISING = """
import time
def handler(event, context):
    time.sleep(event.get("s", 0))
    if event.get("bad"):
        raise ValueError
"""


def total(cloud: CloudUnderTest, namespace: str, name: str, kind: str = "Sum", **dimensions: str) -> float:
    now = datetime.now(UTC)
    found = cloud.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName=name, Period=60, Statistics=[kind], StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=2), Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
    )
    values = [point[kind] for point in found["Datapoints"]]
    return float(max(values, default=0.0) if kind == "Maximum" else sum(values))


def test_lambda_counts_invocations_errors_and_throttles(cloud: CloudUnderTest) -> None:
    functions = cloud.client("lambda")
    create(cloud, "counted", RAISING)
    for event in ({}, {}, {"bad": 1}):
        functions.invoke(FunctionName="counted", Payload=json.dumps(event))
    functions.put_function_concurrency(FunctionName="counted", ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(functions.invoke, FunctionName="counted", Payload=b'{"s": 1}')
        time.sleep(0.5)
        with pytest.raises(ClientError):
            functions.invoke(FunctionName="counted")
        running.result()
    own = {"FunctionName": "counted"}
    eventually(lambda: total(cloud, "AWS/Lambda", "Invocations", **own) == 4)
    assert total(cloud, "AWS/Lambda", "Errors", **own) == 1
    assert total(cloud, "AWS/Lambda", "Throttles", **own) == 1
    assert total(cloud, "AWS/Lambda", "Duration", "Maximum", **own) > 900
    assert total(cloud, "AWS/Lambda", "ConcurrentExecutions", "Maximum", **own) == 1
    assert total(cloud, "AWS/Lambda", "Invocations", FunctionName="counted", Resource="counted") == 4
    assert total(cloud, "AWS/Lambda", "Invocations") >= 4
    metrics = cloud.client("cloudwatch").list_metrics(Namespace="AWS/Lambda", MetricName="Errors")["Metrics"]
    assert {"Name": "FunctionName", "Value": "counted"} in [d for metric in metrics for d in metric["Dimensions"]]


def test_lambda_counts_events_and_what_spills_over(cloud: CloudUnderTest) -> None:
    functions = cloud.client("lambda")
    create(cloud, "evented", RAISING)
    functions.put_function_event_invoke_config(FunctionName="evented", MaximumRetryAttempts=0)
    functions.invoke(FunctionName="evented", InvocationType="Event", Payload=b'{"bad": 1}')
    eventually(lambda: total(cloud, "AWS/Lambda", "AsyncEventsDropped", FunctionName="evented") == 1)
    assert total(cloud, "AWS/Lambda", "AsyncEventsReceived", FunctionName="evented") == 1
    assert total(cloud, "AWS/Lambda", "AsyncEventAge", "SampleCount", FunctionName="evented") == 1


def test_metric_filters(cloud: CloudUnderTest) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="watched")
    logs.create_log_stream(logGroupName="watched", logStreamName="s")

    def filtered(name: str, pattern: str, **transformation: Any) -> None:
        one = {"metricName": name, "metricNamespace": "watch", "metricValue": "1", **transformation}
        logs.put_metric_filter(logGroupName="watched", filterName=name, filterPattern=pattern, metricTransformations=[one])

    filtered("errors", "ERROR", defaultValue=0.0)
    filtered("bytes", "[ip, verb, bytes]", metricValue="$bytes", unit="Bytes")
    filtered("slow", "{ $.ms > 10 }", metricValue="$.ms", dimensions={"path": "$.path"})
    now = int(time.time() * 1000)
    lines = ["ERROR one", "fine", "1.2.3.4 GET 512", json.dumps({"ms": 25, "path": "/a"}), json.dumps({"ms": 5, "path": "/a"})]
    logs.put_log_events(
        logGroupName="watched", logStreamName="s", logEvents=[{"timestamp": now, "message": line} for line in lines]
    )
    assert total(cloud, "watch", "errors") == 1
    assert total(cloud, "watch", "bytes") == 512
    assert total(cloud, "watch", "slow", path="/a") == 25
    eventually(lambda: total(cloud, "AWS/Logs", "IncomingLogEvents", LogGroupName="watched") == 5)


def test_the_embedded_format(cloud: CloudUnderTest) -> None:
    code = """
import json, time
def handler(event, context):
    directive = {"Namespace": "emf", "Dimensions": [["service"]], "Metrics": [{"Name": "latency", "Unit": "Milliseconds"}]}
    about = {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [directive]}
    print(json.dumps({"_aws": about, "service": "pay", "latency": [7, 8]}))
    print('{"_aws": {"CloudWatchMetrics": [{"Namespace": 1, "Metrics": [{}]}]}}')
    print('{"_aws": 5}')
"""
    create(cloud, "embeds", code)
    cloud.client("lambda").invoke(FunctionName="embeds")
    eventually(lambda: total(cloud, "emf", "latency", service="pay") == 15)


def test_apis_count_their_answers(cloud: CloudUnderTest) -> None:
    method = {"responses": {"200": {"description": "ok"}}, "x-amazon-apigateway-integration": {
        "type": "mock", "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {"default": {"statusCode": "200"}},
    }}  # fmt: skip
    document = {"openapi": "3.0.1", "info": {"title": "counting", "version": "1"}, "paths": {"/there": {"get": method}}}
    apis = cloud.client("apigateway")
    api = apis.import_rest_api(body=json.dumps(document).encode())["id"]
    apis.create_deployment(restApiId=api, stageName="s")
    for path in ("there", "there", "missing"):
        try:
            urllib.request.urlopen(f"{cloud.endpoint}/_aws/execute-api/{api}/s/{path}", timeout=20).close()
        except urllib.error.HTTPError as error:
            assert error.code == 403
    eventually(lambda: total(cloud, "AWS/ApiGateway", "Count", ApiName="counting", Stage="s") == 3)
    assert total(cloud, "AWS/ApiGateway", "4XXError", ApiName="counting") == 1
    assert total(cloud, "AWS/ApiGateway", "Latency", "SampleCount", ApiName="counting") == 3


def test_provisioned_concurrency_tells_what_spilled(cloud: CloudUnderTest) -> None:
    functions = cloud.client("lambda")
    create(cloud, "spills", RAISING, Publish=True)
    functions.put_provisioned_concurrency_config(FunctionName="spills", Qualifier="1", ProvisionedConcurrentExecutions=1)
    ready(cloud, "spills", "1", 1)
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(functions.invoke, FunctionName="spills:1", Payload=b'{"s": 0.5}') for _ in range(2)]:
            future.result()
    eventually(lambda: total(cloud, "AWS/Lambda", "ProvisionedConcurrencySpilloverInvocations", FunctionName="spills") == 1)
    assert total(cloud, "AWS/Lambda", "ProvisionedConcurrencyInvocations", FunctionName="spills") == 1
