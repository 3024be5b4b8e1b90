"""Signatures, with botocore and awscrt as the signers."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fogbank.gateway import signature
from fogbank.gateway.refusals import MISMATCH, S3_MISMATCH
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request
from tests.gateway.signing import KEY, SECRET, received, signed, signed_by_crt

SQS = "https://sqs.us-east-1.amazonaws.com/"
S3 = "http://localhost:4566/bucket/"


def check(request: Request, dialect: str, *, now: float | None = None, secret: str = SECRET) -> signature.SignedRequest:
    claim = signature.parse(request, dialect)
    assert claim is not None
    signature.verify(claim, request, secret, time.time() if now is None else now, dialect)
    return claim


def refused(request: Request, dialect: str, **more: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        check(request, dialect, **more)
    return caught.value


def changed(request: Request, **headers: str) -> Request:
    return dataclasses.replace(request, headers={**request.headers, **{n.replace("_", "-"): v for n, v in headers.items()}})


def test_claim_of_a_header() -> None:
    request = signed("POST", SQS, body=b"{}", headers={"X-Amz-Target": "AmazonSQS.ListQueues"}, token="TOKEN")
    claim = check(request, "json")
    assert (claim.version, claim.kind, claim.access_key) == ("AWS4-HMAC-SHA256", "header", KEY)
    assert (claim.region, claim.service, claim.token) == ("us-east-1", "sqs", "TOKEN")
    assert claim.date == claim.timestamp[:8]
    assert claim.expires is None


@pytest.mark.parametrize("url", [
    SQS, SQS + "a//b/../c/./d/", SQS + "a%20b/%2F/~x", SQS + "2015-03-31/functions/arn%3Aaws%3Alambda/invocations",
    SQS + "?b=2&a=1&a=0&c", SQS + "?x=a%20b%2Bc%2F&y=%C3%A9&=&z", SQS + "?Action=X&Version=2011-06-15",
    "http://localhost:4566/", "http://[::1]:4566/x",
])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_other_services(url: str, method: str) -> None:
    request = signed(method, url, body=b"" if method == "GET" else b"body", headers={"X-Two": " a   b  "})
    check(request, "query")
    assert refused(dataclasses.replace(request, method="PUT"), "query").code == "SignatureDoesNotMatch"
    if method == "POST":
        assert refused(dataclasses.replace(request, body=b"other"), "query").message == MISMATCH


@pytest.mark.parametrize("key", ["a", "a//b", "../x/./y", "a%20b", "%C3%A9%2B~", "a%2Fb", "x+y", "a%21%27", "", "(x)*!"])
@pytest.mark.parametrize("query", ["", "?list-type=2&prefix=a%2Fb&delimiter=%2F", "?acl", "?versionId=x+y&uploads="])
def test_s3(key: str, query: str) -> None:
    request = signed("PUT", S3 + key + query, signer="s3v4", service="s3", body=b"data")
    check(request, "s3")
    assert refused(dataclasses.replace(request, path=request.path + "x"), "s3").code == "SignatureDoesNotMatch"
    assert refused(dataclasses.replace(request, query="acl&x"), "s3").code == "SignatureDoesNotMatch"
    presigned = signed("GET", S3 + key + query, signer="s3v4-query", service="s3", expires=60)
    assert check(presigned, "s3").kind == "query"


@settings(max_examples=150, deadline=None)
@given(
    segments=st.lists(st.text(max_size=6), max_size=4),
    pairs=st.lists(st.tuples(st.text(min_size=1, max_size=5), st.text(max_size=5)), max_size=4),
    signer=st.sampled_from(["v4", "s3v4", "v4-query", "s3v4-query"]),
)
def test_any_encoded_path_and_query(segments: list[str], pairs: list[tuple[str, str]], signer: str) -> None:
    from urllib.parse import quote, urlencode

    def clean(text: str) -> str:
        return text.encode("utf-8", "ignore").decode()

    path = "/".join(quote(clean(s), safe="~") for s in segments)
    query = urlencode([(clean(n) or "n", clean(v)) for n, v in pairs], quote_via=quote)
    service = "s3" if "s3" in signer else "sqs"
    url = f"http://h.localhost/{path}" + (f"?{query}" if query else "")
    check(signed("GET", url, signer=signer, service=service), "s3" if service == "s3" else "query")


def test_presigned_for_other_services_and_with_a_token() -> None:
    url = "https://sts.us-east-1.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"
    request = signed("GET", url, signer="v4-query", service="sts", token="TO/KEN==", expires=60)
    assert check(request, "query").token == "TO/KEN=="
    tampered = dataclasses.replace(request, query=request.query.replace("GetCallerIdentity", "GetSessionToken"))
    assert refused(tampered, "query").code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("signer", ["s3", "s3-query"])
def test_version_2(signer: str) -> None:
    url = "http://localhost:4566/bucket/a%20b?versionId=1&x=2&response-content-type=text%2Fplain"
    request = signed("GET", url, signer=signer, headers={"x-amz-meta-a": "b"}, token="TOKEN", expires=None)
    claim = check(request, "s3")
    assert (claim.version, claim.access_key, claim.service) == ("AWS", KEY, "")
    error = refused(dataclasses.replace(request, method="PUT"), "s3")
    assert (error.code, error.message, error.status) == ("SignatureDoesNotMatch", S3_MISMATCH, 403)
    assert set(error.members) == {"AWSAccessKeyId", "StringToSign", "SignatureProvided", "StringToSignBytes"}


def test_version_2_by_virtual_host() -> None:
    """As boto3 presigns for a bucket in the host name: it signs the path with the bucket."""
    path = signed("GET", "http://localhost:4566/bucket/key", signer="s3-query", expires=60)
    virtual = dataclasses.replace(path, path="/key", headers={"host": "bucket.localhost:4566"})
    check(virtual, "s3")


def test_version_2_ends() -> None:
    request = signed("GET", "http://localhost:4566/bucket/key", signer="s3-query", expires=5)
    claim = check(request, "s3")
    assert claim.expires is not None
    now = claim.expires + 1.0
    error = refused(request, "s3", now=now)
    assert (error.code, error.message, error.status) == ("AccessDenied", "Request has expired", 403)
    assert set(error.members) == {"Expires", "ServerTime"}
    assert error.members["ServerTime"] == datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    part = dataclasses.replace(request, query=request.query.replace("Expires=", "Expired="))
    error = refused(part, "s3")
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"


@pytest.mark.parametrize("where", ["HTTP_REQUEST_HEADERS", "HTTP_REQUEST_QUERY_PARAMS"])
def test_version_4a(where: str) -> None:
    payload = "UNSIGNED-PAYLOAD"
    request = signed_by_crt("GET", "http://localhost:4566/bucket/k%20ey?acl=", where=where, payload=payload, region="*")
    claim = check(request, "s3")
    assert (claim.version, claim.region, claim.service) == ("AWS4-ECDSA-P256-SHA256", "", "s3")
    assert refused(request, "s3", secret="other").code == "SignatureDoesNotMatch"
    assert refused(dataclasses.replace(request, path="/bucket/other"), "s3").code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("service", ["s3", "sqs"])
@pytest.mark.parametrize("where", ["HTTP_REQUEST_HEADERS", "HTTP_REQUEST_QUERY_PARAMS"])
def test_awscrt_signs_the_same(service: str, where: str) -> None:
    request = signed_by_crt(
        "GET", "https://x.localhost/a%20b/c//d?b=%2F&a=", algorithm="V4", service=service, where=where,
        payload="UNSIGNED-PAYLOAD" if service == "s3" else None,
    )
    check(request, "s3" if service == "s3" else "json")


def test_anonymous() -> None:
    assert signature.parse(received("GET", "http://localhost/bucket", {}), "s3") is None
    assert signature.parse(received("GET", "http://x/?a=1", {"Authorization": "Bearer abc"}), "rest-json") is None
    for dialect, code, status in [
        ("s3", "AccessDenied", 403), ("json", "MissingAuthenticationTokenException", 400),
        ("rest-json", "MissingAuthenticationTokenException", 403), ("query", "MissingAuthenticationToken", 403),
        ("ec2", "AuthFailure", 401),
    ]:
        error = signature.missing(dialect)
        assert (error.code, error.status) == (code, status)


@pytest.mark.parametrize(("dialect", "code", "status"), [
    ("json", "InvalidSignatureException", 400), ("rest-json", "InvalidSignatureException", 403),
    ("query", "SignatureDoesNotMatch", 403), ("ec2", "AuthFailure", 401),
])
def test_wrong_secret(dialect: str, code: str, status: int) -> None:
    error = refused(signed("GET", SQS), dialect, secret="other")
    assert (error.code, error.status) == (code, status)
    text = "AWS was not able to validate the provided access credentials" if dialect == "ec2" else MISMATCH
    assert error.message == text


def test_wrong_secret_for_s3_shows_the_canonical_request() -> None:
    request = signed("GET", S3 + "k?acl", signer="s3v4", service="s3")
    error = refused(request, "s3", secret="other")
    assert (error.code, error.message, error.status) == ("SignatureDoesNotMatch", S3_MISMATCH, 403)
    canonical = error.members["CanonicalRequest"]
    assert canonical.startswith("GET\n/bucket/k\nacl=\nhost:localhost:4566\n")
    assert bytes.fromhex(error.members["CanonicalRequestBytes"]) == canonical.encode()
    assert error.members["StringToSign"].endswith(hashlib.sha256(canonical.encode()).hexdigest())
    assert error.members["AWSAccessKeyId"] == KEY


def test_skew_of_other_services() -> None:
    request = signed("GET", SQS)
    claim = check(request, "json")
    at = datetime.strptime(claim.timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    check(request, "json", now=at + 900)
    error = refused(request, "query", now=at + 901)

    def basic(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")

    assert error.code == "SignatureDoesNotMatch"
    assert error.message == (
        f"Signature expired: {claim.timestamp} is now earlier than {basic(at + 1)} ({basic(at + 901)} - 15 min.)"
    )
    error = refused(request, "json", now=at - 301)
    assert error.code == "InvalidSignatureException"
    assert error.message == (
        f"Signature not yet current: {claim.timestamp} is still later than {basic(at - 1)} ({basic(at - 301)} + 5 min.)"
    )


def test_skew_of_s3() -> None:
    request = signed("GET", S3, signer="s3v4", service="s3")
    claim = check(request, "s3")
    for shift in (-1000, 1000):
        error = refused(request, "s3", now=time.time() + shift)
        assert (error.code, error.status) == ("RequestTimeTooSkewed", 403)
        assert error.message == "The difference between the request time and the current time is too large."
        assert error.members["RequestTime"] == claim.timestamp
        assert error.members["MaxAllowedSkewMilliseconds"] == "900000"


def test_presigned_url_ends() -> None:
    request = signed("GET", S3 + "k", signer="s3v4-query", service="s3", expires=3)
    check(request, "s3", now=time.time() + 1)
    error = refused(request, "s3", now=time.time() + 5)
    assert (error.code, error.message) == ("AccessDenied", "Request has expired")
    assert error.members["X-Amz-Expires"] == "3"
    assert set(error.members) == {"X-Amz-Expires", "Expires", "ServerTime"}
    assert refused(request, "s3", now=time.time() - 1000).message == "Request is not yet valid"


@pytest.mark.parametrize(("old", "new", "message"), [
    ("X-Amz-Expires=60", "X-Amz-Expires=604801",
     "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 "
     "seconds"),
    ("X-Amz-Expires=60", "X-Amz-Expires=soon", "X-Amz-Expires should be a number"),
    ("X-Amz-Expires=60", "X-Amz-Expires=-1", "X-Amz-Expires must be non-negative"),
    ("X-Amz-Expires=60", "",
     "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
     "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."),
    ("X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Algorithm=MD5",
     'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"'),
    ("%2Fs3%2F", "%2Fec2%2F",
     'Error parsing the X-Amz-Credential parameter; incorrect service "ec2". This endpoint belongs to "s3".'),
    ("%2F", "%252F",
     'Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/'
     'REGION/SERVICE/aws4_request".'),
    ("X-Amz-Date=2", "X-Amz-Date=x", 'X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd\'T\'HHmmss\'Z\'"'),
])
def test_bad_presigned_parameters(old: str, new: str, message: str) -> None:
    request = signed("GET", S3 + "k", signer="s3v4-query", service="s3", expires=60)
    assert old in request.query
    error = refused(dataclasses.replace(request, query=request.query.replace(old, new)), "s3")
    assert (error.code, error.message, error.status) == ("AuthorizationQueryParametersError", message, 400)


def test_headers_that_must_be_signed() -> None:
    request = signed("PUT", S3 + "k", signer="s3v4-query", service="s3", expires=60)
    error = refused(changed(request, x_amz_meta_wrong="1", x_amz_acl="public-read"), "s3")
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.message == "There were headers present in the request which were not signed"
    assert error.members == {"HeadersNotSigned": "x-amz-meta-wrong, x-amz-acl"}
    error = refused(changed(signed("POST", SQS), x_amz_target="AmazonSQS.PurgeQueue"), "json")
    assert error.message == "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."
    loose = signed("GET", SQS)
    loose.headers["authorization"] = loose.headers["authorization"].replace("host;", "")
    assert refused(loose, "json").message.startswith("'Host' or ':authority' must be a 'SignedHeader'")


def test_payload_hash() -> None:
    request = signed("PUT", S3 + "k", signer="s3v4", service="s3", body=b"data")
    error = refused(dataclasses.replace(request, body=b"tada"), "s3")
    assert (error.code, error.status) == ("XAmzContentSHA256Mismatch", 400)
    assert error.members == {
        "ClientComputedContentSHA256": hashlib.sha256(b"data").hexdigest(),
        "S3ComputedContentSHA256": hashlib.sha256(b"tada").hexdigest(),
    }
    unsigned = signed_by_crt("PUT", S3 + "k", algorithm="V4", payload="UNSIGNED-PAYLOAD")
    check(dataclasses.replace(unsigned, body=b"anything"), "s3")
    del request.headers["x-amz-content-sha256"]
    error = refused(request, "s3")
    assert error.message == "Missing required header for this request: x-amz-content-sha256"
    assert refused(changed(request, x_amz_content_sha256="abc"), "s3").code == "InvalidArgument"


AUTH = "AWS4-HMAC-SHA256 Credential=AKID/20261124/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00"
DATED = {"X-Amz-Date": "20261124T000000Z", "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"}


@pytest.mark.parametrize(("authorization", "headers", "code", "message"), [
    ("AWS4-HMAC-SHA256 Credential=AKID", DATED, "IncompleteSignature",
     "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. "
     "(Hashed with SHA-256 and encoded with Base64) Authorization="
     + base64.b64encode(hashlib.sha256(b"AWS4-HMAC-SHA256 Credential=AKID").digest()).decode()),
    (AUTH.replace("/us-east-1", ""), DATED, "IncompleteSignature",
     "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got "
     "'AKID/20261124/sqs/aws4_request'"),
    (AUTH.replace("aws4_request", "aws5"), DATED, "SignatureDoesNotMatch",
     "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'."),
    (AUTH.replace("AWS4-HMAC", "AWS4-MD5"), DATED, "IncompleteSignature",
     "Unsupported AWS 'algorithm': 'AWS4-MD5-SHA256'."),
    (AUTH, {"X-Amz-Date": "yesterday"}, "IncompleteSignature",
     "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See http://en.wikipedia.org/wiki/ISO_8601"),
    (AUTH, {"X-Amz-Date": "20261399T000000Z"}, "IncompleteSignature",
     "Date must be in ISO-8601 'basic format'. Got '20261399T000000Z'. See http://en.wikipedia.org/wiki/ISO_8601"),
    (AUTH, {"X-Amz-Date": "20261125T000000Z"}, "SignatureDoesNotMatch",
     "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
     "'20261124' != '20261125', from '20261125T000000Z'."),
])
def test_unreadable_claims(authorization: str, headers: dict[str, str], code: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        signature.parse(received("GET", SQS, {"Authorization": authorization, **headers}), "query")
    assert (caught.value.code, caught.value.message) == (code, message)


def test_missing_date() -> None:
    with pytest.raises(AwsError) as caught:
        signature.parse(received("GET", SQS, {"Authorization": AUTH}), "query")
    assert caught.value.message.startswith(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. "
    )
    claim = signature.parse(
        received("GET", SQS, {"Authorization": AUTH, "Date": "Tue, 24 Nov 2026 10:11:12 GMT"}), "query"
    )
    assert claim is not None and claim.timestamp == "20261124T101112Z"


@pytest.mark.parametrize(("authorization", "code", "message"), [
    (AUTH, "AuthorizationHeaderMalformed",
     'The authorization header is malformed; incorrect service "sqs". This endpoint belongs to "s3".'),
    ("AWS4-HMAC-SHA256 Credential=AKID/20261124/s3/aws4_request, SignedHeaders=host, Signature=00",
     "AuthorizationHeaderMalformed",
     'The authorization header is malformed; the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/'
     'SERVICE/aws4_request".'),
    ("Basic dXNlcjpwYXNz", "InvalidArgument", "Unsupported Authorization Type"),
])
def test_unreadable_claims_to_s3(authorization: str, code: str, message: str) -> None:
    with pytest.raises(AwsError) as caught:
        signature.parse(received("GET", S3, {"Authorization": authorization, **DATED}), "s3")
    assert (caught.value.code, caught.value.message, caught.value.status) == (code, message, 400)


@settings(max_examples=400, deadline=None)
@given(authorization=st.text(max_size=200), query=st.text(max_size=200), dialect=st.sampled_from(["s3", "json", "query"]))
def test_hostile_claims_are_refused_politely(authorization: str, query: str, dialect: str) -> None:
    """Whatever stands there: no claim, a claim that does not hold, or an AWS error."""
    latin = authorization.encode("utf-8", "replace").decode("latin-1")
    ascii_query = query.encode("ascii", "replace").decode()
    for head in ("", "AWS4-HMAC-SHA256 Credential=", "AWS ", AUTH):
        for start in ("", "X-Amz-Signature=", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=", "Signature="):
            headers = {**DATED, "Authorization": head + latin} if head or latin else DATED
            request = received("GET", "http://localhost/b/k", headers)
            request.query = start + ascii_query
            try:
                claim = signature.parse(request, dialect)
                if claim is not None:
                    signature.verify(claim, request, SECRET, 1795478400.0, dialect)
                    raise AssertionError("accepted")
            except AwsError:
                pass


@settings(max_examples=200, deadline=None)
@given(position=st.integers(0, 10_000), byte=st.integers(33, 126))
def test_no_byte_of_a_signed_url_can_be_changed(position: int, byte: int) -> None:
    request = signed("GET", S3 + "k?versionId=abc", signer="s3v4-query", service="s3", expires=60, token="TOKEN")
    at = position % len(request.query)
    if request.query[at] == chr(byte):
        return
    query = request.query[:at] + chr(byte) + request.query[at + 1 :]
    try:
        claim = signature.parse(dataclasses.replace(request, query=query), "s3")
        if claim is not None:
            signature.verify(claim, dataclasses.replace(request, query=query), SECRET, time.time(), "s3")
    except AwsError:
        return
    # What is left are spellings of the same parameters: %2F and %2f, or no claim at all.
    assert claim is None or query.lower() == request.query.lower() or "&&" in query


def test_key_cache_is_bounded() -> None:
    assert signature.signing_key.cache_info().maxsize == 2048
