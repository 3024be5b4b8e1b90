"""What a function's answer says of its batch. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
"""

from __future__ import annotations

import json
from typing import Any


def failed(payload: bytes, identifiers: list[str]) -> list[str] | None:
    """The items of the batch that an answer of `ReportBatchItemFailures` names as failed; None where all of it has.

    Nothing, null, an empty object, or no failures: the whole batch is done. No object, a failure without an identifier or
    with one that the batch does not have: all of it failed.
    """
    try:
        answer: Any = json.loads(payload) if payload else None
    except (ValueError, RecursionError):
        return None
    if answer is None or answer == "":
        return []
    if not isinstance(answer, dict):
        return None
    failures = answer.get("batchItemFailures")
    if failures is None:
        return []
    if not isinstance(failures, list):
        return None
    known, found = set(identifiers), []
    for failure in failures:
        identifier = failure.get("itemIdentifier") if isinstance(failure, dict) else None
        if not isinstance(identifier, str) or identifier not in known:
            return None
        found.append(identifier)
    return found
