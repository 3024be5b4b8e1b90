"""Python functions: what their code sees, and how its failures are told."""

from __future__ import annotations

import json
import re
import sys

import pytest

from tests.engine.conftest import Bench

pytestmark = pytest.mark.asyncio(loop_scope="session")
RUNTIME = f"python{sys.version_info.major}.{sys.version_info.minor}"


async def test_echo_and_reuse(bench: Bench) -> None:
    spec = bench.spec("n = 0\ndef handler(event, context):\n    global n\n    n += 1\n    return [n, event]")
    assert await bench.value(spec, {"a": "é"}) == [1, {"a": "é"}]
    assert await bench.value(spec, None) == [2, None]


async def test_environment_variables(bench: Bench) -> None:
    code = "import os\ndef handler(event, context):\n    return dict(os.environ)"
    spec = bench.spec(code, environment={"MINE": "yes", "AWS_REGION": "nope"}, memory_mb=512)
    seen = await bench.value(spec, trace_id="Root=1-x;Sampled=1")
    expected = {
        "MINE": "yes", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{RUNTIME}", "AWS_LAMBDA_FUNCTION_NAME": spec.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", "LAMBDA_TASK_ROOT": "/var/task", "_HANDLER": "app.handler",
        "LAMBDA_RUNTIME_DIR": "/var/runtime", "TZ": ":UTC", "LANG": "en_US.UTF-8", "PYTHONPATH": "/var/runtime",
        "AWS_ACCESS_KEY_ID": "ASIATEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token",
        "_X_AMZN_TRACE_ID": "Root=1-x;Sampled=1", "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
    }  # fmt: skip
    assert {name: seen.get(name) for name in expected} == expected
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen["AWS_LAMBDA_LOG_STREAM_NAME"])
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in seen


async def test_context(bench: Bench) -> None:
    code = """
def handler(event, c):
    return {
        "id": c.aws_request_id, "name": c.function_name, "version": c.function_version, "memory": c.memory_limit_in_mb,
        "arn": c.invoked_function_arn, "group": c.log_group_name, "left": c.get_remaining_time_in_millis(),
        "custom": c.client_context.custom, "title": c.client_context.client.app_title,
        "identity": c.identity.cognito_identity_id, "pool": c.identity.cognito_identity_pool_id,
    }
"""
    spec = bench.spec(code, timeout_s=5)
    seen = await bench.value(
        spec, request_id="req-1", invoked_arn=spec.unqualified_arn,
        client_context=json.dumps({"custom": {"k": "v"}, "client": {"app_title": "t"}}),
        identity=json.dumps({"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"}),
    )  # fmt: skip
    assert 4000 < seen.pop("left") <= 5000
    assert seen == {
        "id": "req-1", "name": spec.name, "version": "$LATEST", "memory": "128", "arn": spec.unqualified_arn,
        "group": spec.log_group, "custom": {"k": "v"}, "title": "t", "identity": "i", "pool": "p",
    }  # fmt: skip


