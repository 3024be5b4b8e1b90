"""Deliveries into a bucket: what other services' destinations leave there, as the role that they act for."""

from __future__ import annotations

import json
from typing import Any

from fogbank.api import Context
from fogbank.kit import arn as arns
from fogbank.kit import ids
from fogbank.services.s3 import s3


@s3.target("s3:")
async def deliver(ctx: Context, arn: str, event: dict[str, Any], *, role: str = "", key: str = "", **_: Any) -> None:
    """Puts the event under `key`, as JSON."""
    parsed = arns.parse(arn)
    assert parsed is not None
    principal = ctx.assume(role, "destination", "lambda.amazonaws.com") if role else ctx.principal
    params = {
        "Bucket": parsed.resource, "Key": key or ids.uuid4(ctx.random), "Body": json.dumps(event).encode(),
        "ContentType": "application/json",
    }  # fmt: skip
    await ctx.call_async("s3", "PutObject", params, principal=principal)
