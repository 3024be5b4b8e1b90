"""`DurableConfig`: what makes a function durable, when it is created and never later.

https://docs.aws.amazon.com/lambda/latest/dg/durable-configuration.html
"""

from __future__ import annotations

from typing import Any

from fogbank.services.lambda_ import errors
from fogbank.services.lambda_.records import Settings

DEFAULT_RETENTION = 14
"""Days."""


def created(config: dict[str, Any] | None) -> dict[str, Any] | None:
    """The configuration of a new function; None for one that is not durable. Raises InvalidParameterValueException."""
    if config is None:
        return None
    if not config.get("ExecutionTimeout"):
        raise errors.invalid("You cannot create a function with a durable configuration without an executionTimeout")
    return {"RetentionPeriodInDays": DEFAULT_RETENTION, **_given(config)}


def updated(current: dict[str, Any] | None, config: dict[str, Any]) -> dict[str, Any] | None:
    """What UpdateFunctionConfiguration makes of it: members that are left out stay. Of the refusal, the documentation
    tells no text."""
    if current is None:
        raise errors.invalid("You cannot add a durable configuration to an existing function.")
    return {**current, **_given(config)}


def check(settings: Settings) -> None:
    """What a durable function cannot have beside it."""
    if settings.durable and settings.tenancy:
        raise errors.invalid("Durable configuration is not supported for functions enabled with tenancy configuration.")


def _given(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if value is not None}
