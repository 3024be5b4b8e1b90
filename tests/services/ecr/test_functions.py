"""Functions from container images: pushed to the registry, created, invoked. Texts as recorded from AWS."""

import io
import json
import shutil
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.ecr import oci, shell_image
from tests.services.ecr.oci import Image, Registry, member, registry

PREFIX = f"{ACCOUNT}.dkr.ecr.{REGION}/"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]})

pytestmark = pytest.mark.skipif(not shell_image.BASH.exists(), reason="the image is made of this machine's bash")


@pytest.fixture(scope="module")
def client(cloud: CloudUnderTest) -> Registry:
    cloud.client("ecr").create_repository(repositoryName="functions")
    return registry(cloud, prefix=PREFIX)


@pytest.fixture(scope="module")
def role(cloud: CloudUnderTest) -> str:
    role = cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=TRUST)["Role"]
    arn: str = role["Arn"]
    return arn


@pytest.fixture(scope="module")
def uri(cloud: CloudUnderTest) -> str:
    return f"localhost:{cloud.port}/{PREFIX}functions"


def create(cloud: CloudUnderTest, role: str, name: str, uri: str, **more: Any) -> Any:
    params = {"FunctionName": name, "Role": role, "PackageType": "Image", "Code": {"ImageUri": uri}, "Timeout": 20, **more}
    return cloud.client("lambda").create_function(**params)


def invoke(cloud: CloudUnderTest, name: str, event: Any = None) -> Any:
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    text = answer["Payload"].read()
    assert "FunctionError" not in answer, text
    return json.loads(text)


def refused(call: Any, *args: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(*args, **params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_from_push_to_answer(cloud: CloudUnderTest, client: Registry, role: str, uri: str) -> None:
    image = shell_image.image()
    client.push("functions", image, "v1")
    made = create(cloud, role, "shell", f"{uri}:v1", Environment={"Variables": {"GREETING": "hello"}})
    assert (made["PackageType"], made["CodeSha256"], made["CodeSize"]) == ("Image", image.digest[7:], 0)
    assert not made.keys() & {"Runtime", "Handler", "RuntimeVersionConfig", "ImageConfigResponse"}
    code = cloud.client("lambda").get_function(FunctionName="shell")["Code"]
    assert code == {"RepositoryType": "ECR", "ImageUri": f"{uri}:v1", "ResolvedImageUri": f"{uri}@{image.digest}"}
    assert invoke(cloud, "shell", {"n": [1]}) == {
        "event": {"n": [1]}, "arguments": "app.handler", "cwd": "/var/task", "greeting": "hello", "image": "yes",
        "extension": "", "task": "data",
    }
    policy = cloud.client("ecr").get_repository_policy(repositoryName="functions")["policyText"]
    assert json.loads(policy)["Statement"][0]["Sid"] == "LambdaECRImageRetrievalPolicy"


def test_new_code_and_versions(cloud: CloudUnderTest, client: Registry, role: str, uri: str) -> None:
    lambda_ = cloud.client("lambda")
    client.push("functions", shell_image.image(b"one"), "moving")
    create(cloud, role, "moving", f"{uri}:moving", Publish=True)
    second = shell_image.image(b"two")
    client.push("functions", second, "moving")
    assert invoke(cloud, "moving")["task"] == "one"  # a tag that moves changes nothing that was deployed
    updated = lambda_.update_function_code(FunctionName="moving", ImageUri=f"{uri}:moving")
    assert updated["CodeSha256"] == second.digest[7:]
    assert invoke(cloud, "moving")["task"] == "two"
    assert invoke(cloud, "moving:1")["task"] == "one"
    aws = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/functions@{second.digest}"
    lambda_.update_function_code(FunctionName="moving", ImageUri=aws)
    assert lambda_.get_function(FunctionName="moving")["Code"]["ResolvedImageUri"] == aws


def test_settings_of_the_function_come_over_the_image(
    cloud: CloudUnderTest, client: Registry, role: str, uri: str
) -> None:
    client.push("functions", shell_image.image(entrypoint=["/nothing"]), "over")
    config = {"EntryPoint": ["bash", "/runtime.sh", "a b"], "Command": ["c"], "WorkingDirectory": "/work"}
    made = create(cloud, role, "over", f"{uri}:over", ImageConfig=config)
    assert made["ImageConfigResponse"] == {"ImageConfig": config}
    seen = invoke(cloud, "over")
    assert (seen["arguments"], seen["cwd"]) == ("a b c", "/work")
    changed = {"EntryPoint": ["/runtime.sh"], "Command": ["-c", "d"]}
    cloud.client("lambda").update_function_configuration(FunctionName="over", ImageConfig=changed)
    seen = invoke(cloud, "over")
    assert (seen["arguments"], seen["cwd"]) == ("-c d", "/var/task")


def test_an_extension_in_the_image(cloud: CloudUnderTest, client: Registry, role: str, uri: str) -> None:
    client.push("functions", shell_image.image(extension=True), "extended")
    create(cloud, role, "extended", f"{uri}:extended")
    assert invoke(cloud, "extended")["extension"] == "registered"
    assert invoke(cloud, "extended")["extension"] == "registered"


def test_the_image_is_unpacked_again_where_it_is_gone(
    cloud: CloudUnderTest, client: Registry, role: str, uri: str
) -> None:
    image = shell_image.image(b"again")
    client.push("functions", image, "again")
    create(cloud, role, "again", f"{uri}:again")
    images = cloud.data_dir / "images"
    (images / ".unpacking-of-a-crash").mkdir()
    cloud.restart()
    shutil.rmtree(images / image.digest[7:])
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda n: invoke(cloud, "again", n), range(4)))
    assert [(a["task"], a["event"]) for a in answers] == [("again", n) for n in range(4)]
    assert not [path for path in images.iterdir() if path.name.startswith(".")]