async def test_search_path(bench: Bench) -> None:
    spec = bench.spec("import sys\ndef handler(event, context):\n    return sys.path")
    path = await bench.value(spec)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    assert path[:3] == ["/var/task", f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    assert path.index("/var/runtime") < path.index(f"/var/lang/lib/{version}")


async def test_exception(bench: Bench) -> None:
    spec = bench.spec("def handler(event, context):\n    raise ValueError('Handler fails')")
    assert await bench.error(spec, request_id="req-2") == {
        "errorMessage": "Handler fails",
        "errorType": "ValueError",
        "requestId": "req-2",
        "stackTrace": ['  File "/var/task/app.py", line 2, in handler\n    raise ValueError(\'Handler fails\')\n'],
    }
    nbsp = "\u00a0"
    lines = await bench.lines(spec)
    assert (
        "[ERROR] ValueError: Handler fails\nTraceback (most recent call last):\n"
        f"{nbsp * 2}File \"/var/task/app.py\", line 2, in handler\n{nbsp * 4}raise ValueError('Handler fails')"
    ) in lines


@pytest.mark.parametrize(
    ("files", "handler", "kind", "message"),
    [
        ({"app.py": "import nope"}, "app.handler", "Runtime.ImportModuleError",
         "Unable to import module 'app': No module named 'nope'"),
        ({"x.py": ""}, "app.handler", "Runtime.ImportModuleError",
         "Unable to import module 'app': No module named 'app'"),
        ({"app.py": "a = 1"}, "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ({"app.py": "a = 1"}, "app", "Runtime.MalformedHandlerName",
         "Bad handler 'app': not enough values to unpack (expected 2, got 1)"),
        ({"app.py": "def f(:"}, "app.handler", "Runtime.UserCodeSyntaxError",
         "Syntax error in module 'app': invalid syntax (app.py, line 1)"),
        ({"app.py": ""}, "sys.handler", "Runtime.BuiltInModuleConflict",
         "Cannot use built-in module sys as a handler module"),
    ],
)  # fmt: skip
async def test_init_faults(bench: Bench, files: dict[str, str], handler: str, kind: str, message: str) -> None:
    document = await bench.error(bench.spec(files, handler=handler))
    assert (document["errorType"], document["errorMessage"], document["requestId"]) == (kind, message, "")


async def test_exception_at_import(bench: Bench) -> None:
    spec = bench.spec('raise Exception("Runtime startup fails")')
    document = await bench.error(spec)
    assert (document["errorMessage"], document["errorType"], document["requestId"]) == (
        "Runtime startup fails", "Exception", "",
    )  # fmt: skip
    assert document["stackTrace"][0].startswith('  File "/var/lang/lib/python3.11/importlib/__init__.py", line ')
    assert document["stackTrace"][-1] == (
        '  File "/var/task/app.py", line 1, in <module>\n    raise Exception("Runtime startup fails")\n'
    )


async def test_marshalling(bench: Bench) -> None:
    code = """
import datetime, decimal
def handler(event, context):
    return {"set": {1}, "date": datetime.date(2020, 1, 1), "decimal": decimal.Decimal("1.10"), "bytes": b"raw"}[event]
"""
    spec = bench.spec(code)
    document = await bench.error(spec, "date")
    assert document["errorType"] == "Runtime.MarshalError"
    assert document["errorMessage"] == "Unable to marshal response: Object of type date is not JSON serializable"
    assert (await bench.error(spec, "set"))["errorType"] == "Runtime.MarshalError"
    assert (await bench.call(spec, "decimal")).payload == b"1.10"
    assert (await bench.call(spec, "bytes")).payload == b"raw"


async def test_exits(bench: Bench) -> None:
    spec = bench.spec("import sys, os\ndef handler(event, context):\n    getattr(sys, 'exit')(event)")
    for code, text in ((0, "Runtime exited without providing a reason"),
                       (3, "Runtime exited with error: exit status 3")):  # fmt: skip
        assert await bench.error(spec, code, request_id="r") == {
            "errorType": "Runtime.ExitError", "errorMessage": f"RequestId: r Error: {text}",
        }  # fmt: skip
    spec = bench.spec("import os, signal\ndef handler(event, context):\n    os.kill(os.getpid(), 11)")
    assert (await bench.error(spec, request_id="r"))["errorMessage"] == (
        "RequestId: r Error: Runtime exited with error: signal: segmentation fault"
    )


async def test_timeout_and_recovery(bench: Bench) -> None:
    code = "import time\nn = 0\ndef handler(event, context):\n    global n; n += 1\n    time.sleep(event)\n    return n"
    spec = bench.spec(code, timeout_s=1)
    assert await bench.value(spec, 0) == 1
    outcome = await bench.call(spec, 30, request_id="slow", tail=True)
    assert outcome.payload == (
        b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: slow Error: Task timed out after 1.00 seconds"}'
    )
    assert (outcome.error, outcome.error_type, outcome.duration_ms) == ("Unhandled", "Sandbox.Timedout", 1000.0)
    tail = outcome.log_tail.decode()
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z slow Task timed out after 1\.00 seconds\n\n", tail)
    assert "Duration: 1000.00 ms\tBilled Duration: 1000 ms" in tail
    assert tail.endswith("Status: timeout\t\n")
    assert await bench.value(spec, 0) == 1  # a new environment


async def test_log_lines_and_report(bench: Bench) -> None:
    code = """
import logging, sys
def handler(event, context):
    print("one\\ntwo")
    logging.getLogger().warning("a\\nb")
    print("three", end="")
    sys.stderr.write("err\\n")
"""
    spec = bench.spec(code)
    outcome = await bench.call(spec, request_id="id-1", tail=True)
    lines = await bench.lines(spec)
    assert lines[0].startswith("INIT_START Runtime Version: python:3.11.v")
    assert lines[1] == "START RequestId: id-1 Version: $LATEST\n"
    assert lines[2:4] == ["one\n", "two\n"]
    assert re.fullmatch(r"\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tid-1\ta\nb\n", lines[4])
    assert lines[5:7] == ["err\n", "three"]
    assert lines[7] == "END RequestId: id-1\n"
    assert re.fullmatch(
        r"REPORT RequestId: id-1\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB"
        r"\tMax Memory Used: \d+ MB\tInit Duration: \d+\.\d\d ms\t\n",
        lines[8],
    )
    assert outcome.log_tail.decode().startswith("INIT_START")
    again = await bench.call(spec, request_id="id-2", tail=True)
    assert again.log_tail.decode().startswith("START RequestId: id-2")
    assert "Init Duration" not in again.log_tail.decode()


async def test_json_logs(bench: Bench) -> None:
    code = """
import logging
def handler(event, context):
    logging.getLogger().debug("no")
    logging.getLogger().info("hello %s", 1, extra={"more": 2})
"""
    spec = bench.spec(code, log_format="JSON")
    await bench.call(spec, request_id="id-1")
    parsed = [json.loads(line) for line in await bench.lines(spec)]
    assert [item.get("type") or item["message"] for item in parsed] == [
        "platform.initStart", "platform.start", "hello 1", "platform.report",
    ]  # fmt: skip
    assert parsed[1]["record"] == {"requestId": "id-1", "version": "$LATEST"}
    assert parsed[2]["level"] == "INFO"
    assert (parsed[2]["requestId"], parsed[2]["more"]) == ("id-1", 2)
    assert parsed[3]["record"]["status"] == "success"
    assert parsed[3]["record"]["metrics"]["memorySizeMB"] == 128


async def test_response_limit(bench: Bench) -> None:
    spec = bench.spec("def handler(event, context):\n    return 'x' * event")
    limit = 6 * 1024 * 1024 + 100
    assert len((await bench.call(spec, limit - 2)).payload) == limit  # type: ignore[arg-type]
    outcome = await bench.call(spec, limit)
    assert outcome.payload == (
        b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"Function.ResponseSizeTooLarge"}'
    )
    assert await bench.value(spec, 1) == "x"


