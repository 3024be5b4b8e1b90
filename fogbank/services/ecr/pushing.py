"""The registry's answers to those who push: uploads of blobs, whole or in chunks, and manifests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from fogbank.api import AwsError, Context, Response
from fogbank.services.ecr import images, manifests, names, sweeping, uploads
from fogbank.services.ecr.errors import digest_differs
from fogbank.services.ecr.manifests import BadManifest
from fogbank.services.ecr.records import Image, Layer, Upload

if TYPE_CHECKING:
    from fogbank.services.ecr.distribution import Call

_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d{1,18})-(\d{1,18})(?:/.*)?")


async def begin(call: Call) -> Response:
    """POST: another repository's blob is mounted, a blob is sent at once, or an upload begins."""
    query = parse_qs(call.request.query)
    digest = query.get("mount", query.get("digest", [""]))[-1]
    if "mount" in query and query.get("from"):
        mounted = await call.ctx.transact(lambda ctx: _mount(ctx, call, digest, query["from"][-1]))
        if mounted is not None:
            return _created(call, mounted.digest)

    def change(ctx: Context) -> Upload:
        call.may(ctx, "InitiateLayerUpload")
        return uploads.begin(ctx, call.key)

    upload = await call.ctx.transact(change)
    if "digest" in query:
        return await _complete(call, upload.id, digest)
    return _accepted(call, upload)


def _mount(ctx: Context, call: Call, digest: str, path: str) -> Layer | None:
    """None where it cannot be: then the client sends the blob."""
    account, region, name = names.split_path(path)
    source = (account or call.key[0], region or call.key[1], name)
    if not names.is_digest(digest) or not names.is_name(name) or source[1] != call.key[1]:
        return None
    call.may(ctx, "InitiateLayerUpload")
    try:
        call.may(ctx, "GetDownloadUrlForLayer", source)
    except AwsError:
        return None
    return uploads.mount(ctx, call.key, digest, source)


async def append(call: Call) -> Response:
    """PATCH: the next bytes."""
    call.may(call.ctx, "UploadLayerPart")
    upload = await uploads.append(call.ctx, call.key, call.subject, call.request.body, _first_byte(call))
    return _accepted(call, upload)


async def finish(call: Call) -> Response:
    """PUT: the last bytes, if any, and the digest of all."""
    digest = parse_qs(call.request.query).get("digest", [""])[-1]
    return await _complete(call, call.subject, digest)


async def _complete(call: Call, upload_id: str, digest: str) -> Response:
    if not names.is_digest(digest):
        raise AwsError("InvalidImageDigest", "The digest is not one of SHA-256.")
    call.may(call.ctx, "CompleteLayerUpload")
    if call.request.body:
        call.may(call.ctx, "UploadLayerPart")
        await uploads.append(call.ctx, call.key, upload_id, call.request.body, _first_byte(call))
    layer = await uploads.finish(call.ctx, call.key, upload_id, [digest])
    return _created(call, layer.digest)


async def progress(call: Call) -> Response:
    def look(ctx: Context) -> Upload:
        call.may(ctx, "UploadLayerPart")
        return uploads.require_upload(ctx, call.key, call.subject)

    response = _accepted(call, await call.ctx.transact(look))
    response.status = 204
    return response


async def cancel(call: Call) -> Response:
    def change(ctx: Context) -> None:
        call.may(ctx, "UploadLayerPart")
        sweeping.drop(ctx, uploads.require_upload(ctx, call.key, call.subject))

    await call.ctx.transact(change)
    return Response(204)


async def put_manifest(call: Call) -> Response:
    body = call.request.body
    data = body if isinstance(body, bytes) else await body.read(manifests.LIMIT)
    try:
        manifest = manifests.parse(data, call.request.headers.get("content-type"))
    except BadManifest as error:
        raise AwsError("InvalidManifest", f"The manifest is not valid: {error}.") from error
    by_digest = ":" in call.subject
    if by_digest and call.subject != manifest.digest:
        raise digest_differs(call.subject, manifest.digest)
    if not by_digest and not names.is_tag(call.subject):
        raise AwsError("InvalidImageTag", "The tag has characters that a tag cannot have, or is too long.")

    def change(ctx: Context) -> Image:
        call.may(ctx, "PutImage")
        return images.put(ctx, call.key, manifest, None if by_digest else call.subject)

    image = await call.ctx.transact(change)
    headers = [("location", f"/v2/{call.path}/manifests/{image.digest}"), ("docker-content-digest", image.digest)]
    return Response(201, headers)


def _first_byte(call: Call) -> int | None:
    """Where the bytes belong, if the client says it."""
    text = call.request.headers.get("content-range")
    if text is None:
        return None
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None or int(match[2]) < int(match[1]):
        raise AwsError("InvalidLayerPartException", "The Content-Range header cannot be read.")
    return int(match[1])


def _accepted(call: Call, upload: Upload) -> Response:
    headers = [
        ("location", f"/v2/{call.path}/blobs/uploads/{upload.id}"),
        ("range", f"0-{max(upload.size - 1, 0)}"),
        ("docker-upload-uuid", upload.id),
    ]
    return Response(202, headers)


def _created(call: Call, digest: str) -> Response:
    headers = [("location", f"/v2/{call.path}/blobs/{digest}"), ("docker-content-digest", digest)]
    return Response(201, headers)
