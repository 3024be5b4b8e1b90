"""The same where the cloud runs as an ordinary user, who has one user id and no mounts of his own outside."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import fogbank
from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.ecr import shell_image
from tests.services.ecr.oci import registry

PYTHON = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
NOBODY = 65534
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})

pytestmark = [
    pytest.mark.skipif(os.getuid() != 0, reason="already an ordinary user"),
    pytest.mark.skipif(not Path(PYTHON).exists() or not shutil.which("setpriv"),
                       reason="no interpreter that an ordinary user may execute"),
]


class OrdinaryCloud(CloudUnderTest):
    command = (
        "setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", PYTHON, "-m", "fogbank"
    )  # type: ignore[assignment]


@pytest.fixture
def ordinary(monkeypatch: pytest.MonkeyPatch) -> Iterator[OrdinaryCloud]:
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, NOBODY, NOBODY)
    site = next(path for path in sys.path if path.endswith("site-packages"))
    monkeypatch.setenv("PYTHONPATH", f"{Path(fogbank.__file__).parent.parent}:{site}")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("HOME", str(folder))
    cloud = OrdinaryCloud(folder / "data")
    try:
        yield cloud.start()  # type: ignore[misc]
    finally:
        cloud.stop()
        shutil.rmtree(folder)


def test_an_image_with_an_extension(ordinary: OrdinaryCloud) -> None:
    uri = ordinary.client("ecr").create_repository(repositoryName="app")["repository"]["repositoryUri"]
    client = registry(ordinary, prefix=f"{ACCOUNT}.dkr.ecr.{REGION}/")
    client.push("app", shell_image.image(b"mine", extension=True), "v1")
    role = ordinary.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    lambda_ = ordinary.client("lambda")
    lambda_.create_function(
        FunctionName="f", Role=role, PackageType="Image", Code={"ImageUri": f"{uri}:v1"}, Timeout=20
    )
    seen = json.loads(lambda_.invoke(FunctionName="f", Payload=b"1")["Payload"].read())
    assert (seen["event"], seen["task"], seen["extension"]) == (1, "mine", "registered")
