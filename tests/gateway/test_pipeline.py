"""The pipeline itself, with services made for the purpose: what is held in memory, what ends when, what is told."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import uuid
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any

import botocore.auth
import pytest
import pytest_asyncio
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from fogbank import registry
from fogbank.api import AwsError, Context, Response, Service
from fogbank.api.cloud import Settings
from fogbank.app import Platform
from fogbank.gateway import bodies, body_limits
from fogbank.iam.principal import root
from fogbank.iam.records import AccessKey
from fogbank.kit import ids
from fogbank.store import Store
from fogbank.store.errors import StoreFailed
from fogbank.store.pending import Pending
from fogbank.wire import Codecs
from fogbank.wire.messages import Request
from tests.gateway import signing
from tests.gateway.conftest import Client

ACCOUNT = "111122223333"


class Stream:
    """A body that counts how much of it is read."""

    def __init__(self, size: int, *, stated: bool = True, piece: bytes = b"x" * 65536) -> None:
        self.length = size if stated else None
        self.taken = 0
        self._size = size
        self._piece = piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while self.taken < self._size:
            piece = self._piece[: self._size - self.taken]
            self.taken += len(piece)
            yield piece

    async def read(self, limit: int) -> bytes:
        return await bodies.read_all(self, limit)


@pytest_asyncio.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    store = await Store.open(tmp_path / "data")
    found = Platform(Settings(tmp_path / "data"), store, Codecs(tmp_path / "data" / "cache"))
    await store.transact(lambda tx: tx.put(AccessKey(
        access_key_id=signing.KEY, account=ACCOUNT, user_id="", secret=signing.SECRET, created=0.0)))
    try:
        yield found
    finally:
        await found.pipeline.stop()
        await store.close()


def offer(platform: Platform, monkeypatch: pytest.MonkeyPatch, name: str) -> Service:
    """An empty service of that name, to be filled by the test."""
    service = Service(name)
    monkeypatch.setitem(registry.SERVICES, name, "tests")
    platform.registry.loaded[name] = service
    return service


async def ask(platform: Platform, request: Request) -> Response:
    answers: asyncio.Queue[Response] = asyncio.Queue()
    platform.pipeline.handle(request, answers.put_nowait)
    return await asyncio.wait_for(answers.get(), 10)


def call(service: str, target: str, params: dict[str, Any], **more: Any) -> Request:
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
    body = json.dumps(params).encode()
    return signing.signed("POST", "http://localhost:4566/", service=service, headers=headers, body=body, **more)


# --- who leaves


@pytest.mark.parametrize("long_poll", [True, False])
async def test_only_a_long_poll_ends_when_its_caller_leaves(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, long_poll: bool
) -> None:
    service = offer(platform, monkeypatch, "sqs")
    begun, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Queue[str]()

    @service.operation(long_poll=long_poll)
    async def receive_message(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
        begun.set()
        try:
            await go_on.wait()
        except asyncio.CancelledError:
            ended.put_nowait("cancelled")
            raise
        ended.put_nowait("done")
        return {}

    port = await platform.listener.listen("127.0.0.1", 0)
    try:
        request = call("sqs", "AmazonSQS.ReceiveMessage", {"QueueUrl": "http://q"})
        head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items() if name != "content-length")
        body = bytes(request.body)  # type: ignore[arg-type]
        client = Client(*await asyncio.open_connection("127.0.0.1", port))
        await client.send(f"POST / HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await asyncio.wait_for(begun.wait(), 5)
        await client.close()
        if long_poll:
            assert await asyncio.wait_for(ended.get(), 5) == "cancelled"
        else:
            for _ in range(20):  # the connection's end is known by now
                await asyncio.sleep(0.005)
            assert ended.empty()
            go_on.set()
            assert await asyncio.wait_for(ended.get(), 5) == "done"
    finally:
        await platform.listener.stop(0.1)


# --- who may have what held in memory


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize(("headers", "status"), [
    ({"x-amz-target": "AmazonSSM.PutParameter", "content-type": "application/x-amz-json-1.1"}, 400),
    ({"content-type": "application/x-www-form-urlencoded", "host": "sts.amazonaws.com"}, 413),
    ({"host": "iam.amazonaws.com"}, 413),
])
async def test_a_caller_who_does_not_sign_has_little_held(
    platform: Platform, headers: dict[str, str], status: int, stated: bool
) -> None:
    body = Stream(70 << 20, stated=stated)
    answer = await ask(platform, Request("POST", "/", "", {"host": "localhost:4566", **headers}, body))
    assert answer.status == status
    assert body.taken <= body_limits.UNSIGNED + 65536


async def test_a_key_that_nobody_has_gets_nothing_held(platform: Platform) -> None:
    body = Stream(70 << 20)
    request = signing.signed("POST", "http://localhost:4566/2015-03-31/functions", service="lambda")
    request.headers["authorization"] = request.headers["authorization"].replace(signing.KEY, "AKIANOBODY0000000000")
    request.body = body
    answer = await ask(platform, request)
    assert (answer.status, body.taken) == (403, 0)
    assert b"security token included in the request is invalid" in bytes(answer.body)  # type: ignore[arg-type]


async def test_lambda_says_how_large_a_request_may_be(platform: Platform) -> None:
    request = signing.signed("POST", "http://localhost:4566/2015-03-31/functions", service="lambda")
    request.body = body = Stream(70_167_212)
    answer = await ask(platform, request)
    assert (answer.status, body.taken) == (413, 0)
    said = json.loads(bytes(answer.body))  # type: ignore[arg-type]
    assert said["message" if "message" in said else "Message"] == (
        "Request must be smaller than 70167211 bytes for the CreateFunction operation"
    )
    codes = [value for name, value in answer.headers if name.lower() == "x-amzn-errortype"]
    assert codes == ["RequestEntityTooLargeException"]


async def test_a_gathered_body_in_signed_chunks_is_unpacked(platform: Platform) -> None:
    """Some SDKs send even S3's configurations in `aws-chunked` framing."""
    admin = platform.context("s3", ACCOUNT, "us-east-1", root(ACCOUNT))
    await admin.call_async("s3", "CreateBucket", {"Bucket": "framed"})
    xml = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    checksum = base64.b64encode(zlib.crc32(xml).to_bytes(4)).decode()
    framed = f"{len(xml):x}\r\n{xml.decode()}\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n".encode()
    unsigned = AWSRequest("PUT", "http://localhost:4566/framed?versioning", {
        "content-encoding": "aws-chunked", "x-amz-decoded-content-length": str(len(xml)),
        "x-amz-trailer": "x-amz-checksum-crc32"}, framed)
    unsigned.context["checksum"] = {"request_algorithm": {"in": "trailer"}}
    botocore.auth.S3SigV4Auth(Credentials(signing.KEY, signing.SECRET), "s3", "us-east-1").add_auth(unsigned)
    assert unsigned.headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    request = signing.received("PUT", "http://localhost:4566/framed?versioning", dict(unsigned.headers), framed)
    answer = await ask(platform, request)
    assert answer.status == 200, answer.body
    assert (await admin.call_async("s3", "GetBucketVersioning", {"Bucket": "framed"}))["Status"] == "Enabled"


