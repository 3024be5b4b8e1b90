"""AWS CDK as its users type it: bootstrap, deploy with an asset, change, destroy."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import ACCOUNT, CloudUnderTest

HERE = Path(__file__).parent
TOOLS = HERE.parent.parent / ".tools"
NODE_MODULES = TOOLS / "node" / "node_modules"

pytestmark = pytest.mark.skipif(
    not (TOOLS / "bin" / "cdk").exists() or not (NODE_MODULES / "aws-cdk-lib").exists(),
    reason="the CDK is not installed: `make tools` with npm on the PATH does it",
)


class App:
    def __init__(self, cloud: CloudUnderTest, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        shutil.copytree(HERE / "cdk-app", folder)
        (folder / "node_modules").symlink_to(NODE_MODULES)

    def cdk(self, *arguments: str) -> str:
        environment = {**self.cloud.environment(), "CDK_DISABLE_VERSION_CHECK": "1", "CI": "true", "HOME": str(self.folder)}
        done = subprocess.run(
            ["cdk", *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=180
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-5000:]
        return done.stdout

    def deploy(self, *arguments: str) -> dict[str, str]:
        self.cdk("deploy", "--require-approval", "never", "--outputs-file", "outputs.json", *arguments)
        outputs: dict[str, dict[str, str]] = json.loads((self.folder / "outputs.json").read_text())
        return outputs["notes"]


@pytest.fixture(scope="module")
def app(cloud: CloudUnderTest, tmp_path_factory: pytest.TempPathFactory) -> App:
    made = App(cloud, tmp_path_factory.mktemp("cdk") / "app")
    made.cdk("bootstrap", f"aws://{ACCOUNT}/us-east-1")
    return made


def invoke(cloud: CloudUnderTest, function: str, event: Any) -> Any:
    answer = cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()
    return json.loads(answer["Payload"].read())


def test_bootstrap_leaves_what_the_cdk_needs(app: App, cloud: CloudUnderTest) -> None:
    repository = f"cdk-hnb659fds-container-assets-{ACCOUNT}-us-east-1"
    found = cloud.client("ecr").describe_repositories(repositoryNames=[repository])["repositories"][0]
    assert found["imageTagMutability"] == "IMMUTABLE"
    version = cloud.client("ssm").get_parameter(Name="/cdk-bootstrap/hnb659fds/version")["Parameter"]["Value"]
    assert int(version) > 20
    app.cdk("bootstrap", f"aws://{ACCOUNT}/us-east-1")  # again: nothing to do


def test_deploy_change_destroy(app: App, cloud: CloudUnderTest) -> None:
    outputs = app.deploy()
    assert invoke(cloud, outputs["EchoName"], {"a": [1, None]}) == {"a": [1, None]}
    assert invoke(cloud, outputs["WriterName"], {"key": "k"}) == {"greeting": "hello"}
    s3 = cloud.client("s3", s3={"addressing_style": "path"})
    assert s3.get_object(Bucket=outputs["BucketName"], Key="k")["Body"].read() == b"hello"
    changed = app.deploy("--context", "greeting=hi")
    assert changed == outputs
    assert invoke(cloud, outputs["WriterName"], {"key": "k"}) == {"greeting": "hi"}
    assert "There were no differences" in app.cdk("diff", "--context", "greeting=hi")
    s3.delete_object(Bucket=outputs["BucketName"], Key="k")
    app.cdk("destroy", "--force")
    with pytest.raises(cloud.client("lambda").exceptions.ResourceNotFoundException):
        cloud.client("lambda").get_function(FunctionName=outputs["EchoName"])
