"""The clients that people bring: the AWS CLI, the SAM CLI, CDK. Each is told where the cloud is, and nothing else."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from fogbank.registry import SERVICES
from tests.cloud import CloudUnderTest

TOOLS = Path(__file__).parents[3] / ".tools"

FUNCTION = "def handler(event, context):\n    return {'said': event}\n"
TEMPLATE = """
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Resources:
  Data:
    Type: AWS::S3::Bucket
  Hello:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.11
      Handler: app.handler
      CodeUri: src/
      Environment: {Variables: {BUCKET: !Ref Data}}
      Policies:
        - S3ReadPolicy: {BucketName: !Ref Data}
Outputs:
  Hello: {Value: !Ref Hello}
"""
APP = """
const cdk = require('aws-cdk-lib');
const lambda = require('aws-cdk-lib/aws-lambda');
const s3 = require('aws-cdk-lib/aws-s3');
const stack = new cdk.Stack(new cdk.App(), 'CdkHello', {});
const bucket = new s3.Bucket(stack, 'Data', { removalPolicy: cdk.RemovalPolicy.DESTROY });
const hello = new lambda.Function(stack, 'Hello', {
  runtime: lambda.Runtime.PYTHON_3_11, handler: 'app.handler', code: lambda.Code.fromAsset(__dirname + '/src'),
  environment: { BUCKET: bucket.bucketName },
});
bucket.grantRead(hello);
new cdk.CfnOutput(stack, 'Name', { value: hello.functionName });
"""


class Shell:
    def __init__(self, cloud: CloudUnderTest, folder: Path) -> None:
        self.cloud = cloud
        self.folder = folder
        (folder / "src").mkdir()
        (folder / "src" / "app.py").write_text(FUNCTION)

    def run(self, tool: str, *arguments: str, fails: bool = False) -> str:
        program = TOOLS / "bin" / tool
        if not program.exists():
            pytest.skip(f"{tool} is not there: make tools")
        environment = {
            **self.cloud.environment(),
            "NODE_PATH": str(TOOLS / "node" / "node_modules"),
            "CI": "1",
            "NODE_NO_WARNINGS": "1",
        }
        done = subprocess.run(
            [str(program), *arguments], cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120
        )
        output = done.stdout + done.stderr
        assert (done.returncode != 0) == fails, f"{tool} {arguments}: {done.returncode}\n{output}\n{self.cloud.output()}"
        return output

    def say(self, stack: str, word: str) -> Any:
        """Invokes the function that the stack's output names."""
        outputs = self.cloud.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["Outputs"]
        answer = self.cloud.client("lambda").invoke(
            FunctionName=outputs[0]["OutputValue"], Payload=json.dumps(word).encode()
        )
        return json.loads(answer["Payload"].read())


@pytest.fixture
def shell(cloud: CloudUnderTest, tmp_path: Path) -> Shell:
    return Shell(cloud, tmp_path)


def test_sam_deploys_updates_and_deletes(shell: Shell) -> None:
    (shell.folder / "template.yaml").write_text(TEMPLATE)
    deploy = (
        "deploy",
        "--stack-name",
        "hello",
        "--resolve-s3",
        "--capabilities",
        "CAPABILITY_IAM",
        "--no-confirm-changeset",
    )
    output = shell.run("sam", *deploy)
    assert "Successfully created/updated stack - hello in us-east-1" in output
    assert "+ Add                    HelloRole                AWS::IAM::Role" in output
    assert shell.say("hello", "a") == {"said": "a"}
    assert "No changes to deploy. Stack hello is up to date" in shell.run("sam", *deploy, fails=True)
    (shell.folder / "src" / "app.py").write_text(FUNCTION.replace("said", "sang"))
    output = shell.run("sam", *deploy)
    assert "* Modify                 Hello                    AWS::Lambda::Function    False" in output
    assert shell.say("hello", "a") == {"sang": "a"}
    assert "HelloRole" in shell.run("sam", "list", "resources", "--stack-name", "hello", "--output", "json")
    assert "Deleted successfully" in shell.run("sam", "delete", "--stack-name", "hello", "--no-prompts")
    with pytest.raises(ClientError, match="Stack with id hello does not exist"):
        shell.say("hello", "a")


