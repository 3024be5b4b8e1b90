"""Stacks made, changed and deleted: what happens to the resources, and what the events say."""

from __future__ import annotations

import asyncio

import pytest

from fogbank.api import AwsError, Context
from fogbank.iam.principal import root
from fogbank.services.cloudformation import stacks
from fogbank.services.cloudformation.records import Event
from fogbank.work import Task
from tests.services.cloudformation.conftest import ACCOUNT, REGION, Lab, body, things

FAILED = 'Resource handler returned message: "{} cannot be {}d" (RequestToken: '


async def test_a_stack_is_made_in_the_order_of_its_references(lab: Lab) -> None:
    template = things(
        Third={"Value": {"Fn::Sub": "${Second.Arn}!"}}, First={"Name": "one"}, Second={"Value": {"Ref": "First"}}
    )
    template["Outputs"] = {"Out": {"Value": {"Fn::GetAtt": ["Third", "Value"]}, "Description": "told"}}
    stack = await lab.deploy(template)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert lab.thing.log == [("create", "First"), ("create", "Second"), ("create", "Third")]
    second = next(name for name in lab.thing.things if "-Second-" in name)
    assert stack["Outputs"] == [{"OutputKey": "Out", "OutputValue": f"arn:thing:{second}!", "Description": "told"}]
    assert [event[:2] for event in await lab.events()] == [
        ("stack", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_IN_PROGRESS"),
        ("First", "CREATE_COMPLETE"),
        ("Second", "CREATE_IN_PROGRESS"),
        ("Second", "CREATE_IN_PROGRESS"),
        ("Second", "CREATE_COMPLETE"),
        ("Third", "CREATE_IN_PROGRESS"),
        ("Third", "CREATE_IN_PROGRESS"),
        ("Third", "CREATE_COMPLETE"),
        ("stack", "CREATE_COMPLETE"),
    ]
    assert ("First", "CREATE_IN_PROGRESS", "Resource creation Initiated") in await lab.events()


async def test_resources_get_the_tags_of_their_stack(lab: Lab) -> None:
    stack = await lab.deploy(things(One={"Name": "one"}), Tags=[{"Key": "team", "Value": "blue"}])
    assert lab.thing.tags["one"] == {
        "team": "blue",
        "aws:cloudformation:stack-name": "stack",
        "aws:cloudformation:stack-id": stack["StackId"],
        "aws:cloudformation:logical-id": "One",
    }


async def test_a_failed_creation_rolls_back_and_says_why(lab: Lab) -> None:
    template = things(Good={"Name": "good"}, Bad={"Fail": "create", "Needs": {"Ref": "Good"}})
    stack = await lab.deploy(template)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert lab.thing.things == {}
    events = await lab.events()
    failed = next(event for event in events if event[:2] == ("Bad", "CREATE_FAILED"))
    assert failed[2].startswith(FAILED.format("Bad", "create"))
    assert (
        "stack",
        "ROLLBACK_IN_PROGRESS",
        "The following resource(s) failed to create: [Bad]. Rollback requested by user.",
    ) in events
    assert events[-3:] == [
        ("Good", "DELETE_IN_PROGRESS", ""),
        ("Good", "DELETE_COMPLETE", ""),
        ("stack", "ROLLBACK_COMPLETE", ""),
    ]
    refused = await lab.refused("UpdateStack", StackName="stack", UsePreviousTemplate=True)
    assert refused.message == f"Stack:{stack['StackId']} is in ROLLBACK_COMPLETE state and can not be updated."


async def test_what_runs_beside_a_failure_is_cancelled(lab: Lab) -> None:
    template = things(
        Slow={"Name": "slow", "Wait": "create"}, Bad={"Fail": "create", "Wait": "create"}, Never={"Needs": {"Ref": "Slow"}}
    )
    await lab.call("CreateStack", StackName="stack", TemplateBody=body(template))
    await lab.thing.arrival("Slow").wait()
    await lab.thing.arrival("Bad").wait()
    lab.thing.gate("Bad").set()
    async with asyncio.timeout(5):
        while not any(event[1] == "CREATE_FAILED" for event in await lab.events()):
            await asyncio.sleep(0.005)
    lab.thing.gate("Slow").set()
    stack = await lab.settled("stack")
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert ("Slow", "CREATE_FAILED", "Resource creation cancelled") in await lab.events()
    assert ("create", "Never") not in lab.thing.log
    assert lab.thing.things == {}


async def test_on_failure_do_nothing_keeps_what_was_made(lab: Lab) -> None:
    stack = await lab.deploy(
        things(Good={"Name": "g"}, Bad={"Fail": "create", "Needs": {"Ref": "Good"}}), OnFailure="DO_NOTHING"
    )
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "CREATE_FAILED",
        "The following resource(s) failed to create: [Bad]. ",
    )
    assert set(lab.thing.things) == {"g"}
    # Such a stack may be repaired by an update.
    stack = await lab.change(things(Good={"Name": "g"}, Bad={"Name": "b", "Needs": {"Ref": "Good"}}))
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert set(lab.thing.things) == {"g", "b"}


