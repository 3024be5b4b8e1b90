"""Functions: create, update, read, list, delete."""

from __future__ import annotations

import copy
from typing import Any

from fogbank.api import Context
from fogbank.kit import ids, paging
from fogbank.services.lambda_ import (
    code_keeping,
    code_signing,
    configuring,
    errors,
    images,
    lambda_,
    layering,
    limits,
    lookup,
    packages,
    preparing,
    tags,
    versions,
    views,
)
from fogbank.services.lambda_.lookup import LATEST, Found
from fogbank.services.lambda_.names import FunctionName, access, resolve
from fogbank.services.lambda_.records import (
    Alias,
    Code,
    EventInvokeConfig,
    Function,
    FunctionUrl,
    Provisioned,
    Statement,
    Version,
)
from fogbank.services.lambda_.runtimes import check_dates, check_present, described

LONGEST_NAME = 64


@lambda_.operation(access=access("CreateFunction"))
async def create_function(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req).unqualified()
    if len(name.name) > LONGEST_NAME:
        raise errors.invalid(
            f"1 validation error detected: Value '{name.name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {LONGEST_NAME}"
        )
    await ctx.transact(lambda c: _check_new(c, name, req))
    await check_present(ctx, req.get("Runtime") or "")
    code = await receive(ctx, name, req["Code"])
    return await ctx.transact(lambda c: _create(c, name, req, code))


def _check_new(ctx: Context, name: FunctionName, req: dict[str, Any]) -> None:
    """What can be refused before the code is taken in."""
    if ctx.tx.get(Function, name.account, name.region, name.name):
        raise errors.conflict(f"Function already exist: {name.name}")
    images.check_source(req["Code"], req.get("PackageType") or "Zip", "creating")
    configuring.settings(ctx, req, Code(blob="", sha256="", size=0))
    layering.check(ctx, name.region, req.get("Layers") or [])
    configuring.check_role(ctx, name, req["Role"])
    if req.get("CodeSigningConfigArn"):
        code_signing.check(ctx, req["CodeSigningConfigArn"])
        code_signing.check_code(ctx, req["CodeSigningConfigArn"])
    tags.check(req.get("Tags") or {})
    check_dates(ctx, name, req.get("Runtime") or "", "create")


def _create(ctx: Context, name: FunctionName, req: dict[str, Any], code: Code) -> dict[str, Any]:
    if ctx.tx.get(Function, name.account, name.region, name.name):
        raise errors.conflict(f"Function already exist: {name.name}")
    limits.check_code(ctx, code.size)
    function = Function(
        account=name.account,
        region=name.region,
        name=name.name,
        settings=configuring.settings(ctx, req, code),
        revision=ids.uuid4(ctx.random),
        created=ctx.now,
        modified=ctx.now,
        tags=req.get("Tags") or {},
        code_signing=req.get("CodeSigningConfigArn") or "",
    )
    ctx.tx.put(function)
    preparing.schedule(ctx, name)
    if req.get("Publish"):
        return views.created(_view(ctx, versions.publish(ctx, function, name, "")), ids.uuid4(ctx.random))
    return views.created(_view(ctx, latest(name, function)), ids.uuid4(ctx.random))


@lambda_.operation(access=access("GetFunction"))
def get_function(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    found = lookup.version(ctx, resolve(ctx, req))
    function = found.function
    reserved = function.reserved_concurrency
    return {
        "Configuration": _view(ctx, found),
        "Code": _location(ctx, found),
        "Tags": function.tags or None,
        "Concurrency": None if reserved is None else {"ReservedConcurrentExecutions": reserved},
    }


@lambda_.operation(access=access("GetFunctionConfiguration"))
def get_function_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _view(ctx, lookup.version(ctx, resolve(ctx, req)))


@lambda_.operation(access=access("UpdateFunctionCode", qualified=False))
async def update_function_code(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req).unqualified()
    await ctx.transact(lambda c: _check_update(c, lookup.function(c, name), req))
    code = await receive(ctx, name, req)
    return await ctx.transact(lambda c: _update_code(c, name, req, code))


def _check_update(ctx: Context, function: Function, req: dict[str, Any]) -> None:
    _check_revision(function, req)
    code_signing.check_code(ctx, function.code_signing)
    images.check_source(req, function.settings.package_type, "updating")


def _update_code(ctx: Context, name: FunctionName, req: dict[str, Any], code: Code) -> dict[str, Any]:
    function = lookup.function(ctx, name)
    _check_revision(function, req)
    old = function.settings
    limits.check_code(ctx, code.size - old.code.size)
    check_dates(ctx, name, old.runtime, "update")
    function.settings = copy.copy(old)
    function.settings.code = code
    if req.get("Architectures"):
        function.settings.architectures = req["Architectures"]
    if req.get("DryRun"):
        return _view(ctx, latest(name, function))
    _changed(ctx, function)
    code_keeping.forget(ctx, name, old)
    if req.get("Publish"):
        return _view(ctx, versions.publish(ctx, function, name, ""))
    return views.updated(_view(ctx, latest(name, function)), ids.uuid4(ctx.random))


@lambda_.operation(access=access("UpdateFunctionConfiguration", qualified=False))
def update_function_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req).unqualified()
    function = lookup.function(ctx, name)
    _check_revision(function, req)
    if req.get("Layers"):
        layering.check(ctx, name.region, req["Layers"])
    if req.get("Role"):
        configuring.check_role(ctx, name, req["Role"])
    function.settings = copy.copy(function.settings)
    configuring.apply(ctx, function.settings, req)
    check_dates(ctx, name, function.settings.runtime, "update")
    _changed(ctx, function)
    return views.updated(_view(ctx, latest(name, function)), ids.uuid4(ctx.random))


