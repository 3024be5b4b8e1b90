"""A pipeline's stages, run as shell commands by an IAM user with a least-privilege policy, into two regions."""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import ACCOUNT, CloudUnderTest

HERE = Path(__file__).parent
NODE_MODULES = HERE.parent.parent / ".tools" / "node" / "node_modules"
STAGES = {"beta": "us-west-2", "prod": "us-east-1"}


class Pipeline:
    """The checkout, the user, and the stages."""

    def __init__(self, cloud: CloudUnderTest, folder: Path, policy: dict[str, Any], user: str) -> None:
        self.cloud = cloud
        self.folder = folder
        shutil.copytree(HERE / "hello-api", folder)
        iam = cloud.client("iam")
        iam.create_user(UserName=user)
        arn = iam.create_policy(PolicyName=f"{user}-policy", PolicyDocument=json.dumps(policy))["Policy"]["Arn"]
        iam.attach_user_policy(UserName=user, PolicyArn=arn)
        self.key = iam.create_access_key(UserName=user)["AccessKey"]
        for region in STAGES.values():
            location = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            cloud.client("s3", region=region).create_bucket(Bucket=self.bucket(region, user), **location)
        self.user = user

    @staticmethod
    def bucket(region: str, user: str) -> str:
        return f"sam-jenkins-demo-{region}-{user}"

    def run(self, *command: str, region: str = "us-east-1", cwd: str = ".", **variables: str) -> subprocess.CompletedProcess[str]:
        environment = self.cloud.environment(key=self.key["AccessKeyId"], secret=self.key["SecretAccessKey"], region=region)
        return subprocess.run(
            command, cwd=self.folder / cwd, env={**environment, **variables}, capture_output=True, text=True, timeout=240,
        )

    def deploy(self, stack: str, region: str) -> subprocess.CompletedProcess[str]:
        return self.run(
            "sam", "deploy", "--stack-name", stack, "-t", "template.yaml", "--s3-bucket", self.bucket(region, self.user),
            "--capabilities", "CAPABILITY_IAM", region=region,
        )

    def integration_test(self, stack: str, region: str) -> subprocess.CompletedProcess[str]:
        """As written for AWS: the API's own address, reached through the cloud as the machine's HTTPS proxy."""
        link = self.folder / "hello-world" / "node_modules"
        link.symlink_to(NODE_MODULES)
        ca = subprocess.run(
            [*self.cloud.command, "trust", "--data-dir", str(self.cloud.data_dir)], capture_output=True, text=True, check=True
        ).stdout.strip()
        try:
            return self.run(
                "npm", "run", "integ-test", region=region, cwd="hello-world", STACK_NAME=stack, NODE_EXTRA_CA_CERTS=ca,
                HTTPS_PROXY=self.cloud.endpoint, NO_PROXY="localhost", PATH=f"{NODE_MODULES}/.bin:{self.path}",
            )
        finally:
            link.unlink()  # or the next stage would deploy it

    @property
    def path(self) -> str:
        return self.cloud.environment()["PATH"]

    def address(self, stack: str, region: str) -> str:
        """The API's address on this machine."""
        resource = self.cloud.client("cloudformation", region=region).describe_stack_resource(
            StackName=stack, LogicalResourceId="ServerlessRestApi"
        )
        api = resource["StackResourceDetail"]["PhysicalResourceId"]
        return f"{self.cloud.endpoint}/_aws/execute-api/{api}/Prod/hello"


def least_privilege(*, without: str = "") -> dict[str, Any]:
    policy = json.loads((HERE / "hello-api" / "policy.json").read_text().replace("ACCOUNT", ACCOUNT))
    policy["Statement"] = [statement for statement in policy["Statement"] if statement["Sid"] != without]
    return dict(policy)


@pytest.fixture(scope="module")
def pipeline(cloud: CloudUnderTest, tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    return Pipeline(cloud, tmp_path_factory.mktemp("checkout") / "app", least_privilege(), "jenkins")


def test_build(pipeline: Pipeline) -> None:
    built = pipeline.run("sam", "build")
    assert built.returncode == 0, built.stderr
    assert (pipeline.folder / ".aws-sam/build/HelloWorldFunction/app.js").is_file()


@pytest.mark.parametrize("stage", STAGES)
def test_stage_deploys_and_its_integration_test_passes(pipeline: Pipeline, stage: str) -> None:
    stack, region = f"sam-app-{stage}-stage", STAGES[stage]
    deployed = pipeline.deploy(stack, region)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    assert f"Successfully created/updated stack - {stack} in {region}" in deployed.stdout
    tested = pipeline.integration_test(stack, region)
    assert tested.returncode == 0, tested.stdout + tested.stderr
    assert "2 passing" in tested.stdout


def test_everything_is_there_after_a_kill(pipeline: Pipeline) -> None:
    pipeline.cloud.restart()
    for stage, region in STAGES.items():
        stack = f"sam-app-{stage}-stage"
        with urllib.request.urlopen(pipeline.address(stack, region), timeout=30) as answer:
            assert json.load(answer) == {"message": "Hello world"}
        client = pipeline.cloud.client("cloudformation", region=region)
        assert client.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] == "CREATE_COMPLETE"


def test_changed_code_is_deployed_as_an_update(pipeline: Pipeline) -> None:
    source = pipeline.folder / "hello-world" / "app.js"
    source.write_text(source.read_text().replace("Hello world", "Hello again"))
    deployed = pipeline.deploy("sam-app-beta-stage", "us-west-2")
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    with urllib.request.urlopen(pipeline.address("sam-app-beta-stage", "us-west-2"), timeout=30) as answer:
        assert json.load(answer) == {"message": "Hello again"}


@pytest.mark.parametrize(
    ("missing", "action"),
    [
        ("CloudFormationTemplate", "cloudformation:CreateChangeSet"),
        ("CloudFormationStack", "cloudformation:DescribeStacks"),
        ("S3", "s3:PutObject"),
        ("Lambda", "lambda:CreateFunction"),
        ("IAM", "iam:CreateRole"),
        ("APIGateway", "apigateway:POST"),
    ],
)
def test_a_missing_statement_fails_with_the_message_of_aws(
    cloud: CloudUnderTest, tmp_path: Path, missing: str, action: str
) -> None:
    user = f"without-{missing.lower()}"
    pipeline = Pipeline(cloud, tmp_path / "app", least_privilege(without=missing), user)
    failed = pipeline.deploy(f"denied-{missing.lower()}", "us-west-2")
    said = " ".join((failed.stdout + failed.stderr).split())
    if missing in ("Lambda", "IAM", "APIGateway"):
        # The resource's failure stands in the stack's events.
        events = cloud.client("cloudformation", region="us-west-2").describe_stack_events(
            StackName=f"denied-{missing.lower()}"
        )["StackEvents"]
        said = " ".join(event.get("ResourceStatusReason", "") for event in events)
    assert failed.returncode != 0
    assert f"user/{user} is not authorized to perform: {action} on resource" in said or "Access Denied" in said, said
