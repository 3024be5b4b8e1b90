"""The errors of CloudWatch Logs whose texts the model lacks."""

from __future__ import annotations

from fogbank.api import AwsError


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterException", message)


def not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message)


def group_not_found() -> AwsError:
    return not_found("The specified log group does not exist.")


def stream_not_found() -> AwsError:
    return not_found("The specified log stream does not exist.")


def exists(message: str) -> AwsError:
    return AwsError("ResourceAlreadyExistsException", message)


def limit_exceeded() -> AwsError:
    return AwsError("LimitExceededException", "Resource limit exceeded.")


def bad_token() -> AwsError:
    return invalid("The specified nextToken is invalid.")
