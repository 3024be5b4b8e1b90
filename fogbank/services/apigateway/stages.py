"""Stages: a name under which a deployment is reached, with its settings."""

from __future__ import annotations

import re
from typing import Any

from fogbank.api import Context
from fogbank.services.apigateway import apigateway, errors, lookup
from fogbank.services.apigateway.access import access
from fogbank.services.apigateway.lookup import without_none
from fogbank.services.apigateway.patching import Patch, boolean, number, patches, rate
from fogbank.services.apigateway.records import Account, Mapping, Stage

_STAGE = "/restapis/{restApiId}/stages/{stageName}"
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_VARIABLE = re.compile(r"[a-zA-Z0-9_]{1,64}")
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]{1,512}")
_LOG_LEVELS = ("OFF", "ERROR", "INFO")
_STRATEGIES = ("FAIL_WITH_403", "SUCCEED_WITH_RESPONSE_HEADER", "SUCCEED_WITHOUT_RESPONSE_HEADER")
_ACCESS_LOG_PATHS = ("/accessLogSettings/destinationArn", "/accessLogSettings/format")
# Path below `/{resourcePath}/{httpMethod}/`, and the member of MethodSetting.
_METHOD_SETTINGS = {
    "metrics/enabled": "metricsEnabled",
    "logging/dataTrace": "dataTraceEnabled",
    "logging/loglevel": "loggingLevel",
    "throttling/burstLimit": "throttlingBurstLimit",
    "throttling/rateLimit": "throttlingRateLimit",
    "caching/ttlInSeconds": "cacheTtlInSeconds",
    "caching/enabled": "cachingEnabled",
    "caching/dataEncrypted": "cacheDataEncrypted",
    "caching/requireAuthorizationForCacheControl": "requireAuthorizationForCacheControl",
    "caching/unauthorizedCacheControlHeaderStrategy": "unauthorizedCacheControlHeaderStrategy",
}
_DEFAULT_SETTING: dict[str, Any] = {
    "metricsEnabled": False,
    "dataTraceEnabled": False,
    "throttlingBurstLimit": 5000,
    "throttlingRateLimit": 10000.0,
    "cachingEnabled": False,
    "cacheTtlInSeconds": 300,
    "cacheDataEncrypted": False,
    "requireAuthorizationForCacheControl": True,
    "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
}
# As recorded, where AWS's list lacks a few commas.
_ALLOWED = (
    "/deploymentId, /description, /cacheClusterEnabled, /cacheClusterSize, /clientCertificateId, /accessLogSettings, "
    "/accessLogSettings/destinationArn, /accessLogSettings/format, /{resourcePath}/{httpMethod}/metrics/enabled, "
    "/{resourcePath}/{httpMethod}/logging/dataTrace, /{resourcePath}/{httpMethod}/logging/loglevel, "
    "/{resourcePath}/{httpMethod}/throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit"
    "/{resourcePath}/{httpMethod}/caching/ttlInSeconds, /{resourcePath}/{httpMethod}/caching/enabled, "
    "/{resourcePath}/{httpMethod}/caching/dataEncrypted, "
    "/{resourcePath}/{httpMethod}/caching/requireAuthorizationForCacheControl, "
    "/{resourcePath}/{httpMethod}/caching/unauthorizedCacheControlHeaderStrategy, /*/*/metrics/enabled, "
    "/*/*/logging/dataTrace, /*/*/logging/loglevel, /*/*/throttling/burstLimit /*/*/throttling/rateLimit "
    "/*/*/caching/ttlInSeconds, /*/*/caching/enabled, /*/*/caching/dataEncrypted, "
    "/*/*/caching/requireAuthorizationForCacheControl, /*/*/caching/unauthorizedCacheControlHeaderStrategy, "
    "/variables/{variable_name}, /tracingEnabled"
)


