"""Function URLs and event configurations as CloudFormation makes them."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudUnderTest
from tests.services.lambda_.helpers import create


def template(*, url: dict[str, Any], events: dict[str, Any]) -> str:
    target = {"FunctionName": "reached", "Qualifier": "$LATEST"}
    return json.dumps({
        "Resources": {
            "Address": {"Type": "AWS::Lambda::Url", "Properties": {"TargetFunctionArn": "reached", "AuthType": "NONE", **url}},
            "Everyone": {"Type": "AWS::Lambda::Permission", "Properties": {
                "FunctionName": "reached", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE",
            }},
            "Events": {"Type": "AWS::Lambda::EventInvokeConfig", "Properties": {**target, **events}},
        },
        "Outputs": {"Url": {"Value": {"Fn::GetAtt": ["Address", "FunctionUrl"]}}, "Ref": {"Value": {"Ref": "Address"}}},
    })  # fmt: skip


def test_a_url_and_an_event_configuration_are_made_changed_and_removed(cloud: CloudUnderTest) -> None:
    arn = create(cloud, "reached")["FunctionArn"]
    stacks, functions = cloud.client("cloudformation"), cloud.client("lambda")
    cors = {"AllowOrigins": ["https://example.com"], "MaxAge": "60"}
    first = template(url={"Cors": cors}, events={"MaximumRetryAttempts": "0"})
    stacks.create_stack(StackName="reach", TemplateBody=first)
    stacks.get_waiter("stack_create_complete").wait(StackName="reach", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stacks.describe_stacks(StackName="reach")["Stacks"][0]["Outputs"]}
    assert outputs["Ref"] == arn
    found = functions.get_function_url_config(FunctionName="reached")
    assert (found["FunctionUrl"], found["Cors"]["MaxAge"], found["InvokeMode"]) == (outputs["Url"], 60, "BUFFERED")
    assert functions.get_function_event_invoke_config(FunctionName="reached")["MaximumRetryAttempts"] == 0
    assert call(cloud, outputs["Url"]) == "/said"

    cloud.restart()
    second = template(url={"InvokeMode": "RESPONSE_STREAM"}, events={"MaximumEventAgeInSeconds": 120})
    stacks.update_stack(StackName="reach", TemplateBody=second)
    stacks.get_waiter("stack_update_complete").wait(StackName="reach", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    changed = functions.get_function_url_config(FunctionName="reached")
    assert (changed["FunctionUrl"], changed["InvokeMode"]) == (outputs["Url"], "RESPONSE_STREAM")
    assert not changed.get("Cors")
    events = functions.get_function_event_invoke_config(FunctionName="reached")
    assert (events["MaximumEventAgeInSeconds"], "MaximumRetryAttempts" in events) == (120, False)

    stacks.delete_stack(StackName="reach")
    stacks.get_waiter("stack_delete_complete").wait(StackName="reach", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    for read in (functions.get_function_url_config, functions.get_function_event_invoke_config):
        with pytest.raises(ClientError) as error:
            read(FunctionName="reached")
        assert error.value.response["Error"]["Code"] == "ResourceNotFoundException"


def call(cloud: CloudUnderTest, url: str) -> str:
    """What the echo was sent as its path."""
    host = url.removeprefix("https://").rstrip("/")
    with urllib.request.urlopen(urllib.request.Request(f"{cloud.endpoint}/said", headers={"Host": host}), timeout=20) as answer:
        return str(json.load(answer)["rawPath"])
