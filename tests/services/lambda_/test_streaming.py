"""Response streams through boto3."""

from __future__ import annotations

import json

from tests.cloud import CloudUnderTest
from tests.services.lambda_.helpers import create, package

STREAMS = """
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  for (let i = 0; i < event.n; i++) stream.write("x".repeat(event.size));
  if (event.fail) throw new Error("half way");
  stream.end();
});
"""


def stream(cloud: CloudUnderTest, name: str, event: object) -> tuple[bytes, dict[str, str]]:
    """The whole payload, and how it was completed."""
    answer = cloud.client("lambda").invoke_with_response_stream(FunctionName=name, Payload=json.dumps(event).encode())
    chunks, complete = b"", None
    for part in answer["EventStream"]:
        chunks += part.get("PayloadChunk", {}).get("Payload", b"")
        complete = part.get("InvokeComplete", complete)
    assert complete is not None
    return chunks, complete


def test_more_than_a_buffered_answer_may_hold(cloud: CloudUnderTest) -> None:
    create(cloud, "streams", Runtime="nodejs20.x", Code={"ZipFile": package(STREAMS, "app.js")}, MemorySize=512)
    chunks, complete = stream(cloud, "streams", {"n": 8, "size": 1 << 20})
    assert chunks == b"x" * (8 << 20)
    assert "ErrorCode" not in complete


def test_a_function_that_does_not_stream_answers_whole(cloud: CloudUnderTest) -> None:
    create(cloud, "whole")
    assert stream(cloud, "whole", {"a": 1})[0] == b'{"a": 1}'


def test_errors_end_the_stream(cloud: CloudUnderTest) -> None:
    create(cloud, "raises", "def handler(e, c): raise ValueError('no')\n")
    chunks, complete = stream(cloud, "raises", {})
    assert chunks == b""
    assert complete["ErrorCode"] == "Unhandled"
    assert json.loads(complete["ErrorDetails"])["errorType"] == "ValueError"
