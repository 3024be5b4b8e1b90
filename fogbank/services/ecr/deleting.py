"""BatchDeleteImage: tags are taken off, images without a tag left are removed."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.services.ecr import ecr, sweeping
from fogbank.services.ecr.errors import Key
from fogbank.services.ecr.images import pick
from fogbank.services.ecr.names import access, scope
from fogbank.services.ecr.records import Image, Tag
from fogbank.services.ecr.repositories import require


@ecr.operation(access=access("BatchDeleteImage"))
def batch_delete_image(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    require(ctx, key)
    done: list[dict[str, Any]] = []
    failures = []
    for wanted in req["imageIds"]:
        try:
            done += delete(ctx, key, wanted)
        except AwsError as error:
            failures.append({"imageId": wanted, "failureCode": error.code, "failureReason": error.message})
    sweeping.later(ctx, key)
    return {"imageIds": done, "failures": failures}


def delete(ctx: Context, key: Key, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """By tag: the tag goes, and with the last one the image. By digest: the image with all its tags."""
    image = pick(ctx, key, wanted)
    tag = wanted.get("imageTag")
    whole = not tag or image.tags == [tag]
    if whole and (lists := _lists_with(ctx, key, image.digest)):
        raise AwsError(
            "ImageReferencedByManifestList",
            f"Requested image referenced by manifest list: [{', '.join(lists)}]",
        )
    gone = [tag] if tag and not whole else image.tags
    for name in gone:
        ctx.tx.delete(Tag, *key, name)
    if whole:
        ctx.tx.delete(Image, *key, image.digest)
    else:
        image.tags = [name for name in image.tags if name != tag]
        ctx.tx.put(image)
    return [{"imageDigest": image.digest, "imageTag": name} for name in gone] or [{"imageDigest": image.digest}]


def _lists_with(ctx: Context, key: Key, digest: str) -> list[str]:
    return [image.digest for image in ctx.tx.scan(Image, *key) if digest in image.children]