async def test_sdk_is_there(bench: Bench) -> None:
    code = """
import boto3
client = boto3.client("s3")
def handler(event, context):
    return [boto3.__file__, client.meta.endpoint_url, client.meta.region_name]
"""
    where, endpoint, region = await bench.value(bench.spec(code, bundles_sdk=False))
    assert where.startswith("/var/lang/lib/")
    assert (endpoint, region) == ("http://127.0.7.1", "us-east-1")


async def test_wrapper_script(bench: Bench) -> None:
    files = {
        "app.py": "import os\ndef handler(event, context):\n    return os.environ.get('WRAPPED')",
        "wrap.sh": '#!/bin/bash\nexport WRAPPED="by $(basename $0)"\nexec "$@"\n',
    }
    spec = bench.spec(files, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrap.sh"})
    assert await bench.value(spec) == "by wrap.sh"
    missing = bench.spec(files, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/none"})
    assert (await bench.error(missing, request_id="r"))["errorMessage"] == (
        "RequestId: r Error: Runtime exited with error: exit status 127"
    )


async def test_snap_start_hooks(bench: Bench) -> None:
    code = """
import os
from snapshot_restore_py import register_after_restore, register_before_snapshot
told = []
register_before_snapshot(told.append, "before 1")
@register_before_snapshot
def second():
    told.append("before 2")
@register_after_restore
def after():
    told.append("after")
def handler(event, context):
    return [told, os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
"""
    spec = bench.spec(code, snap_start=True, version="1")
    outcome = await bench.call(spec, request_id="id-1")
    assert json.loads(outcome.payload) == [["before 2", "before 1", "after"], "snap-start"]  # type: ignore[arg-type]
    assert outcome.restore_ms is not None
    assert outcome.init_ms is None
    lines = await bench.lines(spec)
    assert any(line.startswith("RESTORE_START Runtime Version: python:") for line in lines)
    assert any("Restore Duration: " in line for line in lines if line.startswith("REPORT "))
    assert (await bench.value(bench.spec(code, snap_start=True)))[1] == "on-demand", "$LATEST has no snapshot"
    failing = bench.spec("from snapshot_restore_py import *\nregister_after_restore(int, 'x')\nhandler = None",
                         snap_start=True, version="1")  # fmt: skip
    assert (await bench.error(failing))["errorType"] == "ValueError"
