"""Create, read, change and delete event source mappings.

Changes take effect at once; answers name the state on the way there, as AWS's do, and the next look finds it done.
"""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import ids, paging
from fogbank.services.lambda_ import errors, lambda_, lookup, tags
from fogbank.services.lambda_.mappings import kinds, poll
from fogbank.services.lambda_.names import FunctionName, resolve
from fogbank.services.lambda_.records import EventSourceMapping, Function

_SETTINGS = (
    "BatchSize", "BisectBatchOnFunctionError", "DestinationConfig", "FilterCriteria", "FunctionResponseTypes", "KMSKeyArn",
    "MaximumBatchingWindowInSeconds", "MaximumRecordAgeInSeconds", "MaximumRetryAttempts", "MetricsConfig",
    "ParallelizationFactor", "ScalingConfig", "StartingPosition", "StartingPositionTimestamp", "TumblingWindowInSeconds",
    *sorted(kinds.ELSEWHERE),
)  # fmt: skip


def _create_access(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    keys = {"lambda:FunctionArn": resolve(ctx, req).arn}
    return [("lambda:CreateEventSourceMapping", _arn(ctx.region, ctx.account, "*"), keys)]


def _access(action: str) -> Any:
    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
        found = ctx.tx.get(EventSourceMapping, ctx.account, ctx.region, req["UUID"])
        keys = {"lambda:FunctionArn": found.function} if found else {}
        return [(f"lambda:{action}", _arn(ctx.region, ctx.account, req["UUID"]), keys)]

    return rule


@lambda_.operation(access=_create_access)
async def create_event_source_mapping(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    mapping = await ctx.transact(lambda c: _drafted(c, req))
    await _check_source(ctx, mapping)
    await ctx.transact(lambda c: _insert(c, mapping))
    return view(mapping, "Creating" if mapping.state == "Enabled" else "")


@lambda_.operation(access=_access("GetEventSourceMapping"))
def get_event_source_mapping(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    return view(_require(ctx, req["UUID"]))


@lambda_.operation(resource="*")
def list_event_source_mappings(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    limit = min(req.get("MaxItems") or 100, 100)
    after = paging.decode(req["Marker"]) if req.get("Marker") else None
    name = resolve(ctx, req) if req.get("FunctionName") else None
    shown: list[EventSourceMapping] = []
    for mapping in ctx.tx.scan(EventSourceMapping, ctx.account, ctx.region, after=after):
        if req.get("EventSourceArn") in (None, mapping.source) and name in (None, _named(ctx, mapping, name)):
            shown.append(mapping)
            if len(shown) > limit:
                break
    more = len(shown) > limit
    return {
        "EventSourceMappings": [view(mapping) for mapping in shown[:limit]],
        "NextMarker": paging.encode(shown[limit - 1].uuid) if more else None,
    }


@lambda_.operation(access=_access("UpdateEventSourceMapping"))
async def update_event_source_mapping(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    changed, before = await ctx.transact(lambda c: _changed(c, req))
    if req.get("FunctionName"):
        await _check_source(ctx, changed)
    await ctx.transact(lambda c: _put(c, changed))
    on_the_way = {"Enabled": "Enabling", "Disabled": "Disabling"}[changed.state]
    return view(changed, on_the_way if changed.state != before else "Updating")


@lambda_.operation(access=_access("DeleteEventSourceMapping"))
def delete_event_source_mapping(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    mapping = _require(ctx, req["UUID"])
    ctx.tx.delete(EventSourceMapping, ctx.account, ctx.region, mapping.uuid)
    poll.forget(ctx, mapping)
    mapping.state = "Deleting"
    poll.schedule(ctx, mapping)
    return view(mapping)


# --- steps


def _drafted(ctx: Context, req: dict[str, Any]) -> EventSourceMapping:
    source = req.get("EventSourceArn")
    if not source:
        if not req.get("SelfManagedEventSource"):
            raise errors.invalid("Unrecognized event source.")
        if not req.get("SourceAccessConfigurations"):
            raise errors.invalid("Required 'sourceAccessConfigurations' parameter is missing.")
        kinds.of("arn:aws:kafka:::self-managed")
    name = _function(ctx, req)
    kind = kinds.of(source or "")
    given = {key: req[key] for key in _SETTINGS if req.get(key) is not None}
    settings = {**kind.defaults, **_shown(given)}
    kinds.check(kind, source or "", given, settings)
    tags.check(req.get("Tags") or {})
    mapping = EventSourceMapping(
        account=ctx.account, region=ctx.region, uuid=ids.uuid4(ctx.random), source=source or "", function=name.arn,
        settings=settings, created=ctx.now, modified=ctx.now, state="Disabled" if req.get("Enabled") is False else "Enabled",
        reason=kind.reason, result=kind.result, tags=req.get("Tags") or {},
    )
    _check_duplicate(ctx, mapping, kind)
    return mapping


def _changed(ctx: Context, req: dict[str, Any]) -> tuple[EventSourceMapping, str]:
    mapping = _require(ctx, req["UUID"])
    before = mapping.state
    kind = kinds.of(mapping.source)
    if req.get("FunctionName"):
        mapping.function = _function(ctx, req).arn
    given = {key: req[key] for key in _SETTINGS if req.get(key) is not None}
    mapping.settings = {**mapping.settings, **_shown(given)}
    if given.get("FilterCriteria") is not None and not given["FilterCriteria"].get("Filters"):
        mapping.settings.pop("FilterCriteria", None)
    kinds.check(kind, mapping.source, given, mapping.settings)
    if req.get("Enabled") is not None:
        mapping.state = "Enabled" if req["Enabled"] else "Disabled"
    mapping.modified = ctx.now
    mapping.generation += 1
    return mapping, before


def _shown(given: dict[str, Any]) -> dict[str, Any]:
    """As the API shows settings: no empty filters, and a destination always with its failures."""
    shown = dict(given)
    if not (shown.get("FilterCriteria") or {}).get("Filters"):
        shown.pop("FilterCriteria", None)
    if "DestinationConfig" in shown:
        shown["DestinationConfig"] = {"OnFailure": {}, **shown["DestinationConfig"]}
    return shown


def _insert(ctx: Context, mapping: EventSourceMapping) -> None:
    _check_duplicate(ctx, mapping, kinds.of(mapping.source))
    _put(ctx, mapping)


def _put(ctx: Context, mapping: EventSourceMapping) -> None:
    ctx.tx.put(mapping)
    poll.schedule(ctx, mapping)


async def _check_source(ctx: Context, mapping: EventSourceMapping) -> None:
    """The function's role can read the source. Raises InvalidParameterValueException."""
    kind = kinds.of(mapping.source)
    reads = await ctx.transact(lambda c: poll.reader(c, mapping))
    if kind.is_stream:
        await poll.STREAMS[kind.name].check(reads)
        return
    timeout = await ctx.transact(lambda c: _version(c, mapping).settings.timeout)
    await poll.QUEUES[kind.name].check(reads, timeout)


def _version(ctx: Context, mapping: EventSourceMapping) -> lookup.Found:
    return lookup.version(ctx, resolve(ctx, {"FunctionName": mapping.function}))


def _function(ctx: Context, req: dict[str, Any]) -> FunctionName:
    name = resolve(ctx, {"FunctionName": req["FunctionName"]})
    if ctx.tx.get(Function, name.account, name.region, name.name) is None:
        raise errors.invalid("Function does not exist")
    lookup.version(ctx, name)
    return name


def _check_duplicate(ctx: Context, mapping: EventSourceMapping, kind: kinds.Kind) -> None:
    """A function, or one version of it, reads a source once."""
    for other in ctx.tx.find(EventSourceMapping, "source", mapping.account, mapping.region, mapping.source):
        if other.function == mapping.function and other.uuid != mapping.uuid:
            name = resolve(ctx, {"FunctionName": mapping.function}).name
            if kind.is_stream:
                raise errors.conflict(
                    f'The event source arn (" {mapping.source} ") and function (" {name} ") provided mapping already exists. '
                    f"Please update or delete the existing mapping with UUID {other.uuid}"
                )
            raise errors.conflict(
                f'An event source mapping with {kind.name} arn (" {mapping.source} ") and function (" {name} ") already '
                f"exists. Please update or delete the existing mapping with UUID {other.uuid}"
            )


def _require(ctx: Context, uuid: str) -> EventSourceMapping:
    found = ctx.tx.get(EventSourceMapping, ctx.account, ctx.region, uuid)
    if found is None:
        raise errors.not_found("The resource you requested does not exist.")
    return found


def _named(ctx: Context, mapping: EventSourceMapping, wanted: FunctionName | None) -> FunctionName:
    """The mapping's function, as exactly as it was asked for."""
    name = resolve(ctx, {"FunctionName": mapping.function})
    return name if wanted is None or wanted.qualifier else name.unqualified()


def _arn(region: str, account: str, uuid: str) -> str:
    return f"arn:aws:lambda:{region}:{account}:event-source-mapping:{uuid}"


def view(mapping: EventSourceMapping, state: str = "") -> dict[str, Any]:
    return {
        "UUID": mapping.uuid,
        **mapping.settings,
        "EventSourceArn": mapping.source,
        "FunctionArn": mapping.function,
        "LastModified": mapping.modified,
        "LastProcessingResult": mapping.result or None,
        "State": state or mapping.state,
        "StateTransitionReason": mapping.reason,
        "EventSourceMappingArn": _arn(mapping.region, mapping.account, mapping.uuid),
    }
