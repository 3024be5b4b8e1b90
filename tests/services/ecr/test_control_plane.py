"""ECR's API through boto3: repositories, policies, images, layers. Texts as AWS gives them."""

import base64
import contextlib
import hashlib
import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.ecr import oci

LAMBDA_MAY_PULL = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "s", "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"},
                   "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}],
}


@pytest.fixture(scope="module")
def ecr(cloud: CloudUnderTest) -> Any:
    return cloud.client("ecr")


def refused(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def upload(ecr: Any, repository: str, data: bytes) -> str:
    """A layer in parts, by the API."""
    started = ecr.initiate_layer_upload(repositoryName=repository)
    size = started["partSize"]
    for first in range(0, len(data), size):
        part = data[first : first + size]
        answer = ecr.upload_layer_part(
            repositoryName=repository, uploadId=started["uploadId"], partFirstByte=first,
            partLastByte=first + len(part) - 1, layerPartBlob=part,
        )
        assert answer["lastByteReceived"] == first + len(part) - 1
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    done = ecr.complete_layer_upload(repositoryName=repository, uploadId=started["uploadId"], layerDigests=[digest])
    assert done["layerDigest"] == digest
    return digest


def push(ecr: Any, repository: str, tag: str | None, content: bytes) -> str:
    """An image of one layer, by the API; returns its digest."""
    image = oci.Image([oci.layer({"file": content})])
    for blob in image.blobs.values():
        with contextlib.suppress(ecr.exceptions.LayerAlreadyExistsException):
            upload(ecr, repository, blob)
    params = {"imageTag": tag} if tag else {}
    put = ecr.put_image(repositoryName=repository, imageManifest=image.manifest.decode(), **params)
    assert put["image"]["imageId"]["imageDigest"] == image.digest
    return image.digest


def test_repository_from_birth_to_death(ecr: Any, cloud: CloudUnderTest) -> None:
    made = ecr.create_repository(repositoryName="team/app", tags=[{"Key": "a", "Value": "1"}])["repository"]
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/team/app"
    created = made.pop("createdAt")
    assert created.year > 2000
    assert made == {
        "repositoryArn": arn,
        "registryId": ACCOUNT,
        "repositoryName": "team/app",
        "repositoryUri": f"localhost:{cloud.port}/{ACCOUNT}.dkr.ecr.{REGION}/team/app",
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }
    assert refused(ecr.create_repository, repositoryName="team/app") == (
        "RepositoryAlreadyExistsException",
        f"The repository with name 'team/app' already exists in the registry with id '{ACCOUNT}'",
    )
    assert ecr.describe_repositories(repositoryNames=["team/app"])["repositories"][0]["repositoryArn"] == arn
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "2"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    ecr.put_image_scanning_configuration(repositoryName="team/app", imageScanningConfiguration={"scanOnPush": True})
    ecr.put_image_tag_mutability(repositoryName="team/app", imageTagMutability="IMMUTABLE")
    found = ecr.describe_repositories()["repositories"]
    assert [(r["imageTagMutability"], r["imageScanningConfiguration"]) for r in found] == [
        ("IMMUTABLE", {"scanOnPush": True})
    ]
    ecr.delete_repository(repositoryName="team/app")
    assert refused(ecr.describe_repositories, repositoryNames=["team/app"]) == (
        "RepositoryNotFoundException",
        f"The repository with name 'team/app' does not exist in the registry with id '{ACCOUNT}'",
    )
    assert ecr.describe_registry()["registryId"] == ACCOUNT


def test_repositories_are_listed_in_pages(ecr: Any) -> None:
    names = [f"page-{n}" for n in range(5)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    assert [[r["repositoryName"] for r in page["repositories"]] for page in pages] == [names[:2], names[2:4], names[4:]]
    assert refused(ecr.describe_repositories, nextToken="nonsense")[0] == "InvalidParameterException"
    for name in names:
        ecr.delete_repository(repositoryName=name)


def test_policies(ecr: Any) -> None:
    ecr.create_repository(repositoryName="guarded")
    assert refused(ecr.get_repository_policy, repositoryName="guarded") == (
        "RepositoryPolicyNotFoundException",
        f"Repository policy does not exist for the repository with name 'guarded' in the registry with id '{ACCOUNT}'",
    )
    for wrong in ("{}", "no", json.dumps({"Statement": []}),
                  json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}]})):
        assert refused(ecr.set_repository_policy, repositoryName="guarded", policyText=wrong) == (
            "InvalidParameterException",
            "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
        )
    ecr.set_repository_policy(repositoryName="guarded", policyText=json.dumps(LAMBDA_MAY_PULL))
    assert json.loads(ecr.get_repository_policy(repositoryName="guarded")["policyText"]) == LAMBDA_MAY_PULL
    ecr.delete_repository_policy(repositoryName="guarded")
    assert refused(ecr.delete_repository_policy, repositoryName="guarded")[0] == "RepositoryPolicyNotFoundException"
    rule = {"rulePriority": 1, "description": "old ones", "action": {"type": "expire"},
            "selection": {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}}
    assert refused(ecr.get_lifecycle_policy, repositoryName="guarded")[0] == "LifecyclePolicyNotFoundException"
    ecr.put_lifecycle_policy(repositoryName="guarded", lifecyclePolicyText=json.dumps({"rules": [rule]}))
    kept = ecr.get_lifecycle_policy(repositoryName="guarded")["lifecyclePolicyText"]
    assert json.loads(kept) == {"rules": [rule]}
    wrong = json.dumps({"rules": [{**rule, "action": {"type": "keep"}}]})
    assert refused(ecr.put_lifecycle_policy, repositoryName="guarded", lifecyclePolicyText=wrong)[0] == (
        "InvalidParameterException"
    )
    ecr.delete_lifecycle_policy(repositoryName="guarded")
    ecr.delete_repository(repositoryName="guarded")


