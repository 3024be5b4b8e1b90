"""Aliases: names for versions, with a share of the traffic shifted to a second one."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import ids, paging
from fogbank.services.lambda_ import errors, lambda_, lookup, provisioned, versions, views
from fogbank.services.lambda_.lookup import LATEST
from fogbank.services.lambda_.names import FunctionName, access, resolve
from fogbank.services.lambda_.records import Alias


def _named(ctx: Context, req: dict[str, Any]) -> FunctionName:
    return resolve(ctx, {"FunctionName": req["FunctionName"]}).unqualified()._replace(qualifier=req["Name"])


def _access(action: str) -> Any:
    return lambda ctx, req: [(f"lambda:{action}", _named(ctx, req).unqualified().arn)]


@lambda_.operation(access=_access("CreateAlias"))
def create_alias(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _named(ctx, req)
    weights = _routing(ctx, name, req["FunctionVersion"], req.get("RoutingConfig"))
    lookup.version(ctx, name._replace(qualifier=req["FunctionVersion"]))
    if ctx.tx.get(Alias, name.account, name.region, name.name, name.qualifier):
        raise errors.conflict(f"Alias already exists: {name.arn}")
    alias = Alias(
        account=name.account,
        region=name.region,
        function=name.name,
        name=name.qualifier,
        version=req["FunctionVersion"],
        description=req.get("Description") or "",
        weights=weights,
        revision=ids.uuid4(ctx.random),
    )
    ctx.tx.put(alias)
    return views.alias(alias)


@lambda_.operation(access=_access("GetAlias"))
def get_alias(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _named(ctx, req)
    return views.alias(lookup.alias(ctx, name))


@lambda_.operation(access=_access("UpdateAlias"))
def update_alias(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _named(ctx, req)
    alias = ctx.tx.get(Alias, name.account, name.region, name.name, name.qualifier)
    if alias is None:
        raise errors.not_found(f"Alias not found: {name.arn}")
    if req.get("RevisionId") and req["RevisionId"] != alias.revision:
        raise errors.wrong_revision()
    version = req.get("FunctionVersion") or alias.version
    if req.get("RoutingConfig") is not None:
        alias.weights = _routing(ctx, name, version, req["RoutingConfig"])
    if req.get("FunctionVersion"):
        lookup.version(ctx, name._replace(qualifier=version))
        if version != alias.version:
            alias.version = version
            provisioned.moved(ctx, name)
    if req.get("Description") is not None:
        alias.description = req["Description"]
    alias.revision = ids.uuid4(ctx.random)
    ctx.tx.put(alias)
    return views.alias(alias)


@lambda_.operation(access=_access("DeleteAlias"))
def delete_alias(ctx: Context, req: dict[str, Any]) -> None:
    name = _named(ctx, req)
    lookup.function(ctx, name.unqualified())
    versions.forget_settings(ctx, name)
    ctx.tx.delete(Alias, name.account, name.region, name.name, name.qualifier)


@lambda_.operation(access=access("ListAliases", qualified=False))
def list_aliases(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req).unqualified()
    lookup.function(ctx, name)
    limit = min(req.get("MaxItems") or 50, 50)
    after = paging.decode(req["Marker"]) if req.get("Marker") else None
    aliases = [
        alias
        for alias in ctx.tx.scan(Alias, name.account, name.region, name.name, after=after)
        if req.get("FunctionVersion") in (None, alias.version)
    ]
    more = len(aliases) > limit
    return {
        "Aliases": [views.alias(alias) for alias in aliases[:limit]],
        "NextMarker": paging.encode(aliases[limit - 1].name) if more else None,
    }


def _routing(ctx: Context, name: FunctionName, version: str, config: dict[str, Any] | None) -> dict[str, float]:
    weights: dict[str, float] = (config or {}).get("AdditionalVersionWeights") or {}
    if len(weights) > 1:
        raise errors.invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    for shifted in weights:
        if shifted == version:
            raise errors.invalid(
                f"Invalid function version {shifted}. "
                f"Function version {shifted} is already included in routing configuration."
            )
        if version == LATEST:
            raise errors.untyped(
                "InvalidParameterValueException", "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        for each in (version, shifted):
            lookup.version(ctx, name._replace(qualifier=each))
    return weights
