"""`fogbank logs`, as a user types it."""

from __future__ import annotations

import json
import subprocess

from tests.cloud import CloudUnderTest
from tests.services.lambda_.helpers import PYTHON, create, role
from tests.services.lambda_.mappings.conftest import until

SAYS = "def handler(event, context):\n    print('word', event)\n"


def logs(cloud: CloudUnderTest, *words: str) -> subprocess.CompletedProcess[str]:
    command = [*cloud.command, "logs", *words, "--data-dir", str(cloud.data_dir)]
    return subprocess.run(command, env=cloud.environment(), capture_output=True, text=True, timeout=60)


def said(cloud: CloudUnderTest, name: str, event: str) -> None:
    cloud.client("lambda").invoke(FunctionName=name, Payload=event, LogType="Tail")
    until(lambda: event in logs(cloud, name, "--filter", "word").stdout)


def test_a_functions_log(cloud: CloudUnderTest) -> None:
    create(cloud, "talks", SAYS)
    said(cloud, "talks", "1")
    lines = logs(cloud, "talks").stdout.splitlines()
    assert [line.split(" ", 1)[1].split(" ")[0] for line in lines] == ["INIT_START", "START", "word", "END", "REPORT"]
    found = logs(cloud, "/aws/lambda/talks", "--filter", "word").stdout.splitlines()
    assert [line.split(" ", 1)[1] for line in found] == ["word 1"]
    assert logs(cloud, "talks", "--since", "soon").returncode == 2
    assert logs(cloud, "nobody").returncode == 1
    assert logs(cloud).returncode == 2


def test_following(cloud: CloudUnderTest) -> None:
    create(cloud, "goes-on", SAYS)
    command = [*cloud.command, "logs", "goes-on", "-f", "--filter", "word", "--data-dir", str(cloud.data_dir)]
    follower = subprocess.Popen(command, env=cloud.environment(), stdout=subprocess.PIPE, text=True)
    try:
        assert follower.stdout is not None
        for number in range(5):
            cloud.client("lambda").invoke(FunctionName="goes-on", Payload=str(number))
            assert follower.stdout.readline().rstrip().endswith(f"word {number}")
    finally:
        follower.terminate()
        follower.wait(10)


def test_all_functions_of_a_stack(cloud: CloudUnderTest) -> None:
    arn = role(cloud, "stack-logs", "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
    one = {"Type": "AWS::Lambda::Function", "Properties": {
        "Role": arn, "Runtime": PYTHON, "Handler": "index.handler", "Code": {"ZipFile": SAYS}}}  # fmt: skip
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="both", TemplateBody=json.dumps({"Resources": {"First": one, "Second": one}}))
    stacks.get_waiter("stack_create_complete").wait(StackName="both", WaiterConfig={"Delay": 1})
    for resource in stacks.describe_stack_resources(StackName="both")["StackResources"]:
        cloud.client("lambda").invoke(FunctionName=resource["PhysicalResourceId"], Payload=b"7")
    until(lambda: {line.split(" ", 1)[1] for line in logs(cloud, "--stack", "both", "--filter", "word").stdout.splitlines()}
          == {"First | word 7", "Second | word 7"})  # fmt: skip