def test_another_account_needs_the_repository_policy(cloud: CloudUnderTest, ecr: Any) -> None:
    other = cloud.client("ecr", key="222222222222")
    ecr.create_repository(repositoryName="shared")
    call = {"registryId": ACCOUNT, "repositoryName": "shared"}
    assert refused(other.list_images, **call)[0] == "AccessDeniedException"
    allowed = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "ecr:ListImages"}]}
    ecr.set_repository_policy(repositoryName="shared", policyText=json.dumps(allowed))
    assert other.list_images(**call)["imageIds"] == []
    assert refused(other.describe_images, **call)[0] == "AccessDeniedException"
    ecr.delete_repository(repositoryName="shared")


def test_images_and_tags(ecr: Any) -> None:
    ecr.create_repository(repositoryName="images")
    first = push(ecr, "images", "v1", b"one")
    second = push(ecr, "images", None, b"two")
    ids = ecr.list_images(repositoryName="images")["imageIds"]
    assert sorted(ids, key=str) == sorted([{"imageDigest": first, "imageTag": "v1"}, {"imageDigest": second}], key=str)
    tagged = ecr.list_images(repositoryName="images", filter={"tagStatus": "TAGGED"})["imageIds"]
    assert [i["imageDigest"] for i in tagged] == [first]
    detail = ecr.describe_images(repositoryName="images", imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    assert (detail["imageDigest"], detail["imageTags"]) == (first, ["v1"])
    assert detail["imageManifestMediaType"] == oci.OCI_MANIFEST
    got = ecr.batch_get_image(repositoryName="images", imageIds=[{"imageTag": "v1"}, {"imageTag": "none"}])
    assert hashlib.sha256(got["images"][0]["imageManifest"].encode()).hexdigest() == first[7:]
    assert got["failures"] == [{"imageId": {"imageTag": "none"}, "failureCode": "ImageNotFound",
                                "failureReason": "Requested image not found"}]
    assert refused(ecr.describe_images, repositoryName="images", imageIds=[{"imageTag": "x"}]) == (
        "ImageNotFoundException",
        "The image with imageId {imageDigest:'null', imageTag:'x'} does not exist within the repository with name "
        f"'images' in the registry with id '{ACCOUNT}'",
    )
    manifest = got["images"][0]["imageManifest"]
    assert refused(ecr.put_image, repositoryName="images", imageManifest=manifest, imageTag="v1") == (
        "ImageAlreadyExistsException",
        f"Image with digest '{first}' and tag 'v1' already exists in the repository with name 'images' in registry with "
        f"id '{ACCOUNT}'",
    )
    ecr.put_image(repositoryName="images", imageManifest=manifest, imageTag="latest")
    third = push(ecr, "images", "latest", b"three")  # the tag moves
    assert ecr.describe_images(repositoryName="images", imageIds=[{"imageTag": "latest"}])["imageDetails"][0][
        "imageDigest"] == third
    ecr.put_image_tag_mutability(repositoryName="images", imageTagMutability="IMMUTABLE")
    assert refused(ecr.put_image, repositoryName="images", imageManifest=manifest, imageTag="latest") == (
        "ImageTagAlreadyExistsException",
        "The image tag 'latest' already exists in the 'images' repository and cannot be overwritten because the tag is "
        "immutable.",
    )
    assert refused(ecr.delete_repository, repositoryName="images") == (
        "RepositoryNotEmptyException",
        f"The repository with name 'images' in registry with id '{ACCOUNT}' cannot be deleted because it still contains "
        "images",
    )
    gone = ecr.batch_delete_image(repositoryName="images", imageIds=[{"imageTag": "v1"}, {"imageDigest": second}])
    assert gone["imageIds"] == [{"imageDigest": first, "imageTag": "v1"}, {"imageDigest": second}]
    assert [i["imageDigest"] for i in ecr.list_images(repositoryName="images")["imageIds"]] == [third]
    ecr.delete_repository(repositoryName="images", force=True)


def test_what_an_image_lacks_is_told(ecr: Any) -> None:
    ecr.create_repository(repositoryName="lacking")
    image = oci.Image([oci.layer({"a": b"b"})])
    code, message = refused(ecr.put_image, repositoryName="lacking", imageManifest=image.manifest.decode())
    assert code == "LayersNotFoundException"
    assert all(digest in message for digest in image.blobs)
    index = json.dumps({"schemaVersion": 2, "mediaType": oci.OCI_INDEX, "manifests": [
        {"mediaType": oci.OCI_MANIFEST, "digest": image.digest, "size": 1}]})
    assert refused(ecr.put_image, repositoryName="lacking", imageManifest=index)[0] == "ReferencedImagesNotFoundException"
    assert refused(ecr.put_image, repositoryName="lacking", imageManifest="{}") == (
        "InvalidParameterException",
        "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid image manifest provided'",
    )
    ecr.delete_repository(repositoryName="lacking")


def test_layers_by_the_api(ecr: Any, cloud: CloudUnderTest) -> None:
    ecr.create_repository(repositoryName="layers")
    data = hashlib.sha256(b"seed").digest() * 400_000  # 12.8 MB: two parts
    digest = upload(ecr, "layers", data)
    none = f"sha256:{'0' * 64}"
    looked = ecr.batch_check_layer_availability(repositoryName="layers", layerDigests=[digest, none, "x"])
    assert [(x["layerDigest"], x["layerAvailability"]) for x in looked["layers"]] == [
        (digest, "AVAILABLE"), (none, "UNAVAILABLE")]
    assert looked["layers"][0]["layerSize"] == len(data)
    assert looked["failures"][0]["failureCode"] == "InvalidLayerDigest"
    url = ecr.get_download_url_for_layer(repositoryName="layers", layerDigest=digest)["downloadUrl"]
    with urllib.request.urlopen(url, timeout=20) as answer:
        assert hashlib.sha256(answer.read()).hexdigest() == digest[7:]
    with pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(url.replace("proof=", "proof=0"), timeout=20)
    started = ecr.initiate_layer_upload(repositoryName="layers")["uploadId"]
    call = {"repositoryName": "layers", "uploadId": started}
    assert refused(ecr.complete_layer_upload, layerDigests=[none], **call)[0] == "EmptyUploadException"
    code, _ = refused(ecr.upload_layer_part, partFirstByte=5, partLastByte=6, layerPartBlob=b"ab", **call)
    assert code == "InvalidLayerPartException"
    ecr.upload_layer_part(partFirstByte=0, partLastByte=1, layerPartBlob=b"ab", **call)
    assert refused(ecr.complete_layer_upload, layerDigests=[none], **call)[0] == "InvalidLayerException"
    ecr.delete_repository(repositoryName="layers", force=True)


def test_passwords_carry_their_owner(ecr: Any, cloud: CloudUnderTest) -> None:
    data = ecr.get_authorization_token()["authorizationData"][0]
    user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
    assert (user, data["proxyEndpoint"], ":" in password) == ("AWS", cloud.endpoint, False)
