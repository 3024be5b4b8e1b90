"""An image function by SAM CLI: deployed from the cloud's own ECR, invoked, deleted with its image."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.ecr import shell_image
from tests.services.ecr.oci import registry

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Function:
    Type: AWS::Serverless::Function
    Properties:
      PackageType: Image
      ImageUri: {uri}:v1
      Timeout: 20
      ImageConfig:
        Command: [from.template]
Outputs:
  Name:
    Value: !Ref Function
"""
SAM = Path(__file__).parent.parent.parent / ".tools" / "bin" / "sam"


@pytest.mark.skipif(not SAM.exists() and not shutil.which("sam"), reason="SAM CLI is not installed: `make tools` does it")
@pytest.mark.skipif(not shell_image.BASH.exists(), reason="the image is made of this machine's bash")
def test_deploy_invoke_delete(cloud: CloudUnderTest, tmp_path: Path) -> None:
    ecr = cloud.client("ecr")
    uri = ecr.create_repository(repositoryName="of-sam")["repository"]["repositoryUri"]
    registry(cloud, prefix=f"{ACCOUNT}.dkr.ecr.{REGION}/").push("of-sam", shell_image.image(b"sam"), "v1")
    (tmp_path / "template.yaml").write_text(TEMPLATE.format(uri=uri))

    def sam(*arguments: str) -> str:
        done = subprocess.run(
            ["sam", *arguments], cwd=tmp_path, env=cloud.environment(), capture_output=True, text=True, timeout=150
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
        return done.stdout

    sam("deploy", "--stack-name", "image", "--capabilities", "CAPABILITY_IAM", "--resolve-s3", "--image-repository", uri)
    outputs = cloud.client("cloudformation").describe_stacks(StackName="image")["Stacks"][0]["Outputs"]
    answer = cloud.client("lambda").invoke(FunctionName=outputs[0]["OutputValue"], Payload=b'{"a": 1}')
    seen = json.loads(answer["Payload"].read())
    assert (seen["event"], seen["arguments"], seen["task"]) == ({"a": 1}, "from.template", "sam")
    sam("delete", "--stack-name", "image", "--no-prompts", "--region", REGION)
    assert ecr.list_images(repositoryName="of-sam")["imageIds"] == []
