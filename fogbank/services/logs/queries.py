"""Logs Insights: StartQuery, GetQueryResults, StopQuery, DescribeQueries. A query runs as a task, in small steps."""

from __future__ import annotations

from functools import partial
from typing import Any

import regex

from fogbank.api import AwsError, Context
from fogbank.kit import ids, paging
from fogbank.services.logs import errors, logs
from fogbank.services.logs.insights import language, running
from fogbank.services.logs.names import from_identifier, group_arn, milliseconds
from fogbank.services.logs.records import Group, QueryRun
from fogbank.services.logs.timeline import Event, events, time_of

STEP = 2_000
"""Events read in one transaction."""
MOST_SCANNED = 2_000_000
MOST_GROUPS = 50
KEPT = 7 * 86_400.0
"""Seconds for which AWS keeps results."""


def _groups(req: dict[str, Any]) -> list[str]:
    named = [*([req["logGroupName"]] if req.get("logGroupName") else []), *(req.get("logGroupNames") or [])]
    return list(dict.fromkeys([*named, *(from_identifier(each) for each in req.get("logGroupIdentifiers") or [])]))


@logs.operation(access=lambda ctx, req: [
    ("logs:StartQuery", group_arn(ctx, f"{name}:log-stream:")) for name in _groups(req) or [""]])
def start_query(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    if req.get("queryLanguage") not in (None, "CWLI"):
        raise AwsError("NotImplemented", f"Fogbank does not have the query language {req['queryLanguage']} yet.", status=501)
    names = _groups(req)
    if not 0 < len(names) <= MOST_GROUPS:
        raise errors.invalid(f"A query must name 1 to {MOST_GROUPS} log groups.")
    for name in names:
        if ctx.tx.get(Group, ctx.account, ctx.region, name) is None:
            raise errors.not_found(f"Log group '{name}' does not exist for account ID '{ctx.account}'")
    if req["startTime"] > req["endTime"]:
        raise AwsError("MalformedQueryException", "Query's end date and time is before its start", status=400)
    try:
        language.parse(req["queryString"])
    except language.BadQuery as error:
        raise AwsError("MalformedQueryException", str(error), status=400) from error
    run = QueryRun(
        account=ctx.account, region=ctx.region, id=ids.uuid4(ctx.random), groups=names, text=req["queryString"],
        start=req["startTime"] * 1000, end=req["endTime"] * 1000 + 999, limit=req.get("limit"),
        created=milliseconds(ctx), status="Scheduled",
    )
    ctx.tx.put(run)
    ctx.schedule("logs.query", {"id": run.id}, key=run.id)
    ctx.schedule("logs.forget-query", {"id": run.id}, delay=KEPT, key=run.id)
    return {"queryId": run.id}


@logs.task("logs.query")
async def execute(ctx: Context, payload: dict[str, Any]) -> None:
    record = await ctx.transact(lambda c: _set(c, payload["id"], status="Running"))
    if record is None:
        return
    work = running.Run(language.parse(record.text), record.limit)
    try:
        for name in record.groups:
            await _walk(ctx, record, name, work)
        done: dict[str, Any] = {"status": "Complete", "results": work.results()}
    except (TimeoutError, regex.error, ArithmeticError, RecursionError, MemoryError, ValueError):
        done = {"status": "Failed"}
    counts = {"matched": work.matched, "scanned": work.scanned, "bytes": work.bytes}
    await ctx.transact(lambda c: _set(c, payload["id"], **done, **counts))


async def _walk(ctx: Context, record: QueryRun, name: str, work: running.Run) -> None:
    """Every event of the group in the query's time, newest first."""
    position: int | None = None
    while work.scanned < MOST_SCANNED:
        page = await ctx.transact(partial(_page, record=record, name=name, position=position))
        for event in page:
            work.add(event, f"{record.account}:{name}")
        if len(page) < STEP:
            return
        position = page[-1].id


def _page(ctx: Context, record: QueryRun, name: str, position: int | None) -> list[Event]:
    group, held = ctx.tx.get(Group, ctx.account, ctx.region, name), ctx.tx.get(QueryRun, *record.key)
    if group is None or held is None or held.status != "Running":
        return []
    last = record.end if position is None else min(record.end, time_of(position))
    page: list[Event] = []
    for event in events(ctx.tx, group, None, last // 1000, reverse=True):
        if event.time < record.start:
            break
        if event.time <= record.end and (position is None or event.id < position):
            page.append(event)
            if len(page) == STEP:
                break
    return page


def _set(ctx: Context, identifier: str, **members: Any) -> QueryRun | None:
    """Changes a query that still runs."""
    run = ctx.tx.get(QueryRun, ctx.account, ctx.region, identifier)
    if run is None or run.status not in ("Scheduled", "Running"):
        return None
    for name, value in members.items():
        setattr(run, name, value)
    ctx.tx.put(run)
    return run


@logs.task("logs.forget-query")
def forget(ctx: Context, payload: dict[str, Any]) -> None:
    ctx.tx.delete(QueryRun, ctx.account, ctx.region, payload["id"])


def _find(ctx: Context, req: dict[str, Any]) -> QueryRun:
    run = ctx.tx.get(QueryRun, ctx.account, ctx.region, req["queryId"])
    if run is None:
        raise errors.not_found(f"Query with ID: {req['queryId']} does not exist")
    return run


@logs.operation(resource="*")
def get_query_results(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    run = _find(ctx, req)
    return {
        "queryLanguage": "CWLI",
        "results": run.results,
        "status": run.status,
        "statistics": {
            "recordsMatched": float(run.matched), "recordsScanned": float(run.scanned), "bytesScanned": float(run.bytes),
            "estimatedRecordsSkipped": 0.0, "estimatedBytesSkipped": 0.0, "logGroupsScanned": float(len(run.groups)),
        },
    }


@logs.operation(resource="*")
def stop_query(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    run = _find(ctx, req)
    if run.status not in ("Scheduled", "Running"):
        raise errors.invalid("Provided query has already ended")
    _set(ctx, run.id, status="Cancelled")
    return {"success": True}


@logs.operation(resource="*")
def describe_queries(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    limit, name, status = req.get("maxResults") or 1000, req.get("logGroupName"), req.get("status")
    runs = sorted(ctx.tx.scan(QueryRun, ctx.account, ctx.region), key=lambda run: (-run.created, run.id))
    found = [run for run in runs if name in (None, *run.groups) and status in (None, run.status)]
    begin = 0
    if req.get("nextToken"):
        try:
            last = paging.decode(req["nextToken"])
        except ValueError as error:
            raise errors.bad_token() from error
        begin = next((place + 1 for place, run in enumerate(found) if run.id == last), len(found))
    page = found[begin : begin + limit]
    more = len(found) > begin + limit
    return {"queries": [_view(run) for run in page], "nextToken": paging.encode(page[-1].id) if more else None}


def _view(run: QueryRun) -> dict[str, Any]:
    source = " ".join(f'"{name}"' for name in run.groups)
    return {
        "queryLanguage": "CWLI",
        "queryId": run.id,
        "queryString": f"SOURCE {source} START={run.start} END={run.end} | {run.text}",
        "status": run.status,
        "createTime": run.created,
        "logGroupName": run.groups[0],
    }
