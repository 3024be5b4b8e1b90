"""Session policies: what a session may do at most."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from fogbank.api import Context
from fogbank.iam import identities
from fogbank.iam.validation import check_permissions
from fogbank.kit.errors import AwsError
from fogbank.services.sts.errors import validation

_PLAIN = 2_048
"""Characters of the inline document; the model leaves this out."""
_PACKED = 2_048
"""Bytes that policies and tags may take, packed; AWS tells the share of its own limit, which it keeps to itself."""


def from_request(ctx: Context, req: Mapping[str, Any]) -> tuple[str, ...]:
    """The inline document and the ARNs of managed policies, as a session carries them."""
    policies = []
    if len(req.get("Policy") or "") > _PLAIN:
        raise validation(
            f"1 validation error detected: Value '{req['Policy']}' at 'policy' failed to satisfy constraint: Member must "
            f"have length less than or equal to {_PLAIN}"
        )
    if req.get("Policy"):
        check_permissions(req["Policy"])
        policies.append(req["Policy"])
    for entry in req.get("PolicyArns") or ():
        arn = entry.get("arn") or ""
        if identities.document(ctx.tx, arn) is None:
            raise validation(f"Policy {arn} does not exist or is not attachable.")
        policies.append(arn)
    return tuple(policies)


def packed_size(req: Mapping[str, Any], policies: tuple[str, ...]) -> int | None:
    """Percent of the limit that policies and tags take; None where there are none of them."""
    tags = req.get("Tags") or ()
    if not policies and not tags:
        return None
    text = "".join(policies) + "".join(f"{tag['Key']}\0{tag.get('Value')}\0" for tag in tags)
    percent = len(zlib.compress(text.encode(), 9)) * 100 // _PACKED
    if percent > 100:
        raise AwsError(
            "PackedPolicyTooLarge",
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy.",
            status=400,
        )
    return max(percent, 1)
