"""Layers that no image needs any more, and uploads that nobody finished."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.ecr import ecr
from fogbank.services.ecr.errors import Key
from fogbank.services.ecr.records import Image, Layer, Tag, Upload

DELAY = 60.0
SPARED = 3600.0
"""Layers younger than this may belong to an image that is being pushed."""
ABANDONED = 24 * 3600.0


def later(ctx: Context, key: Key, delay: float = DELAY) -> None:
    ctx.schedule("ecr.sweep", {"key": list(key)}, delay=delay, key="/".join(key))


def abandon_later(ctx: Context, upload: Upload) -> None:
    where = [upload.account, upload.region, upload.repository, upload.id]
    ctx.schedule("ecr.abandon", {"key": where}, delay=ABANDONED, key=upload.id)


def clear(ctx: Context, key: Key) -> None:
    """Everything in a repository, which is being deleted."""
    for layer in ctx.tx.scan(Layer, *key):
        forget(ctx, layer.blob)
    for upload in ctx.tx.scan(Upload, *key):
        drop(ctx, upload)
    ctx.tx.clear(Image, *key)
    ctx.tx.clear(Tag, *key)
    ctx.tx.clear(Layer, *key)


def drop(ctx: Context, upload: Upload) -> None:
    """Ends an upload; its parts go by and by."""
    for part in upload.parts:
        forget(ctx, part.blob)
    ctx.tx.delete(Upload, upload.account, upload.region, upload.repository, upload.id)
    ctx.cancel("ecr.abandon", upload.id)


def forget(ctx: Context, blob: str) -> None:
    """The blob goes, once no layer of any repository has it."""
    ctx.schedule("ecr.delete-blob", {"blob": blob}, delay=1.0)


@ecr.task("ecr.sweep")
def sweep(ctx: Context, payload: dict[str, Any]) -> None:
    """Removes the layers of a repository that no image names."""
    key: Key = (payload["key"][0], payload["key"][1], payload["key"][2])
    used = {digest for image in ctx.tx.scan(Image, *key) for digest in image.blobs}
    young = False
    for layer in list(ctx.tx.scan(Layer, *key)):
        if layer.digest in used:
            continue
        if ctx.now - layer.created < SPARED:
            young = True
            continue
        ctx.tx.delete(Layer, *key, layer.digest)
        forget(ctx, layer.blob)
    if young:
        later(ctx, key, SPARED)


@ecr.task("ecr.abandon")
def abandon(ctx: Context, payload: dict[str, Any]) -> None:
    upload = ctx.tx.get(Upload, *payload["key"])
    if upload is not None:
        drop(ctx, upload)


@ecr.task("ecr.delete-blob")
async def delete_blob(ctx: Context, payload: dict[str, Any]) -> None:
    used = await ctx.transact(lambda c: next(iter(c.tx.find(Layer, "blob", payload["blob"], limit=1)), None))
    if used is None:
        await ctx.blobs.delete(payload["blob"])
