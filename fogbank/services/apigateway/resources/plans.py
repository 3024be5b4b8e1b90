"""ApiKey, UsagePlan, UsagePlanKey; DomainName, BasePathMapping."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.apigateway import apigateway
from fogbank.services.apigateway.resources.common import changed, escaped, gone, lower_first, replace, retag, tags, true


@apigateway.resource_type
class ApiKeyResource(ResourceType):
    type_name = "AWS::ApiGateway::ApiKey"
    properties = frozenset(
        {"CustomerId", "Description", "Enabled", "GenerateDistinctId", "Name", "StageKeys", "Tags", "Value"}
    )
    create_only = frozenset({"GenerateDistinctId", "Name", "Value"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        params = lower_first(props, ("CustomerId", "Description", "Value"))
        params["name"] = props.get("Name") or call.generate_name(128)
        params["enabled"] = true(props.get("Enabled"))
        params["stageKeys"] = [lower_first(key, ("RestApiId", "StageName")) for key in props.get("StageKeys") or []]
        params["tags"] = tags(call, props)
        made = await call("apigateway", "CreateApiKey", params)
        return Provisioned(made["id"], {"APIKeyId": made["id"]})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        simple = {"CustomerId": "/customerId", "Description": "/description", "Enabled": "/enabled"}
        patches = changed({"Enabled": False, **old}, {"Enabled": False, **new}, simple)
        if patches:
            await call("apigateway", "UpdateApiKey", {"apiKey": current.physical_id, "patchOperations": patches})
        await retag(call, f"/apikeys/{current.physical_id}", old, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await gone(call("apigateway", "DeleteApiKey", {"apiKey": current.physical_id}))


@apigateway.resource_type
class UsagePlanResource(ResourceType):
    type_name = "AWS::ApiGateway::UsagePlan"
    properties = frozenset({"ApiStages", "Description", "Quota", "Tags", "Throttle", "UsagePlanName"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        params: dict[str, Any] = {"name": props.get("UsagePlanName") or call.generate_name(128), "tags": tags(call, props)}
        if props.get("Description"):
            params["description"] = props["Description"]
        params["apiStages"] = [_stage(stage) for stage in props.get("ApiStages") or []]
        if props.get("Throttle"):
            params["throttle"] = _throttle(props["Throttle"])
        if props.get("Quota"):
            params["quota"] = _quota(props["Quota"])
        made = await call("apigateway", "CreateUsagePlan", params)
        return Provisioned(made["id"], {"Id": made["id"]})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        patches = changed(old, new, {"Description": "/description"})
        if new.get("UsagePlanName") and new["UsagePlanName"] != old.get("UsagePlanName"):
            patches.append(replace("/name", new["UsagePlanName"]))
        for name, path, read in (("Throttle", "/throttle", _throttle), ("Quota", "/quota", _quota)):
            if old.get(name) == new.get(name):
                continue
            if new.get(name):
                patches += [replace(f"{path}/{key}", value) for key, value in read(new[name]).items()]
            else:
                patches.append({"op": "remove", "path": path})
        patches += _stage_patches(old.get("ApiStages") or [], new.get("ApiStages") or [])
        if patches:
            await call("apigateway", "UpdateUsagePlan", {"usagePlanId": current.physical_id, "patchOperations": patches})
        await retag(call, f"/usageplans/{current.physical_id}", old, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        plan = {"usagePlanId": current.physical_id}
        if patches := _stage_patches(props.get("ApiStages") or [], []):
            await gone(call("apigateway", "UpdateUsagePlan", {**plan, "patchOperations": patches}))
        await gone(call("apigateway", "DeleteUsagePlan", plan))


def _throttle(given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if given.get("BurstLimit") is not None:
        made["burstLimit"] = int(given["BurstLimit"])
    if given.get("RateLimit") is not None:
        made["rateLimit"] = float(given["RateLimit"])
    return made


def _quota(given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"period": given.get("Period")}
    for name, member in (("Limit", "limit"), ("Offset", "offset")):
        if given.get(name) is not None:
            made[member] = int(given[name])
    return {name: value for name, value in made.items() if value is not None}


def _stage(given: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"apiId": given.get("ApiId"), "stage": given.get("Stage")}
    if given.get("Throttle"):
        made["throttle"] = {path: _throttle(limits) for path, limits in given["Throttle"].items()}
    return made


def _stage_patches(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> list[dict[str, Any]]:
    had, wanted = ({f"{s['ApiId']}:{s['Stage']}": s for s in stages} for stages in (old, new))
    patches = [{"op": "remove", "path": "/apiStages", "value": name} for name in had if name not in wanted]
    patches += [{"op": "add", "path": "/apiStages", "value": name} for name in wanted if name not in had]
    for name, stage in wanted.items():
        if (stage.get("Throttle") or {}) == (had.get(name, {}).get("Throttle") or {}):
            continue
        for path, limits in (stage.get("Throttle") or {}).items():
            resource, _, method = path.rpartition("/")
            where = f"/apiStages/{name}/throttle/{escaped(resource or '/')}/{method}"
            patches += [replace(f"{where}/{key}", value) for key, value in _throttle(limits).items()]
    return patches


@apigateway.resource_type
class UsagePlanKeyResource(ResourceType):
    type_name = "AWS::ApiGateway::UsagePlanKey"
    required = frozenset({"KeyId", "KeyType", "UsagePlanId"})
    properties = required
    create_only = required

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        try:
            await call("apigateway", "CreateUsagePlanKey", lower_first(props, ("KeyId", "KeyType", "UsagePlanId")))
        except AwsError as error:
            if error.code != "ConflictException":
                raise
        name = f"{props['KeyId']}:{props['UsagePlanId']}"
        return Provisioned(name, {"Id": name})

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"usagePlanId": props["UsagePlanId"], "keyId": props["KeyId"]}
        await gone(call("apigateway", "DeleteUsagePlanKey", params))


@apigateway.resource_type
class DomainNameResource(ResourceType):
    type_name = "AWS::ApiGateway::DomainName"
    properties = frozenset(
        {"CertificateArn", "DomainName", "EndpointAccessMode", "EndpointConfiguration", "MutualTlsAuthentication",
         "OwnershipVerificationCertificateArn", "RegionalCertificateArn", "RoutingMode", "SecurityPolicy", "Tags"}
    )
    required = frozenset({"DomainName"})
    create_only = frozenset({"DomainName"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        names = ("DomainName", "CertificateArn", "RegionalCertificateArn", "SecurityPolicy",
                 "OwnershipVerificationCertificateArn")
        params = {**lower_first(props, names), "tags": tags(call, props)}
        if props.get("EndpointConfiguration"):
            params["endpointConfiguration"] = lower_first(props["EndpointConfiguration"], ("Types", "IpAddressType"))
        made = await call("apigateway", "CreateDomainName", params)
        shown = ("DistributionDomainName", "DistributionHostedZoneId", "RegionalDomainName", "RegionalHostedZoneId")
        return Provisioned(props["DomainName"], {name: made.get(name[0].lower() + name[1:]) or "" for name in shown})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        simple = {"CertificateArn": "/certificateArn", "RegionalCertificateArn": "/regionalCertificateArn",
                  "SecurityPolicy": "/securityPolicy"}
        if patches := changed(old, new, simple):
            await call("apigateway", "UpdateDomainName", {"domainName": current.physical_id, "patchOperations": patches})
        await retag(call, f"/domainnames/{current.physical_id}", old, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await gone(call("apigateway", "DeleteDomainName", {"domainName": current.physical_id}))


@apigateway.resource_type
class BasePathMappingResource(ResourceType):
    type_name = "AWS::ApiGateway::BasePathMapping"
    required = frozenset({"DomainName"})
    properties = frozenset({"BasePath", "DomainName", "Id", "RestApiId", "Stage"})
    create_only = frozenset({"BasePath", "DomainName"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        params = lower_first(props, ("BasePath", "DomainName", "RestApiId", "Stage"))
        await call("apigateway", "CreateBasePathMapping", params)
        return Provisioned(f"{props['DomainName']}|{props.get('BasePath') or ''}")

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        if patches := changed(old, new, {"RestApiId": "/restapiId", "Stage": "/stage"}):
            await call("apigateway", "UpdateBasePathMapping", {**_mapping(new), "patchOperations": patches})
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await gone(call("apigateway", "DeleteBasePathMapping", _mapping(props)))


def _mapping(props: dict[str, Any]) -> dict[str, str]:
    return {"domainName": props["DomainName"], "basePath": props.get("BasePath") or "(none)"}