# --- data planes


async def test_a_large_body_is_gathered_where_an_address_asks_who_signed(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = offer(platform, monkeypatch, "apigateway")

    @service.endpoint("execute-api")
    async def serve(ctx: Context, request: Request) -> Response:
        signer = await ctx.transact(lambda c: c.cloud.signer(c, request))
        return Response(200, [], f"{signer.account} {len(bytes(request.body))}".encode())  # type: ignore[arg-type]

    whole = b"y" * 300_000
    url = "http://localhost:4566/_aws/execute-api/abc/prod/x"
    request = signing.signed("POST", url, service="execute-api", body=whole)
    request.body = Stream(len(whole), piece=b"y" * 65536)
    answer = await ask(platform, request)
    assert answer.body == f"{ACCOUNT} {len(whole)}".encode()
    assert "x-amzn-requestid" in dict(answer.headers)

    forged = signing.signed("POST", url, service="execute-api", body=whole)
    forged.body = Stream(len(whole), piece=b"z" * 65536)
    answer = await ask(platform, forged)
    assert answer.status == 403

    endless = signing.signed("POST", url, service="execute-api", body=whole)
    endless.body = body = Stream(64 << 20, stated=False)
    assert (await ask(platform, endless)).status == 413
    assert body.taken <= body_limits.DATA_PLANE + 65536


# --- errors


async def test_a_surprise_is_logged_and_told_in_the_callers_protocol(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
        raise ZeroDivisionError("the secret reason")

    for name, operation in (("ssm", "DescribeParameters"), ("iam", "ListUsers"), ("lambda", "ListFunctions")):
        monkeypatch.setattr(platform.service(name).operations[operation], "handler", fail)
    query = signing.signed("POST", "http://localhost:4566/", service="iam", body=b"Action=ListUsers&Version=2010-05-08")
    asked = [
        (call("ssm", "AmazonSSM.DescribeParameters", {}), "InternalFailure"),
        (query, "<Code>InternalFailure</Code>"),
        (signing.signed("GET", "http://localhost:4566/2015-03-31/functions/", service="lambda"), "internal error"),
    ]
    for request, expected in asked:
        caplog.clear()
        with caplog.at_level(logging.ERROR):
            answer = await ask(platform, request)
        assert answer.status == 500
        said = bytes(answer.body).decode()  # type: ignore[arg-type]
        assert expected in said
        assert "secret reason" not in said
        request_id = next(value for name, value in answer.headers if name.lower() == "x-amzn-requestid")
        assert request_id in caplog.text
        assert "ZeroDivisionError" in caplog.text


async def test_an_output_that_cannot_be_told_is_a_500_and_not_a_hanging_client(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = offer(platform, monkeypatch, "sqs")

    @service.operation
    async def receive_message(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
        return {"Messages": object()}

    @service.operation
    def list_queues(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
        error = AwsError("Broken", "x")
        error.headers = None  # type: ignore[assignment]
        raise error

    for target, params in (("ReceiveMessage", {"QueueUrl": "http://q"}), ("ListQueues", {})):
        assert (await ask(platform, call("sqs", f"AmazonSQS.{target}", params))).status == 500


async def test_what_does_not_reach_the_disk_is_not_acknowledged(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = platform.store.run
    pending = Pending()
    monkeypatch.setattr(platform.store, "run", lambda fn: (run(fn)[0], pending))
    answers: list[Response] = []
    request = call("ssm", "AmazonSSM.PutParameter", {"Name": "a", "Value": "b", "Type": "String"})
    platform.pipeline.handle(request, answers.append)
    assert answers == []
    pending.settle(StoreFailed(OSError("no space")))
    assert answers[0].status == 503
    assert b"no space" in bytes(answers[0].body)  # type: ignore[arg-type]


async def test_an_error_waits_for_the_disk_too(platform: Platform) -> None:
    """It tells that the parameter exists: after a crash that must still be so."""
    answers: list[Response] = []
    params = {"Name": "a", "Value": "b", "Type": "String"}
    for _ in range(2):
        platform.pipeline.handle(call("ssm", "AmazonSSM.PutParameter", params), answers.append)
    assert answers == []
    while len(answers) < 2:
        await asyncio.sleep(0.001)
    assert [a.status for a in answers] == [200, 400]
    assert b"ParameterAlreadyExists" in bytes(answers[1].body)  # type: ignore[arg-type]


@pytest.mark.parametrize("request_", [
    Request("GET", "/_fogbank/health", "", {"host": "localhost"}),
    Request("GET", "/_fogbank/nothing", "", {"host": "localhost"}, peer="127.0.0.1"),
    Request("POST", "/_fogbank/health", "", {"host": "localhost"}),
    Request("GET", "/_aws/execute-api/none/prod/", "", {"host": "localhost"}),
    Request("GET", "/", "", {"host": "localhost"}),
    Request("HEAD", "/no-such-bucket", "", {"host": "localhost"}),
    Request("POST", "/", "", {"host": "nosuchservice.amazonaws.com"}),
    Request("POST", "/", "", {"host": "sqs.amazonaws.com", "x-amz-target": "AmazonSQS.Nonsense"}),
])
async def test_every_answer_has_a_request_id(platform: Platform, request_: Request) -> None:
    answer = await ask(platform, request_)
    names = {name.lower() for name, _ in answer.headers}
    assert names & {"x-amzn-requestid", "x-amz-request-id"}


async def test_an_error_on_head_has_no_body(platform: Platform) -> None:
    for path in ("/no-such-bucket", "/b/k?uploads"):
        bare, _, query = path.partition("?")
        answer = await ask(platform, Request("HEAD", bare, query, {"host": "localhost"}))
        assert (answer.status >= 400, answer.body) == (True, b"")


# --- from inside


async def test_a_call_does_not_share_its_parameters(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    service = offer(platform, monkeypatch, "sqs")

    @service.operation
    def tag_queue(ctx: Context, req: dict[str, Any]) -> None:
        req["Tags"]["mine"] = "x"
        req["QueueUrl"] = "changed"

    params = {"QueueUrl": "http://q", "Tags": {"a": "b"}}
    ctx = platform.context("lambda", ACCOUNT, "us-east-1", root(ACCOUNT))
    await ctx.call_async("sqs", "TagQueue", params)
    await ctx.transact(lambda c: c.call("sqs", "TagQueue", params))
    assert params == {"QueueUrl": "http://q", "Tags": {"a": "b"}}


async def test_a_key_that_is_taken_away_ends_at_once(platform: Platform) -> None:
    """Holders of keys are remembered, but not longer than their records stay as they are."""
    def read() -> Request:
        return call("ssm", "AmazonSSM.DescribeParameters", {})

    assert [(await ask(platform, read())).status for _ in range(2)] == [200, 200]
    key = await platform.store.transact(lambda tx: tx.get(AccessKey, signing.KEY))
    assert key is not None
    key.status = "Inactive"
    await platform.store.transact(lambda tx: tx.put(key))
    answer = await ask(platform, read())
    assert (answer.status, b"UnrecognizedClient" in bytes(answer.body)) == (400, True)  # type: ignore[arg-type]
    key.status = "Active"
    await platform.store.transact(lambda tx: tx.put(key))
    assert (await ask(platform, read())).status == 200
    await platform.store.transact(lambda tx: tx.delete(AccessKey, signing.KEY))
    assert (await ask(platform, read())).status == 400


def test_request_ids_are_uuids_of_version_4() -> None:
    made = ids.RequestIds(Random(7))
    found = [made.next() for _ in range(1000)]
    assert len(set(found)) == 1000
    assert all(str(uuid.UUID(text, version=4)) == text for text in found)


@pytest.mark.parametrize(("peer", "origin", "status"), [
    ("127.0.0.1", None, 200), ("::1", None, 200), ("192.0.2.7", None, 403), ("", None, 403),
    ("127.0.0.1", "arn:aws:lambda:us-east-1:000000000000:function:f", 403),
])
async def test_what_the_cloud_knows_of_its_callers_is_for_its_operator(
    platform: Platform, peer: str, origin: str | None, status: int
) -> None:
    request = Request("GET", "/_fogbank/iam/decisions", "", {"host": "localhost"}, peer=peer, origin=origin)
    assert (await ask(platform, request)).status == status


async def test_a_body_that_is_not_streamed_may_still_be_large(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pieces, as the connection gives it; the signature is proved over all of it."""
    service = offer(platform, monkeypatch, "sqs")

    @service.operation
    def send_message(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
        return {"MessageId": str(len(req["MessageBody"]))}

    for forged in (False, True):
        request = call("sqs", "AmazonSQS.SendMessage", {"QueueUrl": "http://q", "MessageBody": "x" * 500_000})
        whole = bytes(request.body)  # type: ignore[arg-type]
        request.body = Stream(len(whole), piece=whole[:-1] + b" " if forged else whole)
        answer = await ask(platform, request)
        assert answer.status == (400 if forged else 200)
        assert (b"500000" in bytes(answer.body)) != forged  # type: ignore[arg-type]
