"""Queues of SQS."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from fogbank.api import AwsError
from fogbank.kit import arn as arns
from fogbank.services.lambda_ import errors
from fogbank.services.lambda_.mappings.sources import Message, Reader

MOST_RECEIVED = 10


class Sqs:
    content = "body"

    def view(self, record: dict[str, Any]) -> dict[str, Any]:
        return record

    async def check(self, reader: Reader, timeout: int) -> None:
        try:
            reader.ctx.authorise("sqs:ReceiveMessage", reader.arn, principal=reader.principal)
            hidden = await self.visibility(reader)
        except AwsError as error:
            if error.code in ("AccessDenied", "AccessDeniedException"):
                text = "The function execution role does not have permissions to call ReceiveMessage on SQS"
                raise errors.invalid(text) from error
            if error.status == 501:
                raise
            raise errors.invalid(
                f"Error occurred while ReceiveMessage. SQS Error Code: {_code(error)}. SQS Error Message: {error.message}"
            ) from error
        if hidden < timeout:
            raise errors.invalid(
                f"Queue visibility timeout: {hidden:.0f} seconds is less than Function timeout: {timeout} seconds"
            )

    async def receive(self, reader: Reader, most: int, wait: float) -> list[Message]:
        params = {
            "QueueUrl": await _url(reader), "MaxNumberOfMessages": min(most, MOST_RECEIVED), "WaitTimeSeconds": int(wait),
            "AttributeNames": ["All"], "MessageAttributeNames": ["All"],
        }  # fmt: skip
        answer = await reader.call("sqs", "ReceiveMessage", params)
        return [_message(reader, found) for found in answer.get("Messages") or []]

    async def delete(self, reader: Reader, messages: list[Message]) -> None:
        url = await _url(reader)
        for first in range(0, len(messages), MOST_RECEIVED):
            part = messages[first : first + MOST_RECEIVED]
            entries = [{"Id": str(n), "ReceiptHandle": message.receipt} for n, message in enumerate(part)]
            await reader.call("sqs", "DeleteMessageBatch", {"QueueUrl": url, "Entries": entries})

    async def visibility(self, reader: Reader) -> float:
        params = {"QueueUrl": await _url(reader), "AttributeNames": ["VisibilityTimeout"]}
        answer = await reader.call("sqs", "GetQueueAttributes", params)
        return float((answer.get("Attributes") or {}).get("VisibilityTimeout", 30))


async def _url(reader: Reader) -> str:
    parsed = arns.parse(reader.arn)
    assert parsed is not None
    return f"{reader.ctx.cloud.endpoint}/{parsed.account}/{parsed.id}"


def _message(reader: Reader, found: dict[str, Any]) -> Message:
    parsed = arns.parse(reader.arn)
    assert parsed is not None
    attributes = {name: _attribute(value) for name, value in (found.get("MessageAttributes") or {}).items()}
    record = {
        "messageId": found["MessageId"],
        "receiptHandle": found["ReceiptHandle"],
        "body": found["Body"],
        "attributes": found.get("Attributes") or {},
        "messageAttributes": attributes,
        "md5OfBody": found.get("MD5OfBody"),
        "eventSource": "aws:sqs",
        "eventSourceARN": reader.arn,
        "awsRegion": parsed.region,
    }
    if found.get("MD5OfMessageAttributes"):
        record["md5OfMessageAttributes"] = found["MD5OfMessageAttributes"]
    return Message(found["MessageId"], found["ReceiptHandle"], record)


def _attribute(value: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if value.get("StringValue") is not None:
        made["stringValue"] = value["StringValue"]
    if value.get("BinaryValue") is not None:
        made["binaryValue"] = b64encode(value["BinaryValue"]).decode()
    return {**made, "stringListValues": [], "binaryListValues": [], "dataType": value.get("DataType")}


def _code(error: AwsError) -> str:
    return "AWS.SimpleQueueService.NonExistentQueue" if "QueueDoesNotExist" in error.code else error.code
