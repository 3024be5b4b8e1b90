"""Event source mappings as the API makes, shows, refuses, changes and deletes them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.lambda_.helpers import create
from tests.services.lambda_.mappings.conftest import function, queue, stream
from tests.services.lambda_.recorded import Scenario

SQS = "event_source_mapping.test_lambda_integration_sqs"
NOTHING = "def handler(event, context): pass"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/t/stream/2026-01-01T00:00:00.000"


def refused(call: Any, **members: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as error:
        call(**members)
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def invalid(cloud: CloudUnderTest, **members: Any) -> str:
    code, text = refused(cloud.client("lambda").create_event_source_mapping, **members)
    assert code == "InvalidParameterValueException"
    return text


def test_a_queues_life(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    function(cloud, "lived", NOTHING)
    _, arn = queue(cloud, "lively")
    made = client.create_event_source_mapping(FunctionName="lived", EventSourceArn=arn, Tags={"a": "b"})
    record = Scenario("TestSQSEventSourceMapping::test_event_source_mapping_default_batch_size", SQS)
    record.check("create-event-source-mapping", made)
    uuid = made["UUID"]
    record.check(
        "invalid-update-event-source-mapping", lambda: client.update_event_source_mapping(UUID=uuid, BatchSize=11)
    )
    record.check(
        "invalid-create-event-source-mapping",
        lambda: client.create_event_source_mapping(FunctionName="lived", EventSourceArn=arn, BatchSize=11),
    )
    cloud.restart()
    assert client.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"
    assert client.list_tags(Resource=made["EventSourceMappingArn"])["Tags"] == {"a": "b"}
    changed = client.update_event_source_mapping(UUID=uuid, BatchSize=5)
    assert (changed["State"], changed["BatchSize"]) == ("Updating", 5)
    assert [m["UUID"] for m in client.list_event_source_mappings(FunctionName="lived")["EventSourceMappings"]] == [uuid]
    assert [m["UUID"] for m in client.list_event_source_mappings(EventSourceArn=arn)["EventSourceMappings"]] == [uuid]
    assert client.delete_event_source_mapping(UUID=uuid)["State"] == "Deleting"
    for call in (client.get_event_source_mapping, client.delete_event_source_mapping, client.update_event_source_mapping):
        assert refused(call, UUID=uuid) == ("ResourceNotFoundException", "The resource you requested does not exist.")


def test_duplicates(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    function(cloud, "twice", NOTHING)
    _, arn = queue(cloud, "doubly")
    record = Scenario("TestSQSEventSourceMapping::test_duplicate_event_source_mappings", SQS)
    record.check("create", lambda: client.create_event_source_mapping(FunctionName="twice", EventSourceArn=arn))
    record.check("error", lambda: client.create_event_source_mapping(FunctionName="twice", EventSourceArn=arn))


def test_a_streams_settings(cloud: CloudUnderTest) -> None:
    function(cloud, "streamed", NOTHING)
    arn = stream(cloud, "settings")
    made = cloud.client("lambda").create_event_source_mapping(
        FunctionName="streamed", EventSourceArn=arn, StartingPosition="LATEST", FilterCriteria={"Filters": []}
    )
    expected = {
        "BatchSize": 100, "MaximumBatchingWindowInSeconds": 0, "ParallelizationFactor": 1, "MaximumRetryAttempts": -1,
        "DestinationConfig": {"OnFailure": {}}, "MaximumRecordAgeInSeconds": -1, "BisectBatchOnFunctionError": False,
        "TumblingWindowInSeconds": 0, "FunctionResponseTypes": [], "StartingPosition": "LATEST", "State": "Creating",
        "StateTransitionReason": "User action", "LastProcessingResult": "No records processed",
    }  # fmt: skip
    assert {key: made[key] for key in expected} == expected
    assert "FilterCriteria" not in made


def test_what_is_refused(cloud: CloudUnderTest) -> None:
    function(cloud, "picky", NOTHING, Timeout=60)
    _, arn = queue(cloud, "picky")
    picky = {"FunctionName": "picky", "EventSourceArn": arn}
    streamed = {"FunctionName": "picky", "EventSourceArn": stream(cloud, "picky")}
    missing = f"arn:aws:sqs:{REGION}:{ACCOUNT}:missing"
    assert invalid(cloud, FunctionName="picky") == "Unrecognized event source."
    assert invalid(cloud, FunctionName="nobody", EventSourceArn=arn) == "Function does not exist"
    assert invalid(cloud, **picky) == "Queue visibility timeout: 30 seconds is less than Function timeout: 60 seconds"
    assert invalid(cloud, FunctionName="picky", EventSourceArn=missing) == (
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )
    assert invalid(cloud, **picky, DestinationConfig={"OnFailure": {"Destination": arn}}) == (
        "Unsupported DestinationConfig parameter for given event source mapping type."
    )
    assert "ScalingConfig" in invalid(cloud, **streamed, StartingPosition="LATEST", ScalingConfig={"MaximumConcurrency": 2})
    assert "startingPosition" in invalid(cloud, **streamed)
    assert invalid(cloud, FunctionName="picky", EventSourceArn=TABLE, StartingPosition="AT_TIMESTAMP") == (
        f"Unsupported starting position for arn type: {TABLE}"
    )
    for pattern in ("no JSON", "{}", '{"body": "x"}', '{"body": [{"nothing": 1}]}'):
        criteria = {"Filters": [{"Pattern": pattern}]}
        assert invalid(cloud, **picky, FilterCriteria=criteria) == "Invalid filter pattern definition."
    create = cloud.client("lambda").create_event_source_mapping
    code, text = refused(create, FunctionName="picky", EventSourceArn=TABLE, StartingPosition="LATEST")
    assert (code, "dynamodbstreams" in text) == ("NotImplemented", True)


def test_the_role_must_be_able_to_read(cloud: CloudUnderTest) -> None:
    create(cloud, "unable")
    _, arn = queue(cloud, "unreadable")
    assert invalid(cloud, FunctionName="unable", EventSourceArn=arn) == (
        "The function execution role does not have permissions to call ReceiveMessage on SQS"
    )
    unreadable = stream(cloud, "unreadable")
    text = invalid(cloud, FunctionName="unable", EventSourceArn=unreadable, StartingPosition="LATEST")
    assert text.startswith(f"Cannot access stream {unreadable}. Please ensure the role can perform the GetRecords")


def test_who_may_make_one_for_which_function(cloud: CloudUnderTest) -> None:
    function(cloud, "allowed", NOTHING)
    _, arn = queue(cloud, "guarded")
    iam = cloud.client("iam")
    iam.create_user(UserName="mapper")
    condition = {"ArnEquals": {"lambda:FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:allowed"}}
    statement = {"Effect": "Allow", "Action": "lambda:*EventSourceMapping", "Resource": "*", "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName="mapper", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="mapper")["AccessKey"]
    client = cloud.client("lambda", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert refused(client.create_event_source_mapping, FunctionName="lived", EventSourceArn=arn)[0] == "AccessDeniedException"
    uuid = client.create_event_source_mapping(FunctionName="allowed", EventSourceArn=arn)["UUID"]
    client.delete_event_source_mapping(UUID=uuid)


def test_cloudformation(cloud: CloudUnderTest) -> None:
    function(cloud, "stacked", NOTHING)
    _, arn = queue(cloud, "stacked")
    stacks, client = cloud.client("cloudformation"), cloud.client("lambda")
    waiter = {"Delay": 1, "MaxAttempts": 30}

    def body(**properties: Any) -> str:
        mapping = {"Type": "AWS::Lambda::EventSourceMapping",
                   "Properties": {"FunctionName": "stacked", "EventSourceArn": arn, **properties}}
        return json.dumps({"Resources": {"M": mapping}, "Outputs": {"Id": {"Value": {"Ref": "M"}}}})

    stacks.create_stack(StackName="maps", TemplateBody=body(BatchSize="3", Tags=[{"Key": "my", "Value": "tag"}]))
    stacks.get_waiter("stack_create_complete").wait(StackName="maps", WaiterConfig=waiter)
    uuid = stacks.describe_stacks(StackName="maps")["Stacks"][0]["Outputs"][0]["OutputValue"]
    found = client.get_event_source_mapping(UUID=uuid)
    assert found["BatchSize"] == 3
    tags = client.list_tags(Resource=found["EventSourceMappingArn"])["Tags"]
    assert tags["my"] == "tag"
    assert tags["aws:cloudformation:stack-name"] == "maps"
    stacks.update_stack(StackName="maps", TemplateBody=body(Enabled=False))
    stacks.get_waiter("stack_update_complete").wait(StackName="maps", WaiterConfig=waiter)
    found = client.get_event_source_mapping(UUID=uuid)
    assert (found["State"], found["BatchSize"]) == ("Disabled", 10)
    stacks.delete_stack(StackName="maps")
    stacks.get_waiter("stack_delete_complete").wait(StackName="maps", WaiterConfig=waiter)
    assert refused(client.get_event_source_mapping, UUID=uuid)[0] == "ResourceNotFoundException"
