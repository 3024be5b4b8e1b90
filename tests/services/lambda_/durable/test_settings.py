"""DurableConfig on functions: through the API and through CloudFormation."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudUnderTest
from tests.services.lambda_.helpers import create, role

DURABLE = {"ExecutionTimeout": 600, "RetentionPeriodInDays": 7}


def refused(call: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**members)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_function_is_durable_from_its_creation(cloud: CloudUnderTest) -> None:
    functions = cloud.client("lambda")
    assert create(cloud, "kept", DurableConfig=DURABLE)["DurableConfig"] == DURABLE
    changed = functions.update_function_configuration(FunctionName="kept", DurableConfig={"ExecutionTimeout": 60})
    assert changed["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7}
    published = functions.publish_version(FunctionName="kept")
    functions.update_function_configuration(FunctionName="kept", DurableConfig={"RetentionPeriodInDays": 1})
    cloud.restart()
    latest = functions.get_function_configuration(FunctionName="kept")
    assert latest["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 1}
    frozen = functions.get_function_configuration(FunctionName="kept", Qualifier=published["Version"])
    assert frozen["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 7}


def test_the_history_is_kept_for_a_fortnight_unless_said(cloud: CloudUnderTest) -> None:
    made = create(cloud, "fortnight", DurableConfig={"ExecutionTimeout": 60})
    assert made["DurableConfig"] == {"ExecutionTimeout": 60, "RetentionPeriodInDays": 14}


def test_what_is_no_durable_configuration(cloud: CloudUnderTest) -> None:
    functions = cloud.client("lambda")
    arn = role(cloud, "refused-role")
    given = {"FunctionName": "none", "Role": arn, "Runtime": "python3.13", "Handler": "a.b", "Code": {"ZipFile": b"PK"}}
    assert refused(functions.create_function, **given, DurableConfig={"RetentionPeriodInDays": 3}) == (
        "InvalidParameterValueException",
        "You cannot create a function with a durable configuration without an executionTimeout",
    )
    for config in ({"ExecutionTimeout": 31_622_401}, {"ExecutionTimeout": 1, "RetentionPeriodInDays": 91}):
        with pytest.raises((ClientError, ValueError), match="(?i)less than or equal|validation"):
            functions.create_function(**given, DurableConfig=config)


def test_no_function_becomes_durable(cloud: CloudUnderTest) -> None:
    functions = cloud.client("lambda")
    assert "DurableConfig" not in create(cloud, "plain")
    code, _ = refused(functions.update_function_configuration, FunctionName="plain", DurableConfig=DURABLE)
    assert code == "InvalidParameterValueException"
    assert "DurableConfig" not in functions.get_function_configuration(FunctionName="plain")


def test_cloudformation_makes_durable_functions(cloud: CloudUnderTest) -> None:
    stacks, functions = cloud.client("cloudformation"), cloud.client("lambda")
    arn = role(cloud, "stack-role")

    def template(timeout: Any) -> str:
        properties = {
            "FunctionName": "stacked", "Role": arn, "Runtime": "python3.13", "Handler": "index.handler",
            "Code": {"ZipFile": "def handler(event, context): return event"},
            "DurableConfig": {"ExecutionTimeout": timeout, "RetentionPeriodInDays": "5"},
        }
        return json.dumps({"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}})

    stacks.create_stack(StackName="durable", TemplateBody=template(3600))
    stacks.get_waiter("stack_create_complete").wait(StackName="durable", WaiterConfig={"Delay": 1})
    made = functions.get_function_configuration(FunctionName="stacked")
    assert made["DurableConfig"] == {"ExecutionTimeout": 3600, "RetentionPeriodInDays": 5}
    stacks.update_stack(StackName="durable", TemplateBody=template("7200"))
    stacks.get_waiter("stack_update_complete").wait(StackName="durable", WaiterConfig={"Delay": 1})
    made = functions.get_function_configuration(FunctionName="stacked")
    assert made["DurableConfig"] == {"ExecutionTimeout": 7200, "RetentionPeriodInDays": 5}
