"""What browsers do: presigned addresses, forms, cross-origin requests."""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused


class Answer:
    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()
        self.code = self._element("Code")
        self.message = self._element("Message")

    def _element(self, name: str) -> str:
        match = re.search(f"<{name}>(.*?)</{name}>", self.body.decode(errors="replace"), re.DOTALL)
        return match[1].replace("&quot;", '"').replace("&#34;", '"').replace("&apos;", "'") if match else ""


def send(url: str, method: str = "GET", body: bytes = b"", **headers: str) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return Answer(connection.getresponse())
    finally:
        connection.close()


# Presigned addresses.


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_presigned_addresses(cloud: CloudUnderTest, bucket: str, version: str) -> None:
    s3 = cloud.client("s3", signature_version=version)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b/ü"})
    assert send(put, "PUT", b"uploaded").status == 200
    got = send(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b/ü"}))
    assert (got.status, got.body) == (200, b"uploaded")
    named = {"Bucket": bucket, "Key": "a b/ü", "ResponseContentDisposition": "attachment"}
    got = send(s3.generate_presigned_url("get_object", Params=named))
    assert got.headers["content-disposition"] == "attachment"
    head = send(s3.generate_presigned_url("head_object", Params={"Bucket": bucket, "Key": "a b/ü"}), "HEAD")
    assert (head.status, head.headers["content-length"], head.body) == (200, "8", b"")
    broken = send(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "other"}).replace("other", "a"))
    assert (broken.status, broken.code) == (403, "SignatureDoesNotMatch")


def test_an_address_that_has_expired(
    cloud: CloudUnderTest, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_hour_ago = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=1)
    monkeypatch.setattr("botocore.crt.auth.get_current_datetime", lambda *_, **__: an_hour_ago)
    s3 = cloud.client("s3", signature_version="s3v4")
    late = send(s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=60))
    assert (late.status, late.code, late.message) == (403, "AccessDenied", "Request has expired")


# Forms.


