"""The registry's protocol: a client that speaks it by hand, and skopeo where the machine has it."""

import base64
import gzip
import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.ecr import oci
from tests.services.ecr.oci import Image, Registry, digest_of, registry

PREFIX = f"{ACCOUNT}.dkr.ecr.{REGION}/"


@pytest.fixture(scope="module")
def ecr(cloud: CloudUnderTest) -> Any:
    client = cloud.client("ecr")
    client.create_repository(repositoryName="app")
    return client


@pytest.fixture(scope="module")
def client(cloud: CloudUnderTest, ecr: Any) -> Registry:
    return registry(cloud, prefix=PREFIX)


def code_of(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[2])["errors"][0]["code"]


def small(content: bytes, **options: Any) -> Image:
    return Image([oci.layer({"etc/motd": content})], **options)


def test_the_door_asks_for_a_password(cloud: CloudUnderTest, client: Registry, ecr: Any) -> None:
    assert client.call("GET", "/v2/")[0] == 200
    for headers in ({"Authorization": ""}, {"Authorization": "Basic !"}, {"Authorization": "Bearer x"}):
        answer = client.call("GET", "/v2/", headers=headers)
        assert code_of(answer) == (401, "UNAUTHORIZED")
        assert answer[1]["www-authenticate"] == f'Basic realm="http://localhost:{cloud.port}/",service="ecr.amazonaws.com"'
        assert answer[1]["docker-distribution-api-version"] == "registry/2.0"
    for password in ("test", "000000000000", "ASIAAAAAAAAAAAAAAAAA.AAAA", "."):
        assert code_of(Registry(cloud.endpoint, password).call("GET", "/v2/")) == (401, "UNAUTHORIZED")


def test_a_session_token_is_no_password(cloud: CloudUnderTest, ecr: Any) -> None:
    """Session tokens travel openly with each request: only what GetAuthorizationToken gave out opens the registry."""
    session = cloud.client("sts").get_session_token()["Credentials"]
    password = f"{session['AccessKeyId']}.{session['SessionToken']}"
    assert code_of(Registry(cloud.endpoint, password).call("GET", "/v2/")) == (401, "UNAUTHORIZED")


@pytest.mark.parametrize("docker", [False, True])
def test_push_and_pull(client: Registry, ecr: Any, docker: bool) -> None:
    image = small(b"hello" if docker else b"hi", docker=docker)
    tag = "docker" if docker else "oci"
    client.push("app", image, tag)
    base = client.base("app")
    for reference in (tag, image.digest):
        for method in ("GET", "HEAD"):
            status, headers, body = client.call(method, f"{base}/manifests/{reference}")
            assert (status, headers["content-type"]) == (200, image.media_type)
            assert (headers["docker-content-digest"], headers["content-length"]) == (image.digest, str(len(image.manifest)))
            assert body == (image.manifest if method == "GET" else b"")
    for digest, data in image.blobs.items():
        status, headers, body = client.call("GET", f"{base}/blobs/{digest}")
        assert (status, body, headers["docker-content-digest"]) == (200, data, digest)
        status, headers, body = client.call("HEAD", f"{base}/blobs/{digest.replace(':', '%3A')}")
        assert (status, headers["content-length"], body) == (200, str(len(data)), b"")
        status, headers, body = client.call("GET", f"{base}/blobs/{digest}", headers={"Range": "bytes=3-5"})
        assert (status, body, headers["content-range"]) == (206, data[3:6], f"bytes 3-5/{len(data)}")
    described = ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": tag}])["imageDetails"][0]
    assert (described["imageDigest"], described["imageManifestMediaType"]) == (image.digest, image.media_type)


