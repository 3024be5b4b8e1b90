"""The policy document of a browser's POST: which fields and how many bytes it lets through.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from fogbank.services.s3.errors import s3_error

_UNSIGNED = {"x-amz-signature", "signature", "awsaccesskeyid", "policy", "file"}
"""Fields that need no condition; so does whatever begins with x-ignore-."""


def parse(encoded: str) -> dict[str, Any]:
    """The document of a `policy` field. Raises InvalidPolicyDocument."""
    try:
        document = json.loads(base64.b64decode(encoded, validate=True))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _invalid("Invalid JSON.") from error
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    if "expiration" not in document:
        raise _invalid("Policy missing expiration.")
    if not isinstance(document.get("conditions"), list):
        raise _invalid("Policy missing conditions.")
    return document


def check(document: Mapping[str, Any], fields: Mapping[str, str], now: float) -> tuple[int, int | None]:
    """Raises AccessDenied or InvalidPolicyDocument unless the form's `fields` (lower-case names) satisfy the policy.

    Returns the least and the most bytes that the file may have.
    """
    if _expiration(document["expiration"]) <= now:
        raise s3_error("AccessDenied", "Invalid according to Policy: Policy expired.")
    named: set[str] = set()
    least, most = 0, None
    for condition in document["conditions"]:
        if isinstance(condition, dict):
            if len(condition) != 1:
                raise _invalid(
                    "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
                )
            name, value = next(iter(condition.items()))
            condition = ["eq", f"${name}", value]
        if not isinstance(condition, list) or len(condition) != 3 or not isinstance(condition[0], str):
            raise _invalid("Invalid Condition.")
        operator, name, value = condition
        if operator.lower() == "content-length-range":
            least, most = _range(condition)
            continue
        named.add(str(name).lower().removeprefix("$"))
        if not _holds(operator.lower(), str(name), str(value), fields):
            raise _failed(condition)
    extra = [
        name for name in fields
        if name not in _UNSIGNED and name not in named and not name.startswith("x-ignore-")
    ]
    if extra:
        raise s3_error("AccessDenied", f"Invalid according to Policy: Extra input fields: {', '.join(sorted(extra))}")
    return least, most


def check_size(size: int, least: int, most: int | None) -> None:
    """Raises EntityTooSmall, EntityTooLarge."""
    if size < least:
        raise s3_error("EntityTooSmall", ProposedSize=str(size), MinSizeAllowed=str(least))
    if most is not None and size > most:
        raise s3_error("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(most))


def _holds(operator: str, name: str, value: str, fields: Mapping[str, str]) -> bool:
    if not name.startswith("$"):
        return False
    actual = fields.get(name[1:].lower(), "")
    if operator == "eq":
        return actual == value
    if operator == "starts-with":
        if name.lower() == "$content-type":
            return all(item.strip().startswith(value) for item in actual.split(","))
        return actual.startswith(value)
    raise _invalid(f"Invalid Condition: unknown operation '{operator}'.")


def _range(condition: list[Any]) -> tuple[int, int]:
    try:
        least, most = int(condition[1]), int(condition[2])
    except (ValueError, TypeError) as error:
        raise _failed(condition) from error
    return least, most


def _expiration(text: Any) -> float:
    try:
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
    except ValueError as error:
        raise _invalid(f"Invalid 'expiration' value: '{text}'") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _failed(condition: list[Any]) -> Exception:
    text = json.dumps(condition, ensure_ascii=False)
    return s3_error("AccessDenied", f"Invalid according to Policy: Policy Condition failed: {text}")


def _invalid(reason: str) -> Exception:
    return s3_error("InvalidPolicyDocument", f"Invalid Policy: {reason}")
