"""The SAM CLI's other commands: sync --watch, logs --tail, delete."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cloud import CloudUnderTest

APPLICATION = Path(__file__).parent / "hello-api"


@pytest.fixture
def application(tmp_path: Path) -> Path:
    shutil.copytree(APPLICATION, tmp_path / "app")
    return tmp_path / "app"


@contextmanager
def running(cloud: CloudUnderTest, folder: Path, *command: str, say: str = "") -> Iterator[Callable[[], str]]:
    """A client in the background; gives what it has printed so far."""
    printed = folder.parent / f"{command[1]}.out"
    with open(printed, "w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=cloud.environment(), stdin=subprocess.PIPE, stdout=output, stderr=output,
            text=True, start_new_session=True,
        )
    assert process.stdin is not None
    process.stdin.write(say)
    process.stdin.flush()
    try:
        yield printed.read_text
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)


def until(said: Callable[[], str], text: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while text not in said():
        assert time.monotonic() < deadline, f"{text!r} was not said:\n{said()[-3000:]}"
        time.sleep(0.2)


def message(cloud: CloudUnderTest, stack: str) -> str:
    resource = cloud.client("cloudformation").describe_stack_resource(StackName=stack, LogicalResourceId="ServerlessRestApi")
    api = resource["StackResourceDetail"]["PhysicalResourceId"]
    with urllib.request.urlopen(f"{cloud.endpoint}/_aws/execute-api/{api}/Prod/hello", timeout=30) as answer:
        return str(json.load(answer)["message"])


def test_sync_watches_logs_tail_and_delete_removes(cloud: CloudUnderTest, application: Path) -> None:
    watch = ("sam", "sync", "--watch", "--stack-name", "watched", "--no-dependency-layer")
    with running(cloud, application, *watch, say="Y\n") as said:
        until(said, "Infra sync completed")
        assert message(cloud, "watched") == "Hello world"
        source = application / "hello-world" / "app.js"
        source.write_text(source.read_text().replace("Hello world", "Hello sync"))
        until(said, "Finished syncing Lambda Function")
        assert message(cloud, "watched") == "Hello sync"
    with running(cloud, application, "sam", "logs", "--stack-name", "watched", "--tail") as said:
        until(said, "saying hello")
        before = said().count("saying hello")
        message(cloud, "watched")
        deadline = time.monotonic() + 30
        while said().count("saying hello") == before:
            assert time.monotonic() < deadline, said()
            time.sleep(0.2)
    deleted = subprocess.run(
        ["sam", "delete", "--stack-name", "watched", "--no-prompts"], cwd=application, env=cloud.environment(),
        capture_output=True, text=True, timeout=120,
    )
    assert "Deleted successfully" in deleted.stdout, deleted.stdout + deleted.stderr
    assert cloud.client("lambda").list_functions()["Functions"] == []
