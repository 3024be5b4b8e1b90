"""Kinesis data streams and DynamoDB streams: two APIs of one shape."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Any

from fogbank.api import AwsError
from fogbank.kit import arn as arns
from fogbank.services.lambda_ import errors
from fogbank.services.lambda_.mappings.sources import Entry, Page, Reader, Shard

_FORBIDDEN = ("AccessDenied", "AccessDeniedException")


class Kinesis:
    content = "data"
    batch_info = "KinesisBatchInfo"

    def view(self, record: dict[str, Any]) -> dict[str, Any]:
        inner = record["kinesis"]
        return {**inner, "data": b64decode(inner["data"]).decode(errors="replace")}

    async def check(self, reader: Reader) -> None:
        await _checked(reader, "kinesis", {"StreamARN": reader.arn}, "DescribeStream, ListShards, and ListStreams")

    async def shards(self, reader: Reader) -> list[Shard]:
        found: list[Shard] = []
        params: dict[str, Any] = {"StreamARN": reader.arn}
        while True:
            answer = await reader.call("kinesis", "ListShards", params)
            for shard in answer["Shards"]:
                parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
                found.append(Shard(shard["ShardId"], tuple(parent for parent in parents if parent)))
            if not answer.get("NextToken"):
                return found
            params = {"NextToken": answer["NextToken"]}

    async def iterator(self, reader: Reader, shard: str, after: str, position: str, timestamp: float | None) -> str:
        params = {"StreamARN": reader.arn, "ShardId": shard, **_begin(after, position)}
        if params["ShardIteratorType"] == "AT_TIMESTAMP":
            params["Timestamp"] = timestamp
        return str((await reader.call("kinesis", "GetShardIterator", params))["ShardIterator"])

    async def read(self, reader: Reader, shard: str, iterator: str, most: int) -> Page:
        params = {"ShardIterator": iterator, "Limit": most, "StreamARN": reader.arn}
        answer = await reader.call("kinesis", "GetRecords", params)
        entries = [self._entry(reader, shard, found) for found in answer["Records"]]
        return Page(entries, answer.get("NextShardIterator") or "")

    @staticmethod
    def _entry(reader: Reader, shard: str, found: dict[str, Any]) -> Entry:
        parsed = arns.parse(reader.arn)
        assert parsed is not None
        sequence = found["SequenceNumber"]
        record = {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": found["PartitionKey"],
                "sequenceNumber": sequence,
                "data": b64encode(found["Data"]).decode(),
                "approximateArrivalTimestamp": found["ApproximateArrivalTimestamp"],
            },
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{shard}:{sequence}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": reader.principal.role_arn,
            "awsRegion": parsed.region,
            "eventSourceARN": reader.arn,
        }
        return Entry(sequence, found["PartitionKey"], found["ApproximateArrivalTimestamp"], record)


class DynamoDb:
    content = ""
    batch_info = "DDBStreamBatchInfo"

    def view(self, record: dict[str, Any]) -> dict[str, Any]:
        return record

    async def check(self, reader: Reader) -> None:
        await _checked(reader, "dynamodbstreams", {"StreamArn": reader.arn}, "DescribeStream, and ListStreams")

    async def shards(self, reader: Reader) -> list[Shard]:
        found: list[Shard] = []
        params: dict[str, Any] = {"StreamArn": reader.arn}
        while True:
            description = (await reader.call("dynamodbstreams", "DescribeStream", params))["StreamDescription"]
            for shard in description.get("Shards") or []:
                parent = shard.get("ParentShardId")
                found.append(Shard(shard["ShardId"], (parent,) if parent else ()))
            if not description.get("LastEvaluatedShardId"):
                return found
            params["ExclusiveStartShardId"] = description["LastEvaluatedShardId"]

    async def iterator(self, reader: Reader, shard: str, after: str, position: str, timestamp: float | None) -> str:
        begin = _begin(after, position)
        if "StartingSequenceNumber" in begin:
            begin["SequenceNumber"] = begin.pop("StartingSequenceNumber")
        params = {"StreamArn": reader.arn, "ShardId": shard, **begin}
        return str((await reader.call("dynamodbstreams", "GetShardIterator", params))["ShardIterator"])

    async def read(self, reader: Reader, shard: str, iterator: str, most: int) -> Page:
        answer = await reader.call("dynamodbstreams", "GetRecords", {"ShardIterator": iterator, "Limit": min(most, 1000)})
        entries = []
        for found in answer["Records"]:
            record = {**_encoded(found), "eventSourceARN": reader.arn}
            change = found["dynamodb"]
            key = repr(sorted((name, repr(value)) for name, value in (change.get("Keys") or {}).items()))
            entries.append(Entry(change["SequenceNumber"], key, change.get("ApproximateCreationDateTime") or 0.0, record))
        return Page(entries, answer.get("NextShardIterator") or "")


def _begin(after: str, position: str) -> dict[str, Any]:
    if after:
        return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": after}
    return {"ShardIteratorType": position}


async def _checked(reader: Reader, service: str, params: dict[str, Any], actions: str) -> None:
    try:
        await reader.call(service, "ListShards" if service == "kinesis" else "DescribeStream", params)
    except AwsError as error:
        if error.status == 501:
            raise
        if error.code in _FORBIDDEN:
            raise errors.invalid(
                f"Cannot access stream {reader.arn}. Please ensure the role can perform the GetRecords, GetShardIterator, "
                f"{actions} Actions on your stream in IAM."
            ) from error
        raise errors.invalid(f"Stream not found: {reader.arn}") from error


def _encoded(value: Any) -> Any:
    """As JSON can hold it: bytes in base64."""
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _encoded(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_encoded(inner) for inner in value]
    return value
