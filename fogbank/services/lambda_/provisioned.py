"""Provisioned concurrency of versions and aliases: environments that stand initialised before anybody calls.

https://docs.aws.amazon.com/lambda/latest/dg/provisioned-concurrency.html
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from fogbank.api import AwsError, Context, Retry
from fogbank.engine import Engine
from fogbank.engine.spec import EngineError
from fogbank.kit import paging
from fogbank.services.lambda_ import concurrency, errors, lambda_, lookup, metering, running, tenancy
from fogbank.services.lambda_.names import FunctionName, access, resolve
from fogbank.services.lambda_.records import Alias, Function, Provisioned
from fogbank.services.lambda_.views import timestamp

log = logging.getLogger("fogbank.lambda")

LOOK_AGAIN = 10.0
"""Seconds."""


@lambda_.operation(access=access("PutProvisionedConcurrencyConfig"))
def put_provisioned_concurrency_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req)
    if name.qualifier == lookup.LATEST:
        raise errors.invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    found = _version(ctx, name)
    if found.version == lookup.LATEST:
        raise errors.invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")
    tenancy.check_absent(found.settings, "Provisioned Concurrency")
    _check_conflicts(ctx, name, found.version)
    wanted = req["ProvisionedConcurrentExecutions"]
    _check_limits(ctx, found.function, name, wanted)
    previous = ctx.tx.get(Provisioned, *_key(name).values())
    if previous is not None:
        _meter(ctx, previous)
    config = Provisioned(**_key(name), requested=wanted, modified=ctx.now)
    ctx.tx.put(config)
    _apply_later(ctx, name)
    return _view(config)


@lambda_.operation(access=access("GetProvisionedConcurrencyConfig"))
def get_provisioned_concurrency_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return _view(_require(ctx, _target(ctx, req)))


@lambda_.operation(access=access("DeleteProvisionedConcurrencyConfig"))
def delete_provisioned_concurrency_config(ctx: Context, req: dict[str, Any]) -> None:
    name = _target(ctx, req)
    config = ctx.tx.get(Provisioned, *_key(name).values())
    if config is not None:
        _meter(ctx, config)
        ctx.tx.delete(Provisioned, *_key(name).values())
        _apply_later(ctx, name)


@lambda_.operation(access=access("ListProvisionedConcurrencyConfigs", qualified=False))
def list_provisioned_concurrency_configs(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req).unqualified()
    lookup.function(ctx, name)
    limit = min(req.get("MaxItems") or 50, 50)
    after = paging.decode(req["Marker"]) if req.get("Marker") else None
    found = list(ctx.tx.scan(Provisioned, name.account, name.region, name.name, after=after, limit=limit + 1))
    more = len(found) > limit
    return {
        "ProvisionedConcurrencyConfigs": [
            {"FunctionArn": name._replace(qualifier=config.qualifier).arn, **_view(config)} for config in found[:limit]
        ],
        "NextMarker": paging.encode(found[limit - 1].qualifier) if more else None,
    }


# --- checks


def _target(ctx: Context, req: dict[str, Any]) -> FunctionName:
    name = resolve(ctx, req)
    if name.qualifier in ("", lookup.LATEST):
        raise errors.invalid("The function resource provided must be an alias or a published version.")
    _version(ctx, name)
    return name


def _version(ctx: Context, name: FunctionName) -> lookup.Found:
    """A missing alias is told as such even where the function is missing too."""
    if lookup.could_be_alias(name.qualifier):
        lookup.alias(ctx, name)
    return lookup.version(ctx, name, named=True)


def _check_conflicts(ctx: Context, name: FunctionName, version: str) -> None:
    """A version has environments of its own, or of one alias that points at it."""
    scope = (name.account, name.region, name.name)
    for config in ctx.tx.scan(Provisioned, *scope):
        if config.qualifier == name.qualifier:
            continue
        if config.qualifier == version:
            raise errors.conflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
            )
        alias = ctx.tx.get(Alias, *scope, config.qualifier)
        if alias is not None and alias.version == version:
            raise errors.conflict("Version is pointed by a Provisioned Concurrency alias")


def _check_limits(ctx: Context, function: Function, name: FunctionName, wanted: int) -> None:
    others = concurrency.provisioned(ctx, function, but=name.qualifier)
    if function.reserved_concurrency is not None:
        if others + wanted > function.reserved_concurrency:
            raise errors.invalid(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
            )
        return
    free = concurrency.unreserved(ctx, but_provisioned=(function.name, name.qualifier))
    if wanted > free:
        raise errors.untyped(
            "InvalidParameterValueException",
            f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{free}].",
        )
    if free - wanted < concurrency.LEAST_UNRESERVED:
        raise errors.untyped(
            "InvalidParameterValueException",
            "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
            f"minimum value of [{concurrency.LEAST_UNRESERVED}].",
        )


# --- work


def _apply_later(ctx: Context, name: FunctionName) -> None:
    ctx.schedule("lambda.provision", {"arn": name.unqualified().arn}, key=name.unqualified().arn)


def moved(ctx: Context, name: FunctionName) -> None:
    """An alias points elsewhere: its environments are started for the other version, and ended for the old one."""
    config = ctx.tx.get(Provisioned, *_key(name).values())
    if config is not None:
        _meter(ctx, config)
        config.status, config.allocated, config.modified = "IN_PROGRESS", 0, ctx.now
        ctx.tx.put(config)
        _apply_later(ctx, name)


def wanted(ctx: Context, name: FunctionName) -> dict[str, int]:
    """How many environments each version shall have, by its number."""
    counts: dict[str, int] = {}
    for config in ctx.tx.scan(Provisioned, name.account, name.region, name.name):
        version = config.qualifier
        if not lookup.is_version(version):
            alias = ctx.tx.get(Alias, name.account, name.region, name.name, version)
            if alias is None:
                continue
            version = alias.version
        counts[version] = counts.get(version, 0) + config.requested
    return counts


@lambda_.task("lambda.provision", retry=Retry(attempts=3))
async def provision(ctx: Context, payload: dict[str, Any]) -> None:
    """Brings the engine to what a function's configurations ask for, all versions of it, and notes how that went."""
    name = resolve(ctx, {"FunctionName": payload["arn"]}).unqualified()
    engine = ctx.component(Engine)
    held = ctx.component(Held)
    counts = await ctx.transact(lambda c: wanted(c, name))
    for version in sorted(held.versions(name.arn) - counts.keys()):
        engine.retire(f"{name.arn}:{version}")
        held.drop(name.arn, version)
    for version, count in counts.items():
        reason = await _provide(ctx, engine, name._replace(qualifier=version), count)
        if not reason:
            held.keep(name.arn, version)
        await ctx.transact(partial(_note, name=name, version=version, reason=reason))
    await ctx.transact(lambda c: _look_again(c, name))


