"""External extensions in every language that can be built here, brought by layers, through the public API."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import toolchains
from tests.cloud import CloudUnderTest

SOURCES = Path(__file__).parent / "observers"
PYTHON = ("python3.11", "app.py", "def handler(event, context):\n    print('said', event)\n    return event\n")
NODE = "exports.handler = async (event) => { process.stdout.write(`said ${event}\\n`); return event; };\n"


def _copy(source: Path, target: Path) -> None:
    shutil.copy(source, target)


def _shell(source: Path, target: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("the shell extension needs curl")
    shutil.copy(source, target)


LANGUAGES: dict[str, tuple[str, Callable[[Path, Path], None]]] = {
    "shell": ("observer.sh", _shell),
    "python": ("observer.py", _copy),
    "nodejs": ("observer.cjs", _copy),
    "go": ("observer.go", toolchains.go_build),
    "rust": ("observer.rs", toolchains.rust_build),
}


@pytest.fixture(scope="module")
def role(cloud: CloudUnderTest) -> Iterator[str]:
    iam = cloud.client("iam")
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}  # fmt: skip
    made = iam.create_role(RoleName="observed", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    logs = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    iam.attach_role_policy(RoleName="observed", PolicyArn=logs)
    yield made


def archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = 0o755 << 16
            zipped.writestr(entry, data)
    return buffer.getvalue()


def function_for(language: str) -> tuple[str, str, str]:
    """The runtime, file and code of the observed function: an extension in JavaScript needs the runtime's Node.js."""
    if language != "nodejs":
        return PYTHON
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return f"nodejs{version[1:].split('.')[0]}.x", "app.js", NODE


def messages(logs: Any, group: str, until: str) -> list[str]:
    """The group's lines, in order, once one of them begins with `until`."""
    deadline = time.monotonic() + 20
    found: list[str] = []
    while not any(line.startswith(until) for line in found):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
        try:
            found = [event["message"].strip() for event in logs.filter_log_events(logGroupName=group)["events"]]
        except logs.exceptions.ResourceNotFoundException:
            continue  # nothing has been logged yet
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_extension(cloud: CloudUnderTest, role: str, language: str, tmp_path: Path) -> None:
    source, build = LANGUAGES[language]
    runtime, file, code = function_for(language)
    build(SOURCES / source, tmp_path / "observer")
    client = cloud.client("lambda")
    layer = client.publish_layer_version(
        LayerName=f"observer-{language}",
        Content={"ZipFile": archive({"extensions/observer": (tmp_path / "observer").read_bytes()})},
    )["LayerVersionArn"]
    name = f"observed-by-{language}"
    client.create_function(
        FunctionName=name, Role=role, Runtime=runtime, Handler="app.handler", Layers=[layer], MemorySize=512, Timeout=20,
        Code={"ZipFile": archive({file: code.encode()})},
    )  # fmt: skip
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    ids = []
    for number in (b"1", b"2"):
        # With the log's tail the answer waits for the extension too: the next invocation finds the environment free.
        answer = client.invoke(FunctionName=name, Payload=number, LogType="Tail")
        assert answer["Payload"].read() == number
        ids.append(answer["ResponseMetadata"]["RequestId"])
    client.delete_function(FunctionName=name)
    end = f"{language} SHUTDOWN" if language == "shell" else f"{language} heard"
    lines = messages(cloud.client("logs"), f"/aws/lambda/{name}", end)
    assert [line for line in lines if line.startswith(f"{language} ")] == [
        f"{language} registered", f"{language} INVOKE {ids[0]}", f"{language} INVOKE {ids[1]}",
        f"{language} SHUTDOWN spindown", *([] if language == "shell" else [f"{language} heard said 1 said 2"]),
    ]  # fmt: skip
    assert "EXTENSION\tName: observer\tState: Ready\tEvents: [INVOKE,SHUTDOWN]" in lines
