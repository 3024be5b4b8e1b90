"""Authorizer, Model, RequestValidator, GatewayResponse."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.apigateway import apigateway
from fogbank.services.apigateway.resources.common import changed, gone, json_text, lower_first, text, true


@apigateway.resource_type
class AuthorizerResource(ResourceType):
    type_name = "AWS::ApiGateway::Authorizer"
    required = frozenset({"Name", "RestApiId", "Type"})
    properties = frozenset(
        {"AuthType", "AuthorizerCredentials", "AuthorizerResultTtlInSeconds", "AuthorizerUri", "IdentitySource",
         "IdentityValidationExpression", "JwtConfiguration", "Name", "ProviderARNs", "RestApiId", "Type"}
    )
    create_only = frozenset({"RestApiId"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        names = ("AuthType", "AuthorizerCredentials", "AuthorizerUri", "IdentitySource", "IdentityValidationExpression",
                 "Name", "ProviderARNs", "RestApiId", "Type")
        params = lower_first(props, names)
        if props.get("AuthorizerResultTtlInSeconds") is not None:
            params["authorizerResultTtlInSeconds"] = int(props["AuthorizerResultTtlInSeconds"])
        made = await call("apigateway", "CreateAuthorizer", params)
        return Provisioned(made["id"], {"AuthorizerId": made["id"]})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        simple = {
            "Name": "/name", "Type": "/type", "AuthType": "/authType", "AuthorizerUri": "/authorizerUri",
            "AuthorizerCredentials": "/authorizerCredentials", "IdentitySource": "/identitySource",
            "IdentityValidationExpression": "/identityValidationExpression",
        }
        patches = changed(old, new, simple)
        ttl = new.get("AuthorizerResultTtlInSeconds", 300)
        if ttl != old.get("AuthorizerResultTtlInSeconds", 300):
            patches.append({"op": "replace", "path": "/authorizerResultTtlInSeconds", "value": text(ttl)})
        had, wanted = old.get("ProviderARNs") or [], new.get("ProviderARNs") or []
        patches += [{"op": "add", "path": "/providerARNs", "value": arn} for arn in wanted if arn not in had]
        patches += [{"op": "remove", "path": "/providerARNs", "value": arn} for arn in had if arn not in wanted]
        if patches:
            where = {"restApiId": new["RestApiId"], "authorizerId": current.physical_id}
            await call("apigateway", "UpdateAuthorizer", {**where, "patchOperations": patches})
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"restApiId": props["RestApiId"], "authorizerId": current.physical_id}
        await gone(call("apigateway", "DeleteAuthorizer", params))


@apigateway.resource_type
class ModelResource(ResourceType):
    type_name = "AWS::ApiGateway::Model"
    required = frozenset({"RestApiId"})
    properties = frozenset({"ContentType", "Description", "Name", "RestApiId", "Schema"})
    create_only = frozenset({"ContentType", "Name", "RestApiId"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = props.get("Name") or "".join(filter(str.isalnum, call.generate_name(128)))
        params = {
            "restApiId": props["RestApiId"],
            "name": name,
            "contentType": props.get("ContentType") or "application/json",
            "schema": json_text(props.get("Schema") or {}),
        }
        if props.get("Description"):
            params["description"] = props["Description"]
        try:
            await call("apigateway", "CreateModel", params)
        except AwsError as error:
            if error.code != "ConflictException" or props.get("Name"):
                raise
        return Provisioned(name)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        as_text = [{**props, "Schema": json_text(props.get("Schema") or {})} for props in (old, new)]
        patches = changed(as_text[0], as_text[1], {"Description": "/description", "Schema": "/schema"})
        if patches:
            where = {"restApiId": new["RestApiId"], "modelName": current.physical_id}
            await call("apigateway", "UpdateModel", {**where, "patchOperations": patches})
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"restApiId": props["RestApiId"], "modelName": current.physical_id}
        await gone(call("apigateway", "DeleteModel", params))


@apigateway.resource_type
class RequestValidatorResource(ResourceType):
    type_name = "AWS::ApiGateway::RequestValidator"
    required = frozenset({"RestApiId"})
    properties = frozenset({"Name", "RestApiId", "ValidateRequestBody", "ValidateRequestParameters"})
    create_only = frozenset({"Name", "RestApiId"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        params = lower_first(props, ("Name", "RestApiId"))
        params["validateRequestBody"] = true(props.get("ValidateRequestBody"))
        params["validateRequestParameters"] = true(props.get("ValidateRequestParameters"))
        made = await call("apigateway", "CreateRequestValidator", params)
        return Provisioned(made["id"], {"RequestValidatorId": made["id"]})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        simple = {"ValidateRequestBody": "/validateRequestBody", "ValidateRequestParameters": "/validateRequestParameters"}
        if patches := changed(old, new, simple):
            where = {"restApiId": new["RestApiId"], "requestValidatorId": current.physical_id}
            await call("apigateway", "UpdateRequestValidator", {**where, "patchOperations": patches})
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"restApiId": props["RestApiId"], "requestValidatorId": current.physical_id}
        await gone(call("apigateway", "DeleteRequestValidator", params))


@apigateway.resource_type
class GatewayResponseResource(ResourceType):
    type_name = "AWS::ApiGateway::GatewayResponse"
    required = frozenset({"ResponseType", "RestApiId"})
    properties = frozenset({"ResponseParameters", "ResponseTemplates", "ResponseType", "RestApiId", "StatusCode"})
    create_only = frozenset({"ResponseType", "RestApiId"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        params = lower_first(props, ("ResponseParameters", "ResponseTemplates", "ResponseType", "RestApiId"))
        if props.get("StatusCode") is not None:
            params["statusCode"] = text(props["StatusCode"])
        await call("apigateway", "PutGatewayResponse", params)
        name = f"{props['RestApiId']}|{props['ResponseType']}"
        return Provisioned(name, {"Id": name})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        return await self.create(call, new)

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"restApiId": props["RestApiId"], "responseType": props["ResponseType"]}
        await gone(call("apigateway", "DeleteGatewayResponse", params))
