"""Images: what stands in a repository under a digest, and the tags that point at it."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import paging
from fogbank.services.ecr import ecr, errors, manifests
from fogbank.services.ecr.errors import Key
from fogbank.services.ecr.manifests import BadManifest, Manifest
from fogbank.services.ecr.names import access, is_digest, is_tag, scope
from fogbank.services.ecr.records import Image, Layer, Repository, Tag
from fogbank.services.ecr.repositories import named, position, require

PULL_TIMES = 3600.0
"""A pull is noted once in so many seconds: `lastRecordedPullTime` is coarse on AWS too."""


@ecr.operation(access=access("PutImage"))
def put_image(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    try:
        manifest = manifests.parse(req["imageManifest"].encode(), req.get("imageManifestMediaType"))
    except BadManifest as error:
        raise errors.invalid("ImageManifest", "Invalid image manifest provided") from error
    if req.get("imageDigest") and req["imageDigest"] != manifest.digest:
        raise errors.digest_differs(req["imageDigest"], manifest.digest)
    tag = req.get("imageTag")
    if tag and not is_tag(tag):
        raise errors.invalid("imageTag", "must satisfy regular expression '[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'")
    known = ctx.tx.get(Image, *key, manifest.digest)
    if known and (not tag or tag in known.tags):
        require(ctx, key)
        raise errors.image_exists(key, manifest.digest, tag)
    return {"image": view(key, put(ctx, key, manifest, tag), tag)}


def put(ctx: Context, key: Key, manifest: Manifest, tag: str | None) -> Image:
    """Stores the image, and points the tag at it.

    Raises RepositoryNotFoundException, LayersNotFoundException, ReferencedImagesNotFoundException,
    ImageTagAlreadyExistsException.
    """
    repository = require(ctx, key)
    if missing := [digest for digest in manifest.blobs if not ctx.tx.get(Layer, *key, digest)]:
        raise errors.layers_not_found(key, missing)
    if missing := [digest for digest in manifest.children if not ctx.tx.get(Image, *key, digest)]:
        raise errors.images_not_found(key, missing)
    image = ctx.tx.get(Image, *key, manifest.digest) or Image(
        account=key[0], region=key[1], repository=key[2], digest=manifest.digest, manifest=manifest.text,
        media_type=manifest.media_type, artifact_type=manifest.artifact_type, size=manifest.size, pushed=ctx.now,
        blobs=list(manifest.blobs), children=list(manifest.children), subject=manifest.subject,
    )
    if tag and tag not in image.tags:
        _move_tag(ctx, repository, key, tag, manifest.digest)
        image.tags = [*image.tags, tag]
    ctx.tx.put(image)
    return image


def _move_tag(ctx: Context, repository: Repository, key: Key, tag: str, digest: str) -> None:
    before = ctx.tx.get(Tag, *key, tag)
    if before:
        if immutable(repository, tag):
            raise errors.tag_immutable(key, tag)
        old = ctx.tx.get(Image, *key, before.digest)
        if old:
            old.tags = [name for name in old.tags if name != tag]
            ctx.tx.put(old)
    ctx.tx.put(Tag(account=key[0], region=key[1], repository=key[2], tag=tag, digest=digest))


def immutable(repository: Repository, tag: str) -> bool:
    excepted = any(fnmatchcase(tag, pattern) for pattern in repository.exclusions)
    return repository.mutability.startswith("IMMUTABLE") != excepted


@ecr.operation(access=access("ListImages"))
def list_images(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    require(ctx, key)
    limit, status = req.get("maxResults") or 100, (req.get("filter") or {}).get("tagStatus") or "ANY"
    ids: list[dict[str, Any]] = []
    last = None
    for image in ctx.tx.scan(Image, *key, after=position(req.get("nextToken"))):
        if len(ids) >= limit:
            return {"imageIds": ids, "nextToken": paging.encode(last)}
        last = image.digest
        if image.tags and status != "UNTAGGED":
            ids += [{"imageDigest": image.digest, "imageTag": tag} for tag in image.tags]
        elif not image.tags and status != "TAGGED":
            ids.append({"imageDigest": image.digest})
    return {"imageIds": ids}


@ecr.operation(access=access("DescribeImages"))
def describe_images(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    require(ctx, key)
    if req.get("imageIds"):
        found = [_required(ctx, key, wanted) for wanted in req["imageIds"]]
        return {"imageDetails": [_detail(image) for image in found]}
    limit, status = req.get("maxResults") or 100, (req.get("filter") or {}).get("tagStatus") or "ANY"
    page: list[Image] = []
    for image in ctx.tx.scan(Image, *key, after=position(req.get("nextToken"))):
        if status == "ANY" or (status == "TAGGED") == bool(image.tags):
            page.append(image)
            if len(page) > limit:
                break
    more = len(page) > limit
    return {
        "imageDetails": [_detail(image) for image in page[:limit]],
        "nextToken": paging.encode(page[limit - 1].digest) if more else None,
    }


@ecr.operation(access=access("BatchGetImage"))
def batch_get_image(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    require(ctx, key)
    images, failures = [], []
    for wanted in req["imageIds"]:
        try:
            image = pick(ctx, key, wanted)
        except AwsError as error:
            failures.append({"imageId": wanted, "failureCode": error.code, "failureReason": error.message})
            continue
        note_pull(ctx, image)
        images.append(view(key, image, wanted.get("imageTag")))
    return {"images": images, "failures": failures}


def pick(ctx: Context, key: Key, wanted: dict[str, Any]) -> Image:
    """The image of an `imageId`. Raises AwsError whose code is a `failureCode` of the batch operations."""
    digest, tag = wanted.get("imageDigest"), wanted.get("imageTag")
    if not digest and not tag:
        raise AwsError("MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null")
    if digest and not is_digest(digest):
        raise AwsError("InvalidImageDigest", "Invalid request parameters: image digest should satisfy the regex "
                       "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'")
    if tag and not is_tag(tag):
        raise AwsError("InvalidImageTag", "Invalid request parameters: image tag should satisfy the regex "
                       "'[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}'")
    if tag and not digest:
        pointer = ctx.tx.get(Tag, *key, tag)
        digest = pointer.digest if pointer else None
    image = ctx.tx.get(Image, *key, digest) if digest else None
    if image is None:
        raise AwsError("ImageNotFound", "Requested image not found")
    if tag and tag not in image.tags:
        raise AwsError("ImageTagDoesNotMatchDigest", "The tag of the image does not match its digest")
    return image


def note_pull(ctx: Context, image: Image) -> None:
    if image.pulled is None or ctx.now - image.pulled > PULL_TIMES:
        image.pulled = ctx.now
        ctx.tx.put(image)


def view(key: Key, image: Image, tag: str | None) -> dict[str, Any]:
    return {
        **named(key),
        "imageId": {"imageDigest": image.digest, "imageTag": tag},
        "imageManifest": image.manifest,
        "imageManifestMediaType": image.media_type,
    }


def _required(ctx: Context, key: Key, wanted: dict[str, Any]) -> Image:
    try:
        return pick(ctx, key, wanted)
    except AwsError as error:
        if error.code in ("ImageNotFound", "ImageTagDoesNotMatchDigest"):
            raise errors.image_not_found(key, wanted.get("imageDigest"), wanted.get("imageTag")) from None
        raise errors.invalid("imageIds", error.message) from None


def _detail(image: Image) -> dict[str, Any]:
    return {
        "registryId": image.account,
        "repositoryName": image.repository,
        "imageDigest": image.digest,
        "imageTags": image.tags or None,
        "imageSizeInBytes": image.size,
        "imagePushedAt": round(image.pushed, 3),
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_type,
        "lastRecordedPullTime": image.pulled,
        "subjectManifestDigest": image.subject,
        "imageStatus": "ACTIVE",
    }
