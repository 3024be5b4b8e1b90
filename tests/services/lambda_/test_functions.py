"""Functions over their life: made, read, changed, run, deleted; and after a kill."""

from __future__ import annotations

import base64
import json
import urllib.request
from hashlib import sha256

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, CloudUnderTest
from tests.services.lambda_.helpers import ECHO, PYTHON, create, invoke, package, role


def refused(info: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return info.value.response["Error"]["Code"], info.value.response["Error"]["Message"]


def test_a_function_lives_and_survives_a_kill(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    made = create(cloud, "life", Environment={"Variables": {"AA": "1"}}, Description="first", MemorySize=256)
    assert (made["State"], made["StateReasonCode"], made["Version"]) == ("Pending", "Creating", "$LATEST")
    assert made["CodeSha256"] == base64.b64encode(sha256(package(ECHO)).digest()).decode()
    assert made["FunctionArn"] == f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:life"
    assert invoke(cloud, "life", {"n": 1}) == {"n": 1}

    cloud.restart()
    read = client.get_function(FunctionName="life")
    assert read["Configuration"]["State"] == "Active"
    assert read["Configuration"]["Environment"] == {"Variables": {"AA": "1"}}
    assert read["Configuration"]["MemorySize"] == 256
    assert urllib.request.urlopen(read["Code"]["Location"]).read() == package(ECHO)
    assert invoke(cloud, "life", {"n": 2}) == {"n": 2}

    client.update_function_code(
        FunctionName="life", ZipFile=package("import os\ndef handler(e, c): return [os.environ['AA'], c.function_version]\n")
    )
    assert invoke(cloud, "life") == ["1", "$LATEST"]
    client.update_function_configuration(FunctionName="life", Environment={"Variables": {"AA": "2"}})
    assert invoke(cloud, "life") == ["2", "$LATEST"]

    client.delete_function(FunctionName="life")
    with pytest.raises(ClientError) as info:
        client.get_function(FunctionName="life")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:life"
    assert refused(info) == ("ResourceNotFoundException", f"Function not found: {arn}")


def test_versions_are_frozen_and_aliases_shift_traffic(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    answer = "def handler(e, c): return '{}'\n"
    create(cloud, "versioned", answer.format("one"))
    assert client.publish_version(FunctionName="versioned")["Version"] == "1"
    assert client.publish_version(FunctionName="versioned")["Version"] == "1"  # nothing changed
    client.update_function_code(FunctionName="versioned", ZipFile=package(answer.format("two")), Publish=True)
    assert invoke(cloud, "versioned:1") == "one"
    assert invoke(cloud, "versioned", Qualifier="2") == "two"

    client.create_alias(FunctionName="versioned", Name="live", FunctionVersion="1")
    assert invoke(cloud, "versioned:live") == "one"
    client.update_alias(
        FunctionName="versioned", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
    )
    assert {invoke(cloud, "versioned:live") for _ in range(40)} == {"one", "two"}
    with pytest.raises(ClientError) as info:
        client.delete_function(FunctionName="versioned", Qualifier="1")
    alias = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:versioned:live"
    assert refused(info) == ("ResourceConflictException", f"Version is used by aliases: [{alias}]")


def test_layers_stand_under_opt(cloud: CloudUnderTest) -> None:
    client = cloud.client("lambda")
    layer = client.publish_layer_version(
        LayerName="words", Content={"ZipFile": package("WORD = 'layered'\n", "python/words.py")}
    )
    create(cloud, "with-layer", "import words\ndef handler(e, c): return words.WORD\n", Layers=[layer["LayerVersionArn"]])
    assert invoke(cloud, "with-layer") == "layered"


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"Code": {"ZipFile": b"no zip"}}, "InvalidParameterValueException",
         "Could not unzip uploaded file. Please check your file, then try to upload again."),
        ({"Role": "arn:aws:iam::000000000000:role/nobody"}, "InvalidParameterValueException",
         "The role defined for the function cannot be assumed by Lambda."),
        ({"Code": {"S3Bucket": "no-such-bucket-here", "S3Key": "k"}}, "InvalidParameterValueException",
         "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"),
        ({"Role": "r1"}, "ValidationException",
         "1 validation error detected: Value 'r1' at 'role' failed to satisfy constraint: Member must satisfy regular "
         "expression pattern: arn:(aws[a-zA-Z-]*)?:iam::\\d{12}:role/?[a-zA-Z_0-9+=,.@\\-_/]+"),
    ],
)
def test_bad_functions_are_refused(cloud: CloudUnderTest, change: dict[str, object], code: str, message: str) -> None:
    with pytest.raises(ClientError) as info:
        create(cloud, f"bad-{sha256(message.encode()).hexdigest()[:8]}", **change)
    assert refused(info) == (code, message)


