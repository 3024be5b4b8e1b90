"""SAM and the language extensions, as far as no other service is needed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fogbank.api import AwsError
from fogbank.services.cloudformation import language
from fogbank.services.cloudformation.intrinsics import Scope
from tests.services.cloudformation.conftest import Lab, body, things

SAM = "AWS::Serverless-2016-10-31"


def function(**properties: Any) -> dict[str, Any]:
    given = {"CodeUri": "s3://bucket/key", "Handler": "app.handler", "Runtime": "python3.11", **properties}
    return {"Transform": SAM, "Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": given}}}


async def change_set(lab: Lab, template: Any, **params: Any) -> dict[str, Any]:
    made = await lab.call(
        "CreateChangeSet", StackName="s", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body(template), **params
    )
    return await lab.call("DescribeChangeSet", ChangeSetName=made["Id"])


async def test_sam_is_translated(lab: Lab) -> None:
    template = function(Policies=["AmazonDynamoDBReadOnlyAccess"], Environment={"Variables": {"STAGE": {"Ref": "Stage"}}})
    template["Parameters"] = {"Stage": {"Type": "String", "Default": "dev"}}
    template["Globals"] = {"Function": {"Timeout": 7}}
    shown = await change_set(lab, template, Capabilities=["CAPABILITY_IAM"])
    assert (shown["Status"], [change["ResourceChange"]["LogicalResourceId"] for change in shown["Changes"]]) == (
        "CREATE_COMPLETE",
        ["F", "FRole"],
    )
    processed = await lab.call("GetTemplate", StackName="s", ChangeSetName="c", TemplateStage="Processed")
    resources = json.loads(processed["TemplateBody"])["Resources"]
    assert resources["F"]["Properties"]["Timeout"] == 7
    assert resources["F"]["Properties"]["Code"] == {"S3Bucket": "bucket", "S3Key": "key"}
    assert resources["FRole"]["Properties"]["ManagedPolicyArns"] == [
        "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        "arn:aws:iam::aws:policy/AmazonDynamoDBReadOnlyAccess",
    ]
    original = await lab.call("GetTemplate", StackName="s", ChangeSetName="c")
    assert json.loads(original["TemplateBody"]) == template


async def test_errors_of_sam_are_the_change_sets_reason(lab: Lab) -> None:
    template = function()
    del template["Resources"]["F"]["Properties"]["Handler"]
    shown = await change_set(lab, template, Capabilities=["CAPABILITY_IAM"])
    assert (shown["Status"], shown["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert shown["StatusReason"].startswith(
        "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document. "
        "Number of errors found: 1. Resource with id [F] is invalid. "
    )


async def test_what_sam_makes_needs_capabilities(lab: Lab) -> None:
    error = await lab.refused(
        "CreateChangeSet", StackName="s", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body(function())
    )
    assert (error.code, error.message) == ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
    error = await lab.refused("CreateStack", StackName="s", TemplateBody=body(function()), Capabilities=["CAPABILITY_IAM"])
    assert error.message == "Requires capabilities : [CAPABILITY_AUTO_EXPAND]"


async def test_a_transform_that_fails_rolls_a_direct_creation_back(lab: Lab) -> None:
    template = function(Runtime="")
    template["Resources"]["F"]["Properties"]["Events"] = {"E": {"Type": "NoSuchEvent"}}
    stack = await lab.deploy(template, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"])
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = next(event[2] for event in await lab.events() if event[1] == "ROLLBACK_IN_PROGRESS")
    assert reason.startswith("Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless")
    assert reason.endswith(". Rollback requested by user.")


async def test_a_worker_that_dies_is_replaced(lab: Lab) -> None:
    from fogbank.services.cloudformation.memory import Memory

    worker = lab.platform.component(Memory).sam
    await worker.translate(function(), {}, "eu-west-1")
    assert worker._process is not None
    worker._process.kill()
    with pytest.raises(AwsError, match="the transform did not finish"):
        await worker.translate(function(), {}, "eu-west-1")
    assert "FRole" in (await worker.translate(function(), {}, "eu-west-1"))["Resources"]


async def test_regions_of_sam(lab: Lab) -> None:
    from fogbank.services.cloudformation.memory import Memory

    worker = lab.platform.component(Memory).sam
    made = await worker.translate(function(), {}, "cn-north-1")
    assert made["Resources"]["FRole"]["Properties"]["ManagedPolicyArns"][0].startswith("arn:aws-cn:iam")
    made = await worker.translate(function(), {}, "eu-west-1")
    assert made["Resources"]["FRole"]["Properties"]["ManagedPolicyArns"][0].startswith("arn:aws:iam")


def unrolled(template: dict[str, Any], **parameters: Any) -> dict[str, Any]:
    mappings = template.get("Mappings") or {}
    return language.transform({"Transform": language.NAME, **template}, Scope(parameters, mappings, {}, True))


def test_loops() -> None:
    template = {
        "Resources": {
            "Fn::ForEach::Topics": [
                "Name",
                {"Ref": "Names"},
                {
                    "Topic${Name}": {
                        "Type": "T",
                        "Properties": {"Name": {"Ref": "Name"}, "Alias": {"Fn::Sub": "${Name}-${Keep}"}},
                    }
                },
            ],
        },
        "Outputs": {
            "Fn::ForEach::Outs": ["N", ["a-b", "c"], {"Out&{N}": {"Value": {"Fn::GetAtt": ["Topic${N}", "Arn"]}}}],
        },
    }
    assert unrolled(template, Names=["One", "Two"]) == {
        "Resources": {
            f"Topic{name}": {"Type": "T", "Properties": {"Name": name, "Alias": {"Fn::Sub": f"{name}-${{Keep}}"}}}
            for name in ("One", "Two")
        },
        "Outputs": {
            "Outab": {"Value": {"Fn::GetAtt": ["Topica-b", "Arn"]}},
            "Outc": {"Value": {"Fn::GetAtt": ["Topicc", "Arn"]}},
        },
    }


def test_loops_within_loops_are_bounded() -> None:
    inner: Any = {"T": {"Type": "T"}}
    for level in range(6):
        inner = {f"Fn::ForEach::L{level}": ["V", ["a", "b"], inner]}
    with pytest.raises(AwsError, match="nested 5 deep at most"):
        unrolled({"Resources": inner})
    many = [str(i) for i in range(500)]
    bomb: Any = {"${A}${B}${C}": {"Type": "T"}}
    for name in "CBA":
        bomb = {f"Fn::ForEach::{name}": [name, many, bomb]}
    with pytest.raises(AwsError, match="too large"):
        unrolled({"Resources": bomb})


def test_added_functions_are_evaluated_where_parameters_suffice() -> None:
    template = {
        "Mappings": {"M": {"k": {"v": "x"}}},
        "Resources": {
            "R": {
                "Type": "T",
                "Properties": {
                    "Json": {"Fn::ToJsonString": {"a": {"Ref": "P"}}},
                    "Later": {"Fn::ToJsonString": {"a": {"Ref": "R2"}}},
                    "Length": {"Fn::Length": [1, 2]},
                    "Map": {"Fn::FindInMap": ["M", "none", "v", {"DefaultValue": "d"}]},
                },
            },
            "R2": {"Type": "T"},
        },
    }
    properties = unrolled(template, P="p")["Resources"]["R"]["Properties"]
    assert properties == {
        "Json": '{"a":"p"}',
        "Later": {"Fn::ToJsonString": {"a": {"Ref": "R2"}}},
        "Length": 2,
        "Map": "d",
    }


async def test_language_extensions_in_a_stack(lab: Lab) -> None:
    template = things(One={"Name": "one"}, Two={"Value": {"Fn::ToJsonString": {"Id": {"Ref": "One"}}}})
    template["Transform"] = "AWS::LanguageExtensions"
    template["Resources"]["Fn::ForEach::More"] = [
        "N",
        ["A", "B"],
        {"More${N}": {"Type": "AWS::Test::Thing", "DeletionPolicy": {"Ref": "Policy"}}},
    ]
    template["Parameters"] = {"Policy": {"Type": "String", "Default": "Retain"}}
    stack = await lab.deploy(template)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert sorted(name.split("-")[1] for name in lab.thing.things if "-" in name) == ["MoreA", "MoreB", "Two"]
    assert {"Value": '{"Id":"one"}'} in lab.thing.things.values()
    await lab.remove()
    assert len(lab.thing.things) == 2
