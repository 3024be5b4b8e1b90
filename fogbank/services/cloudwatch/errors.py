"""CloudWatch's errors."""

from __future__ import annotations

from fogbank.api import AwsError


def value(text: str) -> AwsError:
    return AwsError("InvalidParameterValueException", text)


def combination(text: str) -> AwsError:
    return AwsError("InvalidParameterCombinationException", text)


def missing(text: str) -> AwsError:
    return AwsError("MissingRequiredParameterException", text)
