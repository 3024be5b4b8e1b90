"""When deployed code is removed: by and by, once nothing refers to it any more."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.lambda_ import image_trees, lambda_
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Code, Function, LayerVersion, Settings, Version

_DELAY = 60.0
"""Seconds: an invocation that has just begun may still unpack it."""


def forget(ctx: Context, name: FunctionName, settings: Settings) -> None:
    """A version is gone, or its code is another now."""
    code = settings.code
    if code.blob:
        scope = {"account": name.account, "region": name.region, "name": name.name}
        ctx.schedule("lambda.forget-code", {"blob": code.blob, **scope}, delay=_DELAY)
    elif code.image_uri:
        image_trees.forget(ctx, code)
    for arn, layer in settings.layer_codes.items():
        _forget_layer(ctx, arn, layer)


def forget_layer(ctx: Context, version: LayerVersion, arn: str) -> None:
    _forget_layer(ctx, arn, version.code)


def _forget_layer(ctx: Context, arn: str, code: Code) -> None:
    ctx.schedule("lambda.forget-layer", {"blob": code.blob, "arn": arn}, delay=_DELAY)


@lambda_.task("lambda.forget-code")
async def forget_code(ctx: Context, payload: dict[str, Any]) -> None:
    """The blob of an upload belongs to one function: `$LATEST` and the versions published from it."""
    if not await ctx.transact(lambda c: _used(c, payload)):
        await ctx.blobs.delete(payload["blob"])


def _used(ctx: Context, payload: dict[str, Any]) -> bool:
    scope = (payload["account"], payload["region"], payload["name"])
    function = ctx.tx.get(Function, *scope)
    blobs = [function.settings.code.blob] if function else []
    blobs += [version.settings.code.blob for version in ctx.tx.scan(Version, *scope)]
    return payload["blob"] in blobs


@lambda_.task("lambda.forget-layer")
async def forget_layer_code(ctx: Context, payload: dict[str, Any]) -> None:
    """A layer's version that was deleted stays as long as a function of any account has it."""
    if not await ctx.transact(lambda c: _layer_used(c, payload["arn"])):
        await ctx.blobs.delete(payload["blob"])


def _layer_used(ctx: Context, arn: str) -> bool:
    _, _, _, region, account, _, name, version = arn.split(":")
    if ctx.tx.get(LayerVersion, account, region, name, int(version)):
        return True
    if any(arn in function.settings.layer_codes for function in ctx.tx.scan(Function)):
        return True
    return any(arn in version.settings.layer_codes for version in ctx.tx.scan(Version))
