"""Published versions: numbered, frozen, never numbered again."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from fogbank.api import Context
from fogbank.kit import ids, paging
from fogbank.services.lambda_ import code_keeping, errors, lambda_, limits, lookup, views
from fogbank.services.lambda_.lookup import LATEST, Found
from fogbank.services.lambda_.names import FunctionName, access, resolve
from fogbank.services.lambda_.records import (
    Alias,
    EventInvokeConfig,
    Function,
    Provisioned,
    Statement,
    Version,
)


@lambda_.operation(access=access("PublishVersion", qualified=False))
def publish_version(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req).unqualified()
    function = lookup.function(ctx, name)
    if req.get("RevisionId") and req["RevisionId"] != function.revision:
        raise errors.wrong_revision()
    current = function.settings.code.sha256
    if req.get("CodeSha256") and req["CodeSha256"] != current:
        raise errors.invalid(
            f"CodeSHA256 ({req['CodeSha256']}) is different from current CodeSHA256 in $LATEST ({current}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    found = publish(ctx, function, name, req.get("Description") or "")
    return views.configuration(found)


def publish(ctx: Context, function: Function, name: FunctionName, description: str) -> Found:
    """Freezes `$LATEST` as the next version; where nothing changed since the last one, gives that one again."""
    last = ctx.tx.get(Version, name.account, name.region, name.name, function.last_version)
    if last and _same(last, function, description):
        return _found(name, function, last)
    limits.check_code(ctx, function.settings.code.size)
    settings = copy.copy(function.settings)
    settings.description = description or settings.description
    version = Version(
        account=name.account,
        region=name.region,
        name=name.name,
        version=function.last_version + 1,
        settings=settings,
        revision=ids.uuid4(ctx.random),
        modified=ctx.now,
    )
    ctx.tx.put(version)
    function.last_version = version.version
    function.revision = ids.uuid4(ctx.random)
    ctx.tx.put(function)
    return _found(name, function, version)


@lambda_.operation(access=access("ListVersionsByFunction", qualified=False))
def list_versions_by_function(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req).unqualified()
    function = lookup.function(ctx, name)
    limit = min(req.get("MaxItems") or 50, 50)
    start = paging.decode(req["Marker"]) if req.get("Marker") else 0
    found = list(every(ctx, name, function, after=start, limit=limit + 1))
    shown = [
        views.listed(views.configuration(f)) for f in found[:limit]
    ]
    more = len(found) > limit
    return {"Versions": shown, "NextMarker": paging.encode(int(found[limit - 1].version or 0)) if more else None}


def every(
    ctx: Context, name: FunctionName, function: Function, *, after: int = 0, limit: int | None = None
) -> Iterator[Found]:
    """`$LATEST` and then each version, in their order, with their qualified names."""
    if not after:
        yield Found(
            name._replace(qualifier=LATEST), function, LATEST, function.settings, function.revision, function.modified
        )
    for version in ctx.tx.scan(Version, name.account, name.region, name.name, after=after or None, limit=limit):
        yield _found(name, function, version)


def delete(ctx: Context, name: FunctionName) -> None:
    if not lookup.is_version(name.qualifier):
        return
    number = int(name.qualifier)
    users = [
        f"{name.unqualified().arn}:{alias.name}"
        for alias in ctx.tx.scan(Alias, name.account, name.region, name.name)
        if name.qualifier == alias.version or name.qualifier in alias.weights
    ]
    if users:
        raise errors.conflict(f"Version is used by aliases: [{', '.join(users)}]")
    version = ctx.tx.get(Version, name.account, name.region, name.name, number)
    if version:
        code_keeping.forget(ctx, name, version.settings)
        ctx.tx.delete(Version, name.account, name.region, name.name, number)
        forget_settings(ctx, name)
        ctx.schedule("lambda.retire", {"arn": name.arn})


def forget_settings(ctx: Context, name: FunctionName) -> None:
    """What hung on a version or an alias goes with it. A function URL stays, and answers that nobody may come in."""
    scope = (name.account, name.region, name.name, name.qualifier)
    ctx.tx.clear(Statement, *scope)
    ctx.tx.delete(EventInvokeConfig, *scope)
    if ctx.tx.delete(Provisioned, *scope):
        ctx.schedule("lambda.provision", {"arn": name.unqualified().arn}, key=name.unqualified().arn)


def _found(name: FunctionName, function: Function, version: Version) -> Found:
    number = str(version.version)
    return Found(
        name._replace(qualifier=number), function, number, version.settings, version.revision, version.modified
    )


def _same(last: Version, function: Function, description: str) -> bool:
    settings = copy.copy(function.settings)
    settings.description = description or settings.description
    # The blob is where the code lies; its digest is what it is.
    one, other = copy.copy(settings), copy.copy(last.settings)
    return one.code.sha256 == other.code.sha256 and _but_code(one) == _but_code(other)


def _but_code(settings: Any) -> dict[str, Any]:
    return {field: getattr(settings, field) for field in settings.__struct_fields__ if field != "code"}
