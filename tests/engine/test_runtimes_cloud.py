"""Runtimes in a running cloud: AWS's dates, missing ones, substitutes; the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.engine.runtimes import lifecycle
from tests.cloud import CloudUnderTest
from tests.services.lambda_.helpers import LOGGING, create, invoke, package, role

JAVASCRIPT = "exports.handler = async () => process.version;"


def runtimes(*arguments: str, shelf: Path, data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fogbank", "runtimes", "--data-dir", str(data_dir), *arguments],
        env={**os.environ, "FOGBANK_RUNTIMES": str(shelf), **variables}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CloudUnderTest]:
    """A cloud that keeps AWS's dates, gets nothing from a registry, and has runtimes of its own."""
    root = tmp_path_factory.mktemp("strict")
    interpreter = f"{sys.base_prefix}/bin/python3"
    added = runtimes("add", "python3.14", interpreter, "--substitute", shelf=root / "shelf", data_dir=root / "data")
    assert added.returncode == 0, added.stderr
    before = os.environ.get("FOGBANK_RUNTIMES", "")
    os.environ["FOGBANK_RUNTIMES"] = str(root / "shelf")
    try:
        under_test = CloudUnderTest(root / "data", "--enforce-runtime-dates", "--no-install").start()
    finally:
        os.environ["FOGBANK_RUNTIMES"] = before
    yield under_test
    under_test.stop()


