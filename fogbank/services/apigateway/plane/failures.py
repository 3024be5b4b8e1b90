"""What an API answers instead of its integration's response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

from __future__ import annotations

from typing import Any


class Failure(Exception):
    """A gateway response of `kind`; `status` where it is not the kind's own. `log` is for the execution log."""

    def __init__(
        self, kind: str, message: str | None, error_type: str, *, status: int | None = None, log: str = "",
        context: dict[str, Any] | None = None, capital: bool = False,
    ) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message
        self.error_type = error_type
        self.status = status
        self.log = log
        self.context = context or {}
        self.capital = capital
        """AWS answers `Message` instead of `message` where a policy denied."""


def forbidden() -> Failure:
    return Failure("ACCESS_DENIED", "Forbidden", "ForbiddenException", status=403)


def missing_token() -> Failure:
    return Failure("MISSING_AUTHENTICATION_TOKEN", "Missing Authentication Token", "MissingAuthenticationTokenException")


def unauthorized() -> Failure:
    return Failure("UNAUTHORIZED", "Unauthorized", "UnauthorizedException")


def internal(log: str = "", *, status: int = 500, kind: str = "DEFAULT_5XX") -> Failure:
    return Failure(kind, "Internal server error", "InternalServerErrorException", status=status, log=log)


def configuration(log: str) -> Failure:
    text = f"Execution failed due to configuration error: {log}"
    return internal(text, kind="API_CONFIGURATION_ERROR")


def timed_out() -> Failure:
    return Failure("INTEGRATION_TIMEOUT", "Endpoint request timed out", "InternalServerErrorException",
                   log="Execution failed due to a timeout error")


def unreachable(log: str) -> Failure:
    return Failure("INTEGRATION_FAILURE", "Internal server error", "InternalServerErrorException", status=500,
                   log=f"Execution failed due to configuration error: {log}")


def authorizer_failure(log: str) -> Failure:
    return Failure("AUTHORIZER_CONFIGURATION_ERROR", None, "AuthorizerConfigurationException", log=log)


def access_denied(message: str) -> Failure:
    return Failure("ACCESS_DENIED", message, "AccessDeniedException", capital=True)


def bad_parameters(message: str) -> Failure:
    return Failure("BAD_REQUEST_PARAMETERS", message, "BadRequestException")


def bad_body(reason: str) -> Failure:
    return Failure("BAD_REQUEST_BODY", "Invalid request body", "BadRequestException",
                   context={"validationErrorString": reason})


def too_large() -> Failure:
    return Failure("REQUEST_TOO_LARGE", "HTTP content length exceeded 10485760 bytes.", "RequestTooLargeException")


def invalid_key() -> Failure:
    return Failure("INVALID_API_KEY", "Forbidden", "ForbiddenException")


def throttled() -> Failure:
    return Failure("THROTTLED", "Too Many Requests", "TooManyRequestsException")


def quota_exceeded() -> Failure:
    return Failure("QUOTA_EXCEEDED", "Limit Exceeded", "LimitExceededException")


def unsupported_media() -> Failure:
    return Failure("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type", "BadRequestException")
