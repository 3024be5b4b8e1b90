"""The errors of Lambda whose texts the model lacks."""

from __future__ import annotations

from fogbank.api import AwsError
from fogbank.services.lambda_.names import FunctionName


def invalid(message: str) -> AwsError:
    return AwsError("InvalidParameterValueException", message, Type="User")


def untyped(code: str, message: str) -> AwsError:
    """Without `Type`, which some of Lambda's errors leave out."""
    return AwsError(code, message, Type=None)


def function_not_found(name: FunctionName) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Function not found: {name.arn}", Type="User")


def alias_not_found(name: FunctionName) -> AwsError:
    return AwsError("ResourceNotFoundException", f"Cannot find alias arn: {name.arn}", Type="User")


def not_found(message: str) -> AwsError:
    return AwsError("ResourceNotFoundException", message, Type="User")


def conflict(message: str) -> AwsError:
    return AwsError("ResourceConflictException", message, Type="User")


def wrong_revision(call: str = "GetFunction/GetAlias") -> AwsError:
    """`call` tells the right one."""
    return AwsError(
        "PreconditionFailedException",
        "The Revision Id provided does not match the latest Revision Id. "
        f"Call the {call} API to retrieve the latest Revision Id",
        Type="User",
    )


def validation(value: str, member: str, pattern: str) -> AwsError:
    """A constraint that AWS checks as if it were the model's."""
    return AwsError(
        "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {pattern}",
    )
