"""The kinds of event source, and which settings a mapping of each kind has. Pure.

https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fogbank.api import AwsError
from fogbank.kit import arn as arns
from fogbank.kit.event_patterns import InvalidPattern, compile_pattern
from fogbank.services.lambda_ import errors

QUEUE_ONLY = frozenset({"ScalingConfig"})
STREAM_ONLY = frozenset({
    "BisectBatchOnFunctionError", "DestinationConfig", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts",
    "ParallelizationFactor", "StartingPosition", "StartingPositionTimestamp", "TumblingWindowInSeconds",
})  # fmt: skip
ELSEWHERE = frozenset({
    "AmazonManagedKafkaEventSourceConfig", "DocumentDBEventSourceConfig", "Queues", "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations", "Topics",
})  # fmt: skip
"""Settings of brokers and databases."""
UNWINDOWED = 10
"""The largest batch of a queue for which Lambda need not wait."""


@dataclass(frozen=True, slots=True)
class Kind:
    name: str
    defaults: dict[str, Any]
    """Settings, as the API shows them, where the request names none."""
    reason: str
    """`StateTransitionReason`, observed."""
    result: str
    """The first `LastProcessingResult`; queues have none."""
    refused: frozenset[str]
    """Settings that only other kinds have."""
    positions: frozenset[str] = frozenset()

    @property
    def is_stream(self) -> bool:
        return bool(self.positions)


_STREAM: dict[str, Any] = {
    "BatchSize": 100, "MaximumBatchingWindowInSeconds": 0, "ParallelizationFactor": 1, "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1, "BisectBatchOnFunctionError": False, "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0, "FunctionResponseTypes": [],
}  # fmt: skip
_POSITIONS = frozenset({"LATEST", "TRIM_HORIZON"})
KINDS = {
    "sqs": Kind(
        "SQS", {"BatchSize": 10, "MaximumBatchingWindowInSeconds": 0, "FunctionResponseTypes": []}, "USER_INITIATED", "",
        STREAM_ONLY | ELSEWHERE,
    ),
    "dynamodb": Kind("DynamoDB", _STREAM, "User action", "No records processed", QUEUE_ONLY | ELSEWHERE, _POSITIONS),
    "kinesis": Kind(
        "Kinesis", _STREAM, "User action", "No records processed", QUEUE_ONLY | ELSEWHERE, _POSITIONS | {"AT_TIMESTAMP"}
    ),
}  # fmt: skip


def of(source: str) -> Kind:
    """The kind of an event source. Raises InvalidParameterValueException, or tells that a kind is not there."""
    parsed = arns.parse(source)
    if parsed is None:
        raise errors.invalid("Unrecognized event source.")
    if parsed.service in ("kafka", "mq", "rds", "docdb"):
        raise AwsError("NotImplemented", f"Fogbank does not have event sources of {parsed.service} yet.", status=501)
    found = KINDS.get(parsed.service)
    if found is None or (parsed.service == "dynamodb" and "/stream/" not in parsed.id):
        raise errors.invalid("Unrecognized event source.")
    return found


def check(kind: Kind, source: str, given: dict[str, Any], settings: dict[str, Any]) -> None:
    """`given` is what the request names, `settings` what the mapping would have. Raises InvalidParameterValueException."""
    for name in sorted(given.keys() & kind.refused):
        raise errors.invalid(f"Unsupported {name} parameter for given event source mapping type.")
    for criterion in (settings.get("FilterCriteria") or {}).get("Filters") or []:
        _check_filter(criterion.get("Pattern") or "")
    if kind.is_stream:
        _check_stream(kind, source, settings)
    else:
        _check_queue(source, settings)


def _check_filter(pattern: str) -> None:
    try:
        compile_pattern(pattern)
    except InvalidPattern as error:
        raise errors.invalid("Invalid filter pattern definition.") from error


def _check_queue(source: str, settings: dict[str, Any]) -> None:
    size, window = settings["BatchSize"], settings["MaximumBatchingWindowInSeconds"]
    if source.endswith(".fifo"):
        if size > UNWINDOWED:
            raise errors.invalid(f"Maximum batch size for FIFO queues is {UNWINDOWED}.")
        if window:
            raise errors.invalid("Batching window is not supported for FIFO queues")
    if size > UNWINDOWED and not window:
        raise errors.invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


def _check_stream(kind: Kind, source: str, settings: dict[str, Any]) -> None:
    position = settings.get("StartingPosition")
    if position is None:
        raise errors.invalid(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    if position not in kind.positions:
        raise errors.invalid(f"Unsupported starting position for arn type: {source}")
    if (position == "AT_TIMESTAMP") != (settings.get("StartingPositionTimestamp") is not None):
        raise errors.invalid("StartingPositionTimestamp goes with the starting position AT_TIMESTAMP, and only with it.")
    if settings["TumblingWindowInSeconds"] and settings["ParallelizationFactor"] > 1:
        raise errors.invalid("ParallelizationFactor must be 1 where TumblingWindowInSeconds is set.")
