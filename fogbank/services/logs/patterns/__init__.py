"""Filter patterns: terms, `{ JSON conditions }`, `[space, delimited, fields]`.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

from functools import lru_cache

from fogbank.api import AwsError
from fogbank.services.logs.patterns import fields, json_conditions, terms
from fogbank.services.logs.patterns.scanner import BadPattern, Pattern

__all__ = ["Pattern", "compiled"]


@lru_cache(1024)
def compiled(text: str) -> Pattern:
    """The pattern, callable on a message. Raises InvalidParameterException for one that is malformed."""
    stripped = text.strip()
    try:
        if stripped.startswith("{"):
            return json_conditions.parse(stripped)
        if stripped.startswith("["):
            return fields.parse(stripped)
        return terms.parse(stripped)
    except BadPattern as error:
        raise AwsError("InvalidParameterException", "Invalid filter pattern") from error
