"""Node.js functions: handler styles, errors, the console, response streaming."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess

import pytest

from tests.engine.conftest import Bench


def _version() -> str:
    node = shutil.which("node")
    if node is None:
        return ""
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout[1:].split(".")[0]


MAJOR = _version()
RUNTIME = f"nodejs{MAJOR}.x"
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not MAJOR, reason="Node.js is not installed"),
]


@pytest.mark.parametrize(
    "code",
    [
        "exports.handler = async (event) => ({ got: event });",
        "exports.handler = (event, context, callback) => callback(null, { got: event });",
        "exports.handler = (event, context) => context.succeed({ got: event });",
        "exports.handler = (event) => Promise.resolve({ got: event });",
    ],
)
async def test_handler_styles(bench: Bench, code: str) -> None:
    spec = bench.spec(code, RUNTIME)
    assert await bench.value(spec, [1]) == {"got": [1]}
    assert await bench.value(spec, "é") == {"got": "é"}


async def test_modules(bench: Bench) -> None:
    esm = {"app.mjs": "import fs from 'fs'; const x = await Promise.resolve(4); export const handler = async () => x;"}
    assert await bench.value(bench.spec(esm, RUNTIME)) == 4
    package = {"package.json": '{"type": "module"}', "src/app.js": "export const handler = async () => 5;"}
    assert await bench.value(bench.spec(package, RUNTIME, handler="src/app.handler")) == 5
    nested = {"app.js": "exports.api = { get: async () => 6 };"}
    assert await bench.value(bench.spec(nested, RUNTIME, handler="app.api.get")) == 6
    layer = bench.tree({"nodejs/node_modules/tool/index.js": "module.exports = 7;"})
    assert await bench.value(bench.spec("exports.handler = async () => require('tool');", RUNTIME, layers=(layer,))) == 7


async def test_callback_waits_for_the_event_loop(bench: Bench) -> None:
    code = """
let n = 0;
exports.handler = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = event;
  setTimeout(() => { n += 1; }, 60);
  callback(null, n);
  global.seen = n;
};
exports.peek = async () => n;
"""
    spec = bench.spec(code, RUNTIME)
    assert await bench.value(spec, True) == 0
    assert await bench.value(spec, True) == 1  # the timer of the first invocation had to run before its answer
    waiting = await bench.call(spec, True)
    quick = await bench.call(spec, False)
    assert waiting.duration_ms >= 55 > quick.duration_ms


async def test_no_answer_is_null(bench: Bench) -> None:
    assert await bench.value(bench.spec("exports.handler = () => { setTimeout(() => {}, 5); };", RUNTIME)) is None


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        ("exports.handler = async () => { throw new TypeError('bad'); };", "TypeError", "bad"),
        ("exports.handler = (e, c, callback) => callback(new RangeError('far'));", "RangeError", "far"),
        ("exports.handler = (e, c, callback) => callback('text');", "string", "text"),
        ("exports.handler = () => { Promise.reject(new Error('boom')); };",
         "Runtime.UnhandledPromiseRejection", "Error: boom"),
        ("exports.handler = () => { setTimeout(() => { throw new Error('later'); }, 1); };", "Error", "later"),
        ("exports.other = 1;", "Runtime.HandlerNotFound", "app.handler is undefined or not exported"),
        ("exports.handler = 1;", "Runtime.HandlerNotFound", "app.handler is not a function"),
        ("exports.handler = (;", "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token ';'"),
        ("exports.handler = async () => 1n;", "Error", "Unable to stringify response body"),
    ],
)  # fmt: skip
async def test_errors(bench: Bench, code: str, kind: str, message: str) -> None:
    document = await bench.error(bench.spec(code, RUNTIME))
    assert (document["errorType"], document["errorMessage"]) == (kind, message)
    assert isinstance(document["trace"], list)


async def test_missing_module(bench: Bench) -> None:
    document = await bench.error(bench.spec("require('nope'); exports.handler = async () => 1;", RUNTIME))
    assert document["errorType"] == "Runtime.ImportModuleError"
    assert document["errorMessage"].startswith("Error: Cannot find module 'nope'\nRequire stack:\n- /var/task/app.js")


async def test_console(bench: Bench) -> None:
    code = "exports.handler = async () => { console.log('a\\nb', {x: 1}); console.error('bad'); };"
    spec = bench.spec(code, RUNTIME)
    await bench.call(spec, request_id="id-1")
    lines = await bench.lines(spec)
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
    assert re.fullmatch(stamp + r"\tid-1\tINFO\ta\nb \{ x: 1 \}\n", lines[2])
    assert re.fullmatch(stamp + r"\tid-1\tERROR\tbad\n", lines[3])


async def test_context(bench: Bench) -> None:
    code = "exports.handler = async (e, c) => ({ ...c, left: c.getRemainingTimeInMillis(), cwd: process.cwd() });"
    spec = bench.spec(code, RUNTIME, timeout_s=4)
    seen = await bench.value(spec, request_id="id-1", client_context='{"custom": {"é": 1}}')
    assert 3000 < seen.pop("left") <= 4000
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", seen.pop("logStreamName"))
    assert seen == {
        "callbackWaitsForEmptyEventLoop": True, "functionVersion": "$LATEST", "functionName": spec.name,
        "memoryLimitInMB": "128", "logGroupName": spec.log_group, "invokedFunctionArn": spec.function_arn,
        "awsRequestId": "id-1", "clientContext": {"custom": {"é": 1}}, "cwd": "/var/task",
    }  # fmt: skip


async def test_response_streaming(bench: Bench) -> None:
    code = """
