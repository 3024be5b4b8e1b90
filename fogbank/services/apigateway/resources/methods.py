"""Method: with its integration and its responses."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.apigateway import apigateway
from fogbank.services.apigateway.resources.common import gone, lower_first, text, true

_METHOD = ("AuthorizationType", "AuthorizerId", "OperationName", "RequestModels", "RequestValidatorId",
           "AuthorizationScopes")
_INTEGRATION = ("CacheKeyParameters", "CacheNamespace", "ConnectionId", "ConnectionType", "ContentHandling", "Credentials",
                "IntegrationHttpMethod", "PassthroughBehavior", "RequestParameters", "RequestTemplates", "Type", "Uri")


@apigateway.resource_type
class MethodResource(ResourceType):
    type_name = "AWS::ApiGateway::Method"
    required = frozenset({"HttpMethod", "ResourceId", "RestApiId"})
    properties = frozenset(
        {"ApiKeyRequired", "AuthorizationScopes", "AuthorizationType", "AuthorizerId", "HttpMethod", "Integration",
         "MethodResponses", "OperationName", "RequestModels", "RequestParameters", "RequestValidatorId", "ResourceId",
         "RestApiId"}
    )
    create_only = frozenset({"HttpMethod", "ResourceId", "RestApiId"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        where = _where(props)
        params = {**where, "authorizationType": "NONE", **lower_first(props, _METHOD)}
        if props.get("ApiKeyRequired") is not None:
            params["apiKeyRequired"] = true(props["ApiKeyRequired"])
        if props.get("RequestParameters"):
            params["requestParameters"] = {name: true(value) for name, value in props["RequestParameters"].items()}
        await call("apigateway", "PutMethod", params)
        for response in props.get("MethodResponses") or []:
            await call("apigateway", "PutMethodResponse", {**where, **_method_response(response)})
        integration = props.get("Integration")
        if integration and integration.get("Type"):
            await _integrate(call, where, integration)
        return Provisioned("|".join((where["restApiId"], where["resourceId"], where["httpMethod"])))

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        """Made anew in place: stages serve their deployments meanwhile."""
        await gone(call("apigateway", "DeleteMethod", _where(old)))
        try:
            return await self.create(call, new)
        except AwsError:
            await gone(call("apigateway", "DeleteMethod", _where(old)))
            await self.create(call, old)
            raise

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await gone(call("apigateway", "DeleteMethod", _where(props)))


def _where(props: dict[str, Any]) -> dict[str, str]:
    return {"restApiId": props["RestApiId"], "resourceId": props["ResourceId"], "httpMethod": props["HttpMethod"].upper()}


def _method_response(response: dict[str, Any]) -> dict[str, Any]:
    made = {"statusCode": text(response["StatusCode"]), **lower_first(response, ("ResponseModels",))}
    if response.get("ResponseParameters") is not None:
        made["responseParameters"] = {name: true(value) for name, value in response["ResponseParameters"].items()}
    return made


async def _integrate(call: ResourceCall, where: dict[str, str], integration: dict[str, Any]) -> None:
    params = {**where, **lower_first(integration, _INTEGRATION)}
    for name in ("requestParameters", "requestTemplates"):
        if name in params:
            params[name] = {key: text(value) for key, value in params[name].items()}
    if integration.get("TimeoutInMillis") is not None:
        params["timeoutInMillis"] = int(integration["TimeoutInMillis"])
    await call("apigateway", "PutIntegration", params)
    for response in integration.get("IntegrationResponses") or []:
        made = {"statusCode": text(response["StatusCode"]), **lower_first(response, ("ContentHandling", "SelectionPattern"))}
        for name, member in (("ResponseParameters", "responseParameters"), ("ResponseTemplates", "responseTemplates")):
            if response.get(name) is not None:
                made[member] = {key: text(value) for key, value in response[name].items()}
        await call("apigateway", "PutIntegrationResponse", {**where, **made})
