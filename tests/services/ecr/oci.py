"""Container images made by hand, and a client of the registry: what docker would do, without docker."""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import tarfile
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def member(name: str, kind: bytes = tarfile.REGTYPE, *, mode: int = 0o644, link: str = "", **more: Any) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname = kind, mode, link
    for key, value in more.items():
        setattr(info, key, value)
    return info


def tar(members: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """An uncompressed layer of these members, in this order."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def layer(files: dict[str, bytes], *, modes: dict[str, int] | None = None) -> bytes:
    """An uncompressed layer of plain files."""
    return tar([(member(name, mode=(modes or {}).get(name, 0o644)), data) for name, data in files.items()])


class Image:
    """A manifest with its configuration and layers (uncompressed in, gzip out)."""

    def __init__(
        self, layers: list[bytes], *, entrypoint: list[str] | None = None, command: list[str] | None = None,
        workdir: str = "", environment: list[str] | None = None, docker: bool = False, diff_ids: list[str] | None = None,
    ) -> None:
        self.blobs: dict[str, bytes] = {}
        packed = [gzip.compress(data, 1, mtime=0) for data in layers]
        config = json.dumps({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Entrypoint": entrypoint, "Cmd": command, "WorkingDir": workdir, "Env": environment or []},
            "rootfs": {"type": "layers", "diff_ids": diff_ids or [digest_of(data) for data in layers]},
        }).encode()
        kinds = (DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER) if docker else (OCI_MANIFEST, OCI_CONFIG, OCI_LAYER)
        self.media_type = kinds[0]
        self.manifest = json.dumps({
            "schemaVersion": 2,
            "mediaType": kinds[0],
            "config": self._add(kinds[1], config),
            "layers": [self._add(kinds[2], data) for data in packed],
        }).encode()
        self.digest = digest_of(self.manifest)

    def _add(self, media_type: str, data: bytes) -> dict[str, Any]:
        digest = digest_of(data)
        self.blobs[digest] = data
        return {"mediaType": media_type, "digest": digest, "size": len(data)}


class Registry:
    """Speaks the distribution protocol at `endpoint`; `prefix` is what stands before a repository's name."""

    def __init__(self, endpoint: str, password: str, *, prefix: str = "", host: str = "") -> None:
        self.endpoint = urlsplit(endpoint)
        self.headers = {"Authorization": "Basic " + base64.b64encode(f"AWS:{password}".encode()).decode()}
        if host:
            self.headers["Host"] = host
        self.prefix = prefix

    def call(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None, **options: Any
    ) -> tuple[int, dict[str, str], bytes]:
        connection = HTTPConnection(self.endpoint.hostname or "", self.endpoint.port, timeout=60)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})}, **options)
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def base(self, repository: str) -> str:
        return f"/v2/{self.prefix}{repository}"

    def push_blob(self, repository: str, data: bytes) -> str:
        """As docker does: POST, one PATCH in chunks, PUT."""
        digest = digest_of(data)
        status, headers, body = self.call("POST", f"{self.base(repository)}/blobs/uploads/")
        assert status == 202, body
        pieces = (data[i : i + 65536] for i in range(0, len(data), 65536))
        status, headers, body = self.call("PATCH", headers["location"], pieces, encode_chunked=True)
        assert status == 202, body
        status, headers, body = self.call("PUT", f"{headers['location']}?digest={digest}")
        assert (status, headers.get("docker-content-digest")) == (201, digest), body
        return digest

    def push(self, repository: str, image: Image, reference: str) -> str:
        for data in image.blobs.values():
            self.push_blob(repository, data)
        status, headers, body = self.call(
            "PUT", f"{self.base(repository)}/manifests/{reference}", image.manifest, {"Content-Type": image.media_type}
        )
        assert (status, headers.get("docker-content-digest")) == (201, image.digest), body
        return image.digest


def registry(cloud: Any, *, key: str = "test", secret: str = "test", region: str = "us-east-1", **options: Any) -> Registry:
    """A client with a password of the given key's owner."""
    answer = cloud.client("ecr", key=key, secret=secret, region=region).get_authorization_token()
    token = base64.b64decode(answer["authorizationData"][0]["authorizationToken"]).decode()
    return Registry(cloud.endpoint, token.partition(":")[2], **options)