@apigateway.operation(access=access("POST", "/restapis/{restApiId}/stages"))
def create_stage(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    lookup.deployment(ctx, req["restApiId"], req["deploymentId"])
    if ctx.tx.get(Stage, req["restApiId"], req["stageName"]):
        raise errors.conflict("Stage already exists")
    stage = _make(ctx, req["restApiId"], req["deploymentId"], req, req.get("description"))
    stage.tags = req.get("tags") or {}
    ctx.tx.put(stage)
    return view(stage)


def deploy(ctx: Context, api: str, deployment: str, req: dict[str, Any]) -> None:
    """Has the stage that CreateDeployment names serve the deployment; makes it where there is none."""
    stage = ctx.tx.get(Stage, api, req["stageName"])
    if stage is None:
        stage = _make(ctx, api, deployment, req, req.get("stageDescription"))
    elif req.get("canarySettings"):
        canary = {"percentTraffic": 0.0, "useStageCache": False, **_canary(req["canarySettings"])}
        stage.settings["canarySettings"] = {**canary, "deploymentId": deployment}
    else:
        stage.deployment = deployment
        if req.get("stageDescription"):
            stage.settings["description"] = req["stageDescription"]
        if req.get("variables"):
            stage.settings["variables"] = {**stage.settings.get("variables", {}), **_variables(req["variables"])}
    stage.updated = float(int(ctx.now))
    ctx.tx.put(stage)


def _make(ctx: Context, api: str, deployment: str, req: dict[str, Any], description: str | None) -> Stage:
    if not _NAME.fullmatch(req["stageName"]):
        raise errors.bad_request("Stage name only allows a-zA-Z0-9_-")
    now = float(int(ctx.now))
    settings = without_none({
        "description": description or None,
        "documentationVersion": req.get("documentationVersion"),
        "cacheClusterSize": req.get("cacheClusterSize"),
        "variables": _variables(req.get("variables") or {}) or None,
        "canarySettings": _canary(req["canarySettings"]) if req.get("canarySettings") else None,
    })
    settings["cacheClusterEnabled"] = bool(req.get("cacheClusterEnabled"))
    settings["tracingEnabled"] = bool(req.get("tracingEnabled"))
    settings["methodSettings"] = {}
    return Stage(
        api=api, name=req["stageName"], deployment=deployment, created=now, updated=now, settings=settings
    )


def _canary(given: dict[str, Any]) -> dict[str, Any]:
    return without_none(dict(given))


def _variables(given: dict[str, str]) -> dict[str, str]:
    for name, value in given.items():
        check_variable(name, value)
    return given


def check_variable(name: str, value: str | None) -> None:
    if not _VARIABLE.fullmatch(name):
        raise errors.bad_request(f"Invalid stage variable name: {name}. Please use only alphanumeric and underscore")
    if value is None or not _VARIABLE_VALUE.fullmatch(value):
        raise errors.bad_request(
            f"Invalid stage variable value: {value}. Please use values with alphanumeric characters and the symbols "
            "' ', -', '.', '_', ':', '/', '?', '&', '=', and ','."
        )


@apigateway.operation(access=access("GET", _STAGE))
def get_stage(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return view(lookup.stage(ctx, req))


@apigateway.operation(access=access("GET", "/restapis/{restApiId}/stages"))
def get_stages(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    lookup.api(ctx, req["restApiId"])
    stages = ctx.tx.scan(Stage, req["restApiId"])
    return {"item": [view(s) for s in stages if req.get("deploymentId") in (None, s.deployment)]}


@apigateway.operation(access=access("DELETE", _STAGE))
def delete_stage(ctx: Context, req: dict[str, Any]) -> None:
    stage = lookup.stage(ctx, req)
    if any(mapping.stage == stage.name for mapping in ctx.tx.find(Mapping, "api", stage.api)):
        raise errors.bad_request("Deleting stage failed: it is used by a base path mapping.")
    ctx.tx.delete(Stage, stage.api, stage.name)


@apigateway.operation(access=access("DELETE", _STAGE + "/cache/data"))
def flush_stage_cache(ctx: Context, req: dict[str, Any]) -> None:
    """Responses are not cached, so that nothing is stale once this is done."""
    lookup.stage(ctx, req)


@apigateway.operation(access=access("DELETE", _STAGE + "/cache/authorizers"))
def flush_stage_authorizers_cache(ctx: Context, req: dict[str, Any]) -> None:
    """A stage that has changed is made ready anew, and what its authorizers said before does not count for it."""
    stage = lookup.stage(ctx, req)
    stage.flushed = ctx.now
    ctx.tx.put(stage)


@apigateway.operation(access=access("PATCH", _STAGE))
def update_stage(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stage = lookup.stage(ctx, req)
    for patch in patches(req):
        _update(ctx, stage, patch)
    stage.updated = float(int(ctx.now))
    ctx.tx.put(stage)
    return view(stage)


def _update(ctx: Context, stage: Stage, patch: Patch) -> None:
    name, *rest = patch.parts
    settings = stage.settings
    if name == "variables" and len(rest) == 1:
        _patch_variable(settings, patch)
    elif name == "accessLogSettings":
        _patch_access_log(settings, patch)
        if "accessLogSettings" in settings:
            _check_log_role(ctx)
    elif name == "canarySettings":
        _patch_canary(ctx, stage, patch)
    elif name == "deploymentId" and not rest:
        if patch.op == "copy":
            _promote(stage, patch)
        else:
            stage.deployment = lookup.deployment(ctx, stage.api, patch.value or "").id
    elif name in ("description", "cacheClusterSize", "clientCertificateId", "webAclArn") and not rest:
        settings[name] = patch.value
        if patch.op == "remove" or not patch.value:
            del settings[name]
    elif name in ("cacheClusterEnabled", "tracingEnabled") and not rest:
        settings[name] = boolean(patch.value)
    else:
        _patch_method_setting(settings, patch)
        if any(setting.get("loggingLevel", "OFF") != "OFF" for setting in settings["methodSettings"].values()):
            _check_log_role(ctx)


def _check_log_role(ctx: Context) -> None:
    account = ctx.tx.get(Account, ctx.account, ctx.region)
    if account is None or not account.log_role:
        raise errors.bad_request("CloudWatch Logs role ARN must be set in account settings to enable logging")


def _patch_variable(settings: dict[str, Any], patch: Patch) -> None:
    held, name = dict(settings.get("variables") or {}), patch.parts[1]
    if patch.op == "remove":
        held.pop(name, None)
    elif patch.op == "copy":
        held.update((settings.get("canarySettings") or {}).get("stageVariableOverrides") or {})
    else:
        check_variable(name, patch.value)
        held[name] = patch.value
    settings["variables"] = held
    if not held:
        del settings["variables"]


def _promote(stage: Stage, patch: Patch) -> None:
    canary = stage.settings.get("canarySettings") or {}
    if patch.source != "/canarySettings/deploymentId" or not canary.get("deploymentId"):
        raise errors.bad_request("Invalid copy patch: canary deployment is not available")
    stage.deployment = canary["deploymentId"]


def _patch_canary(ctx: Context, stage: Stage, patch: Patch) -> None:
    rest, canary = patch.parts[1:], dict(stage.settings.get("canarySettings") or {})
    if not rest and patch.op == "remove":
        stage.settings.pop("canarySettings", None)
        return
    if rest == ["percentTraffic"]:
        canary["percentTraffic"] = rate(patch.value, "Invalid percentTraffic")
    elif rest == ["useStageCache"]:
        canary["useStageCache"] = boolean(patch.value)
    elif rest == ["deploymentId"]:
        canary["deploymentId"] = lookup.deployment(ctx, stage.api, patch.value or "").id
    elif len(rest) == 2 and rest[0] == "stageVariableOverrides":
        overrides = dict(canary.get("stageVariableOverrides") or {})
        if patch.op == "remove":
            overrides.pop(rest[1], None)
        else:
            check_variable(rest[1], patch.value)
            overrides[rest[1]] = patch.value
        canary["stageVariableOverrides"] = overrides
    elif rest:
        raise errors.bad_path(patch.path)
    stage.settings["canarySettings"] = canary


def _patch_access_log(settings: dict[str, Any], patch: Patch) -> None:
    rest, held = patch.parts[1:], dict(settings.get("accessLogSettings") or {})
    if patch.op == "remove":
        if rest and (len(rest) != 1 or rest[0] not in held):
            raise errors.bad_request(_no_setting("/".join(patch.parts)))
        held = {} if not rest else {name: value for name, value in held.items() if name != rest[0]}
    else:
        if patch.path not in _ACCESS_LOG_PATHS:
            raise errors.bad_request(
                f"Invalid accessLogSettings path. Must be one of : [{', '.join(_ACCESS_LOG_PATHS)}]"
            )
        if not patch.value:
            raise errors.bad_request("Access Log value must not be empty")
        held[rest[0]] = patch.value
    settings["accessLogSettings"] = held
    if not held:
        del settings["accessLogSettings"]


def _no_setting(path: str) -> str:
    return f"Cannot remove method setting {path} because there is no method setting for this method "


def _patch_method_setting(settings: dict[str, Any], patch: Patch) -> None:
    """Paths like `/~1pets/GET/throttling/rateLimit` and `/*/*/logging/loglevel`; a part removed leaves its default."""
    raw = patch.path[1:].split("/")
    every = settings["methodSettings"]
    if len(raw) == 2 and patch.op == "remove":
        key = "/".join(raw)
        if key not in every:
            raise errors.bad_request(_no_setting(key))
        del every[key]
        return
    member = _METHOD_SETTINGS.get("/".join(raw[-2:])) if len(raw) >= 4 else None
    if member is None:
        raise errors.bad_request(f"Invalid method setting path: {patch.path}. Must be one of: [{_ALLOWED}]")
    key = "/".join(raw[:-2])
    if patch.op == "remove":
        if key not in every:
            raise errors.bad_request(_no_setting(key))
        every[key].pop(member, None)
        if member in _DEFAULT_SETTING:
            every[key][member] = _DEFAULT_SETTING[member]
        return
    if patch.op != "replace":
        raise errors.bad_operation("replace")
    every[key] = {**_DEFAULT_SETTING, **every.get(key, {}), member: _setting(member, patch.value)}


def _setting(member: str, value: str | None) -> Any:
    if member in ("throttlingBurstLimit", "cacheTtlInSeconds"):
        return number(value, f"Invalid method setting value: {value}")
    if member == "throttlingRateLimit":
        return rate(value, f"Invalid method setting value: {value}")
    for name, allowed in (("loggingLevel", _LOG_LEVELS), ("unauthorizedCacheControlHeaderStrategy", _STRATEGIES)):
        if member == name:
            if value not in allowed:
                raise errors.bad_request(f"Invalid method setting value: {value}. Must be one of: [{', '.join(allowed)}]")
            return value
    return boolean(value)


def view(stage: Stage) -> dict[str, Any]:
    enabled = stage.settings.get("cacheClusterEnabled", False)
    return {
        "deploymentId": stage.deployment,
        "stageName": stage.name,
        "cacheClusterStatus": "AVAILABLE" if enabled else "NOT_AVAILABLE",
        **stage.settings,
        "tags": stage.tags or None,
        "createdDate": stage.created,
        "lastUpdatedDate": stage.updated,
    }
