"""Provisioned concurrency: kept ready, across a kill too."""

from __future__ import annotations

import time

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, CloudUnderTest
from tests.services.lambda_.helpers import create, invoke

# Tells by which kind of initialisation the environment came about.
SOURCE = "import os\ndef handler(e, c): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n"


def ready(cloud: CloudUnderTest, name: str, qualifier: str, count: int) -> None:
    client, deadline = cloud.client("lambda"), time.monotonic() + 60
    while True:
        config = client.get_provisioned_concurrency_config(FunctionName=name, Qualifier=qualifier)
        if config["Status"] == "READY":
            assert config["AvailableProvisionedConcurrentExecutions"] == count
            return
        assert time.monotonic() < deadline, config
        time.sleep(0.05)


def test_environments_stand_before_the_first_invocation(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    create(cloud, "provisioned", SOURCE)
    assert invoke(cloud, "provisioned") == "on-demand"
    client.publish_version(FunctionName="provisioned")
    client.create_alias(FunctionName="provisioned", Name="live", FunctionVersion="1")
    put = client.put_provisioned_concurrency_config(
        FunctionName="provisioned", Qualifier="live", ProvisionedConcurrentExecutions=2
    )
    assert put["Status"] == "IN_PROGRESS"
    assert put["AllocatedProvisionedConcurrentExecutions"] == 0
    ready(cloud, "provisioned", "live", 2)
    assert invoke(cloud, "provisioned:live") == "provisioned-concurrency"
    listed = client.list_provisioned_concurrency_configs(FunctionName="provisioned")["ProvisionedConcurrencyConfigs"]
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:provisioned:live"
    assert [(config["FunctionArn"], config["Status"]) for config in listed] == [(arn, "READY")]
    with pytest.raises(ClientError) as info:
        client.put_provisioned_concurrency_config(
            FunctionName="provisioned", Qualifier="1", ProvisionedConcurrentExecutions=1
        )
    assert info.value.response["Error"]["Message"] == "Version is pointed by a Provisioned Concurrency alias"
    client.delete_provisioned_concurrency_config(FunctionName="provisioned", Qualifier="live")
    with pytest.raises(ClientError) as info:
        client.get_provisioned_concurrency_config(FunctionName="provisioned", Qualifier="live")
    assert info.value.response["Error"] == {
        "Code": "ProvisionedConcurrencyConfigNotFoundException",
        "Message": "No Provisioned Concurrency Config found for this function",
    }


@pytest.mark.parametrize(
    ("qualifier", "count", "message"),
    [
        ("$LATEST", 1, "Provisioned Concurrency Configs cannot be applied to unpublished function versions."),
        ("1", 1001, "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000]."),
        ("1", 950, "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
                   "minimum value of [100]."),
        ("9", 1, f"Function not found: arn:aws:lambda:us-east-1:{ACCOUNT}:function:unprovisioned:9"),
    ],
)
def test_what_cannot_be_provisioned(cloud: CloudUnderTest, qualifier: str, count: int, message: str) -> None:
    client = cloud.client("lambda")
    try:
        create(cloud, "unprovisioned", Publish=True)
    except ClientError as error:  # made by an earlier case
        assert error.response["Error"]["Code"] in ("ResourceConflictException", "EntityAlreadyExists")
    with pytest.raises(ClientError) as info:
        client.put_provisioned_concurrency_config(
            FunctionName="unprovisioned", Qualifier=qualifier, ProvisionedConcurrentExecutions=count
        )
    assert info.value.response["Error"]["Message"] == message
