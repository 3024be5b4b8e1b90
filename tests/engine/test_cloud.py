"""Functions in the running cloud: made with boto3, invoked, and calling the cloud's own services from inside."""

from __future__ import annotations

import base64
import io
import json
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import CloudUnderTest

CODE = """
import json, os, urllib.request
import boto3
def handler(event, context):
    print("event", event)
    who = boto3.client("sts").get_caller_identity()["Arn"]
    tls = boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com").get_caller_identity()["Arn"]
    logs = boto3.client("logs")
    try:
        allowed = logs.describe_log_groups()["logGroups"] is not None
    except Exception as error:
        allowed = type(error).__name__
    return {"who": who, "tls": tls, "allowed": allowed, "event": event}
"""


def package(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def role(cloud: CloudUnderTest) -> Iterator[str]:
    iam = cloud.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    made = iam.create_role(RoleName="engine-test", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Resource": "*", "Action": [
            "logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]}],
    }  # fmt: skip
    iam.put_role_policy(RoleName="engine-test", PolicyName="logs", PolicyDocument=json.dumps(policy))
    yield made


def function(cloud: CloudUnderTest, role: str, name: str, files: dict[str, str], **more: Any) -> Any:
    client = cloud.client("lambda")
    client.create_function(
        FunctionName=name, Role=role, Handler=more.pop("Handler", "app.handler"), Code={"ZipFile": package(files)},
        Runtime=more.pop("Runtime", "python3.11"), Timeout=10, **more,
    )  # fmt: skip
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    return client


def test_a_function_is_the_role_and_no_more(cloud: CloudUnderTest, role: str) -> None:
    client = function(cloud, role, "whoami", {"app.py": CODE})
    answer = client.invoke(FunctionName="whoami", Payload=b'{"a": 1}', LogType="Tail")
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    assert payload == {
        "who": "arn:aws:sts::000000000000:assumed-role/engine-test/whoami",
        "tls": "arn:aws:sts::000000000000:assumed-role/engine-test/whoami",
        "allowed": "AccessDeniedException",
        "event": {"a": 1},
    }
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "event {'a': 1}\n" in tail
    assert "REPORT RequestId: " in tail


def test_log_lines_reach_the_log_group(cloud: CloudUnderTest, role: str) -> None:
    client = function(cloud, role, "logging", {"app.py": "def handler(e, c):\n    print('seen')"})
    client.invoke(FunctionName="logging")
    logs = cloud.client("logs")
    deadline = time.monotonic() + 5
    messages: list[str] = []
    while "seen\n" not in messages and time.monotonic() < deadline:
        try:
            found = logs.filter_log_events(logGroupName="/aws/lambda/logging")["events"]
            messages = [event["message"] for event in found]
        except logs.exceptions.ResourceNotFoundException:
            pass
        time.sleep(0.05)
    kinds = [message.split(" ")[0].strip() for message in messages]
    assert kinds == ["INIT_START", "START", "seen", "END", "REPORT"]


def test_new_code_takes_over(cloud: CloudUnderTest, role: str) -> None:
    client = function(cloud, role, "changing", {"app.py": "def handler(e, c):\n    return 1"})
    assert client.invoke(FunctionName="changing")["Payload"].read() == b"1"
    client.update_function_code(
        FunctionName="changing", ZipFile=package({"app.py": "def handler(e, c):\n    return 2"})
    )
    client.get_waiter("function_updated_v2").wait(FunctionName="changing")
    assert client.invoke(FunctionName="changing")["Payload"].read() == b"2"


def test_functions_work_after_a_kill(fresh_cloud: CloudUnderTest) -> None:
    iam = fresh_cloud.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}  # fmt: skip
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    client = function(fresh_cloud, role, "again", {"app.py": "def handler(e, c):\n    return e"})
    assert client.invoke(FunctionName="again", Payload=b"5")["Payload"].read() == b"5"
    fresh_cloud.restart()
    assert client.invoke(FunctionName="again", Payload=b"6")["Payload"].read() == b"6"


def test_the_javascript_sdk_reaches_the_cloud(cloud: CloudUnderTest, role: str) -> None:
    node = shutil.which("node")
    if not (node and shutil.which("npm")):
        pytest.skip("Node.js is not installed")
    major = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout[1:].split(".")[0]
    code = """
import { STSClient, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
const plain = new STSClient({});
const tls = new STSClient({ endpoint: 'https://sts.us-east-1.amazonaws.com' });
export const handler = async () => [
  (await plain.send(new GetCallerIdentityCommand({}))).Arn, (await tls.send(new GetCallerIdentityCommand({}))).Arn,
];
"""
    client = function(cloud, role, "script", {"app.mjs": code}, Runtime=f"nodejs{major}.x", MemorySize=256)
    answer = client.invoke(FunctionName="script")
    payload = answer["Payload"].read()
    if b"Cannot find package" in payload:
        pytest.skip("the registry cannot be reached")
    assert json.loads(payload) == ["arn:aws:sts::000000000000:assumed-role/engine-test/script"] * 2
