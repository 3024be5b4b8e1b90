"""Extensions, external and internal; telemetry; the Shutdown phase; custom runtimes and hostile clients of the APIs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from fogbank.engine.spec import EngineError, FunctionSpec
from tests.engine.conftest import Bench, until

pytestmark = pytest.mark.asyncio(loop_scope="session")

CLIENT = """#!/usr/bin/env python3
import http.client, json, os, sys, time, signal, threading
from http.server import BaseHTTPRequestHandler, HTTPServer
NAME = os.path.basename(__file__)
HOST = os.environ["AWS_LAMBDA_RUNTIME_API"]
def call(method, path, body=None, **headers):
    connection = http.client.HTTPConnection(HOST)
    text = json.dumps(body) if body is not None else None
    connection.request(method, path, text, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    data = answer.read()
    return answer.status, dict(answer.getheaders()), (json.loads(data) if data else None)
def register(events, **more):
    return call("POST", "/2020-01-01/extension/register", {"events": events}, Lambda_Extension_Name=NAME, **more)
def following(identifier):
    return call("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier=identifier)
def say(**what):
    print(json.dumps(what), flush=True)
"""
LISTENER = CLIENT + """
status, headers, body = register(["INVOKE", "SHUTDOWN"], Lambda_Extension_Accept_Feature="accountId")
identifier = headers["Lambda-Extension-Identifier"]
say(registered=body)
while True:
    status, headers, event = following(identifier)
    say(event=event["eventType"], id=event.get("requestId"), reason=event.get("shutdownReason"),
        deadline=event["deadlineMs"] > time.time() * 1000)
    if event["eventType"] == "SHUTDOWN":
        time.sleep(0.05)
        say(bye=True)
        sys.exit(0)
    time.sleep(PAUSE)
"""
ECHO = "import time\ndef handler(event, context):\n    print('in handler')\n    return event"


def layer(bench: Bench, files: dict[str, str]) -> Path:
    return bench.tree({f"extensions/{name}": text for name, text in files.items()})


def with_extension(bench: Bench, text: str, code: str = ECHO, **changes: Any) -> FunctionSpec:
    return bench.spec(code, layers=(layer(bench, {"helper": text}),), **changes)


def said(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines if line.startswith("{")]


async def test_external_extension_through_its_life(bench: Bench) -> None:
    spec = with_extension(bench, LISTENER.replace("PAUSE", "0.1"))
    began = time.monotonic()
    outcome = await bench.engine.invoke(spec, b"1", request_id="r1")
    assert outcome.payload == b"1"
    answered = time.monotonic()
    await outcome.finished()
    assert time.monotonic() - answered > 0.05, "the response did not wait for the extension"
    assert time.monotonic() - began >= 0.1
    assert outcome.extension_overhead_ms is not None
    assert outcome.extension_overhead_ms > 50
    bench.engine.retire(spec.function_arn)
    await until(lambda: not bench.engine._retired or not any(f.environments for f in bench.engine._retired))
    lines = await bench.lines(spec)
    assert said(lines) == [
        {"registered": {"functionName": spec.name, "functionVersion": "$LATEST", "handler": "app.handler",
                        "accountId": "111111111111"}},
        {"event": "INVOKE", "id": "r1", "reason": None, "deadline": True},
        {"event": "SHUTDOWN", "id": None, "reason": "spindown", "deadline": True},
        {"bye": True},
    ]  # fmt: skip
    assert "EXTENSION\tName: helper\tState: Ready\tEvents: [INVOKE,SHUTDOWN]\n" in lines


async def test_shutdown_reasons(bench: Bench) -> None:
    for code, reason in (("import time\ndef handler(e, c):\n    time.sleep(9)", "timeout"),
                         ("import os\ndef handler(e, c):\n    os._exit(1)", "failure")):  # fmt: skip
        spec = with_extension(bench, LISTENER.replace("PAUSE", "0"), code, timeout_s=1)
        began = time.monotonic()
        await bench.error(spec)
        assert time.monotonic() - began < 1.8
        await until(lambda spec=spec: bench.engine._functions[spec.function_arn].environments == 0)  # type: ignore[misc]
        assert [item["reason"] for item in said(await bench.lines(spec)) if item.get("event") == "SHUTDOWN"] == [reason]


async def test_extension_that_will_not_die_is_killed(bench: Bench) -> None:
    stubborn = CLIENT + """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
identifier = register(["SHUTDOWN"])[1]["Lambda-Extension-Identifier"]
following(identifier)
time.sleep(60)
"""
    spec = with_extension(bench, stubborn)
    await bench.value(spec, 1)
    function = bench.engine._functions[spec.function_arn]
    began = time.monotonic()
    bench.engine.retire(spec.function_arn)
    await until(lambda: function.environments == 0)
    assert 1.8 < time.monotonic() - began < 2.8


async def test_extension_that_crashes(bench: Bench) -> None:
    at_init = with_extension(bench, CLIENT + "register([])\nsys.exit(7)")
    assert (await bench.error(at_init, request_id="r"))["errorType"] == "Extension.Crash"
    busy = CLIENT + """
identifier = register(["INVOKE"])[1]["Lambda-Extension-Identifier"]
following(identifier)
sys.exit(3)
"""
    slow = "import time\ndef handler(e, c):\n    time.sleep(2)"
    document = await bench.error(with_extension(bench, busy, slow), request_id="r")
    assert document == {"errorType": "Extension.Crash", "errorMessage": "RequestId: r Error: exit status 3"}


async def test_extension_reports_init_error(bench: Bench) -> None:
    text = CLIENT + """
identifier = register(["INVOKE"])[1]["Lambda-Extension-Identifier"]
call("POST", "/2020-01-01/extension/init/error", {"errorMessage": "x"}, Lambda_Extension_Identifier=identifier,
     Lambda_Extension_Function_Error_Type="Helper.NoConfig")
sys.exit(1)
"""
    assert (await bench.error(with_extension(bench, text)))["errorType"] == "Helper.NoConfig"


async def test_silent_extension_times_init_out(engine_root: Path) -> None:
    from tests.engine.conftest import running_bench

    bench, engine = await running_bench(engine_root, init_timeout=0.5)
    try:
        spec = with_extension(bench, "#!/bin/sh\nexec sleep 60\n", timeout_s=1)
        document = await bench.error(spec, request_id="r")
        assert document["errorMessage"] == "RequestId: r Error: Task timed out after 1.00 seconds"
        lines = await bench.lines(spec)
        assert any(line.startswith("INIT_REPORT Init Duration: 5") and "Status: timeout" in line for line in lines)
    finally:
        await engine.stop()


async def test_refusals(bench: Bench) -> None:
    text = CLIENT + """
seen = []
def note(answer): seen.append([answer[0], answer[2]["errorType"]])
note(call("POST", "/2020-01-01/extension/register", {"events": []}))
note(register(["BOGUS"]))
note(call("GET", "/2020-01-01/extension/event/next"))
note(call("GET", "/2020-01-01/extension/event/next", Lambda_Extension_Identifier="nope"))
identifier = register(["INVOKE"])[1]["Lambda-Extension-Identifier"]
note(register(["INVOKE"]))
note(call("PUT", "/2022-07-01/telemetry", {"schemaVersion": "2022-07-01", "types": []},
          Lambda_Extension_Identifier=identifier))
note(call("POST", "/2018-06-01/runtime/invocation/xyz/response", {}))
note(call("POST", "/2018-06-01/runtime/invocation/next", {}))
note(call("GET", "/nothing"))
say(seen=seen)
while True: following(identifier)
"""
    spec = with_extension(bench, text)
    await bench.value(spec, 1)
    assert said(await bench.lines(spec)) == [{"seen": [
        [403, "Extension.InvalidExtensionName"], [403, "Extension.InvalidEventType"],
        [403, "Extension.MissingExtensionIdentifier"], [403, "Extension.UnknownExtensionIdentifier"],
        [403, "InvalidStateTransition"], [400, "ValidationError"], [400, "InvalidRequestID"],
        [405, "MethodNotAllowed"], [404, "NotFound"],
    ]}]  # fmt: skip


async def test_internal_extension(bench: Bench) -> None:
    code = """
import http.client, json, os, threading
HOST = os.environ["AWS_LAMBDA_RUNTIME_API"]
seen = []
def call(method, path, body, headers):
    connection = http.client.HTTPConnection(HOST)
    connection.request(method, path, json.dumps(body), headers)
    answer = connection.getresponse()
    return answer, json.loads(answer.read() or b"null")
def loop(identifier):
    while True:
        seen.append(call("GET", "/2020-01-01/extension/event/next", None,
                         {"Lambda-Extension-Identifier": identifier})[1]["requestId"])
name = {"Lambda-Extension-Name": "inside"}
refused = call("POST", "/2020-01-01/extension/register", {"events": ["SHUTDOWN"]}, name)[1]["errorMessage"]
answer, _ = call("POST", "/2020-01-01/extension/register", {"events": ["INVOKE"]}, name)
threading.Thread(target=loop, args=(answer.headers["Lambda-Extension-Identifier"],), daemon=True).start()
def handler(event, context):
    late = call("POST", "/2020-01-01/extension/register", {"events": []}, {"Lambda-Extension-Name": "late"})[1]
    return [seen, refused, late["errorType"]]
"""
    spec = bench.spec(code)
    await bench.value(spec, request_id="a")
    seen, refused, late = await bench.value(spec, request_id="b")
    assert seen[0] == "a"
    assert refused == "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension"
    assert late == "Extension.RegistrationClosed"


async def test_telemetry(bench: Bench) -> None:
    text = CLIENT + """
events = []
class Sink(BaseHTTPRequestHandler):
    def do_POST(self):
        events.extend(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200); self.end_headers()
    def log_message(self, *_): pass
server = HTTPServer(("sandbox.localdomain", 8080), Sink)
threading.Thread(target=server.serve_forever, daemon=True).start()
identifier = register(["INVOKE", "SHUTDOWN"])[1]["Lambda-Extension-Identifier"]
answer = call("PUT", "/2022-07-01/telemetry", {
    "schemaVersion": "2022-07-01", "types": ["platform", "function", "extension"],
    "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
    "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:8080"},
}, Lambda_Extension_Identifier=identifier)
while True:
    if following(identifier)[2]["eventType"] == "SHUTDOWN": break
    time.sleep(0.1)
time.sleep(0.3)
sys.stdout.write(json.dumps({"status": answer[0], "events": events}) + "\\n")
"""
    spec = with_extension(bench, text)
    await bench.value(spec, {"k": 1}, request_id="r1")
    function = bench.engine._functions[spec.function_arn]
    bench.engine.retire(spec.function_arn)
    await until(lambda: function.environments == 0)
    (answer,) = said(await bench.lines(spec))
    assert answer["status"] == 200
    types = [event["type"] for event in answer["events"]]
    wanted = ["initStart", "telemetrySubscription", "extension", "initRuntimeDone", "initReport", "start", "runtimeDone"]
    assert {f"platform.{kind}" for kind in wanted} | {"function", "platform.report"} <= set(types), types
    assert types.index("platform.initStart") < types.index("platform.start") < types.index("platform.runtimeDone")
    record = next(event["record"] for event in answer["events"] if event["type"] == "function")
    assert record == "in handler\n"


async def test_custom_runtime(bench: Bench) -> None:
    bootstrap = """#!/usr/bin/env python3
import http.client, json, os
connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
base = "/2018-06-01/runtime/invocation/"
while True:
    connection.request("GET", base + "next")
    answer = connection.getresponse()
    event = json.loads(answer.read())
    request_id = answer.headers["Lambda-Runtime-Aws-Request-Id"]
    if event == "fail":
        connection.request("POST", base + request_id + "/error", '{"errorType": "Mine", "errorMessage": "m"}')
    else:
        print("serving", flush=True)
        reply = [event, os.environ["_HANDLER"], os.getcwd(), os.environ.get("AWS_EXECUTION_ENV")]
        connection.request("POST", base + request_id + "/response", json.dumps(reply))
    connection.getresponse().read()
"""
    spec = bench.spec({"bootstrap": bootstrap}, "provided.al2023", handler="any.thing")
    assert await bench.value(spec, [1]) == [[1], "any.thing", "/var/task", None]
    outcome = await bench.call(spec, "fail")
    assert (outcome.error_type, json.loads(outcome.payload)["errorMessage"]) == ("Mine", "m")  # type: ignore[arg-type]
    assert "serving\n" in await bench.lines(spec)
    nothing = bench.spec({"readme": ""}, "provided.al2023")
    assert (await bench.error(nothing, request_id="r"))["errorMessage"] == (
        "RequestId: r Error: Runtime exited with error: exit status 127"
    )


async def test_abuse_of_the_runtime_api(bench: Bench) -> None:
    code = """
import http.client, os, socket
def handler(event, context):
    host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")
    seen = []
    def raw(data):
        with socket.create_connection((host, int(port))) as channel:
            channel.settimeout(2)
            try:
                channel.sendall(data)
                return channel.recv(100).split(b"\\r\\n")[0].decode()
            except OSError as error:
                return type(error).__name__
    seen.append(raw(b"garbage\\r\\n\\r\\n"))
    seen.append(raw(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\n\\r\\n"))
    seen.append(raw(b"POST /2018-06-01/runtime/init/error HTTP/1.1\\r\\nContent-Length: 2\\r\\n\\r\\n{}"))
    seen.append(raw(b"GET / HTTP/1.1\\r\\n" + b"A: " + b"x" * 3000000))
    path = "/2018-06-01/runtime/invocation/" + context.aws_request_id + "/response"
    seen.append(raw(("POST " + path + " HTTP/1.1\\r\\nContent-Length: 7\\r\\n\\r\\n\\"early\\"").encode()))
    seen.append(raw(("POST " + path + " HTTP/1.1\\r\\nContent-Length: 7\\r\\n\\r\\n\\"twice\\"").encode()))
    open_sockets = [socket.create_connection((host, int(port))) for _ in range(300)]
    return seen
"""
    spec = bench.spec(code)
    assert await bench.value(spec) == "early", "the first answer is the answer"
    assert await bench.value(spec) == "early"
    assert await bench.value(bench.spec(ECHO), 5) == 5


async def test_provisioned_environments(bench: Bench) -> None:
    code = "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']"
    spec = bench.spec(code)
    assert await bench.engine.provision(spec, 2) == 2
    outcome = await bench.call(spec, provisioned=True)
    assert outcome.payload == b'"provisioned-concurrency"'
    assert (outcome.init_ms, outcome.cold) == (None, False)
    assert await bench.engine.provision(spec, 0) == 0
    with pytest.raises(EngineError, match="ImportModuleError"):
        await bench.engine.provision(bench.spec("import nope"), 1)
