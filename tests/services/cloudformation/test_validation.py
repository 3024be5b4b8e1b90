"""Templates and parameters that are refused, with the sentences recorded from AWS (api.test_validations, engine.*)."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from fogbank.api import AwsError
from fogbank.services.cloudformation import graph, parameters, template
from fogbank.services.cloudformation.parameters import Parameter
from tests.services.cloudformation.conftest import Lab, body, things

R: dict[str, Any] = {"A": {"Type": "AWS::Test::Thing"}}
FORMAT = "Template format error: "


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, FORMAT + "At least one Resources member must be defined."),
        ({"Resources": {}}, FORMAT + "At least one Resources member must be defined."),
        ({"Resources": []}, FORMAT + "unsupported structure."),
        ({"Resources": {"A": "x"}}, FORMAT + "Any Resources member must be an object."),
        (
            {"Resources": {"A": {"Properties": {}}}},
            FORMAT + "[/Resources/A] Every Resources object must contain a Type member.",
        ),
        ({"Resources": {"A": {"Type": "X", "Invalid": 1}}}, "Invalid template resource property 'Invalid'"),
        ({"Resources": {"my-id": {"Type": "X"}}}, FORMAT + "Resource name my-id is non alphanumeric."),
        ({"Resources": {"AWS::NoValue": {"Type": "X"}}}, FORMAT + "Resource name AWS::NoValue is non alphanumeric."),
        (
            {"Resources": R, "Parameters": {"AWS::NoValue": {"Type": "String"}}},
            FORMAT + "Parameter name AWS::NoValue is non alphanumeric.",
        ),
        (
            {"Resources": R, "Outputs": {"O": {"Value": None}}},
            "[/Outputs/O/Value] 'null' values are not allowed in templates",
        ),
        ({"Resources": R, "Outputs": {"O": {}}}, FORMAT + "Every Outputs member must contain a Value object"),
        (
            {"Resources": {"A": {"Type": "X", "Properties": {"P": None}}}},
            "[/Resources/A/Properties/P] 'null' values are not allowed in templates",
        ),
        ({"Resources": R, "Mappings": {"A": "x"}}, FORMAT + "Every Mappings member A must be a map"),
        ({"Resources": R, "Mappings": {"M": {"A": "x"}}}, FORMAT + "Every Mappings member A must be a map"),
        (
            {"Resources": R, "Mappings": {"M": {"A": {"K": {"Ref": "B"}}}}},
            FORMAT + "Every Mappings attribute must be a String or a List.",
        ),
        ({"Resources": R, "Nonsense": 1}, "Invalid template property or properties [Nonsense]"),
        ({"Resources": R, "Transform": {"Name": {"Ref": "A"}}}, "Key Name of transform definition must be a string."),
    ],
)
def test_shapes(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        template.build(raw)
    assert (caught.value.code, caught.value.message) == ("ValidationError", message)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            things(A={"Value": {"Ref": "InvalidRef"}}),
            FORMAT + "Unresolved resource dependencies [InvalidRef] in the Resources block of the template",
        ),
        (
            things(A={"Value": {"Fn::Sub": "${X}${Y.Z}${AWS::Region}"}}),
            FORMAT + "Unresolved resource dependencies [X, Y] in the Resources block of the template",
        ),
        (
            things(A={"Value": {"Fn::GetAtt": "X.Y"}}),
            "Template error: instance of Fn::GetAtt references undefined resource X",
        ),
        (
            {"Resources": {"A": {"Type": "T", "DependsOn": "NonExistingResource"}}},
            FORMAT + "Unresolved resource dependencies [NonExistingResource] in the Resources block of the template",
        ),
        (
            {"Resources": R, "Outputs": {"O": {"Value": {"Ref": "Z"}}}},
            FORMAT + "Unresolved resource dependencies [Z] in the Outputs block of the template",
        ),
    ],
)
def test_unresolved_references(raw: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError) as caught:
        graph.check_references(template.build(raw), ["AWS::Region"])
    assert caught.value.message == message


def test_circles() -> None:
    raw = things(A={"Value": {"Ref": "B"}}, B={"Value": {"Ref": "A"}}, C={"Value": {"Ref": "A"}}, D={})
    parts = template.build(raw)
    with pytest.raises(AwsError) as caught:
        graph.dependencies(parts, set(parts.resources))
    assert caught.value.message == "Circular dependency between resources: [A, B]"
    assert graph.ordered({"a": ["b"], "b": ["c"], "c": []}) == ["c", "b", "a"]


DECLARED: dict[str, Any] = {
    "Plain": {"Type": "String", "Default": "d", "AllowedValues": ["d", "e"]},
    "Short": {"Type": "String", "Default": "abc", "MinLength": 2, "MaxLength": "4", "AllowedPattern": "[a-z]+"},
    "Count": {"Type": "Number", "Default": 3, "MinValue": 1, "MaxValue": 9},
    "Many": {"Type": "CommaDelimitedList", "Default": "a, b"},
    "Told": {"Type": "String", "Default": "x", "AllowedValues": ["x"], "ConstraintDescription": "must be x"},
}


@pytest.mark.parametrize(
    ("passed", "message"),
    [
        ({"Nope": "1"}, "Parameters: [Nope] do not exist in the template"),
        ({"Plain": "z"}, "Parameter 'Plain' must be one of AllowedValues"),
        ({"Short": "a"}, "Parameter 'Short' must contain at least 2 characters"),
        ({"Short": "abcde"}, "Parameter 'Short' must contain at most 4 characters"),
        ({"Short": "A1"}, "Parameter 'Short' must match pattern [a-z]+"),
        ({"Count": "x"}, "Parameter 'Count' must be a number."),
        ({"Count": "0"}, "Parameter 'Count' must be a number not less than 1"),
        ({"Count": "10"}, "Parameter 'Count' must be a number not greater than 9"),
        ({"Told": "y"}, "Parameter Told failed to satisfy constraint: must be x"),
    ],
)
def test_parameters_refused(passed: dict[str, str], message: str) -> None:
    entries = [{"ParameterKey": key, "ParameterValue": value} for key, value in passed.items()]
    with pytest.raises(AwsError) as caught:
        parameters.gather(DECLARED, entries, {}, is_update=False)
    assert caught.value.message == message


def test_parameters_taken() -> None:
    found = parameters.gather(
        DECLARED, [{"ParameterKey": "Count", "UsePreviousValue": True}], {"Count": "7"}, is_update=True
    )
    assert {name: parameter.effective for name, parameter in found.items()} == {
        "Plain": "d",
        "Short": "abc",
        "Count": "7",
        "Many": ["a", "b"],
        "Told": "x",
    }
    with pytest.raises(AwsError) as caught:
        parameters.gather({"In": {"Type": "String"}, "On": {"Type": "String"}}, [], {}, is_update=False)
    assert caught.value.message == "Parameters: [In, On] must have values"
    with pytest.raises(AwsError) as caught:
        parameters.gather({"In": {"Type": "AWS::SSM::Parameter::Value<String>"}}, [], {}, is_update=False)
    assert caught.value.message == "Parameter In should either have input value or default value"
    with pytest.raises(AwsError, match="Unrecognized parameter type: Strng"):
        parameters.gather({"In": {"Type": "Strng"}}, [], {}, is_update=False)
    assert Parameter("S", "AWS::SSM::Parameter::Value<List<String>>", "name", "a,b").effective == ["a", "b"]


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|a)*b", ".*.*.*.*.*.*.*=", "(.*a){12}c"])
def test_a_costly_pattern_ends_soon(pattern: str) -> None:
    declared = {"P": {"Type": "String", "AllowedPattern": pattern}}
    began = time.perf_counter()
    with pytest.raises(AwsError, match="takes too long|must match pattern"):
        parameters.gather(declared, [{"ParameterKey": "P", "ParameterValue": "a" * 4000}], {}, is_update=False)
    assert time.perf_counter() - began < 1


def test_a_pattern_that_is_none() -> None:
    with pytest.raises(AwsError, match="not a valid regular expression"):
        parameters.gather({"P": {"Type": "String", "Default": "x", "AllowedPattern": "(["}}, [], {}, is_update=False)


async def test_unknown_types_are_refused_before_anything_is_made(lab: Lab) -> None:
    raw = {"Resources": {**R, "B": {"Type": "AWS::Nope::Thing"}, "C": {"Type": "AWS::Test::Other"}}}
    error = await lab.refused("CreateStack", StackName="s", TemplateBody=body(raw))
    assert error.message == "Template format error: Unrecognized resource types: [AWS::Nope::Thing, AWS::Test::Other]"
    error = await lab.refused(
        "CreateChangeSet", StackName="s", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=body(raw)
    )
    assert error.message.startswith("Template format error: Unrecognized resource types")
    assert (await lab.call("ListStacks"))["StackSummaries"] == []


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Either Template URL or Template Body must be specified."),
        ({"TemplateURL": "ftp://x/y"}, "TemplateURL must be a supported URL."),
        ({"TemplateURL": "https://example.com/x"}, "TemplateURL must be a supported URL."),
        ({"TemplateURL": "s3://bucket/key"}, "S3 error: Domain name specified in bucket is not a valid S3 domain"),
        (
            {"TemplateBody": body(things(A={})), "ResourceTypes": ["AWS::EC2::*"]},
            "Resource type AWS::Test::Thing is not allowed by parameter ResourceTypes [AWS::EC2::*]",
        ),
        (
            {"TemplateBody": body(things(A={})), "Tags": [{"Key": "aws:x", "Value": "1"}]},
            "aws: prefixed tag key names are not allowed for external use.",
        ),
        (
            {
                "TemplateBody": body(things(A={})),
                "RollbackConfiguration": {"RollbackTriggers": [{"Arn": "arn:x", "Type": "Blah"}]},
            },
            "Rollback Trigger Type not supported",
        ),
        (
            {"TemplateBody": body(things(A={})), "StackPolicyBody": "{]"},
            "Error validating stack policy: Invalid stack policy",
        ),
        (
            {"TemplateBody": body(things(A={})), "OnFailure": "DELETE", "DisableRollback": True},
            "You can specify either OnFailure or DisableRollback, but not both.",
        ),
    ],
)
async def test_requests_refused(lab: Lab, params: dict[str, Any], message: str) -> None:
    assert (await lab.refused("CreateStack", StackName="s", **params)).message == message


async def test_capabilities(lab: Lab) -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {}}}
    error = await lab.refused("CreateStack", StackName="s", TemplateBody=body({"Resources": {"R": role}}))
    assert (error.code, error.message) == ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_IAM]")
    role["Properties"]["RoleName"] = "named"  # type: ignore[index]
    error = await lab.refused(
        "CreateStack", StackName="s", TemplateBody=body({"Resources": {"R": role}}), Capabilities=["CAPABILITY_IAM"]
    )
    assert error.message == "Requires capabilities : [CAPABILITY_NAMED_IAM]"
    summary = await lab.call("GetTemplateSummary", TemplateBody=body({"Resources": {"R": role}}))
    assert summary["Capabilities"] == ["CAPABILITY_NAMED_IAM"]
    assert summary["CapabilitiesReason"] == "The following resource(s) require capabilities: [AWS::IAM::Role]"


async def test_validate_template(lab: Lab) -> None:
    raw = {
        "Description": "d",
        "Parameters": {"P": {"Type": "String", "Description": "of p", "Default": 1, "NoEcho": True}},
        **things(A={}),
    }
    assert await lab.call("ValidateTemplate", TemplateBody=body(raw)) == {
        "Description": "d",
        "Parameters": [{"ParameterKey": "P", "NoEcho": True, "DefaultValue": "1", "Description": "of p"}],
    }
    error = await lab.refused("ValidateTemplate", TemplateBody="x" * 51_201)
    assert error.message.endswith(
        "at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to 51200"
    )


async def test_references_to_what_a_condition_leaves_out(lab: Lab) -> None:
    raw = things(MyTopic={}, Other={"Value": {"Ref": "MyTopic"}})
    raw["Conditions"] = {"No": {"Fn::Equals": ["a", "b"]}}
    raw["Resources"]["MyTopic"]["Condition"] = "No"
    error = await lab.refused("CreateStack", StackName="s", TemplateBody=body(raw))
    assert (
        error.message
        == "Template format error: Unresolved resource dependencies [MyTopic] in the Resources block of the template"
    )
    raw["Resources"]["Other"]["Properties"]["Value"] = {"Fn::If": ["No", {"Ref": "MyTopic"}, "else"]}
    raw["Outputs"] = {"O": {"Value": {"Ref": "MyTopic"}}}
    error = await lab.refused("CreateStack", StackName="s", TemplateBody=body(raw))
    assert error.message == "Unresolved resource dependencies [MyTopic] in the Outputs block of the template"
    raw["Outputs"]["O"]["Condition"] = "No"
    stack = await lab.deploy(raw, "s")
    assert (stack["StackStatus"], list(lab.thing.things.values())) == ("CREATE_COMPLETE", [{"Value": "else"}])


async def test_no_echo(lab: Lab) -> None:
    raw = things(A={"Name": "a", "Value": {"Fn::Sub": "x-${Secret}"}})
    raw["Parameters"] = {"Secret": {"Type": "String", "NoEcho": True}}
    stack = await lab.deploy(raw, Parameters=[{"ParameterKey": "Secret", "ParameterValue": "hunter2"}])
    assert stack["Parameters"] == [{"ParameterKey": "Secret", "ParameterValue": "****"}]
    assert lab.thing.things["a"]["Value"] == "x-hunter2"
    assert "hunter2" not in json.dumps((await lab.call("DescribeStackEvents", StackName="stack"))["StackEvents"])
    await lab.call(
        "CreateChangeSet",
        StackName="stack",
        ChangeSetName="c",
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "Secret", "ParameterValue": "hunter3"}],
    )
    shown = await lab.call("DescribeChangeSet", StackName="stack", ChangeSetName="c", IncludePropertyValues=True)
    assert len(shown["Changes"]) == 1
    assert "hunter" not in json.dumps(shown)
