"""Our Python runtime beside AWS's own runtime interface client: the same function, the same answers.

The official client runs as a custom runtime in the same sandbox; `make tools` puts it at `.tools/ric`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fogbank.engine.spec import FunctionSpec, Outcome
from tests.engine.conftest import Bench

RIC = Path(__file__).parent.parent.parent / ".tools" / "ric"
OWN = f"python{sys.version_info.major}.{sys.version_info.minor}"
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not (RIC / "awslambdaric").is_dir(), reason="`make tools` has not put the official client there"),
]
BOOTSTRAP = f"""#!/bin/sh
for python in /var/fogbank/bin/{OWN} /usr/local/bin/{OWN} /usr/bin/{OWN}; do
  [ -x $python ] && exec env PYTHONPATH=/opt:/var/task $python -m awslambdaric "$_HANDLER"
done
"""
CODE = """
import collections, datetime, decimal, enum, os, sys, time, uuid

class Own(Exception):
    def __init__(self, message, code):
        super().__init__(message, code)

class Mute(Exception):
    def __str__(self):
        return ""

def echo(event, context):
    return event

def decimals(event, context):
    return {"whole": decimal.Decimal("1.10"), "big": decimal.Decimal("1e3"), "list": [decimal.Decimal("0.1")]}

def odd(event, context):
    return {"none": None, "tuple": (1, 2), "nan": float("nan"), "text": "\\u00e9\\u2028\\ud83d\\ude00", 1: True, "f": 1e22}

def raw(event, context):
    return b"bytes"

def unfit(event, context):
    return {"when": {"set"}}

def unfit_key(event, context):
    return {("a",): 1}

def datetimes(event, context):
    return datetime.datetime(2026, 1, 1)

def raising(event, context):
    def inner():
        raise Own("m\\u00e9ssage", 4)
    inner()

def chained(event, context):
    try:
        {}["key"]
    except KeyError as error:
        raise RuntimeError("outer") from error

def mute(event, context):
    raise Mute("hidden")

def recursion(event, context):
    return recursion(event, context)

def exits(event, context):
    sys.exit(event)

def context_of(event, context):
    context_repr = repr(context)
    left = context.get_remaining_time_in_millis()
    return {
        "members": sorted(name for name in dir(context) if not name.startswith("_")),
        "id": context.aws_request_id, "arn": context.invoked_function_arn, "name": context.function_name,
        "version": context.function_version, "memory": context.memory_limit_in_mb, "group": context.log_group_name,
        "left": 0 < left <= 10000, "left_type": type(left).__name__, "tenant": context.tenant_id,
        "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
        "identity_repr": repr(context.identity),
        "client": context.client_context and {
            "custom": context.client_context.custom, "env": context.client_context.env,
            "title": context.client_context.client and context.client_context.client.app_title,
            "code": context.client_context.client and context.client_context.client.app_version_code,
            "other": context.client_context.client and hasattr(context.client_context.client, "made_up"),
        },
        "repr": context_repr.startswith("LambdaContext([aws_request_id=") and context_repr.endswith("])"),
        "w3c": context.w3c(),
        "trace": os.environ.get("_X_AMZN_TRACE_ID"), "handler": os.environ["_HANDLER"],
    }
"""


def pair(bench: Bench, handler: str, files: dict[str, str] | None = None) -> tuple[FunctionSpec, FunctionSpec]:
    files = {"app.py": CODE, "bootstrap": BOOTSTRAP, **(files or {})}
    ours = bench.spec(files, OWN, handler=handler, name="same")
    theirs = bench.spec(files, "provided.al2023", handler=handler, name="same", layers=(RIC,))
    return ours, theirs


def told(outcome: Outcome) -> tuple[Any, ...]:
    assert isinstance(outcome.payload, bytes)
    document: Any = outcome.payload
    if outcome.status == "function_error":
        document = json.loads(outcome.payload)
        # Python 3.13 and the client draw carets below a frame's line, where the client reads its own source.
        document["stackTrace"] = [frame for frame in document.get("stackTrace", ()) if "/var/task/" in frame]
    return outcome.status, outcome.error, outcome.error_type, document


async def same(bench: Bench, handler: str, event: Any = None, **options: Any) -> tuple[Any, ...]:
    ours, theirs = pair(bench, handler, options.pop("files", None))
    options.setdefault("request_id", "the-id")
    mine = told(await bench.call(ours, event, **options))
    official = told(await bench.call(theirs, event, **options))
    assert mine == official
    return mine


@pytest.mark.parametrize(
    ("handler", "event"),
    [
        ("app.echo", {"text": "é\u2028😀", "number": 12345678901234567890, "float": 0.1, "none": None, "list": [[], {}]}),
        ("app.echo", "text"), ("app.echo", None), ("app.decimals", None), ("app.odd", None), ("app.raw", None),
    ],
)  # fmt: skip
async def test_answers(bench: Bench, handler: str, event: Any) -> None:
    status, *_ = await same(bench, handler, event)
    assert status == "ok"


@pytest.mark.parametrize(
    ("handler", "kind"),
    [
        ("app.unfit", "Runtime.MarshalError"), ("app.unfit_key", "Runtime.MarshalError"),
        ("app.datetimes", "Runtime.MarshalError"), ("app.raising", "Own"), ("app.chained", "RuntimeError"),
        ("app.mute", "Mute"), ("app.missing", "Runtime.HandlerNotFound"), ("nothing.handler", "Runtime.ImportModuleError"),
        ("handler", "Runtime.MalformedHandlerName"), ("sys.exit", "Runtime.BuiltInModuleConflict"),
        ("broken.handler", "Runtime.UserCodeSyntaxError"), ("failing.handler", "ZeroDivisionError"),
        ("importing.handler", "Runtime.ImportModuleError"),
    ],
)  # fmt: skip
async def test_errors(bench: Bench, handler: str, kind: str) -> None:
    files = {"broken.py": "def handler(:\n", "failing.py": "1 / 0\n", "importing.py": "import not_there\n"}
    *_, document = await same(bench, handler, files=files)
    assert document["errorType"] == kind


async def test_recursion(bench: Bench) -> None:
    ours, theirs = pair(bench, "app.recursion")
    for spec in (ours, theirs):
        document = await bench.error(spec)
        assert document["errorType"] == "RecursionError"


@pytest.mark.parametrize("status", [0, 1, 7, "a reason"])
async def test_exits(bench: Bench, status: Any) -> None:
    *_, kind, document = await same(bench, "app.exits", status)
    assert kind == "Runtime.ExitError"
    assert document["errorMessage"].startswith("RequestId: the-id Error: Runtime exited with")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"client_context": '{"custom": {"k": "v"}, "env": {"e": "1"}, "client": {"app_title": "t", "app_version_code": "2",'
                           ' "made_up": 1}}'},
        {"client_context": '{"w3c": {"traceparent": "00-1-2-01", "baggage": 1, "other": "x"}, "custom": {}}'},
        {"client_context": "{}"}, {"client_context": '{"custom": {"k": 1}}'},
        {"identity": '{"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}'},
        {"tenant_id": "blue"},
    ],
)  # fmt: skip
async def test_context(bench: Bench, options: dict[str, str]) -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    status, *_, answer = await same(bench, "app.context_of", trace_id=trace, **options)
    assert status == "ok"
    assert json.loads(answer)["trace"] == trace