exports.handler = awslambda.streamifyResponse(async (event, stream, context) => {
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 201 });
  for (let n = 0; n < 3; n++) { stream.write(`part ${n};`); await new Promise((go) => setTimeout(go, 15)); }
  if (event) throw new Error('midway');
  stream.end();
});
"""
    spec = bench.spec(code, RUNTIME)
    outcome = await bench.engine.invoke(spec, b"null", request_id="s1", stream=True)
    assert outcome.status == "ok"
    assert outcome.content_type == "application/vnd.awslambda.http-integration-response"
    assert not isinstance(outcome.payload, bytes)
    arrivals = []
    parts = []
    async for part in outcome.payload:
        parts.append(part)
        arrivals.append(asyncio.get_running_loop().time())
    assert b"".join(parts) == b'{"statusCode":201}' + bytes(8) + b"part 0;part 1;part 2;"
    assert arrivals[-1] - arrivals[0] > 0.025, "the parts came as they were written"
    await outcome.finished()
    broken = await bench.engine.invoke(spec, b"1", request_id="s2", stream=True)
    assert not isinstance(broken.payload, bytes)
    assert len([part async for part in broken.payload]) >= 1
    await broken.finished()
    assert (broken.error, broken.error_type) == ("Unhandled", "Error")
    buffered = await bench.call(spec)
    assert buffered.payload == b'{"statusCode":201}' + bytes(8) + b"part 0;part 1;part 2;"


async def test_node_options_start_a_fresh_process(bench: Bench) -> None:
    files = {"app.js": "exports.handler = async () => global.loaded;", "first.js": "global.loaded = 'first';"}
    spec = bench.spec(files, RUNTIME, environment={"NODE_OPTIONS": "--require /var/task/first.js"})
    assert await bench.value(spec) == "first"


async def test_the_sdk_that_a_function_imports_is_there(bench: Bench) -> None:
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    code = """
import { STSClient } from '@aws-sdk/client-sts';
import { createRequire } from 'module';
export const handler = async () => [
  new STSClient({}).constructor.name, createRequire('/var/task/app.mjs').resolve('@aws-sdk/client-sts'),
];
"""
    spec = bench.spec({"app.mjs": code}, RUNTIME)
    outcome = await bench.call(spec)
    if "Cannot find" in str(outcome.payload):
        pytest.skip("the registry cannot be reached")
    assert isinstance(outcome.payload, bytes)
    name, where = json.loads(outcome.payload)
    assert name == "STSClient"
    assert where.startswith("/var/runtime/node_modules/@aws-sdk/client-sts/")
