"""The registry's answers to those who pull: manifests, blobs, tags; and to those who delete."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from fogbank.api import AwsError, Context, FileBody, Response
from fogbank.services.ecr import deleting, images, names, sweeping
from fogbank.services.ecr.records import Image, Layer, Tag
from fogbank.services.ecr.repositories import require

if TYPE_CHECKING:
    from fogbank.services.ecr.distribution import Call

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")
_MOST_TAGS = 1000


async def head_blob(call: Call) -> Response:
    return await _blob(call, "BatchCheckLayerAvailability")


async def get_blob(call: Call) -> Response:
    return await _blob(call, "GetDownloadUrlForLayer")


async def _blob(call: Call, action: str) -> Response:
    def look(ctx: Context) -> Layer:
        call.may(ctx, action)
        require(ctx, call.key)
        return _layer(ctx, call)

    layer = await call.ctx.transact(look)
    headers = [
        ("content-type", "application/octet-stream"), ("docker-content-digest", layer.digest), ("accept-ranges", "bytes"),
    ]
    path = call.ctx.blobs.path(layer.blob)
    match = _RANGE.fullmatch(call.request.headers.get("range", "")) if call.request.method == "GET" else None
    if match is None:
        return Response(200, headers, FileBody(path, 0, layer.size))
    first = int(match[1])
    last = min(int(match[2] or layer.size - 1), layer.size - 1)
    if first > last:
        return Response(416, [("content-range", f"bytes */{layer.size}")])
    headers.append(("content-range", f"bytes {first}-{last}/{layer.size}"))
    return Response(206, headers, FileBody(path, first, last - first + 1))


async def get_manifest(call: Call) -> Response:
    def look(ctx: Context) -> Image:
        call.may(ctx, "BatchGetImage")
        require(ctx, call.key)
        image = _image(ctx, call)
        if call.request.method == "GET":
            images.note_pull(ctx, image)
        return image

    image = await call.ctx.transact(look)
    headers = [("content-type", image.media_type), ("docker-content-digest", image.digest)]
    return Response(200, headers, image.manifest.encode())


async def list_tags(call: Call) -> Response:
    query = parse_qs(call.request.query)
    asked = query.get("n", [str(_MOST_TAGS)])[-1]
    limit = min(int(asked), _MOST_TAGS) if asked.isdecimal() and len(asked) < 10 else _MOST_TAGS
    last = query.get("last", [""])[-1]

    def look(ctx: Context) -> list[str]:
        call.may(ctx, "ListImages")
        require(ctx, call.key)
        return [tag.tag for tag in ctx.tx.scan(Tag, *call.key, after=last or None, limit=limit + 1)]

    found = await call.ctx.transact(look)
    headers = [("content-type", "application/json")]
    if len(found) > limit and limit:
        address = f"/v2/{call.path}/tags/list?n={limit}&last={quote(found[limit - 1], safe='')}"
        headers.append(("link", f'<{address}>; rel="next"'))
    return Response(200, headers, json.dumps({"name": call.path, "tags": found[:limit]}).encode())


async def delete_manifest(call: Call) -> Response:
    def change(ctx: Context) -> None:
        call.may(ctx, "BatchDeleteImage")
        require(ctx, call.key)
        image = _image(ctx, call)
        by_digest = {"imageDigest": image.digest}
        deleting.delete(ctx, call.key, by_digest if names.is_digest(call.subject) else {"imageTag": call.subject})
        sweeping.later(ctx, call.key)

    await call.ctx.transact(change)
    return Response(202)


async def delete_blob(call: Call) -> Response:
    """A layer that no image needs; ECR removes such by itself, so that nothing but the permission to do so is asked."""

    def change(ctx: Context) -> None:
        call.may(ctx, "BatchDeleteImage")
        require(ctx, call.key)
        layer = _layer(ctx, call)
        if any(layer.digest in image.blobs for image in ctx.tx.scan(Image, *call.key)):
            raise AwsError("AccessDenied", "The layer belongs to an image.")
        ctx.tx.delete(Layer, *call.key, layer.digest)
        sweeping.forget(ctx, layer.blob)

    await call.ctx.transact(change)
    return Response(202)


def _layer(ctx: Context, call: Call) -> Layer:
    if not names.is_digest(call.subject):
        raise AwsError("InvalidImageDigest", "The digest is not one of SHA-256.")
    layer = ctx.tx.get(Layer, *call.key, call.subject)
    if layer is None:
        raise AwsError("BlobUnknown", f"The layer with digest '{call.subject}' does not exist in the repository.")
    return layer


def _image(ctx: Context, call: Call) -> Image:
    wanted = "imageDigest" if names.is_digest(call.subject) else "imageTag"
    try:
        return images.pick(ctx, call.key, {wanted: call.subject})
    except AwsError as error:
        if error.code == "ImageNotFound":
            raise AwsError("ImageNotFound", "Requested image not found") from None
        raise
