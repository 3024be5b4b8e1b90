"""CloudFormation over the wire, with S3, SSM, Lambda and IAM behind it."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudUnderTest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
CUSTOM = """
import json, urllib.request
def handler(event, context):
    print(json.dumps(event))
    props = event["ResourceProperties"]
    if props.get("Silent") == event["RequestType"]:
        return
    answer = {"Status": "FAILED" if props.get("Fail") == event["RequestType"] else "SUCCESS", "Reason": "as it was told",
              "PhysicalResourceId": props.get("Id", "custom-1"), "StackId": event["StackId"],
              "RequestId": event["RequestId"], "LogicalResourceId": event["LogicalResourceId"],
              "Data": {"Said": event["RequestType"] + ":" + props.get("Word", ""), "Type": event["ResourceType"]}}
    request = urllib.request.Request(event["ResponseURL"], json.dumps(answer).encode(), {"content-type": ""}, method="PUT")
    urllib.request.urlopen(request, timeout=5).read()
"""
MACRO = """
def handler(event, context):
    fragment = event["fragment"]
    if event["params"].get("Fail"):
        return {"requestId": event["requestId"], "status": "failure", "errorMessage": event["params"]["Fail"]}
    fragment["Resources"]["Added"] = {"Type": "AWS::SSM::Parameter", "Properties": {
        "Type": "String", "Value": event["templateParameterValues"]["Word"] + event["transformId"].split("::")[1]}}
    return {"requestId": event["requestId"], "status": "success", "fragment": fragment}