def form(fields: dict[str, str], content: bytes | None, filename: str = "f.txt") -> tuple[bytes, str]:
    mark = "----mark"
    text = "".join(
        f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    body = text.encode()
    if content is not None:
        head = f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        body += head.encode() + b"Content-Type: text/plain\r\n\r\n" + content + b"\r\n"
    return body + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


def post(url: str, fields: dict[str, str], content: bytes | None = b"content", **more: str) -> Answer:
    body, kind = form(fields, content, **more)
    return send(url, "POST", body, Content_Type=kind)


@pytest.fixture
def signed(cloud: CloudUnderTest, bucket: str) -> Callable[..., dict[str, Any]]:
    def make(key: str = "k", version: str = "s3v4", **params: Any) -> dict[str, Any]:
        client = cloud.client("s3", signature_version=version)
        return dict(client.generate_presigned_post(bucket, key, **params))

    return make


@pytest.mark.parametrize("version", ["s3v4", "s3"])
@pytest.mark.parametrize("content", [b"", b"content", b"\r\n--not the mark\r\n" * 9000])
def test_a_form(s3: Any, bucket: str, signed: Callable[..., Any], version: str, content: bytes) -> None:
    made = signed("in/${filename}", version)
    answer = post(made["url"], made["fields"], content, filename="C:\\up\\name.txt")
    assert (answer.status, answer.body) == (204, b"")
    got = s3.get_object(Bucket=bucket, Key="in/name.txt", ChecksumMode="ENABLED")
    assert got["Body"].read() == content
    assert answer.headers["etag"] == got["ETag"]
    assert answer.headers["location"].endswith(f"/{bucket}/in%2Fname.txt")
    assert "ChecksumCRC64NVME" in got


def test_what_a_form_can_say(s3: Any, bucket: str, signed: Callable[..., Any]) -> None:
    fields = {
        "Content-Type": "text/plain", "x-amz-meta-one": "1", "x-amz-storage-class": "STANDARD_IA",
        "success_action_status": "201", "Cache-Control": "no-store",
        "tagging": "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>",
    }  # fmt: skip
    made = signed(Fields=fields, Conditions=[{name: value} for name, value in fields.items()])
    answer = post(made["url"], made["fields"])
    assert answer.status == 201
    assert re.search(rb"<PostResponse.*<Bucket>.*</Bucket><Key>k</Key><ETag>", answer.body, re.DOTALL)
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentType"], head["Metadata"], head["StorageClass"]) == ("text/plain", {"one": "1"}, "STANDARD_IA")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == [{"Key": "a", "Value": "b"}]
    redirect = {"success_action_redirect": "http://localhost.test/done?x=1"}
    made = signed(Fields=redirect, Conditions=[redirect])
    answer = post(made["url"], made["fields"])
    assert answer.status == 303
    assert answer.headers["location"].startswith(f"http://localhost.test/done?x=1&bucket={bucket}&key=k&etag=%22")


def test_forms_that_break_their_policy(s3: Any, bucket: str, signed: Callable[..., Any]) -> None:
    made = signed(Conditions=[["content-length-range", 5, 10]])
    big = post(made["url"], made["fields"], b"a" * 12)
    assert (big.status, big.code, big.message) == (
        400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size",
    )  # fmt: skip
    assert b"<ProposedSize>12</ProposedSize>" in big.body
    small = post(made["url"], made["fields"], b"a")
    assert (small.code, b"<MinSizeAllowed>5</MinSizeAllowed>" in small.body) == ("EntityTooSmall", True)
    huge = post(made["url"], made["fields"], b"a" * 3_000_000)
    assert huge.code == "EntityTooLarge"
    made = signed(Fields={"success_action_redirect": "http://localhost.test"},
                  Conditions=[["eq", "$success_action_redirect", "http://localhost.test/random"]])  # fmt: skip
    wrong = post(made["url"], made["fields"])
    assert (wrong.status, wrong.message) == (403, (
        "Invalid according to Policy: Policy Condition failed: "
        '["eq", "$success_action_redirect", "http://localhost.test/random"]'
    ))  # fmt: skip
    made = signed()
    extra = post(made["url"], {**made["fields"], "x-amz-meta-more": "1"})
    assert extra.message == "Invalid according to Policy: Extra input fields: x-amz-meta-more"
    late = signed(ExpiresIn=-10)
    assert post(late["url"], late["fields"]).message == "Invalid according to Policy: Policy expired."
    assert refused(s3.head_object, Bucket=bucket, Key="k")["status"] == 404


def test_forms_that_are_not_signed_right(s3: Any, bucket: str, signed: Callable[..., Any]) -> None:
    made = signed()
    changed = {**made["fields"], "policy": base64.b64encode(b'{"expiration": "2100-01-01", "conditions": []}').decode()}
    assert post(made["url"], changed).code == "SignatureDoesNotMatch"
    without = {name: value for name, value in made["fields"].items() if name != "x-amz-signature"}
    answer = post(made["url"], without)
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert answer.message.startswith("Bucket POST must contain a field named 'X-Amz-Signature'.")
    policy = {name: made["fields"][name] for name in ("key", "policy")}
    assert (post(made["url"], policy).status, post(made["url"], {"key": "k"}).code) == (403, "AccessDenied")
    assert post(made["url"], made["fields"], None).message == "POST requires exactly one file upload per request."
    kind = send(made["url"], "POST", b"key=k", Content_Type="application/x-www-form-urlencoded")
    assert (kind.status, kind.code) == (412, "PreconditionFailed")
    broken = send(made["url"], "POST", b"nothing like it", Content_Type="multipart/form-data; boundary=x")
    assert (broken.status, broken.code) == (400, "MalformedPOSTRequest")
    body, kind_ = form(made["fields"], b"cut")
    cut = send(made["url"], "POST", body[:-10], Content_Type=kind_)
    assert (cut.status, cut.code) == (400, "IncompleteBody")
    long = post(made["url"], {**made["fields"], "x-ignore-me": "a" * 30_000})
    assert long.code == "MaxPostPreDataLengthExceeded"


def test_a_form_of_someone_without_rights(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="former")
    key = iam.create_access_key(UserName="former")["AccessKey"]
    former = cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"], signature_version="s3v4")
    made = former.generate_presigned_post(bucket, "k")
    assert post(made["url"], made["fields"]).status == 403
    policy = {"Statement": {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}, "Version": "2012-10-17"}
    iam.put_user_policy(UserName="former", PolicyName="p", PolicyDocument=json.dumps(policy))
    assert post(made["url"], made["fields"]).status == 204


# Cross-origin requests.

ORIGIN = "https://app.example"
FORBIDDEN = "CORSResponse: This CORS request is not allowed."


@pytest.fixture
def shared(cloud: CloudUnderTest, s3: Any, new_bucket: Callable[..., str]) -> str:
    bucket = new_bucket(open_=True)
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [
        {"AllowedOrigins": [ORIGIN, "https://*.wild.example"], "AllowedMethods": ["GET", "PUT"], "MaxAgeSeconds": 3000,
         "AllowedHeaders": ["x-amz-*"], "ExposeHeaders": ["etag"]},
        {"AllowedOrigins": ["*"], "AllowedMethods": ["HEAD"]},
    ]})  # fmt: skip
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    return f"{cloud.endpoint}/{bucket}"


