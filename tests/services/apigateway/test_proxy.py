"""Lambda proxy integrations over HTTP: routing, the event, the response, what goes wrong."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.cloud import ACCOUNT, CloudUnderTest
from tests.services.apigateway.conftest import Apis
from tests.services.apigateway.http import Reply, call

INTERNAL = {"message": "Internal server error"}


@pytest.fixture(scope="module")
def api(apis: Apis) -> str:
    echo = {"x-amazon-apigateway-integration": apis.proxied(apis.function("echo"))}
    return apis.document({
        "/": {"get": echo},
        "/pets": {"get": echo},
        "/pets/{id}": {"get": echo, "post": echo},
        "/pets/mine": {"get": echo},
        "/any/{proxy+}": {"x-amazon-apigateway-any-method": echo},
        "/private": {"get": {"x-amazon-apigateway-integration": apis.proxied(apis.function("echo", permitted=False))}},
        "/slow": {"get": {"x-amazon-apigateway-integration": {
            **apis.proxied(apis.function("echo")), "timeoutInMillis": 200}}},
    }, **{"x-amazon-apigateway-binary-media-types": ["image/png", "application/octet-stream"]})


def event(cloud: CloudUnderTest, api: str, path: str, **options: Any) -> dict[str, Any]:
    reply = call(cloud, api, path, **options)
    assert reply.status == 200, reply.body
    assert reply.headers["x-from"] == "echo"
    found: dict[str, Any] = reply.json()
    return found


def answering(cloud: CloudUnderTest, api: str, answer: Any, **options: Any) -> Reply:
    return call(cloud, api, f"/dev/pets?answer={quote(json.dumps(answer))}", **options)


def test_the_event_is_the_documented_one(cloud: CloudUnderTest, api: str) -> None:
    headers = {"tEsT-HEADeR": "aValUE", "User-Agent": "testing", "Content-Type": "text/plain", "Accept": "*/*"}
    got = event(cloud, api, "/dev/pets/a%2Fb?price=10&price=30&empty=", method="POST", body="text", headers=headers)
    assert list(got) == [
        "resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters",
        "multiValueQueryStringParameters", "pathParameters", "stageVariables", "requestContext", "body",
        "isBase64Encoded"]
    assert (got["resource"], got["path"], got["httpMethod"]) == ("/pets/{id}", "/pets/a%2Fb", "POST")
    assert got["pathParameters"] == {"id": "a%2Fb"}
    assert got["queryStringParameters"] == {"price": "30", "empty": ""}
    assert got["multiValueQueryStringParameters"] == {"price": ["10", "30"], "empty": [""]}
    assert (got["body"], got["isBase64Encoded"], got["stageVariables"]) == ("text", False, None)
    assert got["headers"]["tEsT-HEADeR"] == "aValUE"
    assert got["multiValueHeaders"]["tEsT-HEADeR"] == ["aValUE"]
    assert got["headers"]["X-Forwarded-Proto"] == "http"
    assert "Content-Length" not in got["headers"]
    context = got["requestContext"]
    assert list(context) == [
        "resourceId", "resourcePath", "httpMethod", "extendedRequestId", "requestTime", "path", "accountId", "protocol",
        "stage", "domainPrefix", "requestTimeEpoch", "requestId", "identity", "domainName", "deploymentId", "apiId"]
    assert (context["path"], context["stage"], context["accountId"]) == ("/dev/pets/a%2Fb", "dev", ACCOUNT)
    assert (context["apiId"], context["domainPrefix"], context["resourcePath"]) == (api, api, "/pets/{id}")
    assert context["domainName"] == f"{api}.execute-api.localhost:{cloud.port}"
    assert context["identity"] == {
        "cognitoIdentityPoolId": None, "accountId": None, "cognitoIdentityId": None, "caller": None,
        "sourceIp": "127.0.0.1", "principalOrgId": None, "accessKey": None, "cognitoAuthenticationType": None,
        "cognitoAuthenticationProvider": None, "userArn": None, "userAgent": "testing", "user": None}


@pytest.mark.parametrize(
    ("sent", "path", "proxy", "context_path"),
    [
        ("/dev/any/value", "/any/value", "value", "/dev/any/value"),
        ("/dev/any/value/", "/any/value/", "value", "/dev/any/value/"),
        ("/dev/any/value//double", "/any/value//double", "value//double", "/dev/any/value//double"),
        ("//dev/any/value", "/any/value", "value", "/dev/any/value"),
        ("/dev//any/value", "/any/value", "value", "/dev//any/value"),
        ("/dev/any/a%2Bb@c/d+e@f", "/any/a%2Bb@c/d+e@f", "a%2Bb@c/d+e@f", "/dev/any/a%2Bb@c/d+e@f"),
    ],
)
def test_paths_as_recorded(cloud: CloudUnderTest, api: str, sent: str, path: str, proxy: str, context_path: str) -> None:
    got = event(cloud, api, sent)
    assert (got["path"], got["pathParameters"], got["requestContext"]["path"]) == (path, {"proxy": proxy}, context_path)


def test_names_go_before_variables(cloud: CloudUnderTest, api: str) -> None:
    assert event(cloud, api, "/dev/pets/mine")["resource"] == "/pets/mine"
    assert event(cloud, api, "/dev/pets/yours")["resource"] == "/pets/{id}"
    assert event(cloud, api, "/dev/pets/mine", method="POST")["resource"] == "/pets/{id}"
    assert event(cloud, api, "/dev")["resource"] == "/"


def test_unknown_paths_methods_stages_and_apis(cloud: CloudUnderTest, api: str) -> None:
    missing = (403, "MissingAuthenticationTokenException", {"message": "Missing Authentication Token"})
    assert call(cloud, api, "/dev/nothing").error == missing
    assert call(cloud, api, "/dev/pets", "DELETE").error == missing
    assert call(cloud, api, "/dev/any").error == missing
    forbidden = (403, "ForbiddenException", {"message": "Forbidden"})
    assert call(cloud, api, "/prod/pets").error == forbidden
    assert call(cloud, "abcdefghij", "/dev/pets").error == forbidden


def test_addresses_in_path_form(cloud: CloudUnderTest, api: str) -> None:
    for path in (f"/_aws/execute-api/{api}/dev/pets/1", f"/restapis/{api}/dev/_user_request_/pets/1"):
        reply = call(cloud, api, path, headers={"Host": f"localhost:{cloud.port}"})
        assert reply.json()["requestContext"]["domainName"] == f"{api}.execute-api.us-east-1.amazonaws.com"
    reply = call(cloud, api, "/dev/pets/1", headers={"Host": f"{api}.execute-api.us-east-1.amazonaws.com"})
    assert reply.json()["path"] == "/pets/1"


def test_responses_are_read_as_described(cloud: CloudUnderTest, api: str) -> None:
    reply = answering(cloud, api, {
        "statusCode": "201", "headers": {"X-Number": 5, "X-True": True, "Date": "mine"},
        "multiValueHeaders": {"Set-Cookie": ["a=1", "b=2"]}, "body": "made"})
    assert (reply.status, reply.body) == (201, b"made")
    assert (reply.headers["x-number"], reply.headers["x-true"]) == ("5", "true")
    assert reply.headers["set-cookie"] == "a=1, b=2"
    assert reply.headers["x-amzn-remapped-date"] == "mine"
    assert reply.headers["content-type"] == "application/json"
    assert len(reply.headers["x-amzn-requestid"]) == 36
    assert reply.headers["x-amz-apigw-id"].endswith("=")
    assert reply.headers["x-amzn-trace-id"].startswith("Root=1-")
    assert answering(cloud, api, {}).status == 200
    assert answering(cloud, api, {"body": None, "statusCode": 204}).status == 204
    sneaky = answering(cloud, api, {"statusCode": 200, "headers": {"X-A": "a\r\nX-B: b", "bad name": "x", "X-C": "c"}})
    assert (sneaky.headers.get("x-b"), sneaky.headers["x-c"]) == (None, "c")


@pytest.mark.parametrize(
    "answer",
    ["text", 5, [1], {"unknown": 1}, {"statusCode": "abc"}, {"statusCode": 99}, {"statusCode": True},
     {"statusCode": 200, "body": {"not": "text"}}, {"statusCode": 200, "headers": [1]},
     {"statusCode": 200, "headers": {"a": []}}, {"statusCode": 200, "isBase64Encoded": "yes"},
     {"statusCode": 200, "multiValueHeaders": {"a": "b"}}],
)
def test_malformed_answers(cloud: CloudUnderTest, api: str, answer: Any) -> None:
    assert answering(cloud, api, answer).error == (502, "InternalServerErrorException", INTERNAL)


def test_errors_of_the_function(cloud: CloudUnderTest, api: str) -> None:
    assert call(cloud, api, "/dev/pets?raise=1").error == (502, "InternalServerErrorException", INTERNAL)
    assert call(cloud, api, "/dev/private").error == (500, "InternalServerErrorException", INTERNAL)
    assert call(cloud, api, "/dev/slow?sleep=1").error == (
        504, "InternalServerErrorException", {"message": "Endpoint request timed out"})


def test_binary_both_ways(cloud: CloudUnderTest, api: str) -> None:
    raw = bytes(range(256))
    got = event(cloud, api, "/dev/pets/1", method="POST", body=raw, headers={"Content-Type": "image/png"})
    assert (got["isBase64Encoded"], base64.b64decode(got["body"])) == (True, raw)
    text = base64.b64encode(raw).decode()
    answer = {"statusCode": 200, "isBase64Encoded": True, "body": text, "headers": {"Content-Type": "image/png"}}
    assert answering(cloud, api, answer, headers={"Accept": "image/png"}).body == raw
    assert answering(cloud, api, answer, headers={"Accept": "text/html"}).body == text.encode()
    assert answering(cloud, api, {**answer, "body": "!!"}, headers={"Accept": "image/png"}).status == 502


def test_bodies_past_ten_megabytes(cloud: CloudUnderTest, api: str) -> None:
    reply = call(cloud, api, "/dev/pets/1", "POST", b"x" * (10 * 1024 * 1024 + 1))
    assert reply.error == (
        413, "RequestTooLargeException", {"message": "HTTP content length exceeded 10485760 bytes."})


def test_the_callers_trace_goes_on(cloud: CloudUnderTest, api: str) -> None:
    root = "Root=1-3152b799-8954dae64eda91bc9a23a7e8"
    got = event(cloud, api, "/dev/pets/1", headers={"X-Amzn-Trace-Id": root})
    assert got["headers"]["X-Amzn-Trace-Id"] == root


def test_an_api_answers_after_a_kill(cloud: CloudUnderTest, api: str) -> None:
    cloud.restart()
    assert event(cloud, api, "/dev/pets/1")["pathParameters"] == {"id": "1"}