def test_errors_of_a_function_are_told_as_lambda_tells_them(cloud: CloudUnderTest) -> None:
    create(cloud, "fails", "def handler(e, c):\n    raise ValueError('no good')\n")
    failed = invoke(cloud, "fails")
    assert failed["raw"]["FunctionError"] == "Unhandled"
    assert failed["error"]["errorType"] == "ValueError"
    assert failed["error"]["errorMessage"] == "no good"
    assert failed["error"]["stackTrace"][-1].endswith("raise ValueError('no good')\n")


def test_a_function_that_never_answers_is_stopped_as_a_whole(cloud: CloudUnderTest) -> None:
    create(cloud, "sleeps", "import time\ndef handler(e, c): time.sleep(60)\n", Timeout=1)
    failed = invoke(cloud, "sleeps")
    assert failed["error"]["errorType"] == "Sandbox.Timedout"
    assert failed["error"]["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")


def test_log_tail_and_log_events(cloud: CloudUnderTest) -> None:
    create(cloud, "talks", "def handler(e, c):\n    print('a word')\n")
    invoke(cloud, "talks")
    response = cloud.client("lambda").invoke(FunctionName="talks", LogType="Tail")
    tail = base64.b64decode(response["LogResult"]).decode().splitlines()
    request = response["ResponseMetadata"]["RequestId"]
    assert tail[0] == f"START RequestId: {request} Version: $LATEST"
    assert tail[1:3] == ["a word", f"END RequestId: {request}"]
    assert tail[3].startswith(f"REPORT RequestId: {request}\tDuration: ")


def test_other_accounts_need_the_resource_policy(cloud: CloudUnderTest) -> None:
    create(cloud, "shared")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:shared"
    stranger = cloud.client("lambda", key="111111111111")
    with pytest.raises(ClientError) as info:
        stranger.invoke(FunctionName=arn)
    assert refused(info) == (
        "AccessDeniedException",
        f"User: arn:aws:iam::111111111111:root is not authorized to perform: lambda:InvokeFunction on resource: {arn} "
        "because no resource-based policy allows the lambda:InvokeFunction action",
    )
    cloud.client("lambda").add_permission(
        FunctionName="shared", StatementId="them", Action="lambda:InvokeFunction", Principal="111111111111"
    )
    assert json.load(stranger.invoke(FunctionName=arn, Payload=b'"hello"')["Payload"]) == "hello"


def test_a_function_without_logs_permissions_runs_and_logs_nothing(cloud: CloudUnderTest) -> None:
    create(cloud, "silent", "def handler(e, c):\n    print('unheard')\n    return 'ran'\n", Role=role(cloud, "no-logs"))
    assert invoke(cloud, "silent") == "ran"
    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/silent")["logGroups"]
    assert groups == []


def test_events_are_run_after_the_answer(cloud: CloudUnderTest) -> None:
    create(cloud, "later", "def handler(e, c):\n    print('event', e['n'])\n")
    response = cloud.client("lambda").invoke(FunctionName="later", InvocationType="Event", Payload=b'{"n": 7}')
    assert response["StatusCode"] == 202
    logs = cloud.client("logs")
    for _ in range(100):
        if any("event 7" in e["message"] for e in _events(logs, "/aws/lambda/later")):
            return
    pytest.fail("the event was not run")


def _events(logs: object, group: str) -> list[dict[str, str]]:
    import time

    time.sleep(0.1)
    try:
        return list(logs.filter_log_events(logGroupName=group)["events"])  # type: ignore[attr-defined]
    except ClientError:
        return []


def test_runtime_is_real(cloud: CloudUnderTest) -> None:
    create(cloud, "which", "import sys\ndef handler(e, c): return 'python%d.%d' % sys.version_info[:2]\n")
    assert invoke(cloud, "which") == PYTHON
