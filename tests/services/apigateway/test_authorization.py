"""Who may call: Lambda authorizers, IAM, resource policies, API keys and usage plans."""

import json
import time
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.apigateway.conftest import Apis
from tests.services.apigateway.http import Reply, call

DENIED = "User is not authorized to access this resource"
UNAUTHORIZED = (401, "UnauthorizedException", {"message": "Unauthorized"})
FORBIDDEN = (403, "ForbiddenException", {"message": "Forbidden"})


def scheme(apis: Apis, kind: str, **more: Any) -> dict[str, Any]:
    return {
        "type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "custom",
        "x-amazon-apigateway-authorizer": {"type": kind, "authorizerUri": apis.uri(apis.function("token")), **more},
    }


@pytest.fixture(scope="module")
def api(apis: Apis) -> str:
    echo = {"x-amazon-apigateway-integration": apis.proxied(apis.function("echo"))}
    return apis.document(
        {
            "/token": {"get": {**echo, "security": [{"token": []}]}},
            "/fresh": {"get": {**echo, "security": [{"fresh": []}]}},
            "/request": {"get": {**echo, "security": [{"request": []}]}},
            "/open": {"get": echo},
        },
        components={"securitySchemes": {
            "token": scheme(apis, "token", identityValidationExpression="^[a-z]+$"),
            "fresh": scheme(apis, "token", authorizerResultTtlInSeconds=0),
            "request": {"name": "Unused", **scheme(
                apis, "request", identitySource="method.request.header.X-Who, method.request.querystring.q")},
        }},
    )


def with_token(cloud: CloudUnderTest, api: str, value: str, path: str = "/dev/token") -> Reply:
    return call(cloud, api, path, headers={"Authorization": value})


def test_a_token_authorizer_allows_and_passes_its_context(cloud: CloudUnderTest, api: str) -> None:
    context = with_token(cloud, api, "alice").json()["requestContext"]["authorizer"]
    assert context.pop("integrationLatency") >= 0
    calls = context.pop("calls")
    assert context == {"said": "alice", "number": "1", "flag": "true", "principalId": "user|alice"}
    assert with_token(cloud, api, "alice").json()["requestContext"]["authorizer"]["calls"] == calls


def test_an_answer_is_kept_until_it_is_flushed(cloud: CloudUnderTest, apis: Apis, api: str) -> None:
    def calls() -> int:
        return int(with_token(cloud, api, "dave").json()["requestContext"]["authorizer"]["calls"])

    first = calls()
    apis.client.create_rest_api(name="another, which is none of this one's business")
    assert calls() == first
    apis.client.flush_stage_authorizers_cache(restApiId=api, stageName="dev")
    assert calls() > first


def test_without_a_ttl_each_call_asks_anew(cloud: CloudUnderTest, api: str) -> None:
    first, second = (with_token(cloud, api, "bob", "/dev/fresh").json() for _ in range(2))
    assert first["requestContext"]["authorizer"]["calls"] != second["requestContext"]["authorizer"]["calls"]


def test_a_token_authorizer_refuses(cloud: CloudUnderTest, api: str) -> None:
    denied = (403, "AccessDeniedException", {"Message": f"{DENIED} with an explicit deny"})
    assert with_token(cloud, api, "deny").error == denied
    assert with_token(cloud, api, "elsewhere").error == (403, "AccessDeniedException", {"Message": DENIED})
    assert with_token(cloud, api, "unauthorized").error == UNAUTHORIZED
    assert with_token(cloud, api, "DOES-NOT-FIT").error == UNAUTHORIZED
    assert call(cloud, api, "/dev/token").error == UNAUTHORIZED
    broken = (500, "AuthorizerConfigurationException", {"message": None})
    assert with_token(cloud, api, "broken").error == broken


def test_a_request_authorizer(cloud: CloudUnderTest, api: str) -> None:
    got = call(cloud, api, "/dev/request?q=1", headers={"X-Who": "carol"}).json()
    assert got["requestContext"]["authorizer"]["principalId"] == "user|carol"
    assert call(cloud, api, "/dev/request", headers={"X-Who": "carol"}).error == UNAUTHORIZED
    assert call(cloud, api, "/dev/request?q=1").error == UNAUTHORIZED


def signed(
    cloud: CloudUnderTest, api: str, path: str, key: str, secret: str, method: str = "GET", body: str = ""
) -> Reply:
    host = f"{api}.execute-api.localhost:{cloud.port}"
    request = AWSRequest(method, f"http://{host}{path}", data=body or None, headers={"Host": host})
    SigV4Auth(Credentials(key, secret), "execute-api", REGION).add_auth(request)
    return call(cloud, api, path, method, body or None, headers=dict(request.headers.items()))


@pytest.fixture(scope="module")
def iam_api(apis: Apis) -> str:
    echo = {"x-amazon-apigateway-integration": apis.proxied(apis.function("echo")),
            "x-amazon-apigateway-auth": {"type": "AWS_IAM"}}
    return apis.document({"/a": {"get": echo, "post": echo}, "/b": {"get": echo}})


