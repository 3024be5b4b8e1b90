"""Deployment and Stage."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.apigateway import apigateway
from fogbank.services.apigateway.resources.common import changed, gone, replace, retag, tags, text, true

_METHOD_SETTINGS = {
    "MetricsEnabled": "metrics/enabled",
    "DataTraceEnabled": "logging/dataTrace",
    "LoggingLevel": "logging/loglevel",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
    "CacheTtlInSeconds": "caching/ttlInSeconds",
    "CachingEnabled": "caching/enabled",
    "CacheDataEncrypted": "caching/dataEncrypted",
}


@apigateway.resource_type
class DeploymentResource(ResourceType):
    type_name = "AWS::ApiGateway::Deployment"
    required = frozenset({"RestApiId"})
    properties = frozenset({"DeploymentCanarySettings", "Description", "RestApiId", "StageDescription", "StageName"})
    create_only = frozenset({"DeploymentCanarySettings", "RestApiId"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        params: dict[str, Any] = {"restApiId": props["RestApiId"]}
        described = props.get("StageDescription") or {}
        if props.get("Description"):
            params["description"] = props["Description"]
        if props.get("StageName"):
            params["stageName"] = props["StageName"]
            if described.get("Description"):
                params["stageDescription"] = described["Description"]
            if described.get("Variables"):
                params["variables"] = {name: text(value) for name, value in described["Variables"].items()}
            if described.get("TracingEnabled") is not None:
                params["tracingEnabled"] = true(described["TracingEnabled"])
            canary = props.get("DeploymentCanarySettings")
            if canary:
                params["canarySettings"] = _canary(canary)
        made = await call("apigateway", "CreateDeployment", params)
        if props.get("StageName"):
            patches = _stage_patches({}, _as_stage(described))
            if patches:
                where = {"restApiId": props["RestApiId"], "stageName": props["StageName"]}
                await call("apigateway", "UpdateStage", {**where, "patchOperations": patches})
        return Provisioned(made["id"], {"DeploymentId": made["id"]})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        where = {"restApiId": new["RestApiId"], "deploymentId": current.physical_id}
        patches = changed(old, new, {"Description": "/description"})
        if patches:
            await call("apigateway", "UpdateDeployment", {**where, "patchOperations": patches})
        if new.get("StageName") and new["StageName"] != old.get("StageName"):
            await call("apigateway", "CreateStage", {**where, "stageName": new["StageName"]})
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        where = {"restApiId": props["RestApiId"], "deploymentId": current.physical_id}
        try:
            await gone(call("apigateway", "DeleteDeployment", where))
        except AwsError as error:
            if not error.message.startswith("Active stages") or not props.get("StageName"):
                raise
            # The stage that came with the deployment goes with it.
            stage = {"restApiId": props["RestApiId"], "stageName": props["StageName"]}
            await gone(call("apigateway", "DeleteStage", stage))
            await gone(call("apigateway", "DeleteDeployment", where))


@apigateway.resource_type
class StageResource(ResourceType):
    type_name = "AWS::ApiGateway::Stage"
    required = frozenset({"RestApiId"})
    properties = frozenset(
        {"AccessLogSetting", "CacheClusterEnabled", "CacheClusterSize", "CanarySetting", "ClientCertificateId",
         "DeploymentId", "Description", "DocumentationVersion", "MethodSettings", "RestApiId", "StageName", "Tags",
         "TracingEnabled", "Variables"}
    )
    create_only = frozenset({"RestApiId", "StageName"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = props.get("StageName") or call.generate_name(128)
        params: dict[str, Any] = {
            "restApiId": props["RestApiId"], "stageName": name, "deploymentId": props.get("DeploymentId") or "",
        }
        if props.get("Description"):
            params["description"] = props["Description"]
        if props.get("Variables"):
            params["variables"] = {key: text(value) for key, value in props["Variables"].items()}
        if wanted := tags(call, props):
            params["tags"] = wanted
        if props.get("DocumentationVersion"):
            params["documentationVersion"] = props["DocumentationVersion"]
        await call("apigateway", "CreateStage", params)
        done: dict[str, Any] = {
            key: props[key] for key in ("Description", "Variables", "DeploymentId") if key in props
        }
        if patches := _stage_patches(done, props):
            where = {"restApiId": props["RestApiId"], "stageName": name}
            await call("apigateway", "UpdateStage", {**where, "patchOperations": patches})
        return Provisioned(name)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        where = {"restApiId": new["RestApiId"], "stageName": current.physical_id}
        if patches := _stage_patches(old, new):
            await call("apigateway", "UpdateStage", {**where, "patchOperations": patches})
        await retag(call, f"/restapis/{new['RestApiId']}/stages/{current.physical_id}", old, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        where = {"restApiId": props["RestApiId"], "stageName": current.physical_id}
        await gone(call("apigateway", "DeleteStage", where))


def _stage_patches(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    simple = {
        "DeploymentId": "/deploymentId", "Description": "/description", "CacheClusterSize": "/cacheClusterSize",
        "CacheClusterEnabled": "/cacheClusterEnabled", "TracingEnabled": "/tracingEnabled",
        "ClientCertificateId": "/clientCertificateId",
    }
    patches = changed(old, new, simple)
    had, wanted = old.get("Variables") or {}, new.get("Variables") or {}
    patches += [replace(f"/variables/{name}", value) for name, value in wanted.items() if had.get(name) != value]
    patches += [{"op": "remove", "path": f"/variables/{name}"} for name in had if name not in wanted]
    patches += _access_log(old.get("AccessLogSetting") or {}, new.get("AccessLogSetting") or {})
    before, after = _method_settings(old), _method_settings(new)
    patches += [{"op": "remove", "path": f"/{key}"} for key in before if key not in after]
    for key, settings in after.items():
        held = before.get(key, {})
        patches += [replace(f"/{key}/{path}", value) for path, value in settings.items() if held.get(path) != value]
        patches += [{"op": "remove", "path": f"/{key}/{path}"} for path in held if path not in settings]
    if old.get("CanarySetting") != new.get("CanarySetting"):
        patches += _canary_patches(new.get("CanarySetting"))
    return patches


def _access_log(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    if old and not new:
        return [{"op": "remove", "path": "/accessLogSettings"}]
    paths = {"DestinationArn": "/accessLogSettings/destinationArn", "Format": "/accessLogSettings/format"}
    return [replace(path, new[name]) for name, path in paths.items() if new.get(name) and new[name] != old.get(name)]


def _method_settings(props: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By `resource/METHOD` as patch paths spell it, from `/*` or `/~1pets` and `*` or `GET`."""
    found: dict[str, dict[str, Any]] = {}
    for setting in props.get("MethodSettings") or []:
        path = str(setting.get("ResourcePath") or "/*")
        resource = "~1" if path == "/" else path.removeprefix("/")
        key = f"{resource.replace('/', '~1')}/{setting.get('HttpMethod') or '*'}"
        found[key] = {
            _METHOD_SETTINGS[name]: text(value) for name, value in setting.items() if name in _METHOD_SETTINGS
        }
    return found


