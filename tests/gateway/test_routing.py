"""Addresses: which service, bucket or API each form of one means, and which hosts are not ours."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fogbank.gateway.cors import Cors
from fogbank.gateway.front import Front
from fogbank.gateway.handling import Respond
from fogbank.gateway.hosts import Hosts, read
from fogbank.gateway.routing import Target, dialect, locate
from fogbank.kit.errors import AwsError
from fogbank.wire.messages import Request, Response


def asked(url: str, scope: str = "", method: str = "GET", body: bytes = b"", **headers: str) -> Request:
    host, _, rest = url.partition("/")
    path, _, query = ("/" + rest).partition("?")
    given = {"host": host} | {name.replace("_", "-"): value for name, value in headers.items()}
    if scope:
        given["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential=AKID/20261124/eu-west-1/{scope}/aws4_request, SignedHeaders=host, Signature=0"
        )
    return Request(method, path, query, given, body)


@pytest.mark.parametrize(("url", "scope", "service", "bucket", "path"), [
    ("localhost:4566/bucket/key", "s3", "s3", None, "/bucket/key"),
    ("localhost:4566/bucket/key", "", "s3", None, "/bucket/key"),
    ("127.0.0.1:4566/bucket/a%2Fb//../c", "", "s3", None, "/bucket/a%2Fb//../c"),
    ("[::1]:4566/bucket", "", "s3", None, "/bucket"),
    ("bucket.localhost:4566/key", "s3", "s3", "bucket", "/bucket/key"),
    ("bucket.localhost:4566/", "", "s3", "bucket", "/bucket"),
    ("my.dotted.bucket.localhost:4566/k", "s3", "s3", "my.dotted.bucket", "/my.dotted.bucket/k"),
    ("sqs.localhost:4566/k", "s3", "s3", "sqs", "/sqs/k"),
    ("sqs.localhost:4566/", "sqs", "sqs", None, "/"),
    ("bucket.s3.localhost:4566/k", "", "s3", "bucket", "/bucket/k"),
    ("bucket.s3.eu-west-1.localhost:4566/k", "", "s3", "bucket", "/bucket/k"),
    ("bucket.s3.localhost.localstack.cloud:4566/k", "", "s3", "bucket", "/bucket/k"),
    ("s3.localhost.localstack.cloud:4566/bucket/k", "", "s3", None, "/bucket/k"),
    ("bucket.s3.amazonaws.com/k", "", "s3", "bucket", "/bucket/k"),
    ("bucket.s3.eu-west-1.amazonaws.com/k", "s3", "s3", "bucket", "/bucket/k"),
    ("bucket.s3-eu-west-1.amazonaws.com/k", "", "s3", "bucket", "/bucket/k"),
    ("bucket.s3.dualstack.eu-west-1.amazonaws.com/k", "", "s3", "bucket", "/bucket/k"),
    ("bucket.s3-accelerate.amazonaws.com/k", "", "s3", "bucket", "/bucket/k"),
    ("s3.eu-west-1.amazonaws.com/bucket/k", "", "s3", None, "/bucket/k"),
    ("bucket.localhost:4566/_fogbank/health", "", "s3", "bucket", "/bucket/_fogbank/health"),
    ("bucket.localhost:4566/_aws/execute-api/x/y", "s3", "s3", "bucket", "/bucket/_aws/execute-api/x/y"),
])
def test_s3(url: str, scope: str, service: str, bucket: str | None, path: str) -> None:
    target = locate(asked(url, scope))
    assert (target.service, target.bucket, target.path, target.endpoint) == (service, bucket, path, "")


@pytest.mark.parametrize(("url", "endpoint", "id_", "region", "path"), [
    ("abc123.execute-api.us-west-2.amazonaws.com/prod/x", "execute-api", "abc123", "us-west-2", "/prod/x"),
    ("abc123.execute-api.localhost:4566/prod/x?y", "execute-api", "abc123", None, "/prod/x"),
    ("abc123.execute-api.us-west-2.localhost:4566/prod", "execute-api", "abc123", "us-west-2", "/prod"),
    ("abc123.execute-api.localhost.localstack.cloud:4566/prod", "execute-api", "abc123", None, "/prod"),
    ("localhost:4566/_aws/execute-api/abc123/prod/x", "execute-api", "abc123", None, "/prod/x"),
    ("localhost:4566/_aws/execute-api/abc123", "execute-api", "abc123", None, "/"),
    ("localhost:4566/restapis/abc123/prod/_user_request_/x%2Fy", "execute-api", "abc123", None, "/prod/x%2Fy"),
    ("localhost:4566/restapis/abc123/prod/_user_request_", "execute-api", "abc123", None, "/prod/"),
    ("abc123.lambda-url.us-west-2.on.aws/x", "lambda-url", "abc123", "us-west-2", "/x"),
    ("abc123.lambda-url.us-west-2.localhost:4566/x", "lambda-url", "abc123", "us-west-2", "/x"),
    ("b.s3-website-us-west-2.amazonaws.com/x", "s3-website", "b", "us-west-2", "/x"),
    ("my.b.s3-website.us-west-2.amazonaws.com/x", "s3-website", "my.b", "us-west-2", "/x"),
    ("b.s3-website.localhost:4566/x", "s3-website", "b", None, "/x"),
    ("123456789012.dkr.ecr.us-west-2.amazonaws.com/v2/", "ecr-registry", "123456789012", "us-west-2", "/v2/"),
    ("123456789012.dkr.ecr.us-west-2.localhost:4566/v2/x", "ecr-registry", "123456789012", "us-west-2", "/v2/x"),
    ("localhost:4566/v2/", "ecr-registry", "", None, "/v2/"),
    ("localhost:4566/_fogbank/health", "internal", "", None, "/_fogbank/health"),
    ("localhost:4566/_localstack/health", "internal", "", None, "/_localstack/health"),
])
def test_data_planes(url: str, endpoint: str, id_: str, region: str | None, path: str) -> None:
    target = locate(asked(url))
    assert (target.endpoint, target.endpoint_id, target.region, target.path) == (endpoint, id_, region, path)


def test_an_api_answers_on_its_host_whoever_signed() -> None:
    target = locate(asked("abc.execute-api.us-west-2.amazonaws.com/_fogbank/health", "execute-api"))
    assert (target.endpoint, target.path) == ("execute-api", "/_fogbank/health")
    target = locate(asked("abc.execute-api.us-west-2.amazonaws.com/prod/@connections/x", "execute-api"))
    assert (target.service, target.endpoint) == ("apigatewaymanagementapi", "")
    target = locate(asked("localhost:4566/restapis/abc/prod/_user_request_/x", "execute-api"))
    assert (target.endpoint, target.endpoint_id) == ("execute-api", "abc")


@pytest.mark.parametrize(("scope", "url", "headers", "service"), [
    ("sqs", "localhost:4566/", {}, "sqs"),
    ("monitoring", "localhost:4566/", {}, "cloudwatch"),
    ("states", "localhost:4566/", {}, "stepfunctions"),
    ("tagging", "localhost:4566/", {}, "resourcegroupstaggingapi"),
    ("email", "localhost:4566/", {}, "ses"),
    ("ses", "localhost:4566/", {}, "ses"),
    ("ses", "localhost:4566/v2/email/identities", {}, "sesv2"),
    ("apigateway", "localhost:4566/restapis", {}, "apigateway"),
    ("apigateway", "localhost:4566/v2/apis", {}, "apigatewayv2"),
    ("elasticloadbalancing", "localhost:4566/?Version=2012-06-01", {}, "elb"),
    ("elasticloadbalancing", "localhost:4566/?Version=2015-12-01&Action=x", {}, "elbv2"),
    ("es", "localhost:4566/2015-01-01/domain", {}, "es"),
    ("es", "localhost:4566/2021-01-01/domain", {}, "opensearch"),
    ("dynamodb", "localhost:4566/", {"x_amz_target": "DynamoDB_20120810.GetItem"}, "dynamodb"),
    ("dynamodb", "localhost:4566/", {"x_amz_target": "DynamoDBStreams_20120810.GetRecords"}, "dynamodbstreams"),
    ("s3", "localhost:4566/v20180820/configuration", {}, "s3control"),
    ("s3-object-lambda", "localhost:4566/x", {}, "s3"),
    ("", "sqs.eu-west-1.amazonaws.com/", {}, "sqs"),
    ("", "sts.amazonaws.com/", {}, "sts"),
    ("", "streams.dynamodb.eu-west-1.amazonaws.com/", {}, "dynamodbstreams"),
    ("", "api.ecr.eu-west-1.amazonaws.com/", {}, "ecr"),
    ("", "monitoring.eu-west-1.amazonaws.com/", {}, "cloudwatch"),
    ("", "sqs.eu-west-1.api.aws/", {}, "sqs"),
    ("", "sqs.eu-west-1.localhost:4566/", {}, "sqs"),
    ("", "localhost:4566/", {"x_amz_target": "AWSCognitoIdentityProviderService.InitiateAuth"}, "cognito-idp"),
    ("", "localhost:4566/?Action=AssumeRoleWithWebIdentity&Version=2011-06-15", {}, "sts"),
])
def test_apis(scope: str, url: str, headers: dict[str, str], service: str) -> None:
    target = locate(asked(url, scope, **headers))
    assert (target.service, target.endpoint) == (service, "")


def test_unsigned_form() -> None:
    body = b"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=x"
    assert locate(asked("localhost:4566/", method="POST", body=body)).service == "sts"


def test_region_of_the_host() -> None:
    assert locate(asked("sqs.ap-southeast-2.amazonaws.com/")).region == "ap-southeast-2"
    assert locate(asked("b.s3.us-gov-west-1.amazonaws.com/")).region == "us-gov-west-1"
    assert locate(asked("iam.amazonaws.com/")).region is None


def test_scope_of_a_presigned_url_and_of_other_versions() -> None:
    for credential in ("AKID%2F20261124%2Feu-west-1%2Fsts%2Faws4_request", "AKID/20261124/eu-west-1/sts/aws4_request"):
        assert locate(asked(f"localhost:4566/?Action=X&X-Amz-Credential={credential}&X-Amz-Date=1")).service == "sts"
    four_a = "AWS4-ECDSA-P256-SHA256 Credential=AKID/20261124/events/aws4_request, SignedHeaders=host, Signature=0"
    assert locate(asked("localhost:4566/", authorization=four_a)).service == "events"
    assert locate(asked("sqs.localhost:4566/k", authorization="AWS AKID:abc=")).bucket == "sqs"


def test_rewritten() -> None:
    request = asked("bucket.localhost:4566/key%20x?acl", "s3")
    inside = locate(request).rewritten(request)
    assert (inside.path, inside.query, request.path) == ("/bucket/key%20x", "acl", "/key%20x")
    plain = asked("localhost:4566/bucket/key", "s3")
    assert locate(plain).rewritten(plain) is plain


@pytest.mark.parametrize(("service", "headers", "expected"), [
    ("s3", {}, "s3"), ("ec2", {}, "ec2"), ("iam", {}, "query"), ("sqs", {"x_amz_target": "AmazonSQS.X"}, "json"),
    ("sqs", {}, "query"), ("lambda", {}, "rest-json"), ("cloudwatch", {"smithy_protocol": "rpc-v2-cbor"}, "json"),
])
def test_dialect(service: str, headers: dict[str, str], expected: str) -> None:
    assert dialect(service, asked("localhost/", **headers)) == expected


@given(st.text(st.characters(codec="latin-1"), max_size=60), st.text("/_abc%.@-~", max_size=40), st.booleans())
def test_any_address_leads_somewhere(host: str, path: str, local: bool) -> None:
    request = Request("GET", "/" + path, "", {"host": host + (".localhost" if local else "")}, b"")
    target = locate(request)
    assert target.path.endswith(request.path) or target.endpoint == "execute-api" or request.path == "/"


# Whose hosts.


@pytest.mark.parametrize("host", [
    "localhost", "localhost:4566", "LOCALHOST.", "127.0.0.1:4566", "[::1]:4566", "192.168.1.5", "bucket.localhost:4566",
    "sqs.us-east-1.amazonaws.com", "x.lambda-url.us-east-1.on.aws", "localhost.localstack.cloud:4566", "fogbank:4566",
    "host.docker.internal:4566", "", "api.corp.example",
])
def test_hosts_of_ours(host: str) -> None:
    assert Hosts(("corp.example",)).ours(host)


@pytest.mark.parametrize("host", [
    "evil.example", "localhost.evil.example", "amazonaws.com.evil.example", "127.0.0.1.nip.io", "notlocalhost.example",
    "evil.example:4566", "1.2.3.4.5",
])
def test_foreign_hosts(host: str) -> None:
    """A page of such a name reached us by rebinding it to a loopback address."""
    with pytest.raises(AwsError) as caught:
        locate(asked(f"{host}/_fogbank/health"), Hosts())
    assert (caught.value.code, caught.value.status) == ("MisdirectedRequest", 421)


def test_host_cache_is_bounded() -> None:
    assert read.cache_info().maxsize == 4096


# Browsers.

API = Target("sqs", "/")


def preflight(origin: str) -> Request:
    return asked("localhost:4566/", method="OPTIONS", origin=origin, access_control_request_method="POST",
                 access_control_request_headers="authorization,x-amz-target")


@pytest.mark.parametrize("origin", ["http://localhost:3000", "https://app.localhost", "http://127.0.0.1:8080",
                                    "http://[::1]:1", "https://console.example"])
def test_pages_that_may_call(origin: str) -> None:
    cors = Cors(("https://console.example",))
    response = cors.preflight(preflight(origin), API)
    assert response is not None and response.status == 204
    headers = dict(response.headers)
    assert headers["access-control-allow-origin"] == origin
    assert headers["access-control-allow-headers"] == "authorization,x-amz-target"
    assert "POST" in headers["access-control-allow-methods"]
    answer = Response(200)
    cors.decorate(asked("localhost:4566/", "sqs", "POST", origin=origin), API, answer)
    assert ("access-control-allow-origin", origin) in answer.headers


@pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost.evil.example", "null", "",
                                    "http://localhost:3000.evil.example", "http://evil.example/.localhost"])
def test_pages_that_may_not(origin: str) -> None:
    cors = Cors()
    response = cors.preflight(preflight(origin), API)
    assert response is not None and response.status == 403
    assert not any(name.startswith("access-control") for name, _ in response.headers)
    answer = Response(200)
    cors.decorate(asked("localhost:4566/", "sqs", "POST", origin=origin), API, answer)
    assert answer.headers == []


def test_data_planes_have_their_own_rules() -> None:
    for target in (Target("s3", "/b", bucket="b"), Target("apigateway", "/", endpoint="execute-api")):
        assert Cors().preflight(preflight("http://localhost:3000"), target) is None


# The front: hosts and pages together.


def ask(front: Front, request: Request) -> Response:
    answers: list[Response] = []
    front.handle(request, answers.append)
    (answer,) = answers
    return answer


def handled(request: Request, respond: Respond) -> None:
    respond(Response(299))


PAGE = {"origin": "https://evil.example"}
IMAGE = {"sec_fetch_site": "cross-site"}
FORM = {**PAGE, "content_type": "multipart/form-data; boundary=x"}
KNOWN = "X-Amz-Credential=test%2F20261124%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0"
OWN = "X-Amz-Credential=AKIAX%2F20261124%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=0"
IAM = "Action=CreateUser&X-Amz-Credential=AKIAX%2F20261124%2Feu-west-1%2Fiam%2Faws4_request&X-Amz-Signature=0"


@pytest.mark.parametrize(("local", "status", "request_"), [
    (True, 299, asked("localhost:4566/", "sqs")),
    (True, 421, asked("evil.example/", "sqs")),
    (True, 421, asked("evil.example/", "sqs", origin="http://localhost:3000")),
    (True, 299, asked("localhost:4566/", "sqs", origin="http://localhost:3000")),
    (True, 403, asked("localhost:4566/", "sqs", method="POST", **PAGE)),
    (False, 403, asked("localhost:4566/", "sqs", method="POST", **PAGE)),
    (True, 403, asked(f"localhost:4566/?{IAM}", **IMAGE)),
    (True, 403, asked("localhost:4566/_fogbank/iam/decisions", **IMAGE)),
    (True, 299, asked("localhost:4566/_fogbank/health", sec_fetch_site="none")),
    # S3: whoever has a real key signed; a known key says nothing.
    (True, 299, asked("localhost:4566/bucket/key", **IMAGE)),
    (True, 299, asked(f"localhost:4566/bucket/key?{OWN}", **PAGE)),
    (True, 403, asked(f"localhost:4566/bucket?delete&{KNOWN}", method="POST", **PAGE)),
    (True, 403, asked("localhost:4566/bucket?AWSAccessKeyId=test&Signature=x&Expires=1", method="POST", **PAGE)),
    (True, 403, asked("localhost:4566/b", authorization="AWS 000000000000:x", **PAGE)),
    (True, 403, asked("localhost:4566/bucket", method="POST", **FORM)),
    (False, 299, asked("localhost:4566/bucket", method="POST", **FORM)),
    (False, 299, asked(f"localhost:4566/bucket/key?{KNOWN}", **PAGE)),
    # An API of the user's own answers every page, as it would on AWS.
    (True, 299, asked("abc.execute-api.localhost:4566/prod/", method="POST", **PAGE)),
])
def test_front(local: bool, status: int, request_: Request) -> None:
    assert ask(Front(handled, local=local), request_).status == status


def test_front_lets_pages_of_this_machine_read() -> None:
    front = Front(handled, local=True)
    answer = ask(front, asked("localhost:4566/", "sqs", origin="http://localhost:3000"))
    assert ("access-control-allow-origin", "http://localhost:3000") in answer.headers
    assert ask(front, preflight("http://localhost:3000")).status == 204
    assert ask(front, preflight("https://evil.example")).status == 403


@pytest.mark.parametrize(("url", "status"), [
    ("localhost:4566/", 204), ("localhost:4566/2015-03-31/functions/x/invocations", 204),
    ("localhost:4566/restapis", 204), ("localhost:4566/bucket/key", 299), ("bucket.localhost:4566/", 299),
])
def test_preflights_carry_no_signature(url: str, status: int) -> None:
    """Those to a bucket are S3's to answer."""
    request = asked(url, method="OPTIONS", origin="http://localhost:3000", access_control_request_method="POST")
    assert ask(Front(handled, local=True), request).status == status