def test_preflights(shared: str) -> None:
    answer = send(
        f"{shared}/k", "OPTIONS", Origin=ORIGIN, Access_Control_Request_Method="PUT",
        Access_Control_Request_Headers="X-Amz-Meta-A, x-amz-date",
    )  # fmt: skip
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-methods"] == "GET, PUT"
    assert answer.headers["access-control-allow-headers"] == "x-amz-meta-a, x-amz-date"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-expose-headers"] == "etag"
    assert answer.headers["access-control-max-age"] == "3000"
    assert answer.headers["vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"
    wild = send(f"{shared}/k", "OPTIONS", Origin="https://a.wild.example", Access_Control_Request_Method="GET")
    assert wild.headers["access-control-allow-origin"] == "https://a.wild.example"
    every = send(f"{shared}/k", "OPTIONS", Origin="https://any", Access_Control_Request_Method="HEAD")
    assert every.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in every.headers


def test_preflights_that_are_refused(cloud: CloudUnderTest, shared: str, bucket: str) -> None:
    for given in (
        {"Origin": "https://evil.example", "Access_Control_Request_Method": "GET"},
        {"Origin": ORIGIN, "Access_Control_Request_Method": "DELETE"},
        {"Origin": ORIGIN, "Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "x-other"},
    ):
        answer = send(f"{shared}/k", "OPTIONS", **given)
        assert (answer.status, answer.code) == (403, "AccessForbidden")
        assert answer.message.startswith(FORBIDDEN)
        assert b"<ResourceType>OBJECT</ResourceType>" in answer.body
    none = send(f"{shared}/k", "OPTIONS")
    assert (none.status, none.message) == (400, "Insufficient information. Origin request header needed.")
    unset = send(f"{cloud.endpoint}/{bucket}", "OPTIONS", Origin=ORIGIN, Access_Control_Request_Method="PUT")
    assert unset.message == "CORSResponse: CORS is not enabled for this bucket."
    gone = send(f"{cloud.endpoint}/nowhere", "OPTIONS", Origin=ORIGIN)
    assert gone.message == "CORSResponse: Bucket not found"


def test_every_answer_carries_the_headers(shared: str) -> None:
    got = send(f"{shared}/k", Origin=ORIGIN)
    assert (got.status, got.headers["access-control-allow-origin"]) == (200, ORIGIN)
    missing = send(f"{shared}/none", Origin=ORIGIN)
    assert (missing.status, missing.headers["access-control-allow-origin"]) == (403, ORIGIN)
    other = send(f"{shared}/k", Origin="https://evil.example")
    assert (other.status, "access-control-allow-origin" in other.headers) == (200, False)
    assert "access-control-allow-origin" not in send(f"{shared}/k").headers


def test_cors_rules_that_are_refused(s3: Any, bucket: str) -> None:
    def said(**rule: Any) -> str:
        rules = {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET"], **rule}]}
        return str(refused(s3.put_bucket_cors, Bucket=bucket, CORSConfiguration=rules)["Message"])

    assert said(AllowedMethods=["MYMETHOD"]) == (
        "Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD"
    )
    assert "can not have more than one wildcard" in said(AllowedOrigins=["*.a.*"])


# Addresses with the bucket in the host's name.


def test_virtual_hosts(cloud: CloudUnderTest, s3: Any, new_bucket: Callable[..., str]) -> None:
    bucket = new_bucket(open_=True)
    s3.put_object(Bucket=bucket, Key="a/k", Body=b"found", ACL="public-read")
    for host in (f"{bucket}.localhost:{cloud.port}", f"{bucket}.s3.amazonaws.com", f"{bucket}.s3.eu-west-1.amazonaws.com",
                 f"{bucket}.s3.localhost:{cloud.port}"):  # fmt: skip
        answer = send(f"{cloud.endpoint}/a/k", Host=host)
        assert (answer.status, answer.body) == (200, b"found"), host
    assert send(f"{cloud.endpoint}/{bucket}/a/k", Host="s3.us-east-1.amazonaws.com").body == b"found"
