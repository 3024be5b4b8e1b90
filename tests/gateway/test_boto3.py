"""boto3 against a handler of a few lines: what a client really sends, verified and decoded."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import time
import zlib
from pathlib import Path
from typing import Any

import boto3
import botocore.config
import botocore.exceptions
import pytest
import urllib3

from fogbank.gateway import chunked, routing, signature
from fogbank.gateway.tls import Authority
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request, Response
from tests.gateway.conftest import Door, later
from tests.gateway.signing import KEY, SECRET


class SmallS3:
    """PUT keeps, GET gives; every request must be signed."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.trailers: dict[str, str] = {}
        self.requests: list[Request] = []

    async def answer(self, request: Request) -> Response:
        self.requests.append(request)
        try:
            target = routing.locate(request)
            claim = signature.parse(request, "s3")
            if claim is None:
                raise signature.missing("s3")
            signature.verify(claim, request, SECRET, time.time(), "s3")
            if request.method == "PUT":
                stream = chunked.decoded(request, claim)
                data = b"".join([piece async for piece in stream])
                assert stream.length in (None, len(data))
                self.objects[target.path] = data
                self.trailers = stream.trailers  # type: ignore[attr-defined]
                return Response(200, [("etag", f'"{hashlib.md5(data).hexdigest()}"')])
            if target.path not in self.objects:
                raise AwsError("NoSuchKey", "The specified key does not exist.", status=404)
            return Response(200, [], self.objects[target.path])
        except AwsError as error:
            text = f"<Error><Code>{error.code}</Code><Message>{error.message}</Message></Error>"
            return Response(error.status or 400, [("content-type", "application/xml")], text.encode())


def client(door: Door, bundle: Path | None = None, secret: str = SECRET, **config: Any) -> Any:
    scheme = "https" if bundle else "http"
    return boto3.client(
        "s3", endpoint_url=f"{scheme}://localhost:{door.port}", region_name="eu-west-1", aws_access_key_id=KEY,
        aws_secret_access_key=secret, verify=str(bundle) if bundle else None,
        config=botocore.config.Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0}, **config),
    )


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("size", [0, 10, 70_000, 3_000_000])
@pytest.mark.parametrize("file", [False, True])
async def test_put_and_get(door: Door, tmp_path: Path, secure: bool, size: int, file: bool) -> None:
    s3 = SmallS3()
    authority = Authority(tmp_path / "tls")
    await door.open(later(s3.answer), tls=authority.context)
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]

    def work() -> None:
        boto = client(door, authority.ca_bundle() if secure else None)
        key = "dir//a b+c/é~'(1).txt"
        boto.put_object(Bucket="bucket", Key=key, Body=io.BytesIO(data) if file else data, Metadata={"a": "b  c"})
        assert boto.get_object(Bucket="bucket", Key=key)["Body"].read() == data

    await asyncio.to_thread(work)
    if secure:
        expected = base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()
        assert s3.trailers.get("x-amz-checksum-crc32", expected) == expected
        sent = s3.requests[0].headers
        assert sent["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    assert s3.requests[0].headers["x-amz-meta-a"] == "b  c"


async def test_wrong_secret(door: Door) -> None:
    await door.open(later(SmallS3().answer))

    def work() -> None:
        with pytest.raises(botocore.exceptions.ClientError, match="SignatureDoesNotMatch"):
            client(door, secret="wrong").put_object(Bucket="bucket", Key="k", Body=b"x" * 100_000)

    await asyncio.to_thread(work)


@pytest.mark.parametrize("version", ["s3", "s3v4"])
async def test_presigned_urls(door: Door, version: str) -> None:
    s3 = SmallS3()
    await door.open(later(s3.answer))

    def work() -> None:
        boto = client(door, signature_version=version)
        params = {"Bucket": "bucket", "Key": "a b/c+d"}
        with urllib3.PoolManager() as pool:
            put = boto.generate_presigned_url("put_object", params, ExpiresIn=60)
            assert pool.request("PUT", put, body=b"hello" * 20_000, headers={"Content-Type": ""}).status == 200
            get = boto.generate_presigned_url("get_object", {**params, "ResponseContentType": "text/x"}, ExpiresIn=60)
            assert pool.request("GET", get).data == b"hello" * 20_000
            answer = pool.request("GET", get.replace("text", "html"))
            assert answer.status == 403 and b"SignatureDoesNotMatch" in answer.data

    await asyncio.to_thread(work)
