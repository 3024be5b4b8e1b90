"""CloudFormation's types of CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.logs import logs

_TRANSFORMATION = ("MetricName", "MetricNamespace", "MetricValue", "DefaultValue", "Unit", "Dimensions")


@logs.resource_type
class LogGroupResource(ResourceType):
    type_name = "AWS::Logs::LogGroup"
    properties = frozenset(
        {"DataProtectionPolicy", "DeletionProtectionEnabled", "FieldIndexPolicies", "KmsKeyId", "LogGroupClass",
         "LogGroupName", "ResourcePolicyDocument", "RetentionInDays", "Tags"}
    )
    create_only = frozenset({"LogGroupName", "LogGroupClass"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = props.get("LogGroupName") or call.generate_name(512)
        params: dict[str, Any] = {"logGroupName": name}
        if tags := {**call.tags, **_tags(props)}:
            params["tags"] = tags
        if props.get("KmsKeyId"):
            params["kmsKeyId"] = props["KmsKeyId"]
        if props.get("LogGroupClass"):
            params["logGroupClass"] = props["LogGroupClass"]
        try:
            await call("logs", "CreateLogGroup", params)
        except AwsError as error:
            if error.code != "ResourceAlreadyExistsException" or props.get("LogGroupName"):
                raise
        await self._settings(call, name, {}, props)
        return Provisioned(name, {"Arn": f"arn:aws:logs:{call.region}:{call.account}:log-group:{name}:*"})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        name = current.physical_id
        await self._settings(call, name, old, new)
        if old.get("KmsKeyId") != new.get("KmsKeyId"):
            if new.get("KmsKeyId"):
                await call("logs", "AssociateKmsKey", {"logGroupName": name, "kmsKeyId": new["KmsKeyId"]})
            else:
                await call("logs", "DisassociateKmsKey", {"logGroupName": name})
        had, wanted, arn = _tags(old), _tags(new), current.attributes["Arn"].removesuffix(":*")
        if gone := [key for key in had if key not in wanted]:
            await call("logs", "UntagResource", {"resourceArn": arn, "tagKeys": gone})
        if wanted != had and wanted:
            await call("logs", "TagResource", {"resourceArn": arn, "tags": wanted})
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        await _gone(call("logs", "DeleteLogGroup", {"logGroupName": current.physical_id}))

    @staticmethod
    async def _settings(call: ResourceCall, name: str, old: dict[str, Any], new: dict[str, Any]) -> None:
        days = new.get("RetentionInDays")
        if days != old.get("RetentionInDays"):
            if days is None:
                await call("logs", "DeleteRetentionPolicy", {"logGroupName": name})
            else:
                await call("logs", "PutRetentionPolicy", {"logGroupName": name, "retentionInDays": int(days)})
        protected = _true(new.get("DeletionProtectionEnabled"))
        if protected != _true(old.get("DeletionProtectionEnabled")):
            params = {"logGroupIdentifier": name, "deletionProtectionEnabled": protected}
            await call("logs", "PutLogGroupDeletionProtection", params)


@logs.resource_type
class LogStreamResource(ResourceType):
    type_name = "AWS::Logs::LogStream"
    required = frozenset({"LogGroupName"})
    properties = frozenset({"LogGroupName", "LogStreamName"})
    create_only = properties

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = props.get("LogStreamName") or call.generate_name(512)
        try:
            await call("logs", "CreateLogStream", {"logGroupName": props["LogGroupName"], "logStreamName": name})
        except AwsError as error:
            if error.code != "ResourceAlreadyExistsException" or props.get("LogStreamName"):
                raise
        return Provisioned(name)

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"logGroupName": props["LogGroupName"], "logStreamName": current.physical_id}
        await _gone(call("logs", "DeleteLogStream", params))


@logs.resource_type
class MetricFilterResource(ResourceType):
    type_name = "AWS::Logs::MetricFilter"
    required = frozenset({"FilterPattern", "LogGroupName", "MetricTransformations"})
    properties = frozenset(
        {"ApplyOnTransformedLogs", "EmitSystemFieldDimensions", "FieldSelectionCriteria", "FilterName", "FilterPattern",
         "LogGroupName", "MetricTransformations"}
    )
    create_only = frozenset({"FilterName", "LogGroupName"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = props.get("FilterName") or call.generate_name(512)
        await self._put(call, name, props)
        return Provisioned(name)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        await self._put(call, current.physical_id, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"logGroupName": props["LogGroupName"], "filterName": current.physical_id}
        await _gone(call("logs", "DeleteMetricFilter", params))

    @staticmethod
    async def _put(call: ResourceCall, name: str, props: dict[str, Any]) -> None:
        params = {
            "logGroupName": props["LogGroupName"],
            "filterName": name,
            "filterPattern": props["FilterPattern"],
            "metricTransformations": [_transformation(entry) for entry in props["MetricTransformations"]],
        }
        await call("logs", "PutMetricFilter", params)


@logs.resource_type
class SubscriptionFilterResource(ResourceType):
    type_name = "AWS::Logs::SubscriptionFilter"
    required = frozenset({"DestinationArn", "FilterPattern", "LogGroupName"})
    properties = frozenset(
        {"ApplyOnTransformedLogs", "DestinationArn", "Distribution", "EmitSystemFields", "FieldSelectionCriteria",
         "FilterName", "FilterPattern", "LogGroupName", "RoleArn"}
    )
    create_only = frozenset({"FilterName", "LogGroupName"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = props.get("FilterName") or call.generate_name(512)
        await self._put(call, name, props)
        return Provisioned(name)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        await self._put(call, current.physical_id, new)
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        params = {"logGroupName": props["LogGroupName"], "filterName": current.physical_id}
        await _gone(call("logs", "DeleteSubscriptionFilter", params))

    @staticmethod
    async def _put(call: ResourceCall, name: str, props: dict[str, Any]) -> None:
        params = {
            "logGroupName": props["LogGroupName"],
            "filterName": name,
            "filterPattern": props["FilterPattern"],
            "destinationArn": props["DestinationArn"],
        }
        for key, member in (("RoleArn", "roleArn"), ("Distribution", "distribution")):
            if props.get(key):
                params[member] = props[key]
        await call("logs", "PutSubscriptionFilter", params)


def _transformation(entry: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {key[0].lower() + key[1:]: entry[key] for key in _TRANSFORMATION if key in entry}
    made["metricValue"] = str(made["metricValue"])
    if "defaultValue" in made:
        made["defaultValue"] = float(made["defaultValue"])
    if "dimensions" in made:
        made["dimensions"] = {dimension["Key"]: dimension["Value"] for dimension in made["dimensions"]}
    return made


def _tags(props: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: str(tag.get("Value", "")) for tag in props.get("Tags") or []}


def _true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


async def _gone(deletion: Awaitable[Any]) -> None:
    try:
        await deletion
    except AwsError as error:
        if error.code != "ResourceNotFoundException":
            raise
