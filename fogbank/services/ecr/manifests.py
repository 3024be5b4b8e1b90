"""Reading image manifests: Docker's schema 2 and OCI's, and the lists of either.

https://github.com/opencontainers/image-spec/blob/main/manifest.md
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from fogbank.services.ecr import names

LIMIT = 4 << 20
"""Bytes of a manifest: 4 MiB, as PutImage's model has it."""
MOST_BLOBS = 4200
MOST_DEPTH_OF_JSON = 100

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
SINGLE = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
LISTS = frozenset({OCI_INDEX, DOCKER_LIST})


class BadManifest(ValueError):
    """The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Manifest:
    text: str
    digest: str
    media_type: str
    artifact_type: str | None = None
    blobs: tuple[str, ...] = ()
    """Digests of what must be there: the configuration, then the layers; foreign layers are not stored here."""
    children: tuple[str, ...] = ()
    subject: str | None = None
    size: int = 0
    """Of the layers, compressed, as DescribeImages tells it."""


def parse(data: bytes, media_type: str | None = None) -> Manifest:
    """The manifest in `data`; `media_type` is what the sender calls it. Raises BadManifest."""
    if len(data) > LIMIT:
        raise BadManifest(f"larger than {LIMIT} bytes")
    try:
        document = json.loads(data)
        text = data.decode()
    except (ValueError, RecursionError) as error:
        raise BadManifest("not JSON") from error
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise BadManifest("schemaVersion must be 2")
    kind = _media_type(document, media_type)
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    subject = _digest(document["subject"]) if document.get("subject") else None
    artifact = document.get("artifactType")
    if artifact is not None and not isinstance(artifact, str):
        raise BadManifest("artifactType is no text")
    if kind in LISTS:
        children = tuple(_digest(item) for item in _list(document, "manifests"))
        return Manifest(text, digest, kind, artifact, children=children, subject=subject, size=len(data))
    config = document.get("config")
    layers = _list(document, "layers")
    stored = [layer for layer in layers if not _foreign(layer)]
    blobs = dict.fromkeys([_digest(config), *map(_digest, stored)])
    size = sum(_size(layer) for layer in layers)
    if artifact is None and isinstance(config, dict) and isinstance(config.get("mediaType"), str):
        artifact = config["mediaType"]
    return Manifest(text, digest, kind, artifact, tuple(blobs), (), subject, size)


def _media_type(document: dict[str, Any], told: str | None) -> str:
    own = document.get("mediaType")
    kind = own or (told or "").partition(";")[0].strip() or (OCI_INDEX if "manifests" in document else OCI_MANIFEST)
    if kind not in SINGLE and kind not in LISTS:
        raise BadManifest(f"media type {str(kind)[:100]} is not supported")
    if own and told and told.partition(";")[0].strip() not in (own, "application/json"):
        raise BadManifest("its media type is not the one that it was sent with")
    if (kind in LISTS) == ("layers" in document) or (kind in LISTS) != ("manifests" in document):
        raise BadManifest("its members are not those of its media type")
    return str(kind)


def _list(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    items = document.get(name)
    if not isinstance(items, list) or len(items) > MOST_BLOBS or not all(isinstance(item, dict) for item in items):
        raise BadManifest(f"{name} must be a list of at most {MOST_BLOBS} descriptors")
    return items


def _digest(descriptor: Any) -> str:
    digest = descriptor.get("digest") if isinstance(descriptor, dict) else None
    if not isinstance(digest, str) or not names.is_digest(digest):
        raise BadManifest("a descriptor has no SHA-256 digest")
    return digest


def _size(descriptor: dict[str, Any]) -> int:
    size = descriptor.get("size")
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size < 1 << 50:
        raise BadManifest("a descriptor has no size")
    return size


def _foreign(layer: dict[str, Any]) -> bool:
    """Layers that may not be pushed (Windows' base layers), and are fetched from elsewhere."""
    return "nondistributable" in str(layer.get("mediaType")) or "foreign" in str(layer.get("mediaType"))
