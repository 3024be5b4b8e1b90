"""How asynchronous invocations of a function, a version or an alias are retried, and where their results go."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Context
from fogbank.kit import paging
from fogbank.services.lambda_ import errors, lambda_, lookup
from fogbank.services.lambda_.names import FunctionName, access, resolve
from fogbank.services.lambda_.records import EventInvokeConfig, Function


@lambda_.operation(access=access("PutFunctionEventInvokeConfig"))
def put_function_event_invoke_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _target(ctx, req)
    config = EventInvokeConfig(**_key(name), modified=ctx.now)
    return _change(ctx, name, config, req)


@lambda_.operation(access=access("UpdateFunctionEventInvokeConfig"))
def update_function_event_invoke_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = _target(ctx, req)
    config = _require(ctx, name)
    config.modified = ctx.now
    return _change(ctx, name, config, req)


@lambda_.operation(access=access("GetFunctionEventInvokeConfig"))
def get_function_event_invoke_config(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req)
    return _view(name, _require(ctx, name))


@lambda_.operation(access=access("DeleteFunctionEventInvokeConfig"))
def delete_function_event_invoke_config(ctx: Context, req: dict[str, Any]) -> None:
    name = resolve(ctx, req)
    _require(ctx, name)
    ctx.tx.delete(EventInvokeConfig, *_key(name).values())


@lambda_.operation(access=access("ListFunctionEventInvokeConfigs", qualified=False))
def list_function_event_invoke_configs(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name = resolve(ctx, req).unqualified()
    _check_exists(ctx, name)
    limit = min(req.get("MaxItems") or 50, 50)
    after = paging.decode(req["Marker"]) if req.get("Marker") else None
    found = list(
        ctx.tx.scan(EventInvokeConfig, name.account, name.region, name.name, after=after, limit=limit + 1)
    )
    more = len(found) > limit
    return {
        "FunctionEventInvokeConfigs": [_view(name, config) for config in found[:limit]],
        "NextMarker": paging.encode(found[limit - 1].qualifier) if more else None,
    }


def _target(ctx: Context, req: dict[str, Any]) -> FunctionName:
    if all(req.get(key) is None for key in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")):
        raise errors.invalid("You must specify at least one of error handling or destination setting.")
    name = resolve(ctx, req)
    _check_exists(ctx, name)
    return name


def _check_exists(ctx: Context, name: FunctionName) -> None:
    try:
        lookup.version(ctx, name)
    except AwsError as error:
        raise errors.not_found("The function doesn't exist.") from error


def _change(ctx: Context, name: FunctionName, config: EventInvokeConfig, req: dict[str, Any]) -> dict[str, Any]:
    if req.get("MaximumRetryAttempts") is not None:
        config.maximum_retries = req["MaximumRetryAttempts"]
    if req.get("MaximumEventAgeInSeconds") is not None:
        config.maximum_age = req["MaximumEventAgeInSeconds"]
    if (destinations := req.get("DestinationConfig")) is not None:
        config.on_success = (destinations.get("OnSuccess") or {}).get("Destination") or ""
        config.on_failure = (destinations.get("OnFailure") or {}).get("Destination") or ""
        for target in (config.on_success, config.on_failure):
            if target:
                _check_destination(ctx, name, target, config)
    ctx.tx.put(config)
    return _view(name, config)


def _check_destination(ctx: Context, name: FunctionName, target: str, config: EventInvokeConfig) -> None:
    service = target.split(":")[2] if target.count(":") >= 5 else ""
    if service not in ("lambda", "sns", "sqs", "events", "s3"):
        on_success = f"OnSuccess(destination={config.on_success})" if config.on_success else "null"
        on_failure = f"OnFailure(destination={config.on_failure})" if config.on_failure else "null"
        raise errors.invalid(
            f"The provided destination config DestinationConfig(onSuccess={on_success}, onFailure={on_failure}) is invalid."
        )
    if service == "lambda":
        other = resolve(ctx, {"FunctionName": target})
        if other.unqualified() == name.unqualified():
            raise errors.invalid("You can't specify the function as a destination for itself.")
        if other.account == name.account and not ctx.tx.get(Function, other.account, other.region, other.name):
            raise errors.invalid(f"The destination ARN {target} is invalid.")


def _require(ctx: Context, name: FunctionName) -> EventInvokeConfig:
    found = ctx.tx.get(EventInvokeConfig, *_key(name).values())
    if found is None:
        raise errors.not_found(f"The function {_arn(name)} doesn't have an EventInvokeConfig")
    return found


def _key(name: FunctionName) -> dict[str, Any]:
    qualifier = name.qualifier or lookup.LATEST
    return {"account": name.account, "region": name.region, "function": name.name, "qualifier": qualifier}


def _arn(name: FunctionName) -> str:
    return name._replace(qualifier=name.qualifier or lookup.LATEST).arn


def _view(name: FunctionName, config: EventInvokeConfig) -> dict[str, Any]:
    return {
        "LastModified": config.modified,
        "FunctionArn": name._replace(qualifier=config.qualifier).arn,
        "MaximumRetryAttempts": config.maximum_retries,
        "MaximumEventAgeInSeconds": config.maximum_age,
        "DestinationConfig": {
            "OnSuccess": {"Destination": config.on_success} if config.on_success else {},
            "OnFailure": {"Destination": config.on_failure} if config.on_failure else {},
        },
    }
