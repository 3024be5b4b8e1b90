"""Uploads of layers: begun, continued, finished under the digest that their bytes have.

Each piece that a client sends becomes a blob of its own; the last step joins them. An upload in one piece, as container
tools send it, is hashed while it arrives and not read again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from fogbank.api import AwsError, BodyStream, Context
from fogbank.kit import ids
from fogbank.services.ecr import errors, sweeping
from fogbank.services.ecr.errors import Key
from fogbank.services.ecr.records import Layer, Part, Upload
from fogbank.services.ecr.repositories import require
from fogbank.store.blobs import BlobTooLarge

# https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
LAYER_LIMIT = 52_000 << 20
MOST_PARTS = 4_200
_PIECE = 1 << 20


def begin(ctx: Context, key: Key) -> Upload:
    """Raises RepositoryNotFoundException."""
    require(ctx, key)
    upload = Upload(account=key[0], region=key[1], repository=key[2], id=ids.uuid4(ctx.random), started=ctx.now)
    ctx.tx.put(upload)
    sweeping.abandon_later(ctx, upload)
    return upload


def require_upload(ctx: Context, key: Key, upload_id: str) -> Upload:
    require(ctx, key)
    upload = ctx.tx.get(Upload, *key, upload_id)
    if upload is None:
        raise errors.upload_not_found(key, upload_id)
    return upload


async def append(
    ctx: Context, key: Key, upload_id: str, source: bytes | BodyStream, first: int | None = None
) -> Upload:
    """Adds a piece at the end. Raises UploadNotFoundException, InvalidLayerPartException, LimitExceededException."""
    upload = await ctx.transact(lambda c: require_upload(c, key, upload_id))
    _check_place(upload, key, first)
    part = await _store(ctx, source, LAYER_LIMIT - upload.size)
    try:
        return await ctx.transact(lambda c: _add(c, key, upload_id, upload.size, part))
    except AwsError:
        await ctx.blobs.delete(part.blob)
        raise


def _check_place(upload: Upload, key: Key, first: int | None) -> None:
    if first is not None and first != upload.size:
        raise AwsError(
            "InvalidLayerPartException",
            f"The layer part that begins with byte {first} does not follow the last byte received, {upload.size - 1}.",
            registryId=key[0], repositoryName=key[2], uploadId=upload.id, lastValidByteReceived=max(upload.size - 1, 0),
        )
    if len(upload.parts) >= MOST_PARTS:
        raise AwsError("LimitExceededException", f"A layer can have at most {MOST_PARTS} parts.")


def _add(ctx: Context, key: Key, upload_id: str, expected: int, part: Part) -> Upload:
    upload = require_upload(ctx, key, upload_id)
    _check_place(upload, key, expected)  # another piece may have come meanwhile
    if part.size:
        upload.parts = [*upload.parts, part]
        ctx.tx.put(upload)
    else:
        sweeping.forget(ctx, part.blob)
    return upload


async def _store(ctx: Context, source: bytes | BodyStream, room: int) -> Part:
    hasher = hashlib.sha256()

    async def pieces() -> AsyncIterator[bytes]:
        if isinstance(source, bytes):
            hasher.update(source)
            yield source
            return
        async for piece in source:
            hasher.update(piece)
            yield piece

    try:
        blob = await ctx.blobs.write(pieces(), limit=room)
    except BlobTooLarge as error:
        raise AwsError("LimitExceededException", f"A layer can have at most {LAYER_LIMIT} bytes.") from error
    return Part(blob.id, blob.size, hasher.hexdigest())


async def finish(ctx: Context, key: Key, upload_id: str, digests: Iterable[str]) -> Layer:
    """The layer, if its digest is one of `digests`. Raises InvalidLayerException, UploadNotFoundException."""
    wanted = list(digests)
    upload = await ctx.transact(lambda c: require_upload(c, key, upload_id))
    if len(upload.parts) == 1:
        blob, size, digest = upload.parts[0].blob, upload.parts[0].size, f"sha256:{upload.parts[0].sha256}"
    else:
        joined = await ctx.blobs.concat([part.blob for part in upload.parts])
        blob, size = joined.id, joined.size
        digest = await asyncio.to_thread(_hash, ctx.blobs.path(blob))
    if digest not in wanted:
        if len(upload.parts) != 1:
            await ctx.blobs.delete(blob)
        raise errors.wrong_layer(digest, wanted)
    layer = Layer(account=key[0], region=key[1], repository=key[2], digest=digest, blob=blob, size=size, created=ctx.now)
    return await ctx.transact(lambda c: _keep(c, key, upload_id, layer))


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _keep(ctx: Context, key: Key, upload_id: str, layer: Layer) -> Layer:
    upload = require_upload(ctx, key, upload_id)
    known = ctx.tx.get(Layer, *key, layer.digest)
    if known is None:
        ctx.tx.put(layer)
    elif known.blob != layer.blob:
        sweeping.forget(ctx, layer.blob)
    sweeping.drop(ctx, upload)
    return known or layer


def mount(ctx: Context, key: Key, digest: str, source: Key) -> Layer | None:
    """The layer of another repository, in this one too; None where it is not there."""
    require(ctx, key)
    layer = ctx.tx.get(Layer, *source, digest)
    if layer is None:
        return None
    mounted = ctx.tx.get(Layer, *key, digest) or Layer(
        account=key[0], region=key[1], repository=key[2], digest=digest, blob=layer.blob, size=layer.size, created=ctx.now
    )
    ctx.tx.put(mounted)
    return mounted
