"""Change sets, in the shapes recorded from AWS (test_change_sets, api.test_changesets, test_change_set_parameters)."""

from __future__ import annotations

import json
from typing import Any

from tests.services.cloudformation.conftest import Lab, body, things


async def make(lab: Lab, template: Any, name: str = "change", kind: str = "UPDATE", **params: Any) -> dict[str, Any]:
    await lab.call(
        "CreateChangeSet", StackName="stack", ChangeSetName=name, ChangeSetType=kind, TemplateBody=body(template), **params
    )
    return await lab.call("DescribeChangeSet", StackName="stack", ChangeSetName=name)


async def test_a_stack_made_by_a_change_set(lab: Lab) -> None:
    shown = await make(lab, things(A={"Name": "a"}), kind="CREATE")
    assert shown["Changes"] == [
        {
            "Type": "Resource",
            "ResourceChange": {
                "Action": "Add",
                "LogicalResourceId": "A",
                "ResourceType": "AWS::Test::Thing",
                "Scope": [],
                "Details": [],
            },
        }
    ]
    assert (shown["Status"], shown["ExecutionStatus"], shown["Capabilities"]) == ("CREATE_COMPLETE", "AVAILABLE", [])
    stack = (await lab.call("DescribeStacks", StackName="stack"))["Stacks"][0]
    assert (stack["StackStatus"], stack["StackStatusReason"]) == ("REVIEW_IN_PROGRESS", "User Initiated")
    assert lab.thing.log == []
    await lab.call("ExecuteChangeSet", StackName="stack", ChangeSetName="change")
    stack = await lab.settled("stack")
    assert (stack["StackStatus"], stack["ChangeSetId"]) == ("CREATE_COMPLETE", shown["ChangeSetId"])
    assert "LastUpdatedTime" in stack
    executed = await lab.call("DescribeChangeSet", ChangeSetName=shown["ChangeSetId"])
    assert executed["ExecutionStatus"] == "EXECUTE_COMPLETE"
    assert (await lab.call("ListChangeSets", StackName="stack"))["Summaries"] == []
    error = await lab.refused("ExecuteChangeSet", ChangeSetName=shown["ChangeSetId"])
    assert error.code == "InvalidChangeSetStatus"
    error = await lab.refused(
        "CreateChangeSet", StackName="stack", ChangeSetName="x", ChangeSetType="CREATE", TemplateBody=body(things(A={}))
    )
    assert error.message == "Stack [stack] already exists and cannot be created again with the changeSet [x]."


