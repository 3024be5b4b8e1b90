"""What ECR keeps: repositories, images with their tags, layers, and uploads that are under way.

A layer belongs to its repository; layers of several repositories may share one blob, which goes with the last of them.
"""

from __future__ import annotations

import msgspec

from fogbank.store import Record, record


@record("ecr.repository", key=("account", "region", "name"))
class Repository(Record):
    account: str
    region: str
    name: str
    created: float
    mutability: str = "MUTABLE"
    exclusions: list[str] = []
    """Wildcards of the tags that are an exception to `mutability`."""
    scan_on_push: bool = False
    encryption: dict[str, str] = {}
    policy: str | None = None
    lifecycle: str | None = None
    lifecycle_evaluated: float | None = None
    tags: dict[str, str] = {}


@record("ecr.image", key=("account", "region", "repository", "digest"))
class Image(Record):
    account: str
    region: str
    repository: str
    digest: str
    manifest: str
    """As it was pushed, to the byte: the digest is that of these bytes."""
    media_type: str
    size: int
    pushed: float
    artifact_type: str | None = None
    blobs: list[str] = []
    """Digests of its configuration and its layers."""
    children: list[str] = []
    """Digests of the manifests that an index lists."""
    subject: str | None = None
    tags: list[str] = []
    pulled: float | None = None


@record("ecr.tag", key=("account", "region", "repository", "tag"))
class Tag(Record):
    account: str
    region: str
    repository: str
    tag: str
    digest: str


@record("ecr.layer", key=("account", "region", "repository", "digest"), indexes={"blob": ("blob",)})
class Layer(Record):
    account: str
    region: str
    repository: str
    digest: str
    blob: str
    size: int
    created: float


class Part(msgspec.Struct):
    blob: str
    size: int
    sha256: str
    """Hexadecimal, of this part alone."""


@record("ecr.upload", key=("account", "region", "repository", "id"))
class Upload(Record):
    account: str
    region: str
    repository: str
    id: str
    started: float
    parts: list[Part] = []

    @property
    def size(self) -> int:
        return sum(part.size for part in self.parts)
