"""A queue of the tests' own in the place of SQS: as much of it as an event source needs, kept in the store."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from fogbank.api import AwsError, Context, Service
from fogbank.kit import ids
from fogbank.store import Record, record

sqs = Service("sqs")


@record("test.queue", key=("account", "name"))
class Queue(Record):
    account: str
    name: str
    visibility: int


@record("test.message", key=("account", "queue", "id"))
class Message(Record):
    account: str
    queue: str
    id: str
    body: str
    sent: float
    visible: float
    received: int = 0
    receipt: str = ""


def _name(req: dict[str, Any]) -> str:
    return str(req["QueueUrl"].rsplit("/", 1)[1])


def _require(ctx: Context, name: str) -> Queue:
    found = ctx.tx.get(Queue, ctx.account, name)
    if found is None:
        raise AwsError("QueueDoesNotExist", "The specified queue does not exist.", status=400)
    return found


@sqs.operation
def create_queue(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    visibility = int((req.get("Attributes") or {}).get("VisibilityTimeout", 30))
    ctx.tx.put(Queue(account=ctx.account, name=req["QueueName"], visibility=visibility))
    return {"QueueUrl": f"{ctx.cloud.endpoint}/{ctx.account}/{req['QueueName']}"}


@sqs.operation
def get_queue_attributes(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    queue = _require(ctx, _name(req))
    waiting = ctx.tx.count(Message, ctx.account, queue.name)
    return {"Attributes": {"VisibilityTimeout": str(queue.visibility), "ApproximateNumberOfMessages": str(waiting)}}


@sqs.operation
def send_message(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    queue = _require(ctx, _name(req))
    number = ctx.tx.sequence("test.message")
    message = Message(account=ctx.account, queue=queue.name, id=f"{number:08}-{ids.uuid4(ctx.random)}", body=req["MessageBody"],
                      sent=ctx.now, visible=ctx.now)
    ctx.tx.put(message)
    return {"MessageId": message.id, "MD5OfMessageBody": hashlib.md5(message.body.encode()).hexdigest()}


@sqs.operation(long_poll=True)
async def receive_message(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    until = ctx.now + (req.get("WaitTimeSeconds") or 0)
    while True:
        found = await ctx.transact(lambda c: _receive(c, req))
        if found or ctx.now >= until:
            return {"Messages": found}
        await asyncio.sleep(0.02)


def _receive(ctx: Context, req: dict[str, Any]) -> list[dict[str, Any]]:
    queue, found = _require(ctx, _name(req)), []
    for message in ctx.tx.scan(Message, ctx.account, queue.name):
        if message.visible > ctx.now or len(found) == (req.get("MaxNumberOfMessages") or 1):
            continue
        message.visible, message.received = ctx.now + queue.visibility, message.received + 1
        message.receipt = ids.uuid4(ctx.random)
        ctx.tx.put(message)
        attributes = {"ApproximateReceiveCount": str(message.received), "SentTimestamp": str(int(message.sent * 1000))}
        found.append({"MessageId": message.id, "ReceiptHandle": message.receipt, "Body": message.body, "Attributes": attributes,
                      "MD5OfBody": hashlib.md5(message.body.encode()).hexdigest()})
    return found


@sqs.operation
def delete_message_batch(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    queue = _require(ctx, _name(req))
    receipts = {entry["ReceiptHandle"] for entry in req["Entries"]}
    for message in list(ctx.tx.scan(Message, ctx.account, queue.name)):
        if message.receipt in receipts:
            ctx.tx.delete(Message, ctx.account, queue.name, message.id)
    return {"Successful": [{"Id": entry["Id"]} for entry in req["Entries"]], "Failed": []}