def test_the_two_kinds_of_packages_do_not_mix(cloud: CloudUnderTest, client: Registry, role: str, uri: str) -> None:
    lambda_ = cloud.client("lambda")
    image = shell_image.image()
    client.push("functions", image, "kinds")
    create(cloud, role, "kinds", f"{uri}:kinds")
    assert refused(lambda_.update_function_code, FunctionName="kinds", ZipFile=b"x") == (
        "InvalidParameterValueException", "Please provide ImageUri when updating a function with packageType Image.")
    zipped = _zip(b"def handler(e, c): return e")
    lambda_.create_function(FunctionName="zipped", Role=role, Runtime="python3.11", Handler="m.handler",
                            Code={"ZipFile": zipped})
    assert refused(lambda_.update_function_code, FunctionName="zipped", ImageUri=f"{uri}:kinds") == (
        "InvalidParameterValueException", "Please don't provide ImageUri when updating a function with packageType Zip.")
    code, _ = refused(create, cloud, role, "both", f"{uri}:kinds", Handler="a.b", Runtime="python3.11")
    assert code == "InvalidParameterValueException"


def test_addresses_and_images_that_lambda_refuses(cloud: CloudUnderTest, client: Registry, role: str, uri: str) -> None:
    for wrong in ("x:latest", "docker.io/library/x:1", f"{uri}", "public.ecr.aws/x/y:1", f"{uri}:a b",
                  f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/functions:v1", "../../x:1", "a" * 5000):
        assert refused(create, cloud, role, "wrong", wrong) == (
            "InvalidParameterValueException", f"Source image {wrong} is not valid. Provide a valid source image.")
    for missing in (f"{uri}:none", f"{uri.removesuffix('functions')}none:v1", f"{uri}@sha256:{'0' * 64}"):
        assert refused(create, cloud, role, "missing", missing) == (
            "InvalidParameterValueException", f"Source image {missing} does not exist. Provide a valid source image.")
    image = Image([oci.layer({"a": b"b"})])
    client.push("functions", image, image.digest)
    index = json.dumps({"schemaVersion": 2, "mediaType": oci.OCI_INDEX, "manifests": [
        {"mediaType": image.media_type, "digest": image.digest, "size": len(image.manifest)}]}).encode()
    client.call("PUT", f"{client.base('functions')}/manifests/index", index, {"Content-Type": oci.OCI_INDEX})
    assert refused(create, cloud, role, "index", f"{uri}:index") == (
        "InvalidParameterValueException",
        f"The image manifest, config or layer media type for the source image {uri}:index is not supported.",
    )


def test_lambda_needs_the_permission_of_the_repository(cloud: CloudUnderTest, client: Registry, role: str) -> None:
    """A caller who may not change the repository's policy cannot let Lambda in."""
    ecr, iam = cloud.client("ecr"), cloud.client("iam")
    ecr.create_repository(repositoryName="closed")
    client.push("closed", Image([oci.layer({"a": b"b"})]), "v1")
    iam.create_user(UserName="deployer")
    key = iam.create_access_key(UserName="deployer")["AccessKey"]
    statement = {"Effect": "Allow", "Action": ["lambda:*", "iam:PassRole"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName="deployer", PolicyName="p", PolicyDocument=document)
    user = cloud.client("lambda", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    params = {"FunctionName": "closed", "Role": role, "PackageType": "Image",
              "Code": {"ImageUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/closed:v1"}}
    assert refused(user.create_function, **params) == (
        "AccessDeniedException", "Lambda does not have permission to access the ECR image. Check the ECR permissions.")
    allowed = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
         "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}]}
    ecr.set_repository_policy(repositoryName="closed", policyText=json.dumps(allowed))
    assert user.create_function(**params)["PackageType"] == "Image"


def test_an_image_without_an_entry_point(cloud: CloudUnderTest, client: Registry, role: str, uri: str) -> None:
    client.push("functions", shell_image.image(entrypoint=None, command=None), "nothing")
    create(cloud, role, "nothing", f"{uri}:nothing")
    answer = cloud.client("lambda").invoke(FunctionName="nothing", Payload=b"1")
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorType"].startswith("Runtime.")


@pytest.mark.parametrize("name", ["traversal", "device", "digest", "layers", "config"])
def test_hostile_images_are_refused(
    cloud: CloudUnderTest, client: Registry, role: str, uri: str, name: str, tmp_path: Path
) -> None:
    fine = oci.layer({"a": b"b"})
    hostile = {
        "traversal": lambda: Image([oci.tar([(member("../../../escaped"), b"x")])]),
        "device": lambda: Image([oci.tar([(member("disk", tarfile.BLKTYPE, devmajor=8), b"")])]),
        "digest": lambda: Image([fine], diff_ids=[f"sha256:{'0' * 64}"]),
        "layers": lambda: Image([oci.layer({f"{n}": b""}) for n in range(128)]),
        "config": lambda: Image([fine], diff_ids=[]),
    }[name]()
    if name == "config":
        hostile = Image([fine, fine], diff_ids=["x"])
    client.push("functions", hostile, f"hostile-{name}")
    code, message = refused(create, cloud, role, "hostile", f"{uri}:hostile-{name}")
    assert code == "InvalidParameterValueException"
    assert message.startswith("The image manifest, config or layer media type for the source image")
    assert not list(cloud.data_dir.rglob("*escaped*"))
    assert not [path for path in (cloud.data_dir / "images").iterdir() if path.name.startswith(".unpacking")]


@pytest.mark.parametrize("link", ["tmp", "etc", "etc/ssl", "etc/pki", "dev", "proc", "opt", "var", ".fogbank", "etc/hosts"])
def test_mount_points_that_are_links_lead_nowhere(
    cloud: CloudUnderTest, client: Registry, role: str, uri: str, link: str, tmp_path: Path
) -> None:
    """What the sandbox mounts in the image (/tmp, /etc/hosts ...) must not be made on the machine through its links."""
    tag = link.strip(".").replace("/", "-")
    for number, target in enumerate((f"/.host{tmp_path}/victim", f"../.host{tmp_path}/victim", str(tmp_path / "victim"))):
        victim = tmp_path / "victim"
        victim.mkdir(exist_ok=True)
        layers = [shell_image.base(), shell_image.top(b"x"), oci.tar([(member(link, tarfile.SYMTYPE, link=target), b"")])]
        client.push("functions", Image(layers, entrypoint=["/runtime.sh"]), f"{tag}-{number}")
        create(cloud, role, f"{tag}-{number}", f"{uri}:{tag}-{number}")
        cloud.client("lambda").invoke(FunctionName=f"{tag}-{number}", Payload=b"1")
        assert not list(victim.rglob("*")), target


def test_with_cloudformation(cloud: CloudUnderTest, client: Registry, role: str, uri: str) -> None:
    client.push("functions", shell_image.image(b"stack"), "stack")
    template = {"Resources": {
        "Repository": {"Type": "AWS::ECR::Repository", "Properties": {
            "RepositoryName": "of-stack", "EmptyOnDelete": True, "Tags": [{"Key": "a", "Value": "b"}]}},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": {
            "FunctionName": "of-stack", "PackageType": "Image", "Role": role,
            "Code": {"ImageUri": f"{uri}:stack"}, "ImageConfig": {"Command": ["from.stack"]}}},
    }, "Outputs": {"Uri": {"Value": {"Fn::GetAtt": ["Repository", "RepositoryUri"]}},
                   "Name": {"Value": {"Ref": "Repository"}}}}
    stacks = cloud.client("cloudformation")
    stacks.create_stack(StackName="images", TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName="images", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    outputs = {o["OutputKey"]: o["OutputValue"] for o in stacks.describe_stacks(StackName="images")["Stacks"][0]["Outputs"]}
    assert outputs == {"Uri": f"{uri.removesuffix('functions')}of-stack", "Name": "of-stack"}
    assert invoke(cloud, "of-stack")["arguments"] == "from.stack"
    client.push("of-stack", Image([oci.layer({"a": b"b"})]), "v1")
    stacks.delete_stack(StackName="images")
    stacks.get_waiter("stack_delete_complete").wait(StackName="images", WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    assert refused(cloud.client("ecr").describe_repositories, repositoryNames=["of-stack"])[0] == (
        "RepositoryNotFoundException")


def _zip(source: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("m.py", source)
    return out.getvalue()
