"""CloudFormation's event source mappings."""

from __future__ import annotations

from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.lambda_ import lambda_

_NUMBERS = frozenset({
    "BatchSize", "MaximumBatchingWindowInSeconds", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts",
    "ParallelizationFactor", "TumblingWindowInSeconds",
})  # fmt: skip
_FLAGS = frozenset({"BisectBatchOnFunctionError", "Enabled"})
_FIXED = frozenset({
    "AmazonManagedKafkaEventSourceConfig", "EventSourceArn", "SelfManagedEventSource", "SelfManagedKafkaEventSourceConfig",
    "StartingPosition", "StartingPositionTimestamp",
})  # fmt: skip
_UNSAID: dict[str, Any] = {
    "BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "Enabled": True, "FilterCriteria": {"Filters": []},
    "FunctionResponseTypes": [],
}  # fmt: skip
"""What a property that is taken out of a template goes back to; for a stream see `_UNSAID_OF_A_STREAM`."""
_UNSAID_OF_A_STREAM: dict[str, Any] = {
    **_UNSAID, "BatchSize": 100, "ParallelizationFactor": 1, "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1, "BisectBatchOnFunctionError": False, "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
}  # fmt: skip


@lambda_.resource_type
class EventSourceMappingResource(ResourceType):
    type_name = "AWS::Lambda::EventSourceMapping"
    required = frozenset({"FunctionName"})
    create_only = _FIXED
    properties = frozenset({
        *_NUMBERS, *_FLAGS, *_FIXED, "DestinationConfig", "DocumentDBEventSourceConfig", "FilterCriteria", "FunctionName",
        "FunctionResponseTypes", "KmsKeyArn", "LoggingConfig", "MetricsConfig", "ProvisionedPollerConfig", "Queues",
        "ScalingConfig", "SourceAccessConfigurations", "Tags", "Topics",
    })  # fmt: skip

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        tags = {**call.tags, **{tag["Key"]: tag.get("Value", "") for tag in props.get("Tags") or []}}
        try:
            made = await call("lambda", "CreateEventSourceMapping", {**_params(props), "Tags": tags})
        except AwsError as error:
            if error.code != "ResourceConflictException":
                raise
            made = await self._mine(call, props, error)
        return self._provisioned(made)

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        unsaid = _UNSAID if ":sqs:" in new.get("EventSourceArn", "") else _UNSAID_OF_A_STREAM
        taken_out = {key: unsaid[key] for key in unsaid.keys() & old.keys() if key not in new}
        params = {key: value for key, value in _params(new).items() if key not in _FIXED}
        made = await call("lambda", "UpdateEventSourceMapping", {"UUID": current.physical_id, **taken_out, **params})
        return self._provisioned(made)

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        try:
            await call("lambda", "DeleteEventSourceMapping", {"UUID": current.physical_id})
        except AwsError as error:
            if error.code != "ResourceNotFoundException":
                raise

    @staticmethod
    async def _mine(call: ResourceCall, props: dict[str, Any], error: AwsError) -> dict[str, Any]:
        """After a crash the step is run again: the mapping that this resource has made already bears its name."""
        wanted = {"FunctionName": props["FunctionName"], "EventSourceArn": props.get("EventSourceArn")}
        listed: list[dict[str, Any]] = (await call("lambda", "ListEventSourceMappings", wanted))["EventSourceMappings"]
        for found in listed:
            tags = (await call("lambda", "ListTags", {"Resource": found["EventSourceMappingArn"]}))["Tags"]
            stack, name = tags.get("aws:cloudformation:stack-id"), tags.get("aws:cloudformation:logical-id")
            if (stack, name) == (call.stack_id, call.logical_id):
                return found
        raise error

    @staticmethod
    def _provisioned(made: dict[str, Any]) -> Provisioned:
        return Provisioned(made["UUID"], {"Id": made["UUID"], "EventSourceMappingArn": made["EventSourceMappingArn"]})


def _params(props: dict[str, Any]) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for key, value in props.items():
        if key in _NUMBERS:
            params[key] = int(value)
        elif key in _FLAGS:
            params[key] = str(value).lower() == "true"
        elif key == "StartingPositionTimestamp":
            params[key] = float(value)
        elif key == "ScalingConfig":
            params[key] = {name: int(number) for name, number in value.items()}
        elif key == "KmsKeyArn":
            params["KMSKeyArn"] = value
        elif key != "Tags":
            params[key] = value
    return params
