"""Event notifications: the record of what happened to an object, delivered to whom the bucket's configuration names."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

from fogbank.api import Context
from fogbank.services.s3.records import Bucket, Setting, Stored
from fogbank.services.s3.rules import names, notifications


def emit(ctx: Context, bucket: Bucket, event: str, stored: Stored) -> None:
    """Commits the deliveries of `event` (`s3:ObjectCreated:Put`) with this transaction."""
    if "notification" not in bucket.settings:
        return
    setting = ctx.tx.get(Setting, bucket.name, "notification", "")
    for configuration_id, target in notifications.matching(setting.value if setting else {}, event, stored.key):
        # The target's own policy decides, as for any call of S3 itself.
        ctx.deliver(
            target, {"Records": [_record(ctx, bucket, event, stored, configuration_id)]}, service="s3.amazonaws.com",
            source_arn=f"arn:aws:s3:::{bucket.name}", source_account=bucket.account,
        )


def _record(ctx: Context, bucket: Bucket, event: str, stored: Stored, configuration_id: str) -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html"""
    described: dict[str, Any] = {"key": quote_plus(stored.key, safe="/*-._"), "sequencer": f"{stored.sequence:016X}"}
    if not stored.delete_marker and not event.startswith("s3:ObjectRemoved"):
        described["size"] = stored.size
    if stored.etag or stored.delete_marker:
        described["eTag"] = stored.etag or "d41d8cd98f00b204e9800998ecf8427e"
    if bucket.versioning:
        described["versionId"] = stored.version_id
    moment = datetime.fromtimestamp(ctx.now, UTC)
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": bucket.region,
        "eventTime": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eventName": event.removeprefix("s3:"),
        "userIdentity": {"principalId": f"AWS:{ctx.principal.user_id}"},
        "requestParameters": {"sourceIPAddress": ctx.request.peer if ctx.request else "127.0.0.1"},
        "responseElements": {"x-amz-request-id": ctx.request_id, "x-amz-id-2": ctx.request_id},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": names.canonical_id(bucket.account)[:14].upper()},
                "arn": names.bucket_arn(bucket.name),
            },
            "object": described,
        },
    }
