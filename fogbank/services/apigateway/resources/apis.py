"""RestApi, Resource, Account."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.apigateway import apigateway
from fogbank.services.apigateway.apis import ONCE
from fogbank.services.apigateway.resources.common import (
    changed,
    escaped,
    gone,
    json_text,
    lower_first,
    read,
    replace,
    retag,
    tags,
    true,
)

_SIMPLE = {
    "Name": "/name", "Description": "/description", "MinimumCompressionSize": "/minimumCompressionSize",
    "ApiKeySourceType": "/apiKeySource", "DisableExecuteApiEndpoint": "/disableExecuteApiEndpoint",
}


@apigateway.resource_type
class RestApiResource(ResourceType):
    type_name = "AWS::ApiGateway::RestApi"
    properties = frozenset(
        {"ApiKeySourceType", "BinaryMediaTypes", "Body", "BodyS3Location", "CloneFrom", "Description",
         "DisableExecuteApiEndpoint", "EndpointAccessMode", "EndpointConfiguration", "FailOnWarnings",
         "MinimumCompressionSize", "Mode", "Name", "Parameters", "Policy", "SecurityPolicy", "Tags"}
    )

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        body = await _body(call, props)
        if body is None:
            params = {**_params(props), "tags": {**tags(call, props), ONCE: call.token}}
            made = await call("apigateway", "CreateRestApi", params)
            return _made(made)
        parameters = {str(key): str(value) for key, value in (props.get("Parameters") or {}).items()}
        types = (props.get("EndpointConfiguration") or {}).get("Types")
        if types and "endpointConfigurationTypes" not in parameters:
            parameters["endpointConfigurationTypes"] = ",".join(types)
        parameters[ONCE] = call.token
        made = await call("apigateway", "ImportRestApi", {"body": body, "parameters": parameters})
        await _settings(call, made["id"], {}, props)
        arn = f"arn:aws:apigateway:{call.region}::/restapis/{made['id']}"
        if wanted := tags(call, props):
            await call("apigateway", "TagResource", {"resourceArn": arn, "tags": wanted})
        return _made(made)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        api = current.physical_id
        body = await _body(call, new)
        if body is not None:
            params: dict[str, Any] = {"restApiId": api, "mode": new.get("Mode") or "overwrite", "body": body}
            if new.get("Parameters"):
                params["parameters"] = {str(key): str(value) for key, value in new["Parameters"].items()}
            await call("apigateway", "PutRestApi", params)
            # What the document says of these is said anew by the properties, which stand above it.
            old = {name: old[name] for name in ("EndpointConfiguration", "Tags") if name in old}
        await _settings(call, api, old, new)
        await retag(call, f"/restapis/{api}", old, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await gone(call("apigateway", "DeleteRestApi", {"restApiId": current.physical_id}))


def _made(api: dict[str, Any]) -> Provisioned:
    return Provisioned(api["id"], {"RootResourceId": api["rootResourceId"], "RestApiId": api["id"]})


async def _body(call: ResourceCall, props: dict[str, Any]) -> bytes | None:
    if props.get("Body"):
        return json_text(props["Body"]).encode()
    location = props.get("BodyS3Location")
    if not location:
        return None
    params = {"Bucket": location["Bucket"], "Key": location["Key"]}
    if location.get("Version"):
        params["VersionId"] = location["Version"]
    return await read((await call("s3", "GetObject", params))["Body"])


def _params(props: dict[str, Any]) -> dict[str, Any]:
    params = lower_first(props, ("Name", "Description", "CloneFrom", "BinaryMediaTypes", "SecurityPolicy"))
    if "Name" not in params:
        raise AwsError("BadRequestException", "Either Name or Body must be given for a REST API.", status=400)
    if props.get("MinimumCompressionSize") is not None:
        params["minimumCompressionSize"] = int(props["MinimumCompressionSize"])
    if props.get("ApiKeySourceType"):
        params["apiKeySource"] = props["ApiKeySourceType"]
    if props.get("Policy"):
        params["policy"] = json_text(props["Policy"])
    if props.get("EndpointConfiguration"):
        params["endpointConfiguration"] = lower_first(
            props["EndpointConfiguration"], ("Types", "VpcEndpointIds", "IpAddressType")
        )
    if "DisableExecuteApiEndpoint" in props:
        params["disableExecuteApiEndpoint"] = true(props["DisableExecuteApiEndpoint"])
    return params


async def _settings(call: ResourceCall, api: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    patches = [p for p in changed(old, new, _SIMPLE) if p["value"] != "" or p["path"] != "/name"]
    if old.get("Policy") != new.get("Policy"):
        patches.append(replace("/policy", json_text(new["Policy"])) if new.get("Policy") else
                       {"op": "remove", "path": "/policy"})
    had, wanted = old.get("BinaryMediaTypes") or [], new.get("BinaryMediaTypes") or []
    patches += [{"op": "add", "path": f"/binaryMediaTypes/{escaped(kind)}"} for kind in wanted if kind not in had]
    patches += [{"op": "remove", "path": f"/binaryMediaTypes/{escaped(kind)}"} for kind in had if kind not in wanted]
    before, after = (p.get("EndpointConfiguration") or {} for p in (old, new))
    if after.get("Types") and after["Types"] != before.get("Types"):
        patches.append(replace(f"/endpointConfiguration/types/{(before.get('Types') or ['EDGE'])[0]}", after["Types"][0]))
    if after.get("IpAddressType") and after["IpAddressType"] != before.get("IpAddressType"):
        patches.append(replace("/endpointConfiguration/ipAddressType", after["IpAddressType"]))
    if patches:
        await call("apigateway", "UpdateRestApi", {"restApiId": api, "patchOperations": patches})


@apigateway.resource_type
class ResourceResource(ResourceType):
    type_name = "AWS::ApiGateway::Resource"
    required = frozenset({"ParentId", "PathPart", "RestApiId"})
    properties = required
    create_only = required

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        params = lower_first(props, ("ParentId", "PathPart", "RestApiId"))
        try:
            made = (await call("apigateway", "CreateResource", params))["id"]
        except AwsError as error:
            # Another resource may have made it, or this very step before a crash: only ours has no method of another's.
            if error.code != "ConflictException":
                raise
            page = await call("apigateway", "GetResources", {"restApiId": props["RestApiId"], "limit": 500})
            made = next(
                (r["id"] for r in page["items"]
                 if r.get("parentId") == props["ParentId"] and r.get("pathPart") == props["PathPart"]
                 and not r.get("resourceMethods")),
                None,
            )
            if made is None:
                raise
        return Provisioned(made, {"ResourceId": made})

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"restApiId": props["RestApiId"], "resourceId": current.physical_id}
        await gone(call("apigateway", "DeleteResource", params))


@apigateway.resource_type
class AccountResource(ResourceType):
    type_name = "AWS::ApiGateway::Account"
    properties = frozenset({"CloudWatchRoleArn"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = call.generate_name(128)
        await _account(call, props)
        return Provisioned(name, {"Id": name})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        await _account(call, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        """The account's settings stay, as CloudFormation leaves them."""


async def _account(call: ResourceCall, props: dict[str, Any]) -> None:
    if props.get("CloudWatchRoleArn"):
        patch = replace("/cloudwatchRoleArn", props["CloudWatchRoleArn"])
        await call("apigateway", "UpdateAccount", {"patchOperations": [patch]})
