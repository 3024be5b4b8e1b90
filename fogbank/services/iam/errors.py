"""IAM's errors, by the model's codes (whose HTTP status the model knows)."""

from __future__ import annotations

from fogbank.kit.errors import AwsError


def no_such_entity(message: str) -> AwsError:
    return AwsError("NoSuchEntity", message)


def no_such(kind: str, name: str) -> AwsError:
    """Of a user, role or group."""
    return no_such_entity(f"The {kind} with name {name} cannot be found.")


def already_exists(message: str) -> AwsError:
    return AwsError("EntityAlreadyExists", message)


def delete_conflict(message: str) -> AwsError:
    return AwsError("DeleteConflict", message)


def limit_exceeded(quota: str, limit: int) -> AwsError:
    return AwsError("LimitExceeded", f"Cannot exceed quota for {quota}: {limit}")


def invalid_input(message: str) -> AwsError:
    return AwsError("InvalidInput", message)


def validation(message: str) -> AwsError:
    return AwsError("ValidationError", message, status=400)