def test_every_form_of_the_address(cloud: CloudUnderTest, ecr: Any) -> None:
    image = small(b"forms")
    registry(cloud).push("app", image, "bare")
    hosts = (f"{ACCOUNT}.dkr.ecr.{REGION}.localhost:{cloud.port}", f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com")
    for other in (registry(cloud, prefix=PREFIX), *(registry(cloud, host=host) for host in hosts)):
        assert other.call("GET", f"{other.base('app')}/manifests/bare")[2] == image.manifest
    elsewhere = registry(cloud, prefix=f"{ACCOUNT}.dkr.ecr.eu-west-1/")
    assert code_of(elsewhere.call("GET", f"{elsewhere.base('app')}/manifests/bare")) == (404, "NAME_UNKNOWN")
    assert code_of((r := registry(cloud, region="eu-west-1")).call("GET", f"{r.base('app')}/tags/list")) == (
        404, "NAME_UNKNOWN")


def test_uploads_in_chunks(client: Registry, ecr: Any) -> None:
    base, data = f"{client.base('app')}/blobs/uploads/", os.urandom(300_000)
    _, headers, _ = client.call("POST", base)
    place = headers["location"]
    status, headers, _ = client.call("PATCH", place, data[:100_000], {"Content-Range": "0-99999"})
    assert (status, headers["range"]) == (202, "0-99999")
    answer = client.call("PATCH", place, data[200_000:], {"Content-Range": "200000-299999"})
    assert code_of(answer) == (416, "BLOB_UPLOAD_INVALID")
    status, headers, _ = client.call("GET", place)
    assert (status, headers["range"]) == (204, "0-99999")
    client.call("PATCH", place, data[100_000:200_000], {"Content-Range": "100000-199999"})
    status, headers, _ = client.call("PUT", f"{place}?digest={digest_of(data)}", data[200_000:])
    assert status == 201
    assert client.call("GET", headers["location"])[2] == data
    assert code_of(client.call("GET", place)) == (404, "BLOB_UPLOAD_UNKNOWN")
    whole = os.urandom(2_000_000)
    status, headers, _ = client.call("POST", f"{base}?digest={digest_of(whole)}", whole)
    assert (status, headers["docker-content-digest"]) == (201, digest_of(whole))
    _, headers, _ = client.call("POST", base)
    assert client.call("DELETE", headers["location"])[0] == 204
    assert code_of(client.call("PATCH", headers["location"], b"x")) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_wrong_digest_is_refused(client: Registry, ecr: Any) -> None:
    base = client.base("app")
    other = digest_of(b"other")
    assert code_of(client.call("POST", f"{base}/blobs/uploads/?digest={other}", b"data")) == (400, "DIGEST_INVALID")
    assert code_of(client.call("GET", f"{base}/blobs/{other}")) == (404, "BLOB_UNKNOWN")
    image = small(b"digest")
    for data in image.blobs.values():
        client.push_blob("app", data)
    kind = {"Content-Type": image.media_type}
    assert code_of(client.call("PUT", f"{base}/manifests/{other}", image.manifest, kind)) == (400, "DIGEST_INVALID")
    assert code_of(client.call("POST", f"{base}/blobs/uploads/?digest=md5:00", b"data")) == (400, "DIGEST_INVALID")


def test_manifests_are_checked(client: Registry, ecr: Any) -> None:
    base = client.base("app")
    for wrong in (b"", b"{}", b"[]", b"[" * 100_000, b'{"schemaVersion": 1}', b'{"schemaVersion": 2, "layers": 5}',
                  json.dumps({"schemaVersion": 2, "mediaType": "text/html", "config": {}, "layers": []}).encode(),
                  json.dumps({"schemaVersion": 2, "mediaType": oci.OCI_INDEX, "layers": []}).encode()):
        assert code_of(client.call("PUT", f"{base}/manifests/x", wrong)) == (400, "MANIFEST_INVALID"), wrong[:80]
    lacking = small(b"never pushed")
    assert code_of(client.call("PUT", f"{base}/manifests/x", lacking.manifest)) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert code_of(client.call("PUT", f"{base}/manifests/.x", lacking.manifest)) == (400, "TAG_INVALID")
    assert code_of(client.call("PUT", f"{base}/manifests/x", b"x" * (5 << 20))) == (413, "SIZE_INVALID")
    assert code_of(client.call("GET", f"{base}/manifests/none")) == (404, "MANIFEST_UNKNOWN")
    assert code_of(client.call("POST", f"/v2/{PREFIX}none/blobs/uploads/")) == (404, "NAME_UNKNOWN")
    assert code_of(client.call("POST", f"/v2/{PREFIX}NO!/blobs/uploads/")) == (400, "NAME_INVALID")
    assert code_of(client.call("GET", f"/v2/{PREFIX}../../x/tags/list"))[0] == 400
    assert code_of(client.call("GET", "/v2/app/nothing")) == (404, "UNSUPPORTED")


def test_indexes_tags_and_deletion(client: Registry, ecr: Any) -> None:
    ecr.create_repository(repositoryName="many")
    images = [small(b"%d" % n) for n in range(2)]
    for image in images:
        client.push("many", image, image.digest)
    entries = [{"mediaType": i.media_type, "digest": i.digest, "size": len(i.manifest)} for i in images]
    index = json.dumps({"schemaVersion": 2, "mediaType": oci.OCI_INDEX, "manifests": entries}).encode()
    base = client.base("many")
    for tag in ("b", "a", "c"):
        assert client.call("PUT", f"{base}/manifests/{tag}", index, {"Content-Type": oci.OCI_INDEX})[0] == 201
    assert json.loads(client.call("GET", f"{base}/tags/list")[2])["tags"] == ["a", "b", "c"]
    _, headers, body = client.call("GET", f"{base}/tags/list?n=2")
    assert json.loads(body)["tags"] == ["a", "b"]
    following = headers["link"].partition(">")[0][1:]
    assert json.loads(client.call("GET", following)[2])["tags"] == ["c"]
    assert code_of(client.call("DELETE", f"{base}/manifests/{images[0].digest}")) == (405, "DENIED")
    assert client.call("DELETE", f"{base}/manifests/a")[0] == 202
    assert client.call("DELETE", f"{base}/manifests/{digest_of(index)}")[0] == 202
    assert client.call("DELETE", f"{base}/manifests/{images[0].digest}")[0] == 202
    assert json.loads(client.call("GET", f"{base}/tags/list")[2])["tags"] == []
    layer = next(iter(images[0].blobs))
    assert client.call("DELETE", f"{base}/blobs/{layer}")[0] == 202
    assert client.call("HEAD", f"{base}/blobs/{layer}")[0] == 404
    assert code_of(client.call("DELETE", f"{base}/blobs/{next(iter(images[1].blobs))}")) == (403, "DENIED")


def test_blobs_are_mounted_from_another_repository(client: Registry, ecr: Any) -> None:
    ecr.create_repository(repositoryName="second")
    data = gzip.compress(b"shared")
    digest = client.push_blob("app", data)
    base = client.base("second")
    status, headers, _ = client.call("POST", f"{base}/blobs/uploads/?mount={digest}&from={PREFIX}app")
    assert (status, headers["docker-content-digest"]) == (201, digest)
    assert client.call("GET", f"{base}/blobs/{digest}")[2] == data
    ecr.delete_repository(repositoryName="second", force=True)
    assert client.call("GET", f"{client.base('app')}/blobs/{digest}")[2] == data
    missing = digest_of(b"missing")
    ecr.create_repository(repositoryName="second")
    assert client.call("POST", f"{base}/blobs/uploads/?mount={missing}&from={PREFIX}app")[0] == 202


def test_permissions_are_those_of_the_owner_of_the_password(cloud: CloudUnderTest, client: Registry, ecr: Any) -> None:
    """Who may pull may not push; and what the policies say now counts, not what they said at login."""
    iam = cloud.client("iam")
    iam.create_user(UserName="puller")
    key = iam.create_access_key(UserName="puller")["AccessKey"]

    def allow(*actions: str) -> None:
        statement = {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", *actions], "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName="puller", PolicyName="p", PolicyDocument=document)

    allow("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    image = small(b"guarded")
    client.push("app", image, "guarded")
    user = registry(cloud, key=key["AccessKeyId"], secret=key["SecretAccessKey"], prefix=PREFIX)
    base = user.base("app")
    assert user.call("GET", f"{base}/manifests/guarded")[2] == image.manifest
    for digest, data in image.blobs.items():
        assert user.call("GET", f"{base}/blobs/{digest}")[2] == data
    for method, path, body in (
        ("POST", "blobs/uploads/", None), ("PUT", "manifests/x", image.manifest), ("DELETE", "manifests/guarded", None),
        ("GET", "tags/list", None), ("PATCH", f"blobs/uploads/{'0' * 8}-0000-0000-0000-{'0' * 12}", b"x"),
        ("HEAD", f"blobs/{image.digest}", None),
    ):
        status, _, text = user.call(method, f"{base}/{path}", body)
        assert status == 403, (method, path, text)
    denied = json.loads(user.call("POST", f"{base}/blobs/uploads/")[2])["errors"][0]
    assert denied["code"] == "DENIED"
    assert f"user/puller is not authorized to perform: ecr:InitiateLayerUpload on resource: arn:aws:ecr:{REGION}:" in (
        denied["message"])
    allow()
    assert user.call("GET", f"{base}/manifests/guarded")[0] == 403


def test_immutable_tags(client: Registry, ecr: Any) -> None:
    ecr.create_repository(
        repositoryName="fixed", imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=[{"filterType": "WILDCARD", "filter": "dev-*"}],
    )
    for tag in ("v1", "dev-1"):
        client.push("fixed", small(b"1"), tag)
    second = small(b"2")
    client.push("fixed", second, "dev-1")
    answer = client.call("PUT", f"{client.base('fixed')}/manifests/v1", second.manifest)
    assert code_of(answer) == (400, "TAG_INVALID")
    assert "cannot be overwritten because the tag is immutable" in answer[2].decode()
    client.push("fixed", second, "v2")


def test_a_large_layer_takes_no_memory(cloud: CloudUnderTest, client: Registry, ecr: Any) -> None:
    assert cloud.process is not None

    def resident() -> int:
        text = Path(f"/proc/{cloud.process.pid if cloud.process else 0}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) // 1024

    before = resident()
    data = os.urandom(1 << 20) * 150
    began = time.perf_counter()
    digest = client.push_blob("app", data)
    assert len(client.call("GET", f"{client.base('app')}/blobs/{digest}")[2]) == len(data)
    assert resident() - before < 40, f"{resident() - before} MB more after 150 MB"
    assert time.perf_counter() - began < 30


def test_a_push_survives_the_death_of_the_cloud(cloud: CloudUnderTest, client: Registry, ecr: Any) -> None:
    data = os.urandom(500_000)
    _, headers, _ = client.call("POST", f"{client.base('app')}/blobs/uploads/")
    client.call("PATCH", headers["location"], data[:250_000])
    cloud.restart()
    client.call("PATCH", headers["location"], data[250_000:])
    status, headers, body = client.call("PUT", f"{headers['location']}?digest={digest_of(data)}")
    assert status == 201, body
    assert client.call("GET", headers["location"])[2] == data


@pytest.mark.skipif(not shutil.which("skopeo"), reason="skopeo is not on this machine: `apt-get install skopeo`")
def test_skopeo_copies_to_and_fro(cloud: CloudUnderTest, ecr: Any, tmp_path: Path) -> None:
    image = Image([oci.layer({"a": b"1"}), oci.layer({"b": b"2"})])
    layout = tmp_path / "layout"
    _write_layout(layout, image)
    token = base64.b64decode(ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]).decode()
    uri = ecr.describe_repositories(repositoryNames=["app"])["repositories"][0]["repositoryUri"]

    def skopeo(*arguments: str) -> str:
        command = ["skopeo", "--insecure-policy", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(tmp_path)})
        assert done.returncode == 0, done.stderr
        return done.stdout

    skopeo("copy", "--dest-tls-verify=false", f"--dest-creds={token}", f"oci:{layout}:it", f"docker://{uri}:skopeo")
    shown = json.loads(skopeo("inspect", "--tls-verify=false", f"--creds={token}", f"docker://{uri}:skopeo"))
    assert shown["Digest"] == image.digest
    assert {"skopeo"} <= set(shown["RepoTags"])
    back = tmp_path / "back"
    skopeo("copy", "--src-tls-verify=false", f"--src-creds={token}", f"docker://{uri}@{image.digest}", f"oci:{back}:it")
    for digest, data in image.blobs.items():
        assert (back / "blobs" / "sha256" / digest[7:]).read_bytes() == data
    skopeo("delete", "--tls-verify=false", f"--creds={token}", f"docker://{uri}:skopeo")
    assert ecr.batch_get_image(repositoryName="app", imageIds=[{"imageDigest": image.digest}])["failures"]


@pytest.mark.skipif(not shutil.which("docker"), reason="docker's command is not on this machine")
def test_docker_logs_in_and_reads_a_manifest(cloud: CloudUnderTest, client: Registry, ecr: Any, tmp_path: Path) -> None:
    """As far as docker's command goes without its daemon."""
    image = small(b"docker", docker=True)
    client.push("app", image, "cli")
    data = ecr.get_authorization_token()["authorizationData"][0]
    password = base64.b64decode(data["authorizationToken"]).decode().partition(":")[2]
    uri = ecr.describe_repositories(repositoryNames=["app"])["repositories"][0]["repositoryUri"]

    def docker(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "HOME": str(tmp_path), "DOCKER_CONFIG": str(tmp_path / "docker")}
        return subprocess.run(
            ["docker", *arguments], capture_output=True, text=True, timeout=60, env=environment, input=given
        )

    done = docker("login", "--username", "AWS", "--password-stdin", data["proxyEndpoint"], given=password)
    if "Cannot connect to the Docker daemon" in done.stderr:
        pytest.skip("this version of docker's command logs in through its daemon, which is not running")
    assert "Login Succeeded" in done.stdout, done.stderr
    assert docker("login", "-u", "AWS", "--password-stdin", data["proxyEndpoint"], given="wrong").returncode != 0
    shown = docker("manifest", "inspect", "--insecure", f"{uri}:cli")
    assert json.loads(shown.stdout)["config"]["digest"] == json.loads(image.manifest)["config"]["digest"], shown.stderr


def _write_layout(folder: Path, image: Image) -> None:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    for digest, data in {**image.blobs, image.digest: image.manifest}.items():
        (blobs / digest[7:]).write_bytes(data)
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    entry = {"mediaType": image.media_type, "digest": image.digest, "size": len(image.manifest),
             "annotations": {"org.opencontainers.image.ref.name": "it"}}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
