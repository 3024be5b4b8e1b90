"""What a user meets first: every service loads, what is missing says so, and each command does what it says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError

from fogbank.registry import SERVICES, Registry
from fogbank.wire import Codecs
from tests.cloud import ACCOUNT, CloudUnderTest

COVERAGE = Path(__file__).parent.parent.parent / "docs" / "coverage.md"


def command(*arguments: str, data_dir: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    name, *rest = arguments
    return subprocess.run(
        [*CloudUnderTest.command, name, "--data-dir", str(data_dir), *rest], capture_output=True, text=True, timeout=60,
        env={**os.environ, **variables},
    )


# --- what there is


@pytest.fixture(scope="module")
def registry() -> Registry:
    return Registry(Codecs(None))


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_loads_and_answers_only_what_aws_has(registry: Registry, name: str) -> None:
    service = registry.service(name)
    assert service.name == name
    assert service.operations
    assert service.operations.keys() <= Codecs(None).service(name).operation_names
    for kind, resource in registry.resource_types(name).items():
        assert kind == resource.type_name
        assert re.fullmatch(r"(AWS|Custom)::\w+(::\w+)?", kind)
        assert resource.required <= (resource.properties or resource.required)
    assert all(kind.startswith(f"{name}.") for kind in service.tasks)


def test_the_list_of_what_is_there_is_up_to_date() -> None:
    command = [*CloudUnderTest.command, "coverage", "--markdown"]
    written = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert written.returncode == 0, written.stderr
    assert COVERAGE.read_text() == written.stdout, "make it anew: fogbank coverage --markdown > docs/coverage.md"


def missing() -> Iterator[tuple[str, str]]:
    """Of each service an operation that is not there and can be called without parameters."""
    found = Registry(Codecs(None))
    session = botocore.session.get_session()
    for name in sorted(SERVICES.keys() - {"s3"}):  # what S3 has not is at hosts of its own
        model = session.get_service_model(name)
        for operation in model.operation_names:
            shape = model.operation_model(operation).input_shape
            if operation not in found.service(name).operations and (shape is None or not shape.required_members):
                yield name, operation
                break


@pytest.mark.parametrize(("service", "operation"), list(missing()))
def test_what_is_missing_names_itself(cloud: CloudUnderTest, service: str, operation: str) -> None:
    client = cloud.client(service)
    with pytest.raises(ClientError) as refused:
        getattr(client, botocore.xform_name(operation))()
    answer = refused.value.response
    assert answer["Error"]["Code"] == "NotImplemented"
    assert answer["Error"]["Message"] == f"Fogbank does not have the operation {operation} of {service} yet."
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert answer["ResponseMetadata"]["RequestId"]


def test_the_missing_are_of_every_protocol() -> None:
    session = botocore.session.get_session()
    protocols = {session.get_service_model(service).metadata["protocol"] for service, _ in missing()}
    assert protocols >= {"json", "query", "rest-json"}


def test_an_operation_of_s3_that_is_missing_names_itself(cloud: CloudUnderTest) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.client("s3").get_object_torrent(Bucket="b", Key="k")
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    assert "GetObjectTorrent" in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("service", ["ec2", "braket", "cloudfront", "glue"])
def test_a_service_that_is_missing_names_itself(cloud: CloudUnderTest, service: str) -> None:
    calls: dict[str, tuple[str, dict[str, Any]]] = {
        "ec2": ("describe_vpcs", {}), "braket": ("search_jobs", {"filters": []}), "cloudfront": ("list_distributions", {}),
        "glue": ("get_databases", {}),
    }
    if service in SERVICES:
        pytest.skip("it is there by now")
    name, params = calls[service]
    with pytest.raises(ClientError) as refused:
        getattr(cloud.client(service), name)(**params)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert f"Fogbank does not have the service {service}" in refused.value.response["Error"]["Message"]


def test_a_service_that_aws_does_not_have(cloud: CloudUnderTest) -> None:
    request = urllib.request.Request(f"{cloud.endpoint}/", b"{}", {"X-Amz-Target": "Nonsense_20200101.Do"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=10)
    assert refused.value.code == 404
    assert "AWS has no service nonsense" in json.load(refused.value)["message"]


def test_health_in_both_spellings(cloud: CloudUnderTest) -> None:
    def read(path: str) -> Any:
        with urllib.request.urlopen(f"{cloud.endpoint}{path}", timeout=10) as answer:
            return json.load(answer)

    ours = read("/_fogbank/health")
    assert ours["status"] == "running"
    assert ours["services"].keys() == SERVICES.keys()
    wrapped = read("/_localstack/health")
    assert wrapped["version"] == ours["version"]
    assert wrapped["services"].keys() == SERVICES.keys()
    assert set(wrapped["services"].values()) <= {"running", "available"}


# --- the commands


def test_a_life_by_commands(tmp_path: Path) -> None:
    data = tmp_path / "data"
    cloud = CloudUnderTest(data)  # for its free port
    assert command("status", data_dir=data).returncode == 3
    up = command("up", "--port", str(cloud.port), "--detach", data_dir=data)
    assert up.returncode == 0, up.stderr
    try:
        assert re.search(rf"Fogbank is ready: http://localhost:{cloud.port} \(data in .*, \d+ ms\)", up.stdout)
        status = command("status", data_dir=data)
        assert (status.returncode, f"http://localhost:{cloud.port}" in status.stdout) == (0, True)
        assert json.loads(command("status", "--json", data_dir=data).stdout)["status"] == "running"

        exported = dict(line.removeprefix("export ").split("=", 1)
                        for line in command("env", "--region", "eu-west-1", data_dir=data).stdout.splitlines())
        assert exported["AWS_ENDPOINT_URL"] == f"http://localhost:{cloud.port}"
        called = subprocess.run(
            ["aws", "sts", "get-caller-identity"], capture_output=True, text=True, timeout=60,
            env={**cloud.environment(), **exported},
        )
        assert json.loads(called.stdout)["Account"] == ACCOUNT, called.stderr

        again = command("up", "--port", str(cloud.port), data_dir=data)
        assert (again.returncode, "already running" in again.stderr) == (1, True)
        (data / "run.json").unlink()  # the note is lost: the lock still knows
        again = command("up", "--port", "0", data_dir=data)
        assert again.returncode == 1
        assert re.search(r"is in use by process \d+", again.stdout + again.stderr)
        assert "Traceback" not in again.stdout + again.stderr
        pid = int(re.search(r"process (\d+)", again.stdout + again.stderr)[1])  # type: ignore[index]
        (data / "run.json").write_text(json.dumps({"pid": pid, "endpoint": cloud.endpoint}))
    finally:
        down = command("down", data_dir=data)
    assert (down.returncode, down.stdout) == (0, "Fogbank has stopped.\n")
    assert command("down", data_dir=data).stdout == "Fogbank is not running.\n"
    assert command("status", data_dir=data).returncode == 3


def test_a_port_that_is_taken_is_said(cloud: CloudUnderTest, tmp_path: Path) -> None:
    taken = command("up", "--port", str(cloud.port), data_dir=tmp_path / "other")
    assert taken.returncode == 1
    assert "Fogbank cannot start" in taken.stdout + taken.stderr
    assert "Traceback" not in taken.stdout + taken.stderr


def test_trust_prints_a_certificate_that_is_ours(cloud: CloudUnderTest) -> None:
    said = command("trust", data_dir=cloud.data_dir)
    path = Path(said.stdout.strip())
    assert path.read_text().startswith("-----BEGIN CERTIFICATE-----")
    assert str(path) in said.stderr
    client = boto3.client("sts", endpoint_url=cloud.endpoint.replace("http:", "https:"), region_name="us-east-1",
                          aws_access_key_id="test", aws_secret_access_key="test", verify=str(path))
    assert client.get_caller_identity()["Account"] == ACCOUNT


def test_doctor_names_isolation_and_runtimes(cloud: CloudUnderTest) -> None:
    found = json.loads(command("doctor", "--json", data_dir=cloud.data_dir).stdout)
    assert found["tier"] in ("full", "user", "container")
    assert any(name.startswith("python3") for name in found["runtimes"])
    plain = command("doctor", data_dir=cloud.data_dir)
    assert (plain.returncode, plain.stdout.startswith("isolation")) == (0, True)


def test_explain_shows_who_was_denied_and_why(cloud: CloudUnderTest) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="curious")
    deny = {"Version": "2012-10-17", "Statement": [
        {"Sid": "NoSecrets", "Effect": "Deny", "Action": "ssm:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="curious", PolicyName="strict", PolicyDocument=json.dumps(deny))
    key = iam.create_access_key(UserName="curious")["AccessKey"]
    client = cloud.client("ssm", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    with pytest.raises(ClientError) as refused:
        client.get_parameter(Name="/x")
    request_id = refused.value.response["ResponseMetadata"]["RequestId"]
    said = command("iam", "explain", request_id, data_dir=cloud.data_dir)
    assert said.returncode == 0, said.stderr
    for part in ("DENIED", "ssm:GetParameter", "user/curious", "NoSecrets", request_id):
        assert part in said.stdout
    assert request_id not in command("iam", "explain", "no-such-request", data_dir=cloud.data_dir).stdout


# --- who may come in


@pytest.mark.parametrize(("options", "host"), [(("--strict",), "localhost"), (("--listen", "127.0.0.2"), "127.0.0.2")])
def test_keys_of_convenience_are_refused_where_others_might_come(
    tmp_path: Path, options: tuple[str, ...], host: str
) -> None:
    """127.0.0.2 stands for any address but this machine's own: who listens there may be reached by others."""
    cloud = CloudUnderTest(tmp_path / "data", *options)
    cloud.endpoint = f"http://{host}:{cloud.port}"
    cloud.start()
    try:
        for known in ("test", ACCOUNT):
            with pytest.raises(ClientError) as refused:
                cloud.client("sts", key=known).get_caller_identity()
            assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
        said = cloud.output()
        key = re.search(r"AWS_ACCESS_KEY_ID=(\S+)", said)
        secret = re.search(r"AWS_SECRET_ACCESS_KEY=(\S+)", said)
        assert key is not None
        assert secret is not None
        identity = cloud.client("sts", key=key[1], secret=secret[1]).get_caller_identity()
        assert identity["Arn"] == f"arn:aws:iam::{ACCOUNT}:root"
        cloud.restart()
        assert cloud.output().count("AWS_SECRET_ACCESS_KEY=") == 1, "shown once"
        assert cloud.client("sts", key=key[1], secret=secret[1]).get_caller_identity()["Account"] == ACCOUNT
    finally:
        cloud.stop()


@pytest.mark.parametrize("options", [(), ("--detach",)])
def test_the_data_directory_is_its_owners_alone(tmp_path: Path, options: tuple[str, ...]) -> None:
    """It holds secret access keys, the key behind sessions, and that of the certificate authority."""
    data = tmp_path / "new" / "data"
    cloud = CloudUnderTest(data, *options)
    if options:
        assert command("up", "--port", str(cloud.port), *options, data_dir=data).returncode == 0
    else:
        data.parent.mkdir()
        cloud.start()
    try:
        command("trust", data_dir=data)
        assert data.stat().st_mode & 0o777 == 0o700
        for name in ("fogbank.db", "secret", "tls/authority.pem"):
            assert (data / name).stat().st_mode & 0o777 == 0o600, name
    finally:
        command("down", data_dir=data)
        cloud.stop()