async def test_the_changes_of_an_update(lab: Lab) -> None:
    before = things(Foo={"Name": "topic-1"}, Parameter={"Value": {"Fn::GetAtt": "Foo.Arn"}}, Gone={}, Same={"Size": 1})
    await lab.deploy(before)
    after = things(Foo={"Name": "topic-2"}, Parameter={"Value": {"Fn::GetAtt": "Foo.Arn"}}, Same={"Size": "1"}, New={})
    shown = await make(lab, after)
    changes = {change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"] for change in shown["Changes"]}
    assert list(changes) == ["Foo", "Gone", "New", "Parameter"]
    assert changes["Foo"] == {
        "Action": "Modify",
        "LogicalResourceId": "Foo",
        "PhysicalResourceId": "topic-1",
        "PolicyAction": "ReplaceAndDelete",
        "Replacement": "True",
        "ResourceType": "AWS::Test::Thing",
        "Scope": ["Properties"],
        "Details": [
            {
                "ChangeSource": "DirectModification",
                "Evaluation": "Static",
                "Target": {"Attribute": "Properties", "Name": "Name", "RequiresRecreation": "Always"},
            }
        ],
    }
    assert changes["Parameter"]["Replacement"] == "False"
    assert changes["Parameter"]["Details"] == [
        {
            "CausingEntity": "Foo.Arn",
            "ChangeSource": "ResourceAttribute",
            "Evaluation": "Static",
            "Target": {"Attribute": "Properties", "Name": "Value", "RequiresRecreation": "Never"},
        }
    ]
    assert (changes["Gone"]["Action"], changes["Gone"]["PolicyAction"]) == ("Remove", "Delete")
    valued = await lab.call("DescribeChangeSet", StackName="stack", ChangeSetName="change", IncludePropertyValues=True)
    parameter = valued["Changes"][3]["ResourceChange"]
    assert json.loads(parameter["AfterContext"]) == {"Properties": {"Value": "{{changeSet:KNOWN_AFTER_APPLY}}"}}
    assert json.loads(parameter["BeforeContext"]) == {"Properties": {"Value": "arn:thing:topic-1"}}
    foo = valued["Changes"][0]["ResourceChange"]["Details"][0]["Target"]
    assert foo == {
        "AfterValue": "topic-2",
        "Attribute": "Properties",
        "AttributeChangeType": "Modify",
        "BeforeValue": "topic-1",
        "Name": "Name",
        "Path": "/Properties/Name",
        "RequiresRecreation": "Always",
    }
    await lab.call("ExecuteChangeSet", StackName="stack", ChangeSetName="change")
    assert (await lab.settled("stack"))["StackStatus"] == "UPDATE_COMPLETE"
    assert "topic-2" in lab.thing.things and "topic-1" not in lab.thing.things


async def test_a_parameter_as_the_cause(lab: Lab) -> None:
    template = things(Foo={"Name": {"Ref": "TopicName"}})
    template["Parameters"] = {"TopicName": {"Type": "String"}}
    await lab.deploy(template, Parameters=[{"ParameterKey": "TopicName", "ParameterValue": "t1"}])
    shown = await make(lab, template, Parameters=[{"ParameterKey": "TopicName", "ParameterValue": "t2"}])
    target = {"Attribute": "Properties", "Name": "Name", "RequiresRecreation": "Always"}
    assert shown["Changes"][0]["ResourceChange"]["Details"] == [
        {"CausingEntity": "TopicName", "ChangeSource": "ParameterReference", "Evaluation": "Static", "Target": target},
        {"ChangeSource": "DirectModification", "Evaluation": "Dynamic", "Target": target},
    ]
    assert shown["Parameters"] == [{"ParameterKey": "TopicName", "ParameterValue": "t2"}]


async def test_nothing_to_change(lab: Lab) -> None:
    await lab.deploy(things(A={}))
    shown = await make(lab, things(A={}))
    assert (shown["Status"], shown["ExecutionStatus"], shown["Changes"]) == ("FAILED", "UNAVAILABLE", [])
    assert shown["StatusReason"] == (
        "The submitted information didn't contain changes. Submit different information to create a change set."
    )
    error = await lab.refused("ExecuteChangeSet", StackName="stack", ChangeSetName="change")
    assert error.message == f"ChangeSet [{shown['ChangeSetId']}] cannot be executed in its current status of [FAILED]"
    await lab.call("DeleteChangeSet", StackName="stack", ChangeSetName="change")
    error = await lab.refused("DescribeChangeSet", StackName="stack", ChangeSetName="change")
    assert (error.code, error.message, error.status) == ("ChangeSetNotFound", "ChangeSet [change] does not exist", 404)


async def test_change_sets_that_are_not_there(lab: Lab) -> None:
    assert (
        await lab.refused("DeleteChangeSet", StackName="nostack", ChangeSetName="c")
    ).message == "Stack [nostack] does not exist"
    assert (await lab.refused("DeleteChangeSet", ChangeSetName="c")).message == (
        "StackName must be specified if ChangeSetName is not specified as an ARN."
    )
    error = await lab.refused("CreateChangeSet", StackName="nostack", ChangeSetName="c", TemplateBody=body(things(A={})))
    assert error.message == "Stack [nostack] does not exist"


async def test_creating_a_stack_while_it_is_reviewed(lab: Lab) -> None:
    reviewed = await make(lab, things(A={}), kind="CREATE")
    stack = await lab.deploy(things(A={"Name": "direct"}))
    assert stack["StackId"] == reviewed["StackId"]
    assert (await lab.call("DescribeChangeSet", ChangeSetName=reviewed["ChangeSetId"]))["ExecutionStatus"] == "OBSOLETE"


async def test_get_template_of_stack_and_change_set(lab: Lab) -> None:
    await lab.deploy("Resources:\n  A:\n    Type: AWS::Test::Thing\n")
    await make(lab, things(B={}))
    assert (await lab.call("GetTemplate", StackName="stack"))[
        "TemplateBody"
    ] == "Resources:\n  A:\n    Type: AWS::Test::Thing\n"
    found = await lab.call("GetTemplate", StackName="stack", ChangeSetName="change", TemplateStage="Processed")
    assert json.loads(found["TemplateBody"]) == things(B={})
    assert (await lab.refused("GetTemplate")).message == "StackName is required if ChangeSetName is not specified."
    assert (await lab.refused("GetTemplate", ChangeSetName="c")).message == "StackName is a required parameter."
    assert (await lab.refused("GetTemplate", StackName="no")).message == "Stack with id no does not exist"


async def test_exports_and_imports(lab: Lab) -> None:
    source = things(A={"Name": "a"})
    source["Outputs"] = {"Name": {"Value": {"Ref": "A"}, "Export": {"Name": {"Fn::Sub": "${AWS::StackName}-name"}}}}
    stack = await lab.deploy(source, "source")
    user = things(B={"Value": {"Fn::ImportValue": "source-name"}})
    shown = await lab.call(
        "CreateChangeSet",
        StackName="early",
        ChangeSetName="c",
        ChangeSetType="CREATE",
        TemplateBody=body(things(B={"Value": {"Fn::ImportValue": "nowhere"}})),
    )
    described = await lab.call("DescribeChangeSet", ChangeSetName=shown["Id"])
    assert described["StatusReason"].endswith("ChangeSet creation failed for resource [B] because: No export named nowhere")
    missing = await lab.deploy(things(B={"Value": {"Fn::ImportValue": "nowhere"}}), "missing")
    assert (
        "missing",
        "ROLLBACK_IN_PROGRESS",
        "No export named nowhere found. Rollback requested by user.",
    ) in await lab.events("missing")
    assert missing["StackStatus"] == "ROLLBACK_COMPLETE"
    await lab.deploy(user, "user")
    assert {"Value": "a"} in lab.thing.things.values()
    assert await lab.call("ListExports") == {
        "Exports": [{"ExportingStackId": stack["StackId"], "Name": "source-name", "Value": "a"}]
    }
    assert (await lab.call("ListImports", ExportName="source-name"))["Imports"] == ["user"]
    kept = await lab.remove("source")
    assert (kept["StackStatus"], kept["StackStatusReason"]) == (
        "DELETE_FAILED",
        "Export source-name cannot be deleted as it is in use by user",
    )
    await lab.remove("user")
    assert (await lab.remove("source"))["StackStatus"] == "DELETE_COMPLETE"
    assert (await lab.call("ListExports"))["Exports"] == []


async def test_an_export_in_use_cannot_be_changed(lab: Lab) -> None:
    source = things(A={"Name": "a"})
    source["Outputs"] = {"Name": {"Value": {"Ref": "A"}, "Export": {"Name": "shared"}}}
    await lab.deploy(source, "source")
    await lab.deploy(things(B={"Value": {"Fn::ImportValue": "shared"}}), "user")
    source["Resources"]["A"]["Properties"]["Name"] = "b"
    stack = await lab.change(source, "source")
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "a" in lab.thing.things and "b" not in lab.thing.things
    events = await lab.events("source")
    assert ("source", "UPDATE_ROLLBACK_IN_PROGRESS", "Export shared cannot be updated as it is in use by user. ") in events


async def test_events_are_paged(lab: Lab) -> None:
    await lab.deploy(things(**{f"T{i:02}": {} for i in range(50)}))
    first = await lab.call("DescribeStackEvents", StackName="stack")
    second = await lab.call("DescribeStackEvents", StackName="stack", NextToken=first["NextToken"])
    ids = [event["EventId"] for event in first["StackEvents"] + second["StackEvents"]]
    assert len(first["StackEvents"]) == 100 and len(ids) == len(set(map(str, range(152))))
    assert "NextToken" not in second
    assert second["StackEvents"][-1]["ResourceStatus"] == "CREATE_IN_PROGRESS"
    assert (
        await lab.refused("DescribeStackEvents", StackName="stack", NextToken="junk")
    ).message == "Invalid pagination token"
