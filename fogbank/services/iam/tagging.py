"""The rules for IAM's tags: keys fold case for being unique, 50 of them at most."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from fogbank.kit.errors import AwsError
from fogbank.services.iam.errors import invalid_input

LIMIT = 50


def from_request(tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """Tags of a request as a mapping. Raises for a key that is given twice."""
    return merged({}, tags)


def merged(old: Mapping[str, str], tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """`old` with the request's tags added or changed."""
    given = [(tag["Key"], tag.get("Value") or "") for tag in tags or ()]
    folded = [key.lower() for key, _ in given]
    if len(set(folded)) != len(folded):
        raise invalid_input("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
    for key in folded:
        if key.startswith("aws:"):
            raise invalid_input("Invalid tag key: tag keys that begin with aws: are reserved.")
    result = {key: value for key, value in old.items() if key.lower() not in folded}
    result.update(given)
    if len(result) > LIMIT:
        raise AwsError("LimitExceeded", "The number of tags has reached the maximum limit.")
    return result


def without(old: Mapping[str, str], keys: Iterable[str]) -> dict[str, str]:
    gone = {key.lower() for key in keys}
    return {key: value for key, value in old.items() if key.lower() not in gone}
