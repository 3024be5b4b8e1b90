"""Of what is given up, the on-failure destination is told; and what a function's answer tells of a window.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from fogbank.api import Context
from fogbank.kit import arn as arns
from fogbank.kit import ids
from fogbank.services.lambda_ import lookup
from fogbank.services.lambda_.mappings import invoking
from fogbank.services.lambda_.mappings.sources import Entry, StreamSource
from fogbank.services.lambda_.records import EventSourceMapping

MOST_STATE = 1_000_000


def tell(
    ctx: Context, mapping: EventSourceMapping, source: StreamSource, shard: str, batch: list[Entry], condition: str,
    attempts: int, answer: invoking.Answer | None,
) -> None:
    """Commits the delivery, where the mapping has a destination. A bucket gets the records too, others where they were."""
    target = (mapping.settings["DestinationConfig"].get("OnFailure") or {}).get("Destination")
    if not target:
        return
    name = invoking.function_of(ctx, mapping)
    context: dict[str, Any] = {
        "requestId": answer.request_id if answer else ids.uuid4(ctx.random),
        "functionArn": mapping.function,
        "condition": condition,
        "approximateInvokeCount": attempts,
    }
    record: dict[str, Any] = {"requestContext": context}
    if answer is not None:
        record["responseContext"] = {
            "statusCode": 200, "executedVersion": answer.version, "functionError": answer.error,
        }  # fmt: skip
    record |= {
        "version": "1.0",
        "timestamp": datetime.fromtimestamp(ctx.now, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        source.batch_info: {
            "shardId": shard,
            "startSequenceNumber": batch[0].sequence,
            "endSequenceNumber": batch[-1].sequence,
            "approximateArrivalOfFirstRecord": _iso(batch[0].arrived),
            "approximateArrivalOfLastRecord": _iso(batch[-1].arrived),
            "batchSize": len(batch),
            "streamArn": mapping.source,
        },
    }
    options: dict[str, Any] = {"role": lookup.version(ctx, name).settings.role}
    parsed = arns.parse(target)
    if parsed is not None and parsed.service == "s3":
        record["payload"] = {"Records": [entry.record for entry in batch]}
        now = datetime.fromtimestamp(ctx.now, UTC)
        options["key"] = (
            f"aws/lambda/{mapping.uuid}/{shard}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{ids.uuid4(ctx.random)}"
        )
    ctx.deliver(target, record, **options)


def state_of(payload: bytes) -> dict[str, Any]:
    """The `state` of an answer in a tumbling window; nothing where there is none, or more than a megabyte."""
    try:
        answer = json.loads(payload) if len(payload) <= MOST_STATE else None
    except (ValueError, RecursionError):
        return {}
    state = answer.get("state") if isinstance(answer, dict) else None
    return state if isinstance(state, dict) else {}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
