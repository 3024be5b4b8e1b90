"""STS's errors."""

from __future__ import annotations

from fogbank.kit.errors import AwsError


def validation(message: str) -> AwsError:
    return AwsError("ValidationError", message, status=400)


def invalid_value(message: str) -> AwsError:
    return AwsError("InvalidParameterValue", message, status=400)


def access_denied(message: str) -> AwsError:
    return AwsError("AccessDenied", message, status=403)
