"""Lambda's own metrics.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from fogbank.api import Context
from fogbank.api.metrics import Dimensions, Gathered
from fogbank.engine.spec import Outcome
from fogbank.services.lambda_.lookup import Found
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.scaling import Place

NAMESPACE = "AWS/Lambda"
_COUNT, _MILLISECONDS = "Count", "Milliseconds"
Values = dict[str, tuple[float, str]]


def _sets(name: FunctionName, version: str) -> tuple[Dimensions, ...]:
    """All functions; the function; what was invoked, and of an alias the version that ran."""
    function = ("FunctionName", name.name)
    resource = ("Resource", f"{name.name}:{name.qualifier}" if name.qualifier else name.name)
    sets: tuple[Dimensions, ...] = ((), (function,), (function, resource))
    if name.qualifier and name.qualifier != version and version:
        sets += ((("ExecutedVersion", version), function, resource),)
    return sets


def _count(ctx: Context, name: FunctionName, version: str, values: Values) -> None:
    ctx.component(Gathered).count(ctx, name.account, name.region, NAMESPACE, _sets(name, version), values)


def ended(ctx: Context, found: Found, outcome: Outcome, place: Place) -> None:
    """An invocation is over: its figures are final."""
    values: Values = {
        "Invocations": (1, _COUNT),
        "Errors": (0 if outcome.error is None else 1, _COUNT),
        "Duration": (outcome.duration_ms, _MILLISECONDS),
        "Throttles": (0, _COUNT),
    }
    if outcome.extension_overhead_ms is not None:
        values["PostRuntimeExtensionsDuration"] = (outcome.extension_overhead_ms, _MILLISECONDS)
    if place.provisioned:
        values["ProvisionedConcurrencyInvocations"] = (1, _COUNT)
    elif place.spilled:
        values["ProvisionedConcurrencySpilloverInvocations"] = (1, _COUNT)
    _count(ctx, found.name, found.version, values)


def throttled(ctx: Context, found: Found) -> None:
    _count(ctx, found.name, found.version, {"Throttles": (1, _COUNT)})


def running(ctx: Context, name: FunctionName, function: int, region: int, shared: int) -> None:
    """How many invocations run as one begins: of the function, of all, of all without a reservation."""
    gathered, place = ctx.component(Gathered), (name.account, name.region, NAMESPACE)
    own: Dimensions = (("FunctionName", name.name),)
    gathered.count(ctx, *place, (own,), {"ConcurrentExecutions": (function, _COUNT)})
    gathered.count(
        ctx, *place, ((),),
        {"ConcurrentExecutions": (region, _COUNT), "UnreservedConcurrentExecutions": (shared, _COUNT)},
    )  # fmt: skip


def loop_stopped(ctx: Context, found: Found) -> None:
    _count(ctx, found.name, found.version, {"RecursiveInvocationsDropped": (1, _COUNT)})


def queued(ctx: Context, name: FunctionName) -> None:
    _count(ctx, name, "", {"AsyncEventsReceived": (1, _COUNT)})


def taken_from_queue(ctx: Context, name: FunctionName, age: float) -> None:
    """`age` in seconds since the event was queued."""
    _count(ctx, name, "", {"AsyncEventAge": (age * 1000, _MILLISECONDS)})


def dropped(ctx: Context, name: FunctionName) -> None:
    _count(ctx, name, "", {"AsyncEventsDropped": (1, _COUNT)})


def address_asked(ctx: Context, name: FunctionName, status: int, milliseconds: float) -> None:
    """Of a function URL."""
    values: Values = {
        "UrlRequestCount": (1, _COUNT),
        "Url4xxCount": (400 <= status < 500, _COUNT),
        "Url5xxCount": (status >= 500, _COUNT),
        "UrlRequestLatency": (milliseconds, _MILLISECONDS),
    }
    _count(ctx, name, "", values)