@lambda_.operation(access=access("DeleteFunction"))
def delete_function(ctx: Context, req: dict[str, Any]) -> None:
    name = resolve(ctx, req)
    if name.qualifier == LATEST:
        raise errors.invalid("$LATEST version cannot be deleted without deleting the function.")
    if lookup.could_be_alias(name.qualifier):
        raise errors.invalid("Deletion of aliases is not currently supported.")
    function = lookup.function(ctx, name.unqualified())
    if name.qualifier:
        versions.delete(ctx, name)
        return
    scope = (name.account, name.region, name.name)
    code_keeping.forget(ctx, name, function.settings)
    for version in list(ctx.tx.scan(Version, *scope)):
        code_keeping.forget(ctx, name, version.settings)
    ctx.tx.delete(Function, *scope)
    for kind in (Version, Alias, Statement, EventInvokeConfig, Provisioned, FunctionUrl):
        ctx.tx.clear(kind, *scope)
    ctx.schedule("lambda.retire", {"arn": name.unqualified().arn})


@lambda_.operation(resource="*")
def list_functions(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    limit = min(req.get("MaxItems") or 50, 50)
    after = _marker(req)
    shown: list[dict[str, Any]] = []
    functions = list(ctx.tx.scan(Function, ctx.account, ctx.region, after=after, limit=limit + 1))
    for function in functions[:limit]:
        name = FunctionName(function.account, function.region, function.name, "")
        if req.get("FunctionVersion") == "ALL":
            shown += [views.listed(_view(ctx, found)) for found in versions.every(ctx, name, function)]
        else:
            shown.append(views.listed(_view(ctx, latest(name, function))))
    more = len(functions) > limit
    return {"Functions": shown, "NextMarker": paging.encode(functions[limit - 1].name) if more else None}


@lambda_.task("lambda.retire")
async def retire(ctx: Context, payload: dict[str, Any]) -> None:
    """Ends the environments of a function that is gone."""
    from fogbank.engine import Engine

    ctx.component(Engine).retire(payload["arn"])


async def receive(ctx: Context, name: FunctionName, source: dict[str, Any]) -> Code:
    if source.get("ImageUri"):
        return await images.receive(ctx, name, source["ImageUri"])
    return await packages.receive(ctx, source)


def latest(name: FunctionName, function: Function) -> Found:
    return Found(name.unqualified(), function, LATEST, function.settings, function.revision, function.modified)


def _view(ctx: Context, found: Found) -> dict[str, Any]:
    return described(ctx, views.configuration(found))


def _changed(ctx: Context, function: Function) -> None:
    function.revision = ids.uuid4(ctx.random)
    function.modified = ctx.now
    ctx.tx.put(function)
    preparing.schedule(ctx, FunctionName(function.account, function.region, function.name, ""))


def _check_revision(function: Function, req: dict[str, Any]) -> None:
    if req.get("RevisionId") and req["RevisionId"] != function.revision:
        raise errors.wrong_revision()


def _location(ctx: Context, found: Found) -> dict[str, Any]:
    if found.settings.package_type == "Image":
        code = found.settings.code
        return {"RepositoryType": "ECR", "ImageUri": code.image_uri, "ResolvedImageUri": images.resolved(code)}
    return {"RepositoryType": "S3", "Location": packages.location(ctx, found.settings.code)}


def _marker(req: dict[str, Any]) -> Any:
    if not req.get("Marker"):
        return None
    try:
        return paging.decode(req["Marker"])
    except ValueError as error:
        raise errors.invalid("Invalid pagination token") from error
