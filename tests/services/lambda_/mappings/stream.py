"""A stream of the tests' own in the place of Kinesis: as much of it as an event source needs, kept in the store."""

from __future__ import annotations

from hashlib import md5
from typing import Any

from fogbank.api import AwsError, Context, Service
from fogbank.kit import arn as arns
from fogbank.store import Record, record

kinesis = Service("kinesis")


@record("test.stream", key=("account", "name"))
class Stream(Record):
    account: str
    name: str
    shards: int


@record("test.entry", key=("account", "stream", "shard", "sequence"))
class Entry(Record):
    account: str
    stream: str
    shard: str
    sequence: int
    key: str
    data: bytes
    arrived: float


def _shard(number: int) -> str:
    return f"shardId-{number:012}"


def _require(ctx: Context, arn: str) -> Stream:
    parsed = arns.parse(arn)
    found = ctx.tx.get(Stream, ctx.account, parsed.id if parsed else "")
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Stream {arn} not found.", status=400)
    return found


@kinesis.operation
def create_stream(ctx: Context, req: dict[str, Any]) -> None:
    ctx.tx.put(Stream(account=ctx.account, name=req["StreamName"], shards=req.get("ShardCount") or 1))


@kinesis.operation
def put_records(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stream, made = _require(ctx, req["StreamARN"]), []
    for given in req["Records"]:
        number = int.from_bytes(md5(given["PartitionKey"].encode()).digest(), "big") % stream.shards
        sequence = ctx.tx.sequence("test.entry")
        ctx.tx.put(Entry(account=ctx.account, stream=stream.name, shard=_shard(number), sequence=sequence,
                         key=given["PartitionKey"], data=given["Data"], arrived=ctx.now))
        made.append({"SequenceNumber": str(sequence), "ShardId": _shard(number)})
    return {"Records": made, "FailedRecordCount": 0}


@kinesis.operation
def list_shards(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stream = _require(ctx, req["StreamARN"])
    whole = {"StartingHashKey": "0", "EndingHashKey": "1"}
    shards = [{"ShardId": _shard(n), "HashKeyRange": whole, "SequenceNumberRange": {"StartingSequenceNumber": "0"}}
              for n in range(stream.shards)]
    return {"Shards": shards}


@kinesis.operation
def get_shard_iterator(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    stream = _require(ctx, req["StreamARN"])
    after, since = 0, 0.0
    if req["ShardIteratorType"] == "AFTER_SEQUENCE_NUMBER":
        after = int(req["StartingSequenceNumber"])
    elif req["ShardIteratorType"] == "AT_TIMESTAMP":
        since = req["Timestamp"]
    return {"ShardIterator": f"{stream.name}|{req['ShardId']}|{after}|{since}"}


@kinesis.operation
def get_records(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    name, shard, after, since = req["ShardIterator"].split("|")
    found = list(ctx.tx.scan(Entry, ctx.account, name, shard, after=int(after), limit=req["Limit"]))
    last = found[-1].sequence if found else int(after)
    records = [{"SequenceNumber": str(e.sequence), "ApproximateArrivalTimestamp": e.arrived, "Data": e.data,
                "PartitionKey": e.key} for e in found if e.arrived >= float(since)]
    return {"Records": records, "NextShardIterator": f"{name}|{shard}|{last}|{since}", "MillisBehindLatest": 0}