def refusal(cloud: CloudUnderTest, name: str, **settings: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        create(cloud, name, **settings)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


# Recorded from AWS in January 2026.
@pytest.mark.parametrize("runtime", ["java8", "go1.x", "provided", "ruby2.7", "nodejs14.x", "python3.7", "dotnetcore3.1",
                                     "nodejs12.x"])  # fmt: skip
def test_creation_is_refused_by_date(strict: CloudUnderTest, runtime: str) -> None:
    assert refusal(strict, f"old-{runtime.replace('.', '-')}", Runtime=runtime) == (
        "InvalidParameterValueException",
        f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
        "We recommend you use a supported runtime while creating or updating functions.",
    )


def test_update_is_refused_by_its_own_date(strict: CloudUnderTest) -> None:
    create(strict, "updated")
    client = strict.client("lambda")
    with pytest.raises(ClientError, match="The runtime parameter of nodejs12.x is no longer supported"):
        client.update_function_configuration(FunctionName="updated", Runtime="nodejs12.x")
    # Updates with this one are refused from March 2027 on only.
    if not lifecycle.blocked("nodejs14.x", "update", time.time()):
        client.update_function_configuration(FunctionName="updated", Runtime="nodejs14.x")
        assert client.get_function_configuration(FunctionName="updated")["Runtime"] == "nodejs14.x"


def test_a_missing_runtime_is_named(strict: CloudUnderTest) -> None:
    code, message = refusal(strict, "net", Runtime="dotnet10", Handler="App")
    assert code == "InvalidParameterValueException"
    assert message.startswith("dotnet10 needs .NET 10, which is not on this machine: install the .NET 10 runtime")
    assert message.endswith("or name one with `fogbank runtimes add dotnet10 PATH`")
    if not lifecycle.blocked("nodejs24.x", "create", time.time()):
        _, message = refusal(strict, "node", Runtime="nodejs24.x", Handler="app.handler")
        assert "`fogbank runtimes install nodejs24.x`" in message


def test_a_substitute_is_told(strict: CloudUnderTest) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    source = "import sys\ndef handler(event, context):\n    return '%d.%d.%d' % sys.version_info[:3]"
    create(strict, "substituted", source, Runtime="python3.14")
    told = strict.client("lambda").get_function_configuration(FunctionName="substituted")
    assert (told["Runtime"], told["State"]) == ("python3.14", "Active")
    assert told["StateReason"] == (
        f"Runs on Python {version} in the place of python3.14: `fogbank runtimes add --substitute` chose it."
    )
    assert invoke(strict, "substituted") == version


def test_deprecated_runtimes_are_taken_with_a_warning(cloud: CloudUnderTest) -> None:
    arn = role(cloud, "old-role", LOGGING)
    answer = create(cloud, "old", Role=arn, Runtime="nodejs14.x", Code={"ZipFile": package(JAVASCRIPT, "app.js")})
    assert answer["Runtime"] == "nodejs14.x"
    assert "AWS deprecated nodejs14.x on 2023-12-04" in cloud.output()
    told = cloud.client("lambda").get_function_configuration(FunctionName="old")
    assert "StateReason" not in told
    answer = invoke(cloud, "old")
    if "raw" in answer:
        pytest.skip(str(answer))
    assert answer.startswith("v14.")


class TestTheCommand:
    def test_it_lists(self, tmp_path: Path) -> None:
        done = runtimes("list", "--json", shelf=tmp_path / "shelf", data_dir=tmp_path)
        found = json.loads(done.stdout)
        own = found[f"python{sys.version_info.major}.{sys.version_info.minor}"]
        assert own["version"] == ".".join(map(str, sys.version_info[:3]))
        assert os.path.samefile(own["interpreter"], f"{sys.base_prefix}/bin/python3")
        assert (found["nodejs14.x"]["create_blocked"], found["nodejs14.x"]["update_blocked"]) == ("2024-01-09", "2027-03-03")
        assert found["provided.al2023"]["interpreter"] == "the function's own bootstrap"
        lines = runtimes(shelf=tmp_path / "shelf", data_dir=tmp_path).stdout.splitlines()
        assert any(line.startswith("nodejs14.x") for line in lines)
        assert any("deprecated by AWS on 2023-12-04; it refuses new functions from 2024-01-09" in line for line in lines)

    def test_only_real_versions_unless_told(self, tmp_path: Path) -> None:
        places = {"shelf": tmp_path / "shelf", "data_dir": tmp_path}
        python = f"{sys.base_prefix}/bin/python3"
        refused = runtimes("add", "python3.8", python, **places)
        assert refused.returncode == 1
        assert "and python3.8 is 3.8. With --substitute it is taken nevertheless" in refused.stderr
        assert runtimes("add", "python3.8", "/bin/ls", **places).stderr == "/bin/ls does not answer as Python does.\n"
        assert runtimes("add", "python3.8", "/nowhere", **places).returncode == 1
        assert runtimes("add", "provided.al2", python, **places).returncode == 2
        assert runtimes("install", "cobol85", **places).returncode == 2
        assert "a substitute" in runtimes("add", "python3.8", python, "--substitute", **places).stdout
        assert json.loads(runtimes("list", "--json", **places).stdout)["python3.8"]["substitute"] is True
        assert runtimes("remove", "python3.8", **places).stdout == "python3.8: removed\n"
        assert runtimes("remove", "python3.8", **places).stdout == "python3.8: nothing was installed or named here\n"

    def test_a_virtual_environment_stands_for_its_interpreter(self, tmp_path: Path) -> None:
        own = f"python{sys.version_info.major}.{sys.version_info.minor}"
        done = runtimes("add", own, sys.executable, shelf=tmp_path / "shelf", data_dir=tmp_path)
        assert os.path.realpath(f"{sys.base_prefix}/bin/{own}") in done.stdout

    def test_a_registry_out_of_reach_is_told(self, tmp_path: Path) -> None:
        nowhere = {"npm_config_registry": "http://127.0.0.1:9/", "npm_config_fetch_retries": "0", "PATH": os.environ["PATH"]}
        done = runtimes("install", "nodejs16.x", shelf=tmp_path / "shelf", data_dir=tmp_path, **nowhere)
        if done.returncode == 0:
            pytest.skip("Node.js 16 is on this machine, or npm is not")
        assert done.stderr.startswith("nodejs16.x needs Node.js 16: node-linux-")
        assert "could not be had from the npm registry: " in done.stderr
        assert not list((tmp_path / "shelf").glob("nodejs16*"))
