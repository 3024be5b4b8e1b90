"""Runtimes as the API treats them: the dates on which AWS refuses them, those that are missing here, substitutes."""

from __future__ import annotations

import logging
from typing import Any, Literal

from fogbank.api import Context
from fogbank.engine import Engine
from fogbank.engine.runtimes import lifecycle
from fogbank.engine.runtimes.toolbox import substitution
from fogbank.engine.spec import RuntimeUnavailable
from fogbank.services.lambda_ import errors
from fogbank.services.lambda_.names import FunctionName

log = logging.getLogger("fogbank.lambda")


def check_dates(ctx: Context, name: FunctionName, runtime: str, action: Literal["create", "update"]) -> None:
    """A deprecated runtime is taken, with a warning in the log; where the operator wants AWS's dates, it is refused as
    from then on. Raises InvalidParameterValueException."""
    if not lifecycle.deprecated(runtime, ctx.now):
        return
    if ctx.cloud.settings.enforce_runtime_dates and lifecycle.blocked(runtime, action, ctx.now):
        raise errors.invalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    log.warning("%s: AWS deprecated %s on %s", name.arn, runtime, lifecycle.dates(runtime).deprecated)


async def check_present(ctx: Context, runtime: str) -> None:
    """Refuses a runtime that is neither here nor can be obtained, with what to type. `` is that of an image."""
    if not runtime:
        return
    try:
        await ctx.component(Engine).expect(runtime)
    except RuntimeUnavailable as error:
        raise errors.invalid(str(error)) from error


def described(ctx: Context, view: dict[str, Any]) -> dict[str, Any]:
    """A function whose runtime is another version's interpreter says so in its StateReason, which AWS leaves empty for
    an active function."""
    reason = substitution(ctx.cloud.settings.data_dir, view["Runtime"]) if view.get("Runtime") else ""
    return {**view, "StateReason": reason} if reason else view
