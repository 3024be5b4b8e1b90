"""Service Quotas: the table, increases, and that Lambda lives by it."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, CloudUnderTest
from tests.services.lambda_.helpers import create

CONCURRENCY = {"ServiceCode": "lambda", "QuotaCode": "L-B99A9384"}


def test_services_and_their_quotas(cloud: CloudUnderTest) -> None:
    client = cloud.client("service-quotas")
    services = {s["ServiceCode"] for s in client.list_services()["Services"]}
    assert {"apigateway", "cloudformation", "iam", "lambda", "s3"} <= services
    pages = client.get_paginator("list_service_quotas").paginate(ServiceCode="lambda", PaginationConfig={"PageSize": 2})
    quotas = [q for page in pages for q in page["Quotas"]]
    assert [q["QuotaCode"] for q in quotas] == sorted({q["QuotaCode"] for q in quotas})
    concurrency = next(q for q in quotas if q["QuotaCode"] == "L-B99A9384")
    assert concurrency.pop("Description")
    assert concurrency == {
        "ServiceCode": "lambda", "ServiceName": "AWS Lambda", "QuotaCode": "L-B99A9384",
        "QuotaArn": f"arn:aws:servicequotas:us-east-1:{ACCOUNT}:lambda/L-B99A9384", "QuotaName": "Concurrent executions",
        "Value": 1000.0, "Unit": "None", "Adjustable": True, "GlobalQuota": False, "QuotaAppliedAtLevel": "ACCOUNT",
        "UsageMetric": {"MetricNamespace": "AWS/Lambda", "MetricName": "ConcurrentExecutions", "MetricDimensions": {},
                        "MetricStatisticRecommendation": "Maximum"},
    }  # fmt: skip


def test_an_increase_holds_at_once_for_its_account_and_region(cloud: CloudUnderTest) -> None:
    client, lambda_ = cloud.client("service-quotas"), cloud.client("lambda")
    asked = client.request_service_quota_increase(DesiredValue=5000.0, **CONCURRENCY)["RequestedQuota"]
    assert (asked["Status"], asked["DesiredValue"]) == ("APPROVED", 5000.0)
    assert lambda_.get_account_settings()["AccountLimit"]["ConcurrentExecutions"] == 5000
    create(cloud, "quoted")
    reserved = lambda_.put_function_concurrency(FunctionName="quoted", ReservedConcurrentExecutions=4900)
    assert reserved["ReservedConcurrentExecutions"] == 4900

    cloud.restart()
    assert client.get_service_quota(**CONCURRENCY)["Quota"]["Value"] == 5000.0
    assert client.get_aws_default_service_quota(**CONCURRENCY)["Quota"]["Value"] == 1000.0
    defaults = client.list_aws_default_service_quotas(ServiceCode="lambda")["Quotas"]
    assert {q["QuotaCode"]: q["Value"] for q in defaults}["L-B99A9384"] == 1000.0
    elsewhere = cloud.client("service-quotas", region="eu-west-1")
    assert elsewhere.get_service_quota(**CONCURRENCY)["Quota"]["Value"] == 1000.0
    other = cloud.client("service-quotas", key="111111111111")
    assert other.get_service_quota(**CONCURRENCY)["Quota"]["Value"] == 1000.0
    history = client.list_requested_service_quota_change_history(ServiceCode="lambda")["RequestedQuotas"]
    assert [h["Id"] for h in history] == [asked["Id"]]
    by_quota = client.list_requested_service_quota_change_history_by_quota(**CONCURRENCY)["RequestedQuotas"]
    assert by_quota == history
    assert client.get_requested_service_quota_change(RequestId=asked["Id"])["RequestedQuota"] == history[0]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ({"ServiceCode": "nothing", "QuotaCode": "L-B99A9384", "DesiredValue": 1}, "NoSuchResourceException"),
        ({"ServiceCode": "lambda", "QuotaCode": "L-00000000", "DesiredValue": 1}, "NoSuchResourceException"),
        ({"ServiceCode": "lambda", "QuotaCode": "L-6581F036", "DesiredValue": 8}, "IllegalArgumentException"),
        ({**CONCURRENCY, "DesiredValue": 10}, "IllegalArgumentException"),
    ],
)
def test_what_cannot_be_raised(cloud: CloudUnderTest, request_: dict[str, object], code: str) -> None:
    with pytest.raises(ClientError) as info:
        cloud.client("service-quotas").request_service_quota_increase(**request_)
    assert info.value.response["Error"]["Code"] == code


def test_global_quotas_are_raised_in_their_region_and_hold_everywhere(cloud: CloudUnderTest) -> None:
    roles = {"ServiceCode": "iam", "QuotaCode": "L-FE177D64"}
    elsewhere = cloud.client("service-quotas", region="eu-west-1")
    with pytest.raises(ClientError):
        elsewhere.request_service_quota_increase(DesiredValue=2000.0, **roles)
    cloud.client("service-quotas").request_service_quota_increase(DesiredValue=2000.0, **roles)
    assert elsewhere.get_service_quota(**roles)["Quota"]["Value"] == 2000.0