async def test_on_failure_delete(lab: Lab) -> None:
    stack = await lab.deploy(things(Good={}, Bad={"Fail": "create", "Needs": {"Ref": "Good"}}), OnFailure="DELETE")
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert lab.thing.things == {}


async def test_an_update_changes_replaces_adds_and_removes(lab: Lab) -> None:
    await lab.deploy(
        things(Same={"Name": "same"}, Changed={"Name": "c", "Value": "1"}, Renamed={"Name": "old"}, Gone={"Name": "gone"})
    )
    lab.thing.log.clear()
    stack = await lab.change(
        things(
            Same={"Name": "same"},
            Changed={"Name": "c", "Value": "2"},
            Renamed={"Name": "new"},
            Added={"Name": "added", "Value": {"Ref": "Renamed"}},
        )
    )
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert set(lab.thing.things) == {"same", "c", "new", "added"}
    assert lab.thing.things["added"]["Value"] == "new"
    assert ("update", "Same") not in lab.thing.log
    events = await lab.events()
    start = events.index(("stack", "UPDATE_IN_PROGRESS", "User Initiated"))
    reason = "Requested update requires the creation of a new physical resource; hence creating one."
    renamed = [event[1:] for event in events[start:] if event[0] == "Renamed"]
    assert renamed == [
        ("UPDATE_IN_PROGRESS", reason),
        ("UPDATE_IN_PROGRESS", "Resource creation Initiated"),
        ("UPDATE_COMPLETE", ""),
        ("DELETE_IN_PROGRESS", ""),
        ("DELETE_COMPLETE", ""),
    ]
    cleanup = events.index(("stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""))
    assert events.index(("Gone", "DELETE_IN_PROGRESS", "")) > cleanup
    assert events[-1] == ("stack", "UPDATE_COMPLETE", "")
    error = await lab.refused("DescribeStackResource", StackName="stack", LogicalResourceId="Gone")
    assert error.message == "Resource Gone does not exist for stack stack"


async def test_a_failed_update_goes_back(lab: Lab) -> None:
    before = things(Changed={"Name": "c", "Value": "1"}, Renamed={"Name": "old"}, Last={"Name": "l"})
    before["Outputs"] = {"Out": {"Value": {"Ref": "Renamed"}}}
    await lab.deploy(before)
    after = things(
        Changed={"Name": "c", "Value": "2"},
        Renamed={"Name": "new", "Value": {"Ref": "Changed"}},
        Added={"Name": "added"},
        Last={"Name": "l", "Value": {"Fn::Sub": "${Renamed}${Added}"}, "Fail": "update"},
    )
    stack = await lab.change(after)
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stack["Outputs"] == [{"OutputKey": "Out", "OutputValue": "old"}]
    assert set(lab.thing.things) == {"c", "old", "l"}
    assert lab.thing.things["c"]["Value"] == "1"
    events = await lab.events()
    reason = "The following resource(s) failed to update: [Last]. "
    assert ("stack", "UPDATE_ROLLBACK_IN_PROGRESS", reason) in events
    assert ("Added", "DELETE_COMPLETE", "") in events
    # The stack stands as before and can be updated again.
    after["Resources"]["Last"]["Properties"].pop("Fail")
    assert (await lab.change(after))["StackStatus"] == "UPDATE_COMPLETE"
    assert set(lab.thing.things) == {"c", "new", "l", "added"}


async def test_a_rollback_that_fails_can_be_continued(lab: Lab) -> None:
    await lab.deploy(things(A={"Name": "a", "Value": "1", "Fail": "update"}, B={"Name": "b"}))
    stack = await lab.change(things(A={"Name": "a", "Value": "2"}, B={"Name": "b", "Fail": "update", "Needs": {"Ref": "A"}}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to update: [A]. "
    await lab.call("ContinueUpdateRollback", StackName="stack", ResourcesToSkip=["A"])
    assert (await lab.settled("stack"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


async def test_deleting_goes_backwards(lab: Lab) -> None:
    await lab.deploy(things(C={"Value": {"Ref": "B"}}, A={}, B={"Value": {"Ref": "A"}}))
    lab.thing.log.clear()
    stack = await lab.remove()
    assert stack["StackStatus"] == "DELETE_COMPLETE"
    assert lab.thing.log == [("delete", "C"), ("delete", "B"), ("delete", "A")]
    error = await lab.refused("DescribeStacks", StackName="stack")
    assert (error.code, error.message) == ("ValidationError", "Stack with id stack does not exist")
    assert "EnableTerminationProtection" not in stack
    await lab.call("DeleteStack", StackName="stack")


async def test_a_resource_that_cannot_be_deleted(lab: Lab) -> None:
    await lab.deploy(things(A={}, Bad={"Name": "bad", "Fail": "delete", "Value": {"Ref": "A"}}, C={}))
    stack = await lab.remove()
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "DELETE_FAILED",
        "The following resource(s) failed to delete: [Bad]. ",
    )
    assert ("delete", "C") in lab.thing.log
    assert ("delete", "A") not in lab.thing.log
    await lab.call("DeleteStack", StackName="stack", RetainResources=["Bad"])
    assert (await lab.settled(stack["StackId"]))["StackStatus"] == "DELETE_COMPLETE"
    assert set(lab.thing.things) == {"bad"}


async def test_deletion_and_replacement_policies(lab: Lab) -> None:
    template = things(Kept={"Name": "kept"}, Replaced={"Name": "r1"})
    template["Resources"]["Kept"]["DeletionPolicy"] = "Retain"
    template["Resources"]["Replaced"]["UpdateReplacePolicy"] = "Retain"
    await lab.deploy(template)
    template["Resources"]["Replaced"]["Properties"]["Name"] = "r2"
    await lab.change(template)
    assert ("Replaced", "DELETE_SKIPPED", "") in await lab.events()
    assert set(lab.thing.things) == {"kept", "r1", "r2"}
    stack = await lab.remove()
    assert ("Kept", "DELETE_SKIPPED", "") in await lab.events(stack["StackId"])
    assert set(lab.thing.things) == {"kept", "r1"}


async def test_retain_except_on_create(lab: Lab) -> None:
    template = things(Made={"Name": "made"}, Bad={"Fail": "create", "Needs": {"Ref": "Made"}})
    template["Resources"]["Made"]["DeletionPolicy"] = "RetainExceptOnCreate"
    assert (await lab.deploy(template))["StackStatus"] == "ROLLBACK_COMPLETE"
    assert lab.thing.things == {}


async def test_termination_protection(lab: Lab) -> None:
    await lab.deploy(things(A={}), EnableTerminationProtection=True)
    error = await lab.refused("DeleteStack", StackName="stack")
    assert error.message == "Stack [stack] cannot be deleted while TerminationProtection is enabled"
    await lab.call("UpdateTerminationProtection", StackName="stack", EnableTerminationProtection=False)
    assert (await lab.remove())["StackStatus"] == "DELETE_COMPLETE"


async def test_names_are_taken_once(lab: Lab) -> None:
    await lab.deploy(things(A={}))
    error = await lab.refused(
        "CreateStack", StackName="stack", TemplateBody='{"Resources": {"A": {"Type": "AWS::Test::Thing"}}}'
    )
    assert (error.code, error.message) == ("AlreadyExistsException", "Stack [stack] already exists")


async def test_an_update_without_changes_is_refused(lab: Lab) -> None:
    await lab.deploy(things(A={"Size": 1}))
    error = await lab.refused(
        "UpdateStack",
        StackName="stack",
        TemplateBody='{"Resources": {"A": {"Type": "AWS::Test::Thing", "Properties": {"Size": "1"}}}}',
    )
    assert error.message == "No updates are to be performed."


async def test_a_new_output_is_an_update(lab: Lab) -> None:
    await lab.deploy(things(A={"Name": "a"}))
    template = things(A={"Name": "a"})
    template["Outputs"] = {"Name": {"Value": {"Ref": "A"}}}
    stack = await lab.change(template)
    assert (stack["StackStatus"], stack["Outputs"]) == ("UPDATE_COMPLETE", [{"OutputKey": "Name", "OutputValue": "a"}])


async def test_properties_are_checked_against_the_type(lab: Lab) -> None:
    await lab.deploy(things(A={"Colour": "blue"}))
    assert ("A", "CREATE_FAILED", "Encountered unsupported property Colour") in await lab.events()


async def test_an_attribute_that_is_not_there_fails_the_resource(lab: Lab) -> None:
    stack = await lab.deploy(things(A={}, B={"Value": {"Fn::GetAtt": "A.Nothing"}}))
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert (
        "B",
        "CREATE_FAILED",
        "Resource type AWS::Test::Thing does not support attribute {Nothing}",
    ) in await lab.events()


async def test_a_stack_that_is_being_made_can_be_deleted(lab: Lab) -> None:
    await lab.call(
        "CreateStack",
        StackName="stack",
        TemplateBody='{"Resources": {"A": {"Type": "AWS::Test::Thing", "Properties": {"Wait": "create"}}}}',
    )
    await lab.thing.arrival("A").wait()
    id = (await lab.call("DescribeStacks", StackName="stack"))["Stacks"][0]["StackId"]
    await lab.call("DeleteStack", StackName="stack")
    lab.thing.gate("A").set()
    assert (await lab.settled(id))["StackStatus"] == "DELETE_COMPLETE"
    assert lab.thing.things == {}


async def test_an_update_can_be_cancelled(lab: Lab) -> None:
    await lab.deploy(things(A={"Name": "a", "Value": "1"}, B={"Name": "b"}))
    await lab.call(
        "UpdateStack",
        StackName="stack",
        TemplateBody=body(
            things(A={"Name": "a", "Value": "2", "Wait": "update"}, B={"Name": "b", "Value": {"Fn::GetAtt": "A.Value"}})
        ),
    )
    await lab.thing.arrival("A").wait()
    await lab.call("CancelUpdateStack", StackName="stack")
    lab.thing.gate("A").set()
    assert (await lab.settled("stack"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert lab.thing.things["a"]["Value"] == "1"
    assert ("update", "B") not in lab.thing.log


async def test_a_stack_policy_denies(lab: Lab) -> None:
    policy = '{"Statement": [{"Effect": "Deny", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}'
    await lab.deploy(things(A={"Name": "a"}), StackPolicyBody=policy)
    stack = await lab.change(things(A={"Name": "a", "Value": "2"}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reason = "Action denied by stack policy: Statement [#1] does not allow [Update:*] for resource [LogicalResourceId/A]"
    assert ("A", "UPDATE_FAILED", reason) in await lab.events()


async def test_a_request_tried_again_begins_nothing_anew(lab: Lab) -> None:
    template = body(things(A={"Name": "a"}))
    first = await lab.call("CreateStack", StackName="stack", TemplateBody=template, ClientRequestToken="t1")
    assert await lab.call("CreateStack", StackName="stack", TemplateBody=template, ClientRequestToken="t1") == first
    await lab.settled("stack")
    assert lab.thing.log == [("create", "A")]
    error = await lab.refused("CreateStack", StackName="stack", TemplateBody=template, ClientRequestToken="t2")
    assert error.code == "AlreadyExistsException"


async def test_times_of_events_tell_their_order(lab: Lab) -> None:
    await lab.deploy(things(A={}, B={}))
    times = [event["Timestamp"] for event in (await lab.call("DescribeStackEvents", StackName="stack"))["StackEvents"]]
    assert times == sorted(times, reverse=True)
    assert len(set(times)) == len(times)


async def test_a_stack_policy_for_one_update_and_for_removals(lab: Lab) -> None:
    deny = '{"Statement": [{"Effect": "Deny", "Action": "Update:Delete", "Principal": "*", "Resource": "*"}]}'
    allow = '{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}'
    await lab.deploy(things(A={"Name": "a"}, B={"Name": "b"}), StackPolicyBody=deny)
    stack = await lab.change(things(A={"Name": "a"}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "b" in lab.thing.things
    stack = await lab.change(things(A={"Name": "a"}), StackPolicyDuringUpdateBody=allow)
    assert stack["StackStatus"] == "UPDATE_COMPLETE"
    assert "b" not in lab.thing.things
    assert await lab.call("GetStackPolicy", StackName="stack") == {"StackPolicyBody": deny}


async def test_an_output_of_an_attribute_that_is_not_there(lab: Lab) -> None:
    template = things(A={})
    template["Outputs"] = {"InvalidOutput": {"Value": {"Fn::GetAtt": "A.Invalid"}}}
    assert (await lab.deploy(template))["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = (
        "[Error] /Outputs/InvalidOutput/Value/Fn::GetAtt: Resource type AWS::Test::Thing does not support attribute "
        "{Invalid}. Rollback requested by user."
    )
    assert ("stack", "ROLLBACK_IN_PROGRESS", reason) in await lab.events()
    assert lab.thing.things == {}


async def test_deleting_after_a_failed_rollback_leaves_nothing(lab: Lab) -> None:
    await lab.deploy(things(A={"Name": "a", "Value": "1", "Fail": "update"}, B={"Name": "b1"}))
    failing = things(
        A={"Name": "a", "Value": "2"}, B={"Name": "b2"}, C={"Name": "c", "Fail": "create", "Needs": {"Ref": "A"}}
    )
    assert (await lab.change(failing))["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    assert (await lab.remove())["StackStatus"] == "DELETE_COMPLETE"
    assert lab.thing.things == {}


@pytest.mark.parametrize(
    ("account", "region", "of_id"),
    [("222222222222", "eu-west-1", "AccessDenied"), ("111111111111", "us-east-1", "ValidationError")],
)
async def test_another_account_and_region_see_nothing(lab: Lab, account: str, region: str, of_id: str) -> None:
    stack = await lab.deploy(things(A={}))
    ctx = lab.platform.context("cloudformation", account, region, root(account))
    for name, code in (("stack", "ValidationError"), (stack["StackId"], of_id)):
        for operation in ("DescribeStacks", "DescribeStackEvents", "ListStackResources", "GetTemplate"):
            with pytest.raises(AwsError) as caught:
                await lab.platform.call_async(ctx, "cloudformation", operation, {"StackName": name}, None, None, None)
            assert caught.value.code == code


async def test_a_failed_update_that_stays_can_be_rolled_back_or_made_good(lab: Lab) -> None:
    before = things(A={"Name": "a1", "Value": "1"}, B={"Name": "b", "Value": "1"})
    await lab.deploy(before)
    bad = {"Name": "b", "Value": {"Fn::Sub": "${A}-2"}, "Fail": "update"}
    stack = await lab.change(things(A={"Name": "a2"}, B=bad, C={"Name": "c"}), DisableRollback=True)
    assert (stack["StackStatus"], stack["StackStatusReason"]) == (
        "UPDATE_FAILED",
        "The following resource(s) failed to update: [B]. ",
    )
    assert {"a1", "a2"} <= set(lab.thing.things)
    # A further update that fails goes back to where the stack stood before the first.
    stack = await lab.change(things(A={"Name": "a3"}, B={**bad, "Value": {"Fn::Sub": "${A}-3"}}))
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert {name: thing.get("Value") for name, thing in lab.thing.things.items()} == {"a1": "1", "b": "1"}

    await lab.change(things(A={"Name": "a2"}, B=bad, C={"Name": "c"}), DisableRollback=True)
    await lab.call("RollbackStack", StackName="stack")
    assert (await lab.settled("stack"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert {name: thing.get("Value") for name, thing in lab.thing.things.items()} == {"a1": "1", "b": "1"}

    await lab.change(things(A={"Name": "a2"}, B=bad, C={"Name": "c"}), DisableRollback=True)
    await lab.call("CreateChangeSet", StackName="stack", ChangeSetName="repair", TemplateBody=body(things(A={"Name": "a2"})))
    await lab.call("ExecuteChangeSet", StackName="stack", ChangeSetName="repair")
    assert (await lab.settled("stack"))["StackStatus"] == "UPDATE_COMPLETE"
    assert set(lab.thing.things) == {"a2"}


def at(lab: Lab, account: str = ACCOUNT) -> Context:
    return lab.platform.context("cloudformation", account, REGION, root(account))


async def test_a_creation_that_takes_too_long(lab: Lab) -> None:
    template = body(things(A={"Wait": "create"}, B={"Value": {"Ref": "A"}}))
    made = await lab.call("CreateStack", StackName="stack", TemplateBody=template, TimeoutInMinutes=5)
    await lab.thing.arrival("A").wait()
    tasks = lab.platform.store.run(lambda tx: [task for task in tx.scan(Task) if task.kind == "cloudformation.timeout"])[0]
    assert len(tasks) == 1 and 290 < tasks[0].due - lab.platform.clock.now() <= 300
    await at(lab).transact(lambda ctx: stacks.time_out(ctx, tasks[0].payload))
    lab.thing.gate("A").set()
    assert (await lab.settled(made["StackId"]))["StackStatus"] == "ROLLBACK_COMPLETE"
    reason = "Stack creation time exceeded the specified timeout. Rollback requested by user."
    assert ("stack", "ROLLBACK_IN_PROGRESS", reason) in await lab.events()
    assert lab.thing.things == {} and ("create", "B") not in lab.thing.log


async def test_a_deleted_stack_is_forgotten_in_the_end(lab: Lab) -> None:
    stack = await lab.deploy(things(A={}))
    uuid = stack["StackId"].rpartition("/")[2]
    await at(lab).transact(lambda ctx: stacks.purge(ctx, {"stack": uuid}))
    assert (await lab.call("DescribeStacks", StackName="stack"))["Stacks"]  # It lives.
    await lab.remove()
    assert (await lab.call("ListStacks"))["StackSummaries"][0]["StackStatus"] == "DELETE_COMPLETE"
    await at(lab).transact(lambda ctx: stacks.purge(ctx, {"stack": uuid}))
    assert (await lab.call("ListStacks"))["StackSummaries"] == []
    assert lab.platform.store.run(lambda tx: list(tx.scan(Event)))[0] == []