"""


class Deployer:
    def __init__(self, cloud: CloudUnderTest) -> None:
        self.cloud = cloud
        self.cloudformation = cloud.client("cloudformation")

    def settle(self, name: str) -> dict[str, Any]:
        import time

        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            stack: dict[str, Any] = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]
            if not stack["StackStatus"].endswith("_IN_PROGRESS"):
                return stack
            time.sleep(0.02)
        raise AssertionError(f"{name} is still {stack['StackStatus']}\n{self.cloud.output()}")

    def create(self, name: str, template: dict[str, Any], **more: Any) -> dict[str, Any]:
        made = self.cloudformation.create_stack(
            StackName=name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            **more,
        )
        return self.settle(made["StackId"])

    def update(self, name: str, template: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.cloudformation.update_stack(
            StackName=name,
            TemplateBody=json.dumps(template),
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
            **more,
        )
        return self.settle(name)

    def delete(self, name: str) -> dict[str, Any]:
        id = self.cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
        self.cloudformation.delete_stack(StackName=name)
        return self.settle(id)

    def events(self, name: str) -> list[tuple[str, str, str]]:
        pages = self.cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
        events = [event for page in pages for event in page["StackEvents"]]
        return [
            (event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", ""))
            for event in reversed(events)
        ]

    def function(self, name: str, code: str) -> str:
        """A function of that code; returns its ARN."""
        iam = self.cloud.client("iam")
        role = iam.create_role(RoleName=f"{name}-role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        iam.attach_role_policy(
            RoleName=f"{name}-role", PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
        )
        data = io.BytesIO()
        with zipfile.ZipFile(data, "w") as archive:
            archive.writestr("index.py", code)
        made = self.cloud.client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.11",
            Handler="index.handler",
            Role=role,
            Code={"ZipFile": data.getvalue()},
            Timeout=10,
        )
        self.cloud.client("lambda").get_waiter("function_active_v2").wait(FunctionName=name, WaiterConfig={"Delay": 1})
        return str(made["FunctionArn"])


@pytest.fixture(scope="module")
def deployer(cloud: CloudUnderTest) -> Deployer:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="templates")
    return Deployer(cloud)


def parameter(value: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value, **more}}


def test_parameters_of_ssm_types_and_dynamic_references(cloud: CloudUnderTest, deployer: Deployer) -> None:
    ssm = cloud.client("ssm")
    ssm.put_parameter(Name="/app/name", Type="String", Value="found")
    ssm.put_parameter(Name="/app/list", Type="StringList", Value="a,b")
    template = {
        "Parameters": {
            "Name": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/app/name"},
            "List": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/app/list"},
        },
        "Resources": {
            "P": parameter(
                {
                    "Fn::Sub": [
                        "${Name}-${Second}-{{resolve:ssm:/app/name}}",
                        {"Second": {"Fn::Select": [1, {"Ref": "List"}]}},
                    ]
                }
            )
        },
        "Outputs": {"P": {"Value": {"Ref": "P"}}, "Value": {"Value": {"Fn::GetAtt": "P.Value"}}},
    }
    stack = deployer.create("dynamic", template)
    assert {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}["Value"] == "found-b-found"
    assert stack["Parameters"][0] == {"ParameterKey": "Name", "ParameterValue": "/app/name", "ResolvedValue": "found"}
    # A changed parameter is a change of the stack, though template and values are the same.
    ssm.put_parameter(Name="/app/name", Type="String", Value="anew", Overwrite=True)
    deployer.update("dynamic", template)
    name = next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "P")
    assert ssm.get_parameter(Name=name)["Parameter"]["Value"] == "anew-b-anew"
    with pytest.raises(
        ClientError, match=r"Unable to fetch parameters \[/app/none\] from parameter store for this account."
    ):
        deployer.create("none", template, Parameters=[{"ParameterKey": "Name", "ParameterValue": "/app/none"}])
    deployer.delete("dynamic")
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=name)


def put_template(cloud: CloudUnderTest, key: str, template: dict[str, Any]) -> str:
    cloud.client("s3").put_object(Bucket="templates", Key=key, Body=json.dumps(template))
    return f"https://templates.s3.us-east-1.amazonaws.com/{key}"


def test_nested_stacks(cloud: CloudUnderTest, deployer: Deployer) -> None:
    child = {
        "Parameters": {"Word": {"Type": "String"}, "Many": {"Type": "CommaDelimitedList", "Default": "x"}},
        "Resources": {"P": parameter({"Fn::Sub": ["${Word}${M}", {"M": {"Fn::Select": [0, {"Ref": "Many"}]}}]})},
        "Outputs": {"Name": {"Value": {"Ref": "P"}}},
    }
    url = put_template(cloud, "child.json", child)
    nested = {
        "Type": "AWS::CloudFormation::Stack",
        "Properties": {"TemplateURL": url, "Parameters": {"Word": "w", "Many": ["m", "n"]}},
    }
    outer = {
        "Resources": {"Child": nested, "After": parameter({"Fn::GetAtt": "Child.Outputs.Name"})},
        "Outputs": {"Child": {"Value": {"Ref": "Child"}}},
    }
    stack = deployer.create("outer", outer)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    inner = deployer.settle(stack["Outputs"][0]["OutputValue"])
    assert (inner["ParentId"], inner["RootId"]) == (stack["StackId"], stack["StackId"])
    assert inner["StackName"].startswith("outer-Child-")
    ssm = cloud.client("ssm")
    value = ssm.get_parameter(Name=inner["Outputs"][0]["OutputValue"])["Parameter"]["Value"]
    assert value == "wm"
    nested["Properties"]["Parameters"]["Word"] = "changed"  # type: ignore[index]
    assert deployer.update("outer", outer)["StackStatus"] == "UPDATE_COMPLETE"
    assert ssm.get_parameter(Name=inner["Outputs"][0]["OutputValue"])["Parameter"]["Value"] == "changedm"
    # What is nested goes back with what is around it.
    nested["Properties"]["Parameters"]["Word"] = "again"  # type: ignore[index]
    outer["Resources"]["After"] = parameter({"Fn::GetAtt": "Child.Outputs.Nothing"})  # type: ignore[index]
    assert deployer.update("outer", outer)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert ssm.get_parameter(Name=inner["Outputs"][0]["OutputValue"])["Parameter"]["Value"] == "changedm"
    assert deployer.delete("outer")["StackStatus"] == "DELETE_COMPLETE"
    assert deployer.settle(inner["StackId"])["StackStatus"] == "DELETE_COMPLETE"


def test_a_nested_stack_that_fails(cloud: CloudUnderTest, deployer: Deployer) -> None:
    url = put_template(
        cloud, "bad.json", {"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": "v"}}}}
    )
    outer = {"Resources": {"Child": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}}
    stack = deployer.create("outer-bad", outer)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = next(event[2] for event in deployer.events("outer-bad") if event[:2] == ("Child", "CREATE_FAILED"))
    assert reason.startswith("Embedded stack arn:aws:cloudformation:us-east-1:000000000000:stack/outer-bad-Child-")
    assert reason.endswith("was not successfully created: The following resource(s) failed to create: [P].")
    with pytest.raises(ClientError, match="S3 error"):
        deployer.cloudformation.create_stack(StackName="no", TemplateURL="https://templates.s3.amazonaws.com/none.json")


def test_custom_resources(deployer: Deployer) -> None:
    token = deployer.function("custom", CUSTOM)

    def template(**properties: Any) -> dict[str, Any]:
        custom = {"Type": "Custom::Thing", "Properties": {"ServiceToken": token, **properties}}
        return {
            "Resources": {"C": custom},
            "Outputs": {"Said": {"Value": {"Fn::GetAtt": "C.Said"}}, "Id": {"Value": {"Ref": "C"}}},
        }

    def outputs(stack: dict[str, Any]) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    stack = deployer.create("custom", template(Word="one"))
    assert (stack["StackStatus"], outputs(stack)) == ("CREATE_COMPLETE", {"Said": "Create:one", "Id": "custom-1"})
    stack = deployer.update("custom", template(Word="two"))
    assert outputs(stack) == {"Said": "Update:two", "Id": "custom-1"}
    stack = deployer.update("custom", template(Word="three", Id="custom-2"))
    assert outputs(stack) == {"Said": "Update:three", "Id": "custom-2"}
    assert ("C", "DELETE_COMPLETE", "") in deployer.events("custom")
    stack = deployer.update("custom", template(Word="four", Id="custom-2", Fail="Update"))
    assert stack["StackStatus"] in ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED")
    failed = next(event[2] for event in deployer.events("custom") if event[:2] == ("C", "UPDATE_FAILED"))
    assert failed.startswith("Received response status [FAILED] from custom resource. Message returned: as it was told")
    assert deployer.delete("custom")["StackStatus"] == "DELETE_COMPLETE"
    failed_stack = deployer.create("custom-bad", template(Fail="Create"))
    assert failed_stack["StackStatus"] == "ROLLBACK_COMPLETE"
    silent = deployer.create("custom-silent", template(Silent="Create", ServiceTimeout="1"))
    assert silent["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = next(event[2] for event in deployer.events("custom-silent") if event[:2] == ("C", "CREATE_FAILED"))
    assert reason.startswith("CloudFormation did not receive a response from your Custom Resource.")


def test_wait_conditions(cloud: CloudUnderTest, deployer: Deployer) -> None:
    template = {
        "Resources": {
            "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
            "Tell": parameter({"Ref": "Handle"}, Name="/wait/url"),
            "Wait": {
                "Type": "AWS::CloudFormation::WaitCondition",
                "DependsOn": "Tell",
                "Properties": {"Handle": {"Ref": "Handle"}, "Count": 2, "Timeout": "20"},
            },
        },
        "Outputs": {"Data": {"Value": {"Fn::GetAtt": "Wait.Data"}}},
    }
    deployer.cloudformation.create_stack(StackName="wait", TemplateBody=json.dumps(template))
    url = urlsplit(cloud.client("ssm").get_parameter(Name="/wait/url")["Parameter"]["Value"])

    def signal(unique_id: str, query: str = url.query) -> int:
        said = json.dumps({"Status": "SUCCESS", "UniqueId": unique_id, "Data": f"from {unique_id}", "Reason": "ready"})
        request = urllib.request.Request(
            f"{cloud.endpoint}{url.path}?{query}", said.encode(), {"Host": str(url.hostname)}, method="PUT"
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)

    with pytest.raises(urllib.error.HTTPError, match="403"):
        signal("a", "expires=9999999999&proof=0")
    assert signal("a") == 200
    cloud.restart()  # What waits is on disk.
    assert deployer.cloudformation.describe_stacks(StackName="wait")["Stacks"][0]["StackStatus"] == "CREATE_IN_PROGRESS"
    assert signal("b") == 200
    stack = deployer.settle("wait")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert json.loads(stack["Outputs"][0]["OutputValue"]) == {"a": "from a", "b": "from b"}
    deployer.delete("wait")


def test_macros_and_includes(cloud: CloudUnderTest, deployer: Deployer) -> None:
    function = deployer.function("macro", MACRO)
    registered = {
        "Resources": {"M": {"Type": "AWS::CloudFormation::Macro", "Properties": {"Name": "Adder", "FunctionName": function}}}
    }
    assert deployer.create("macro", registered)["StackStatus"] == "CREATE_COMPLETE"
    cloud.client("s3").put_object(Bucket="templates", Key="snippet.yaml", Body="Description: included\nTier: Standard\n")
    include = {"Name": "AWS::Include", "Parameters": {"Location": "s3://templates/snippet.yaml"}}
    template: dict[str, Any] = {
        "Transform": "Adder",
        "Parameters": {"Word": {"Type": "String", "Default": "word"}},
        "Resources": {"P": parameter("v", **{"Fn::Transform": include})},
        "Outputs": {"Added": {"Value": {"Fn::GetAtt": "Added.Value"}}},
    }
    stack = deployer.create("transformed", template)
    assert stack["Outputs"][0]["OutputValue"] == "wordAdder"
    processed = deployer.cloudformation.get_template(StackName="transformed", TemplateStage="Processed")["TemplateBody"]
    assert processed["Resources"]["P"]["Properties"] == {
        "Type": "String",
        "Value": "v",
        "Description": "included",
        "Tier": "Standard",
    }
    template["Transform"] = {"Name": "Adder", "Parameters": {"Fail": "failed because it is a test"}}
    failed = deployer.create("transformed-bad", template)
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = "Transform 000000000000::Adder failed with: failed because it is a test. Rollback requested by user."
    assert ("transformed-bad", "ROLLBACK_IN_PROGRESS", reason) in deployer.events("transformed-bad")
    template["Transform"] = "Nobody"
    created = deployer.cloudformation.create_change_set(
        StackName="x", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=json.dumps(template)
    )
    shown = deployer.cloudformation.describe_change_set(ChangeSetName=created["Id"])
    assert shown["StatusReason"] == "No transform named 000000000000::Nobody found."


def test_calls_are_made_in_the_deployers_name(cloud: CloudUnderTest, deployer: Deployer) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="deployer")
    keys = iam.create_access_key(UserName="deployer")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": "cloudformation:*", "Resource": "arn:aws:cloudformation:*:*:stack/mine-*/*"}
    iam.put_user_policy(
        UserName="deployer", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    )
    mine = cloud.client("cloudformation", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"])
    template = json.dumps({"Resources": {"P": parameter("v")}})
    with pytest.raises(ClientError) as caught:
        mine.create_stack(StackName="other", TemplateBody=template)
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    assert "is not authorized to perform: cloudformation:CreateStack on resource: " in str(caught.value)
    mine.create_stack(StackName="mine-1", TemplateBody=template)
    assert deployer.settle("mine-1")["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = next(event[2] for event in deployer.events("mine-1") if event[1] == "CREATE_FAILED")
    assert "user/deployer is not authorized to perform: ssm:PutParameter" in reason
    assert "HandlerErrorCode: AccessDenied" in reason
    transformed = json.dumps({"Transform": "AWS::LanguageExtensions", "Resources": {"P": parameter("v")}})
    with pytest.raises(ClientError, match="cloudformation:us-east-1:aws:transform/LanguageExtensions"):
        mine.create_change_set(StackName="mine-0", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=transformed)
    # Allowed, but only by way of CloudFormation.
    via = {
        "Effect": "Allow",
        "Action": "ssm:*",
        "Resource": "*",
        "Condition": {"ForAnyValue:StringEquals": {"aws:CalledVia": ["cloudformation.amazonaws.com"]}},
    }
    iam.put_user_policy(
        UserName="deployer",
        PolicyName="p",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed, via]}),
    )
    mine.create_stack(StackName="mine-2", TemplateBody=template)
    assert deployer.settle("mine-2")["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="not authorized"):
        cloud.client("ssm", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"]).put_parameter(
            Name="x", Value="v", Type="String"
        )


def test_a_stacks_role(cloud: CloudUnderTest, deployer: Deployer) -> None:
    iam = cloud.client("iam")
    trust = json.loads(json.dumps(TRUST).replace("lambda", "cloudformation"))
    role = iam.create_role(RoleName="stack-role", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    other = iam.create_role(RoleName="other-role", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    template = {"Resources": {"P": parameter("v")}}
    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        deployer.create("roled", template, RoleARN=other)
    denied = deployer.create("roled", template, RoleARN=role)
    assert denied["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = next(event[2] for event in deployer.events("roled") if event[1] == "CREATE_FAILED")
    assert "assumed-role/stack-role/AWSCloudFormation is not authorized to perform: ssm:PutParameter" in reason
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]}
    iam.put_role_policy(RoleName="stack-role", PolicyName="p", PolicyDocument=json.dumps(allow))
    deployer.delete("roled")
    assert deployer.create("roled", template, RoleARN=role)["RoleARN"] == role


def test_a_deployment_goes_on_after_kill_9(cloud: CloudUnderTest, deployer: Deployer) -> None:
    resources = {f"P{i}": parameter({"Ref": f"P{i - 1}"} if i % 8 else "first") for i in range(64)}
    deployer.cloudformation.create_change_set(
        StackName="killed", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=json.dumps({"Resources": resources})
    )
    import threading

    def execute() -> None:
        with pytest.raises(Exception):  # noqa: B017 - the connection ends with the cloud
            deployer.cloudformation.execute_change_set(StackName="killed", ChangeSetName="c")

    thread = threading.Thread(target=execute)
    thread.start()
    for _ in range(2000):
        if len(deployer.events("killed")) > 20:
            break
    cloud.restart()
    thread.join()
    stack = deployer.settle("killed")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    names = [
        row["PhysicalResourceId"]
        for row in deployer.cloudformation.describe_stack_resources(StackName="killed")["StackResources"]
    ]
    found = [
        item["Name"]
        for page in cloud.client("ssm").get_paginator("describe_parameters").paginate()
        for item in page["Parameters"]
        if "-killed-" in item["Name"]
    ]
    assert sorted(found) == sorted(names) and len(names) == 64
