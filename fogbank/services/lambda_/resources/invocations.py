"""CloudFormation types of how a function is reached and what becomes of its events: thin maps onto the operations."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.lambda_ import lambda_


@lambda_.resource_type
class UrlResource(ResourceType):
    type_name = "AWS::Lambda::Url"
    required = frozenset({"AuthType", "TargetFunctionArn"})
    properties = frozenset({"AuthType", "Cors", "InvokeMode", "Qualifier", "TargetFunctionArn"})
    create_only = frozenset({"Qualifier", "TargetFunctionArn"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        return self._provisioned(await call("lambda", "CreateFunctionUrlConfig", _url(props)))

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        # What is no longer named goes back to what it is without a name.
        wanted = {"InvokeMode": "BUFFERED", "Cors": {}, **_url(new)}
        return self._provisioned(await call("lambda", "UpdateFunctionUrlConfig", wanted))

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        target = {key: value for key, value in _url(props).items() if key in ("FunctionName", "Qualifier")}
        await _gone(call, "DeleteFunctionUrlConfig", target)

    @staticmethod
    def _provisioned(answer: dict[str, Any]) -> Provisioned:
        attributes = {key: answer[key] for key in ("FunctionArn", "FunctionUrl")}
        return Provisioned(answer["FunctionArn"], attributes)


@lambda_.resource_type
class EventInvokeConfigResource(ResourceType):
    type_name = "AWS::Lambda::EventInvokeConfig"
    required = frozenset({"FunctionName", "Qualifier"})
    properties = frozenset(
        {"DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier"}
    )
    create_only = frozenset({"FunctionName", "Qualifier"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        await call("lambda", "PutFunctionEventInvokeConfig", _event_config(props))
        return Provisioned(f"{props['FunctionName']}|{props['Qualifier']}")

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        await call("lambda", "PutFunctionEventInvokeConfig", _event_config(new))
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        target = {"FunctionName": props["FunctionName"], "Qualifier": props["Qualifier"]}
        await _gone(call, "DeleteFunctionEventInvokeConfig", target)


def _url(props: dict[str, Any]) -> dict[str, Any]:
    params = {key: value for key, value in props.items() if key != "TargetFunctionArn"}
    if cors := params.get("Cors"):
        params["Cors"] = {**cors}
        if "MaxAge" in cors:
            params["Cors"]["MaxAge"] = int(cors["MaxAge"])
        if "AllowCredentials" in cors:
            params["Cors"]["AllowCredentials"] = str(cors["AllowCredentials"]).lower() == "true"
    return {"FunctionName": props["TargetFunctionArn"], **params}


def _event_config(props: dict[str, Any]) -> dict[str, Any]:
    numbers = ("MaximumEventAgeInSeconds", "MaximumRetryAttempts")
    return {key: int(value) if key in numbers else value for key, value in props.items()}


async def _gone(call: ResourceCall, operation: str, params: dict[str, Any]) -> None:
    try:
        await call("lambda", operation, params)
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