def test_sam_says_why_a_deployment_failed(shell: Shell) -> None:
    (shell.folder / "template.yaml").write_text(TEMPLATE.replace("python3.11", "python1.0"))
    deploy = ("deploy", "--stack-name", "bad", "--resolve-s3", "--capabilities", "CAPABILITY_IAM", "--no-confirm-changeset")
    output = " ".join(shell.run("sam", *deploy, fails=True).split())
    assert "ROLLBACK_COMPLETE" in output
    assert "Failed to create/update the stack: bad" in output
    (shell.folder / "template.yaml").write_text(TEMPLATE.replace("      Handler: app.handler\n", ""))
    output = shell.run("sam", *[word.replace("bad", "worse") for word in deploy], fails=True)
    assert (
        "Transform AWS::Serverless-2016-10-31 failed with: Invalid Serverless Application Specification document." in output
    )


def test_the_aws_cli_deploys(shell: Shell) -> None:
    shell.cloud.client("s3").create_bucket(Bucket="cli-artifacts")
    (shell.folder / "template.yaml").write_text(TEMPLATE)
    shell.run(
        "aws",
        "cloudformation",
        "package",
        "--template-file",
        "template.yaml",
        "--s3-bucket",
        "cli-artifacts",
        "--output-template-file",
        "packaged.yaml",
    )
    deploy = (
        "cloudformation",
        "deploy",
        "--template-file",
        "packaged.yaml",
        "--stack-name",
        "cli",
        "--capabilities",
        "CAPABILITY_IAM",
        "--tags",
        "team=blue",
    )
    assert "Successfully created/updated stack - cli" in shell.run("aws", *deploy)
    assert shell.say("cli", "x") == {"said": "x"}
    assert "No changes to deploy. Stack cli is up to date" in shell.run("aws", *deploy, "--no-fail-on-empty-changeset")
    stack = json.loads(shell.run("aws", "cloudformation", "describe-stacks", "--stack-name", "cli", "--output", "json"))[
        "Stacks"
    ][0]
    assert (stack["StackStatus"], stack["Tags"]) == ("CREATE_COMPLETE", [{"Key": "team", "Value": "blue"}])
    shell.run("aws", "cloudformation", "delete-stack", "--stack-name", "cli")
    shell.run("aws", "cloudformation", "wait", "stack-delete-complete", "--stack-name", stack["StackId"])


def test_cdk_bootstraps_and_deploys(shell: Shell) -> None:
    (shell.folder / "app.js").write_text(APP)
    (shell.folder / "cdk.json").write_text(json.dumps({"app": f"{shutil.which('node')} app.js"}))
    if "ecr" not in SERVICES:
        pytest.skip("the bootstrap template has an AWS::ECR::Repository")
    assert "bootstrapped" in shell.run("cdk", "bootstrap", "aws://000000000000/us-east-1", "--no-notices")
    output = shell.run("cdk", "deploy", "--require-approval", "never", "--no-notices")
    assert "CdkHello.Name = CdkHello-" in output
    assert shell.say("CdkHello", "x") == {"said": "x"}
    assert "There were no differences" in shell.run("cdk", "diff", "--no-notices")
    assert "no changes" in shell.run("cdk", "deploy", "--require-approval", "never", "--no-notices")
    assert "CdkHello: destroyed" in shell.run("cdk", "destroy", "--force", "--no-notices")
    left = shell.cloud.client("cloudformation").describe_stacks()["Stacks"]
    assert "CdkHello" not in [stack["StackName"] for stack in left]
