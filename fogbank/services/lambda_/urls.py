"""Function URLs: their settings, and the address itself.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fogbank.api import Context
from fogbank.kit import ids, paging
from fogbank.services.lambda_ import errors, lambda_, lookup, tenancy
from fogbank.services.lambda_.names import FunctionName, access, resolve
from fogbank.services.lambda_.records import Alias, Function, FunctionUrl


@lambda_.operation(access=access("CreateFunctionUrlConfig"))
def create_function_url_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _existing(ctx, req)
    tenancy.check_absent(lookup.function(ctx, name.unqualified()).settings, "Function URL")
    if _get(ctx, name):
        raise errors.conflict(
            f"Failed to create function url config for [functionArn = {name.arn}]. "
            "Error message:  FunctionUrlConfig exists for this Lambda function"
        )
    url = FunctionUrl(
        account=name.account,
        region=name.region,
        function=name.name,
        qualifier=name.qualifier,
        url_id=ids.lower_alnum(ctx.random, 32),
        auth_type=req["AuthType"],
        created=ctx.now,
        modified=ctx.now,
        cors=req.get("Cors"),
        invoke_mode=req.get("InvokeMode") or "BUFFERED",
    )
    ctx.tx.put(url)
    return {key: value for key, value in view(name, url).items() if key != "LastModifiedTime"}


@lambda_.operation(access=access("GetFunctionUrlConfig"))
def get_function_url_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _named(ctx, req)
    return view(name, _require(ctx, name))


@lambda_.operation(access=access("UpdateFunctionUrlConfig"))
def update_function_url_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _existing(ctx, req)
    url = _require(ctx, name)
    url.auth_type = req.get("AuthType") or url.auth_type
    url.invoke_mode = req.get("InvokeMode") or url.invoke_mode
    if req.get("Cors") is not None:
        url.cors = req["Cors"]
    url.modified = ctx.now
    ctx.tx.put(url)
    return view(name, url)


@lambda_.operation(access=access("DeleteFunctionUrlConfig"))
def delete_function_url_config(ctx: Context, req: dict[str, Any]) -> None:
    name = _named(ctx, req)
    _require(ctx, name)
    ctx.tx.delete(FunctionUrl, name.account, name.region, name.name, name.qualifier)


@lambda_.operation(access=access("ListFunctionUrlConfigs", qualified=False))
def list_function_url_configs(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req).unqualified()
    _check_exists(ctx, name)
    limit = min(req.get("MaxItems") or 50, 50)
    after = paging.decode(req["Marker"]) if req.get("Marker") else None
    found = list(ctx.tx.scan(FunctionUrl, name.account, name.region, name.name, after=after, limit=limit + 1))
    more = len(found) > limit
    return {
        "FunctionUrlConfigs": [view(name._replace(qualifier=url.qualifier), url) for url in found[:limit]],
        "NextMarker": paging.encode(found[limit - 1].qualifier) if more else None,
    }


def view(name: FunctionName, url: FunctionUrl) -> dict[str, Any]:
    return {
        "FunctionUrl": f"https://{url.url_id}.lambda-url.{url.region}.on.aws/",
        "FunctionArn": name.arn,
        "AuthType": url.auth_type,
        "Cors": url.cors,
        "CreationTime": _iso(url.created),
        "LastModifiedTime": _iso(url.modified),
        "InvokeMode": url.invoke_mode,
    }


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _named(ctx: Context, req: dict[str, Any]) -> FunctionName:
    """A URL belongs to a function or to an alias, never to a version."""
    name = resolve(ctx, req)
    if name.qualifier == lookup.LATEST or lookup.is_version(name.qualifier):
        raise errors.validation(name.qualifier, "qualifier", "((?!^\\d+$)^[0-9a-zA-Z-_]+$)")
    return name


def _existing(ctx: Context, req: dict[str, Any]) -> FunctionName:
    name = _named(ctx, req)
    _check_exists(ctx, name)
    return name


def _check_exists(ctx: Context, name: FunctionName) -> None:
    scope = (name.account, name.region, name.name)
    alias_missing = name.qualifier and not ctx.tx.get(Alias, *scope, name.qualifier)
    if alias_missing or not ctx.tx.get(Function, *scope):
        raise errors.not_found("Function does not exist")


def _get(ctx: Context, name: FunctionName) -> FunctionUrl | None:
    return ctx.tx.get(FunctionUrl, name.account, name.region, name.name, name.qualifier)


def _require(ctx: Context, name: FunctionName) -> FunctionUrl:
    found = _get(ctx, name)
    if found is None:
        raise errors.not_found("The resource you requested does not exist.")
    return found