def _as_stage(described: dict[str, Any]) -> dict[str, Any]:
    """A StageDescription says of all methods what a Stage says in MethodSettings."""
    settings = list(described.get("MethodSettings") or [])
    every = {name: described[name] for name in _METHOD_SETTINGS if described.get(name) is not None}
    if every:
        settings.insert(0, {"ResourcePath": "/*", "HttpMethod": "*", **every})
    passed = ("AccessLogSetting", "CacheClusterEnabled", "CacheClusterSize", "CanarySetting", "ClientCertificateId")
    return {"MethodSettings": settings, **{name: described[name] for name in passed if name in described}}


def _canary(given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if given.get("PercentTraffic") is not None:
        made["percentTraffic"] = float(given["PercentTraffic"])
    if given.get("StageVariableOverrides"):
        made["stageVariableOverrides"] = {k: text(v) for k, v in given["StageVariableOverrides"].items()}
    if given.get("UseStageCache") is not None:
        made["useStageCache"] = true(given["UseStageCache"])
    return made


def _canary_patches(given: dict[str, Any] | None) -> list[dict[str, Any]]:
    if not given:
        return [{"op": "remove", "path": "/canarySettings"}]
    paths = {"PercentTraffic": "percentTraffic", "DeploymentId": "deploymentId", "UseStageCache": "useStageCache"}
    present = {name: path for name, path in paths.items() if given.get(name) is not None}
    patches = [replace(f"/canarySettings/{path}", given[name]) for name, path in present.items()]
    overrides = given.get("StageVariableOverrides") or {}
    return patches + [replace(f"/canarySettings/stageVariableOverrides/{k}", v) for k, v in overrides.items()]
