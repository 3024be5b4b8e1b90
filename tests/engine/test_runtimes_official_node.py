"""Our Node.js runtime beside AWS's own runtime interface client: the same function, the same answers.

The official client runs as a custom runtime in the same sandbox; `make tools` puts it at `.tools/ric-node`. Its part in C++,
which only posts and gets, is replaced here: building it takes tools that a machine may lack.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from fogbank.engine.spec import FunctionSpec, Outcome
from tests.engine.conftest import Bench

RIC = Path(__file__).parent.parent.parent / ".tools" / "ric-node" / "node_modules" / "aws-lambda-ric" / "dist" / "index.mjs"
NODE = shutil.which("node") or ""
pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.skipif(not RIC.is_file(), reason="`make tools` has not put the official client there"),
    pytest.mark.skipif(not NODE.startswith("/usr/"), reason="the sandbox of a custom runtime sees no Node.js"),
]
BOOTSTRAP = f"""#!/bin/sh
export AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1=true NODE_PATH=/var/task
exec {NODE} --require /opt/native.cjs /opt/start.mjs "$_HANDLER"
"""
NATIVE = """
const { spawnSync } = require('child_process');
const POST = `
  const [path, body, type, cause] = JSON.parse(require('fs').readFileSync(0));
  const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':');
  const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) };
  if (type) headers['Lambda-Runtime-Function-Error-Type'] = type;
  require('http').request({ host, port, method: 'POST', path, headers }, (reply) => reply.resume()).end(body);
`;
const post = (...values) => spawnSync(process.execPath, ['-e', POST], { input: JSON.stringify(values) });
const path = (id, what) => `/2018-06-01/runtime/invocation/${id}/${what}`;
require('module')._extensions['.node'] = (module) => {
  module.exports = {
    initializeClient() {},
    done: (id, body) => post(path(id, 'response'), body),
    error: (id, body, cause) => post(path(id, 'error'), body, JSON.parse(body).errorType, cause),
  };
};
"""
START = "import { run } from './dist/index.mjs';\nawait run(process.cwd(), process.argv[2]);\n"
CODE = """
class Own extends Error { constructor(m) { super(m); this.name = 'Own'; this.code = 4; } }
exports.echo = async (event) => event;
exports.nothing = async () => {};
exports.callback = (event, context, callback) => callback(null, { got: event });
exports.succeed = (event, context) => context.succeed({ got: event });
exports.done = (event, context) => context.done(null, 'done');
exports.fail = (event, context) => context.fail(new Own('by fail'));
exports.failText = (event, context) => context.fail('text');
exports.doneText = (event, context) => context.done('an error');
exports.odd = async () => ({ date: new Date(0), undef: undefined, nan: NaN, map: new Map([[1, 2]]), toJSON: undefined });
exports.text = async () => 'é\\u2028';
exports.throws = async () => { throw new Own('mes"sage\\n2'); };
exports.throwsAtOnce = () => { throw new TypeError('at once'); };
exports.throwsText = async () => { throw 'text'; };
exports.throwsNumber = async () => { throw 4; };
exports.throwsObject = async () => { throw { name: 'N', message: 'M', stack: 'S' }; };
exports.throwsPlain = async () => { throw { a: 1 }; };
exports.throwsNull = async () => { throw null; };
exports.callbackError = (event, context, callback) => callback(new RangeError('far'));
exports.callbackText = (event, context, callback) => callback('text');
exports.bigint = async () => 1n;
exports.cycle = async () => { const a = {}; a.a = a; return a; };
exports.rejected = () => { Promise.reject(new Error('boom')); setTimeout(() => {}, 500); };
exports.rejectedText = () => { Promise.reject('boom'); setTimeout(() => {}, 500); };
exports.later = () => { setTimeout(() => { throw new Own('later'); }, 1); };
exports.empty = () => { setTimeout(() => {}, 5); };
exports.exits = () => process.exit(3);
exports.notAFunction = 4;
exports.nested = { deep: { handler: async () => 'nested' } };
exports.contextOf = async (event, context) => ({
  keys: Object.keys(context).sort(), id: context.awsRequestId, arn: context.invokedFunctionArn, name: context.functionName,
  version: context.functionVersion, memory: context.memoryLimitInMB, group: context.logGroupName,
  client: context.clientContext, identity: context.identity, waits: context.callbackWaitsForEmptyEventLoop,
  left: typeof context.getRemainingTimeInMillis(), trace: process.env._X_AMZN_TRACE_ID, tenant: context.tenantId,
});
"""


@pytest.fixture(scope="module")
def layer(bench: Bench) -> Path:
    return bench.tree({"native.cjs": NATIVE, "start.mjs": START, "dist/index.mjs": RIC.read_text(),
                       "dist/rapid-client.node": ""})  # fmt: skip


def _ours() -> str:
    told = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout
    return f"nodejs{told[1:].split('.')[0]}.x"


def told(outcome: Outcome) -> tuple[Any, ...]:
    assert isinstance(outcome.payload, bytes)
    document: Any = json.loads(outcome.payload)
    if outcome.status == "function_error" and "trace" in document:
        # What is above the function is each client's own.
        document["trace"] = [line for line in document["trace"] if "    at " not in line or "/var/task/" in line]
    text = json.dumps(document)
    for own in (r"- /var/runtime/_fogbank/[\w/.]*", r"- /opt/dist/index.mjs"):
        text = re.sub(rf'(\\n{own})+|, "{own}"', "", text)
    document = json.loads(text)
    return outcome.status, outcome.error, outcome.error_type, document


async def same(bench: Bench, layer: Path, handler: str, event: Any = None, **options: Any) -> tuple[Any, ...]:
    files = {"app.js": CODE, "bootstrap": BOOTSTRAP, **options.pop("files", {})}
    ours: FunctionSpec = bench.spec(files, _ours(), handler=handler, name="same", memory_mb=256)
    theirs = bench.spec(files, "provided.al2023", handler=handler, name="same", memory_mb=256, layers=(layer,))
    options.setdefault("request_id", "the-id")
    mine = told(await bench.call(ours, event, **options))
    official = told(await bench.call(theirs, event, **options))
    assert mine == official
    return mine


ANSWERS = ("echo", "nothing", "callback", "succeed", "done", "odd", "text", "empty", "nested.deep.handler")
ERRORS = (
    "fail failText doneText throws throwsAtOnce throwsText throwsNumber throwsObject throwsPlain throwsNull callbackError"
    " callbackText bigint cycle rejected rejectedText later exits notAFunction missing"
).split()


@pytest.mark.parametrize("handler", ANSWERS)
async def test_answers(bench: Bench, layer: Path, handler: str) -> None:
    status, *_ = await same(bench, layer, f"app.{handler}", {"text": "é", "list": [1, None]})
    assert status == "ok"


@pytest.mark.parametrize("handler", ERRORS)
async def test_errors(bench: Bench, layer: Path, handler: str) -> None:
    status, *_ = await same(bench, layer, f"app.{handler}")
    assert status == "function_error"


@pytest.mark.parametrize(
    "handler", ["nofile.handler", "handler", "../app.echo", "broken.handler", "failing.handler", "importing.x"]
)
async def test_what_cannot_be_loaded(bench: Bench, layer: Path, handler: str) -> None:
    files = {
        "broken.js": "exports.handler = (;", "failing.js": "throw new RangeError('no start');",
        "importing.js": "require('nope')",
    }  # fmt: skip
    status, *_ = await same(bench, layer, handler, files=files)
    assert status == "function_error"


@pytest.mark.parametrize(
    "options",
    [
        {}, {"client_context": '{"custom": {"k": "v"}}', "identity": '{"cognitoIdentityId": "id", "cognitoIdentityPoolId": "p"}'},
        {"client_context": "{}"}, {"tenant_id": "blue"},
    ],
)  # fmt: skip
async def test_context(bench: Bench, layer: Path, options: dict[str, str]) -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    *_, answer = await same(bench, layer, "app.contextOf", trace_id=trace, **options)
    assert answer["trace"] == trace
