"""The errors of API Gateway whose texts the model lacks. Texts as recorded from AWS."""

from __future__ import annotations

from fogbank.api import AwsError, Context


def bad_request(message: str) -> AwsError:
    return AwsError("BadRequestException", message)


def not_found(message: str) -> AwsError:
    return AwsError("NotFoundException", message)


def conflict(message: str) -> AwsError:
    return AwsError("ConflictException", message)


def api_not_found(ctx: Context, identifier: str) -> AwsError:
    return not_found(f"Invalid API identifier specified {ctx.account}:{identifier}")


def resource_not_found() -> AwsError:
    return not_found("Invalid Resource identifier specified")


def method_not_found() -> AwsError:
    return not_found("Invalid Method identifier specified")


def bad_path(path: str | None) -> AwsError:
    return bad_request(f"Invalid patch path {'null' if path is None else path}")


def bad_operation(*allowed: str) -> AwsError:
    return bad_request(f"Invalid patch operation specified. Must be one of: [{', '.join(allowed)}]")
