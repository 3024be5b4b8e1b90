"""Logs Insights: the language as pure rules, and queries through boto3."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from fogbank.services.logs.insights import language, running
from fogbank.services.logs.timeline import Event
from tests.cloud import CloudUnderTest

MESSAGES = [
    '{"level": "INFO", "user": {"name": "ann"}, "ms": 10, "ok": true}',
    '{"level": "ERROR", "user": {"name": "bob"}, "ms": 30}',
    '{"level": "ERROR", "user": {"name": "ann"}, "ms": 50, "tags": ["x"]}',
    "plain GET /a took 7 ms",
    "REPORT RequestId: r-1\tDuration: 2.50 ms\tBilled Duration: 3 ms\tMemory Size: 128 MB\tMax Memory Used: 40 MB\t",
]


def results(query: str, messages: list[str] = MESSAGES) -> list[dict[str, str]]:
    run = running.Run(language.parse(query), None)
    for number, message in enumerate(messages):
        at = 1_795_494_728_000 + number * 60_000
        run.add(Event((at << 144) + number, at, message, at, "s"), "1:g")
    return [{cell["field"]: cell["value"] for cell in row if cell["field"] != "@ptr"} for row in run.results()]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("fields level | filter level = 'ERROR' | sort ms asc | display ms", [{"ms": "30"}, {"ms": "50"}]),
        ("filter level like /^ERR/ and user.name != 'bob' | fields user.name", [{"user.name": "ann"}]),
        ("filter @message like 'GET' | parse @message '* * * took * ms' as a, verb, path, ms | display verb, path, ms",
         [{"verb": "GET", "path": "/a", "ms": "7"}]),
        ("filter ispresent(tags.0) | fields tags.0, ok", [{"tags.0": "x"}]),
        ("filter ms > 20 | stats count(*) as n, avg(ms), max(ms) by user.name | sort n desc, user.name asc",
         [{"user.name": "ann", "n": "1", "avg(ms)": "50", "max(ms)": "50"},
          {"user.name": "bob", "n": "1", "avg(ms)": "30", "max(ms)": "30"}]),
        ("stats count() by bin(2m) | sort bin(2m) | limit 1", [{"bin(2m)": "2026-11-24 04:32:00.000", "count()": "2"}]),
        ("stats count(*) by level | sort count(*) desc | limit 1", [{"level": "ERROR", "count(*)": "2"}]),
        ("filter @type = 'REPORT' | fields @duration, @maxMemoryUsed / 1000000 as mb", [{"@duration": "2.5", "mb": "40"}]),
        ("filter level in ['INFO', 'WARN'] | fields ms * 2 + 1 as twice", [{"twice": "21"}]),
        ("filter not (level = 'ERROR') and level = 'INFO' | fields upper(level) as l", [{"l": "INFO"}]),
        ("fields user.name | filter ispresent(user.name) | dedup user.name | sort user.name", [
            {"user.name": "ann"}, {"user.name": "bob"}]),
        ("parse @message /took (?<t>\\d+)/ | filter t = 7 | fields t", [{"t": "7"}]),
        ("stats pct(ms, 50) as p, count_distinct(level) as l", [{"p": "30", "l": "2"}]),
        ("# a comment\nfields ms | sort @timestamp asc | limit 1", [{"ms": "10"}]),
    ],
)
def test_queries(query: str, expected: list[dict[str, str]]) -> None:
    assert results(query) == expected


@pytest.mark.parametrize("query", ["nonsense", "filter", "fields (", "stats wrong(x)", "parse 'a * *' as b", "filter a like /(/",
                                   "limit x", "filter " + "(" * 2000, "filter a = 'x"])
def test_malformed(query: str) -> None:
    with pytest.raises(language.BadQuery):
        language.parse(query)


@given(st.text(alphabet="fieldslterparsuncobym @,|()'\"=<>/*.1 \n", max_size=60))
def test_any_text_runs_or_is_refused(query: str) -> None:
    try:
        results(query)
    except language.BadQuery:
        return


def test_through_the_api(cloud: CloudUnderTest) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/q")
    logs.create_log_stream(logGroupName="/q", logStreamName="s")
    now = int(time.time())
    logs.put_log_events(logGroupName="/q", logStreamName="s", logEvents=[
        {"timestamp": now * 1000 - 3000 + i, "message": f'{{"n": {i}}}'} for i in range(2500)])
    times = {"startTime": now - 60, "endTime": now + 60}
    query = logs.start_query(logGroupName="/q", queryString="fields n | filter n >= 2490 | sort n asc", **times)["queryId"]
    deadline = time.monotonic() + 10
    while (answer := logs.get_query_results(queryId=query))["status"] != "Complete":
        assert time.monotonic() < deadline
        assert answer["status"] in ("Scheduled", "Running")
    assert [row[0]["value"] for row in answer["results"]] == [str(n) for n in range(2490, 2500)]
    assert [cell["field"] for cell in answer["results"][0]] == ["n", "@ptr"]
    assert (answer["statistics"]["recordsScanned"], answer["statistics"]["recordsMatched"]) == (2500.0, 10.0)
    [described] = logs.describe_queries(logGroupName="/q", status="Complete")["queries"]
    assert described["queryString"] == (
        f'SOURCE "/q" START={now - 60}000 END={now + 60}999 | fields n | filter n >= 2490 | sort n asc')
    assert logs.describe_queries(status="Scheduled")["queries"] == []

    def code(**params: Any) -> str:
        with pytest.raises(ClientError) as caught:
            logs.start_query(**{"logGroupName": "/q", "queryString": "fields @message", **times, **params})
        return str(caught.value.response["Error"]["Code"])

    assert code(logGroupName="/none") == "ResourceNotFoundException"
    assert code(queryString="nonsense") == "MalformedQueryException"
    assert code(startTime=now, endTime=now - 5) == "MalformedQueryException"
    with pytest.raises(ClientError) as caught:
        logs.get_query_results(queryId="none")
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