def _look_again(ctx: Context, name: FunctionName) -> None:
    """Environments end by age, and with the process: as long as some are asked for, they are counted again."""
    if wanted(ctx, name):
        arn = name.unqualified().arn
        ctx.schedule("lambda.provision", {"arn": arn}, delay=LOOK_AGAIN, key=arn)


async def _provide(ctx: Context, engine: Engine, name: FunctionName, count: int) -> str:
    """Starts the environments; returns why that failed, or nothing."""
    try:
        what = await ctx.transact(lambda c: running.runnable(c, lookup.version(c, name)))
        await engine.start()
        stand = await engine.provision(await running.spec(ctx, what), count)
    except AwsError:
        return "FUNCTION_ERROR_PERMISSION_DENIED"
    except EngineError as error:
        log.info("%s: provisioned concurrency failed: %s", name.arn, error)
        return "FUNCTION_ERROR_INIT_FAILURE"
    return "" if stand >= count else "FUNCTION_ERROR_INIT_FAILURE"


def _note(ctx: Context, name: FunctionName, version: str, reason: str) -> None:
    for config in ctx.tx.scan(Provisioned, name.account, name.region, name.name):
        alias = ctx.tx.get(Alias, name.account, name.region, name.name, config.qualifier)
        if version != (alias.version if alias else config.qualifier):
            continue
        config.status, config.reason = ("FAILED", reason) if reason else ("READY", "")
        _meter(ctx, config)
        config.allocated = 0 if reason else config.requested
        ctx.tx.put(config)


def _meter(ctx: Context, config: Provisioned) -> None:
    name = FunctionName(config.account, config.region, config.function, config.qualifier)
    found = lookup.version(ctx, name)
    metering.count_provisioned(ctx, config, found.function, found.settings)


class Held:
    """Which versions have provisioned environments in this process: what a configuration that is gone leaves to end."""

    def __init__(self) -> None:
        self._versions: dict[str, set[str]] = {}

    def versions(self, arn: str) -> set[str]:
        return self._versions.get(arn, set())

    def keep(self, arn: str, version: str) -> None:
        self._versions.setdefault(arn, set()).add(version)

    def drop(self, arn: str, version: str) -> None:
        self._versions.get(arn, set()).discard(version)

    async def stop(self) -> None:
        self._versions.clear()


# --- views


def _key(name: FunctionName) -> dict[str, Any]:
    return {"account": name.account, "region": name.region, "function": name.name, "qualifier": name.qualifier}


def _require(ctx: Context, name: FunctionName) -> Provisioned:
    config = ctx.tx.get(Provisioned, *_key(name).values())
    if config is None:
        raise AwsError(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
            Type="User",
        )
    return config


def _view(config: Provisioned) -> dict[str, Any]:
    return {
        "RequestedProvisionedConcurrentExecutions": config.requested,
        "AvailableProvisionedConcurrentExecutions": config.allocated,
        "AllocatedProvisionedConcurrentExecutions": config.allocated,
        "Status": config.status,
        "StatusReason": config.reason or None,
        "LastModified": timestamp(config.modified),
    }
