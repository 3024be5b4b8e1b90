"""The inner loop: save, and the next request is answered by the new code; run here, against the same cloud."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import CloudUnderTest
from tests.services.lambda_.helpers import PYTHON, create, invoke, package

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Hello:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: src/, Handler: app.handler, Runtime: {runtime}}}
"""
SOURCE = "import os\ndef handler(event, context):\n    print('said', {word!r})\n    return [{word!r}, event]\n"


def fogbank(cloud: CloudUnderTest, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*cloud.command, *arguments, "--data-dir", str(cloud.data_dir)], capture_output=True, text=True, timeout=60,
        env=cloud.environment(), **options,  # type: ignore[call-overload]
    )


@pytest.fixture
def application(cloud: CloudUnderTest, tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(SOURCE.format(word="first"))
    (tmp_path / "template.yaml").write_text(TEMPLATE.format(runtime=PYTHON))
    cloud.client("s3").create_bucket(Bucket="inner-loop")
    cloud.client("s3").put_object(Bucket="inner-loop", Key="code", Body=package(SOURCE.format(word="first")))
    client = cloud.client("cloudformation")
    deployed = TEMPLATE.format(runtime=PYTHON).replace("src/", "s3://inner-loop/code")
    client.create_stack(
        StackName="inner", TemplateBody=deployed, Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    )
    client.get_waiter("stack_create_complete").wait(StackName="inner", WaiterConfig={"Delay": 1})
    yield tmp_path
    client.delete_stack(StackName="inner")


def test_a_saved_change_answers_the_next_request(cloud: CloudUnderTest, application: Path) -> None:
    resource = cloud.client("cloudformation").describe_stack_resource(StackName="inner", LogicalResourceId="Hello")
    name = resource["StackResourceDetail"]["PhysicalResourceId"]
    assert invoke(cloud, name, 1) == ["first", 1]
    watcher = subprocess.Popen(
        [*cloud.command, "dev", "--stack", "inner", "--data-dir", str(cloud.data_dir)], cwd=application,
        env={**cloud.environment(), "PYTHONUNBUFFERED": "1"}, stdout=subprocess.PIPE, text=True,
    )
    try:
        assert watcher.stdout is not None
        assert watcher.stdout.readline().startswith("watching")
        (application / "src" / "app.py").write_text(SOURCE.format(word="second"))
        deadline = time.monotonic() + 20
        while invoke(cloud, name, 2) != ["second", 2]:
            assert time.monotonic() < deadline, "the change did not arrive"
        lines = [watcher.stdout.readline()]
        while "said second" not in lines[-1]:
            assert time.monotonic() < deadline, lines
            lines.append(watcher.stdout.readline())
        assert any("Hello updated in" in line for line in lines)
    finally:
        watcher.terminate()
        watcher.wait(10)


def test_invoke_shows_answer_and_log(cloud: CloudUnderTest) -> None:
    create(cloud, "called", SOURCE.format(word="there"))
    done = fogbank(cloud, "invoke", "called", "-e", '{"n": 1}')
    assert json.loads(done.stdout) == ["there", {"n": 1}]
    assert "said there" in done.stderr
    assert done.returncode == 0


def test_invoke_of_a_failing_function_fails(cloud: CloudUnderTest) -> None:
    create(cloud, "called-in-vain", "def handler(e, c): raise KeyError('k')\n")
    done = fogbank(cloud, "invoke", "called-in-vain")
    assert done.returncode == 1
    assert json.loads(done.stdout)["errorType"] == "KeyError"
    assert fogbank(cloud, "invoke", "nobody").returncode == 1


def test_code_run_here_reaches_the_same_cloud(cloud: CloudUnderTest, tmp_path: Path) -> None:
    source = (
        "import os, boto3\n"
        "def handler(event, context):\n"
        "    names = [b['Name'] for b in boto3.client('s3').list_buckets()['Buckets']]\n"
        "    return [os.environ['WORD'], context.function_name, 'here-bucket' in names]\n"
    )
    cloud.client("s3").create_bucket(Bucket="here-bucket")
    create(cloud, "here", source, Environment={"Variables": {"WORD": "configured"}})
    (tmp_path / "app.py").write_text(source)
    done = fogbank(cloud, "invoke", "here", "--here", str(tmp_path), "-e", "{}")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == ["configured", "here", True]


@pytest.mark.skipif(shutil.which("node") is None, reason="no node on this machine")
def test_node_code_run_here_waits_for_a_debugger(cloud: CloudUnderTest, tmp_path: Path) -> None:
    source = "exports.handler = async (event) => ({ doubled: event.n * 2 });\n"
    create(cloud, "node-here", Runtime="nodejs20.x", Code={"ZipFile": package(source, "app.js")})
    (tmp_path / "app.js").write_text(source)
    done = fogbank(cloud, "invoke", "node-here", "--here", str(tmp_path), "-e", '{"n": 4}')
    assert json.loads(done.stdout) == {"doubled": 8}
    stopped = subprocess.Popen(
        [*cloud.command, "invoke", "node-here", "--here", str(tmp_path), "--debug", "0", "--data-dir", str(cloud.data_dir)],
        env=cloud.environment(), stderr=subprocess.PIPE, text=True, start_new_session=True,
    )
    assert stopped.stderr is not None
    try:
        assert stopped.stderr.readline().startswith("Debugger listening on ws://127.0.0.1:")
    finally:
        os.killpg(stopped.pid, signal.SIGKILL)
        stopped.wait(10)
