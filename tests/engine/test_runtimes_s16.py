"""S16: a `nodejs14.x` function runs on a real Node.js 14, with what the announcement of that runtime tells."""

from __future__ import annotations

import json

import pytest

from fogbank.engine.runtimes import Toolbox
from fogbank.engine.runtimes.node_sdk import install
from fogbank.engine.runtimes.registry import Unobtainable
from fogbank.engine.spec import RuntimeUnavailable
from tests.engine.conftest import Bench

pytestmark = pytest.mark.asyncio(loop_scope="session")
RUNTIME = "nodejs14.x"
FEATURES = """
exports.handler = async (event, context) => {
  const player = { name: 'Roxie', superpower: { value: 'flight' } };
  const seconds = Date.UTC(2021, 1, 20, 3, 23, 16, 738);
  return {
    version: process.version, v8: process.versions.v8, env: process.env.AWS_EXECUTION_ENV,
    nullish: [null ?? 'this works great', 0 ?? 36], chaining: [player?.superpower?.value, player?.weakness?.value],
    date: new Intl.DateTimeFormat('en-US', { timeZone: 'UTC' }).format(seconds),
    arab: new Intl.DateTimeFormat('en-US', { numberingSystem: 'arab', calendar: 'gregory', year: 'numeric' })
      .format(seconds),
    names: new Intl.DisplayNames(['en'], { type: 'region' }).of('UN'),
    path: process.env.NODE_PATH, exec: process.execPath,
  };
};
"""
REPORT = """
exports.handler = async () => {
  const report = process.report.getReport();
  console.log(JSON.stringify(report, null, 2));
  return [typeof report, report.header.nodejsVersion, report.header.event, report.javascriptStack.message];
};
"""
STREAMS = """
const { Readable, pipeline, finished } = require('stream');
const { once } = require('events');
exports.handler = async (event) => {
  const stream = Readable.from(event);
  let text = '';
  for await (const part of stream) text += part;
  const closed = new Readable({ read() {} });
  setImmediate(() => closed.destroy());
  await once(closed, 'close');
  return [text, stream.destroyed, closed.destroyed, finished.length];
};
"""
SDK = """
const AWS = require('aws-sdk');
const ssm = new AWS.SSM({ accessKeyId: 'a', secretAccessKey: 'b' });
exports.handler = async () => [
  AWS.VERSION.split('.')[0], require.resolve('aws-sdk'), ssm.config.region,
  new AWS.DynamoDB.DocumentClient().constructor.name,
];
"""


@pytest.fixture(scope="module")
def node14(bench: Bench) -> Toolbox:
    toolbox = Toolbox(bench.engine.settings.data_dir, obtain=True)
    try:
        toolbox.obtain(RUNTIME)
    except RuntimeUnavailable as missing:
        pytest.skip(str(missing))
    return toolbox


async def test_it_is_node_14(bench: Bench, node14: Toolbox) -> None:
    seen = await bench.value(bench.spec(FEATURES, RUNTIME))
    assert seen.pop("version").startswith("v14.")
    assert seen.pop("v8").startswith("8.")
    assert seen == {
        "env": "AWS_Lambda_nodejs14.x", "nullish": ["this works great", 0], "chaining": ["flight", None],
        "date": "2/20/2021", "arab": "٢٠٢١", "names": "United Nations", "exec": "/var/lang/bin/node",
        "path": "/opt/nodejs/node14/node_modules:/opt/nodejs/node_modules:/var/runtime/node_modules:/var/runtime:/var/task",
    }  # fmt: skip


async def test_diagnostic_report(bench: Bench, node14: Toolbox) -> None:
    spec = bench.spec(REPORT, RUNTIME)
    kind, version, event, message = await bench.value(spec)
    assert (kind, event, message) == ("object", "JavaScript API", "Error [ERR_SYNTHETIC]: JavaScript Callstack")
    assert version.startswith("v14.")
    told = next(line for line in await bench.lines(spec) if "\tINFO\t{" in line)
    assert json.loads(told.partition("\tINFO\t")[2])["header"]["nodejsVersion"] == version


async def test_streams(bench: Bench, node14: Toolbox) -> None:
    assert await bench.value(bench.spec(STREAMS, RUNTIME), ["a", "b"]) == ["ab", True, True, 3]


async def test_handlers_by_callback_and_errors(bench: Bench, node14: Toolbox) -> None:
    code = "exports.handler = (event, context, callback) => callback(event ? new RangeError('far') : null, 'called');"
    spec = bench.spec(code, RUNTIME)
    assert await bench.value(spec) == "called"
    document = await bench.error(spec, True)
    assert (document["errorType"], document["errorMessage"]) == ("RangeError", "far")
    assert document["trace"][0] == "RangeError: far"


async def test_the_sdk_is_version_2(bench: Bench, node14: Toolbox) -> None:
    try:
        install(node14.shelf, "14", ["aws-sdk"])
    except Unobtainable as missing:
        pytest.skip(str(missing))
    version, where, region, client = await bench.value(bench.spec(SDK, RUNTIME, timeout_s=20, memory_mb=512))
    assert (version, region, client) == ("2", "us-east-1", "DocumentClient")
    assert where == "/var/runtime/node_modules/aws-sdk/lib/aws.js"
    for package in ("@aws-sdk/client-s3",):
        missing = await bench.error(bench.spec(f"require('{package}');", RUNTIME))
        assert missing["errorType"] == "Runtime.ImportModuleError"