def test_iam_decides_by_method_and_path(cloud: CloudUnderTest, iam_api: str) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="caller")
    key = iam.create_access_key(UserName="caller")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": "execute-api:Invoke",
               "Resource": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{iam_api}/dev/*/a"}
    iam.put_user_policy(UserName="caller", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [allowed]}))
    pair = (key["AccessKeyId"], key["SecretAccessKey"])
    identity = signed(cloud, iam_api, "/dev/a", *pair).json()["requestContext"]["identity"]
    user = f"arn:aws:iam::{ACCOUNT}:user/caller"
    assert (identity["userArn"], identity["accountId"], identity["accessKey"]) == (user, ACCOUNT, pair[0])
    for body in ("{}", "x" * 3_000_000):
        assert signed(cloud, iam_api, "/dev/a", *pair, method="POST", body=body).status == 200
    status, kind, body = signed(cloud, iam_api, "/dev/b", *pair).error
    assert (status, kind) == (403, "AccessDeniedException")
    assert body["Message"] == (
        f"User: {user} is not authorized to perform: execute-api:Invoke on resource: "
        f"arn:aws:execute-api:{REGION}:********{ACCOUNT[-4:]}:{iam_api}/dev/GET/b")
    assert call(cloud, iam_api, "/dev/a").error == (
        403, "MissingAuthenticationTokenException", {"message": "Missing Authentication Token"})
    assert signed(cloud, iam_api, "/dev/a", pair[0], "wrong").error[:2] == (403, "InvalidSignatureException")
    assert signed(cloud, iam_api, "/dev/a", "AKIAAAAAAAAAAAAAAAAA", "wrong").error[:2] == (
        403, "UnrecognizedClientException")


def test_a_resource_policy_decides_for_everybody(cloud: CloudUnderTest, apis: Apis) -> None:
    echo = {"x-amazon-apigateway-integration": apis.proxied(apis.function("echo"))}
    policy = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*/GET/*"},
        {"Effect": "Deny", "Principal": "*", "Action": "execute-api:Invoke", "Resource": "execute-api:/*/*/closed"}]}
    api = apis.document({"/open": {"get": echo, "post": echo}, "/closed": {"get": echo}},
                        **{"x-amazon-apigateway-policy": policy})
    assert call(cloud, api, "/dev/open").status == 200
    status, _, body = call(cloud, api, "/dev/open", "POST").error
    assert status == 403
    assert body["Message"].startswith("User: anonymous is not authorized to perform: execute-api:Invoke on resource: arn:")
    assert call(cloud, api, "/dev/closed").json()["Message"].endswith("/dev/GET/closed with an explicit deny")
    kept = json.loads(apis.client.get_rest_api(restApiId=api)["policy"])["Statement"][0]["Resource"]
    assert kept == f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{api}/*/GET/*"


@pytest.fixture(scope="module")
def keyed(apis: Apis) -> str:
    echo = {"x-amazon-apigateway-integration": apis.proxied(apis.function("echo")), "security": [{"key": []}]}
    return apis.document({"/": {"get": echo}}, components={"securitySchemes": {
        "key": {"type": "apiKey", "name": "x-api-key", "in": "header"}}})


def planned(apis: Apis, api: str, **plan: Any) -> tuple[str, str, str]:
    """Plan, key and the key's value, for stage `dev`."""
    made = apis.client.create_usage_plan(name="p", apiStages=[{"apiId": api, "stage": "dev"}], **plan)["id"]
    key = apis.client.create_api_key(name="k", enabled=True)
    apis.client.create_usage_plan_key(usagePlanId=made, keyId=key["id"], keyType="API_KEY")
    return made, key["id"], key["value"]


def test_a_key_of_a_plan_for_the_stage_is_needed(cloud: CloudUnderTest, apis: Apis, keyed: str) -> None:
    plan, key, value = planned(apis, keyed)
    assert call(cloud, keyed, "/dev").error == FORBIDDEN
    assert call(cloud, keyed, "/dev", headers={"x-api-key": "x" * 40}).error == FORBIDDEN
    identity = call(cloud, keyed, "/dev", headers={"X-API-Key": value}).json()["requestContext"]["identity"]
    assert (identity["apiKey"], identity["apiKeyId"]) == (value, key)
    apis.client.update_api_key(apiKey=key, patchOperations=[{"op": "replace", "path": "/enabled", "value": "false"}])
    assert call(cloud, keyed, "/dev", headers={"x-api-key": value}).error == FORBIDDEN
    apis.client.update_api_key(apiKey=key, patchOperations=[{"op": "replace", "path": "/enabled", "value": "true"}])
    apis.client.delete_usage_plan_key(usagePlanId=plan, keyId=key)
    assert call(cloud, keyed, "/dev", headers={"x-api-key": value}).error == FORBIDDEN


def test_a_quota_is_used_up_and_extended(cloud: CloudUnderTest, apis: Apis, keyed: str) -> None:
    plan, key, value = planned(apis, keyed, quota={"limit": 2, "period": "DAY"})
    statuses = [call(cloud, keyed, "/dev", headers={"x-api-key": value}).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert call(cloud, keyed, "/dev", headers={"x-api-key": value}).error == (
        429, "LimitExceededException", {"message": "Limit Exceeded"})
    today = time.strftime("%Y-%m-%d", time.gmtime())
    usage = apis.client.get_usage(usagePlanId=plan, startDate=today, endDate=today)["items"]
    assert usage == {key: [[2, 0]]}
    apis.client.update_usage(usagePlanId=plan, keyId=key, patchOperations=[
        {"op": "replace", "path": "/remaining", "value": "1"}])
    statuses = [call(cloud, keyed, "/dev", headers={"x-api-key": value}).status for _ in range(2)]
    assert statuses == [200, 429]


def test_a_plan_throttles(cloud: CloudUnderTest, apis: Apis, keyed: str) -> None:
    _, _, value = planned(apis, keyed, throttle={"rateLimit": 0.001, "burstLimit": 2})
    statuses = [call(cloud, keyed, "/dev", headers={"x-api-key": value}).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert call(cloud, keyed, "/dev", headers={"x-api-key": value}).error == (
        429, "TooManyRequestsException", {"message": "Too Many Requests"})
