"""Input that is wrong, broken off, too large, or meant to do harm."""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused
from tests.services.s3.test_browser import Answer, send
from tests.services.s3.test_checksums import sum_of


@pytest.fixture
def presigned(cloud: CloudUnderTest) -> Callable[..., str]:
    def make(operation: str, **params: Any) -> str:
        client = cloud.client("s3", signature_version="s3v4")
        return str(client.generate_presigned_url(operation, Params=params))

    return make


def signed(cloud: CloudUnderTest, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """A request of one's own making with a right signature."""
    request = AWSRequest(method, f"{cloud.endpoint}{path}", headers, body)
    S3SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
    return send(f"{cloud.endpoint}{path}", method, body, **dict(request.headers.items()))


BOMB = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]>
<Tagging><TagSet><Tag><Key>k</Key><Value>&d;</Value></Tag></TagSet></Tagging>"""
FILE = b"""<?xml version="1.0"?><!DOCTYPE d [<!ENTITY f SYSTEM "file:///etc/passwd">]>
<Tagging><TagSet><Tag><Key>k</Key><Value>&f;</Value></Tag></TagSet></Tagging>"""


@pytest.mark.parametrize("body", [b"", b"not xml", b"<Tagging>", b"<Other/>", BOMB, FILE, b"<a>" * 100_000, b"\xff\xfe<"])
def test_documents_that_are_none(cloud: CloudUnderTest, s3: Any, bucket: str, body: bytes) -> None:
    answer = signed(cloud, "PUT", f"/{bucket}?tagging=", body)
    assert (answer.status, answer.code) == (400, "MalformedXML")
    assert refused(s3.get_bucket_tagging, Bucket=bucket)["Code"] == "NoSuchTagSet"


def test_a_document_that_is_too_large(cloud: CloudUnderTest, bucket: str) -> None:
    answer = signed(cloud, "PUT", f"/{bucket}?tagging=", b"<Tagging>" + b" " * (9 << 20) + b"</Tagging>")
    assert answer.status in (400, 413)


def test_a_body_that_breaks_off(cloud: CloudUnderTest, s3: Any, bucket: str, presigned: Callable[..., str]) -> None:
    parts = urlsplit(presigned("put_object", Bucket=bucket, Key="k"))
    with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
        head = f"PUT {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Length: 5000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 2_000_000)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(10)
        while connection.recv(65536):
            pass
    assert refused(s3.head_object, Bucket=bucket, Key="k")["status"] == 404
    deadline = time.monotonic() + 5
    while left := [path for path in (cloud.data_dir / "blobs" / "new").iterdir()]:
        assert time.monotonic() < deadline, left
        time.sleep(0.02)


def test_a_body_larger_than_s3_takes(bucket: str, presigned: Callable[..., str]) -> None:
    parts = urlsplit(presigned("put_object", Bucket=bucket, Key="k"))
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.putrequest("PUT", f"{parts.path}?{parts.query}", skip_accept_encoding=True)
    connection.putheader("Content-Length", str((5 << 30) + 1))
    connection.putheader("Expect", "100-continue")
    connection.endheaders()
    answer = Answer(connection.getresponse())
    connection.close()
    assert (answer.status, answer.code) == (400, "EntityTooLarge")
    assert b"<MaxSizeAllowed>5368709120</MaxSizeAllowed>" in answer.body


@pytest.mark.parametrize("path", ["%ff", "%c3%28", "a%00%ff"])
def test_keys_that_are_no_text(cloud: CloudUnderTest, s3: Any, bucket: str, path: str) -> None:
    s3.delete_public_access_block(Bucket=bucket)
    answer = send(f"{cloud.endpoint}/{bucket}/{path}")
    assert (answer.status, answer.code) == (400, "InvalidURI")


def test_keys_never_name_files(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    for key in ("../../../etc/passwd", "..", ".", "/etc/passwd", "a/../../b", "blob:../../x", "parts:x"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"z" * 40_000)
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"z" * 40_000
    names = {path.name for path in (cloud.data_dir / "blobs").rglob("*") if path.is_file()}
    assert all(len(name) == 32 and int(name, 16) >= 0 for name in names)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT", "TRACE"])
def test_methods_where_they_do_not_belong(cloud: CloudUnderTest, method: str) -> None:
    answer = send(f"{cloud.endpoint}/", method)
    assert answer.status in (400, 403, 404, 405, 501)


def test_numbers_that_are_none(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    for query in ("max-keys=abc", "max-keys=-1", "max-keys=99999999999999999999"):
        answer = signed(cloud, "GET", f"/{bucket}?list-type=2&{query}")
        assert answer.status == 400
    assert refused(s3.list_objects_v2, Bucket=bucket, MaxKeys=-1)["Code"] == "InvalidArgument"


def chunked(
    cloud: CloudUnderTest, path: str, body: bytes, trailer: str, announced: str = "x-amz-checksum-crc32", extra: int = 0
) -> Answer:
    """A body in unsigned chunks with a trailing header."""
    request = AWSRequest("PUT", f"{cloud.endpoint}{path}", {
        "x-amz-trailer": announced, "x-amz-decoded-content-length": str(len(body) + extra),
        "content-encoding": "aws-chunked",
    })  # fmt: skip
    request.context["checksum"] = {"request_algorithm": {"in": "trailer", "algorithm": "crc32", "name": announced}}
    S3SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
    headers = dict(request.headers.items())
    assert headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    sent = b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(body), body, trailer.encode())
    return send(f"{cloud.endpoint}{path}", "PUT", sent, **headers)


def test_trailing_checksums(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    body = b"trailing" * 8_000
    path = f"/{bucket}/k"
    wrong = chunked(cloud, path, body, "x-amz-checksum-crc32:AAAAAA==")
    assert (wrong.status, wrong.code) == (400, "BadDigest")
    assert wrong.message == "The CRC32 you specified did not match the calculated checksum."
    nonsense = chunked(cloud, path, body, "x-amz-checksum-crc32:nonsense")
    assert nonsense.message == "Value for x-amz-checksum-crc32 header is invalid."
    unknown = chunked(cloud, path, body, "x-amz-checksum-crc9:AAAAAA==", "x-amz-checksum-crc9")
    assert (unknown.status, unknown.code) == (400, "InvalidRequest")
    absent = chunked(cloud, path, body, "")
    assert absent.status == 400
    short = chunked(cloud, path, body, "x-amz-checksum-crc32:AAAAAA==", extra=5)
    assert (short.status, short.code) == (400, "IncompleteBody")
    assert refused(s3.head_object, Bucket=bucket, Key="k")["status"] == 404
    right = chunked(cloud, path, body, f"x-amz-checksum-crc32:{sum_of('CRC32', body)}")
    assert (right.status, right.headers["x-amz-checksum-crc32"]) == (200, sum_of("CRC32", body))
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == body


def test_expires_is_any_text(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    assert signed(cloud, "PUT", f"/{bucket}/k", b"x", Expires="0").status == 200
    assert s3.head_object(Bucket=bucket, Key="k")["ExpiresString"] == "0"


def test_operations_that_are_not_built_say_so(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    error = refused(s3.restore_object, Bucket=bucket, Key="k", RestoreRequest={"Days": 1})
    assert (error["Code"], error["status"]) == ("NotImplemented", 501)
    error = refused(s3.get_object_torrent, Bucket=bucket, Key="k")
    assert error["status"] == 501
