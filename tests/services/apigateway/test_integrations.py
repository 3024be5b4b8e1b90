"""Mock, custom and HTTP integrations; data mappings, gateway responses, request validators, stage variables, logs."""

import gzip
import http.server
import json
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.apigateway.conftest import TRUST, Apis, refused
from tests.services.apigateway.http import call

INTERNAL = (500, "InternalServerErrorException", {"message": "Internal server error"})


def mock(responses: dict[str, Any], template: str = '{"statusCode": 200}', **more: Any) -> dict[str, Any]:
    return {"x-amazon-apigateway-integration": {
        "type": "mock", "requestTemplates": {"application/json": template}, "responses": responses, **more}}


def test_cors_by_mock_as_sam_makes_it(cloud: CloudUnderTest, apis: Apis) -> None:
    headers = {"Access-Control-Allow-Origin": "'*'", "Access-Control-Allow-Methods": "'GET,OPTIONS'"}
    api = apis.document({"/a": {"options": mock(
        {"default": {"statusCode": "200", "responseTemplates": {"application/json": "{}\n"}, "responseParameters": {
            f"method.response.header.{name}": value for name, value in headers.items()}}},
        '{\n  "statusCode" : 200\n}\n', passthroughBehavior="when_no_match")}})
    reply = call(cloud, api, "/dev/a", "OPTIONS", headers={
        "Origin": "https://example.com", "Access-Control-Request-Method": "GET"})
    assert (reply.status, reply.json()) == (200, {})
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["access-control-allow-methods"] == "GET,OPTIONS"


def test_a_mock_chooses_its_response_by_status(cloud: CloudUnderTest, apis: Apis) -> None:
    template = '{"statusCode": #if($input.params("bad") == "1")400#{else}200#end}'
    echo = '{"who": "$input.params(\'who\')", "stage": "$context.stage", "all": $input.json("$")}'
    api = apis.document({"/{who}": {"post": mock({
        "2\\d\\d": {"statusCode": "202", "responseTemplates": {"application/json": echo}},
        "4\\d\\d": {"statusCode": "418", "responseTemplates": {"text/plain": "no"}}}, template)}})
    good = call(cloud, api, "/dev/me", "POST", '{"x": [1]}', {"Content-Type": "application/json"})
    assert (good.status, good.json()) == (202, {"who": "me", "stage": "dev", "all": {}})
    bad = call(cloud, api, "/dev/me?bad=1", "POST")
    assert (bad.status, bad.body, bad.headers["content-type"]) == (418, b"no", "text/plain")


def test_a_mock_without_a_status_or_a_response_fails(cloud: CloudUnderTest, apis: Apis) -> None:
    api = apis.document({
        "/none": {"get": mock({"default": {"statusCode": "200"}}, "{}")},
        "/nomatch": {"get": mock({"4..": {"statusCode": "400"}})},
        "/loop": {"get": mock(
            {"default": {"statusCode": "200"}}, "#foreach($a in [1..999])#foreach($b in [1..999])x#end#end")},
    })
    for path in ("none", "nomatch", "loop"):
        assert call(cloud, api, f"/dev/{path}").error == INTERNAL


def test_a_custom_integration_maps_both_ways(cloud: CloudUnderTest, apis: Apis) -> None:
    integration = {
        "type": "aws", "httpMethod": "POST", "uri": apis.uri(apis.function("custom")),
        "requestTemplates": {"application/json": """#set($name = $input.path('$.name'))
            {"fail": "$input.params('fail')", "name": "$util.escapeJavaScript($name)"}"""},
        "responses": {
            "default": {"statusCode": "200", "responseTemplates": {"application/json": '{"got": $input.json("$.name")}'},
                        "responseParameters": {"method.response.header.X-Name": "integration.response.body.$.name"}},
            "Error: four.*": {"statusCode": "400", "responseTemplates": {
                "application/json": '#set($context.responseOverride.status = 422){"error": $input.json("$.errorMessage")}'}},
        },
    }
    api = apis.document({"/": {"post": {"x-amazon-apigateway-integration": integration}}})
    good = call(cloud, api, "/dev", "POST", '{"name": "a\\"b"}', {"Content-Type": "application/json"})
    assert (good.status, good.json(), good.headers["x-name"]) == (200, {"got": 'a"b'}, 'a"b')
    bad = call(cloud, api, "/dev?fail=four", "POST", "{}", {"Content-Type": "application/json"})
    assert (bad.status, bad.json()) == (422, {"error": "Error: four"})
    assert call(cloud, api, "/dev?fail=five", "POST", "{}").status == 200
    assert call(cloud, api, "/dev", "POST", "<x/>", {"Content-Type": "application/xml"}).status in (200, 500)


@pytest.fixture(scope="module")
def backend() -> Iterator[str]:
    """A server that answers with what it was sent."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            told = {"method": self.command, "path": self.path, "headers": dict(self.headers.items()),
                    "body": self.rfile.read(length).decode()}
            content = json.dumps(told).encode()
            self.send_response(404 if "missing" in self.path else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("X-Backend", "yes")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *arguments: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def test_http_proxy_passes_the_request_on(cloud: CloudUnderTest, apis: Apis, backend: str) -> None:
    api = apis.document({"/{proxy+}": {"x-amazon-apigateway-any-method": {
        "parameters": [{"name": "proxy", "in": "path", "required": True}],
        "x-amazon-apigateway-integration": {
            "type": "http_proxy", "httpMethod": "ANY", "uri": backend + "/base/{proxy}",
            "requestParameters": {"integration.request.path.proxy": "method.request.path.proxy",
                                  "integration.request.header.X-Stage": "context.stage"}}}}})
    reply = call(cloud, api, "/dev/a/b?q=1&q=2", "POST", "text", {"X-Mine": "1", "Content-Type": "text/plain"})
    told = reply.json()
    assert (told["method"], told["path"], told["body"]) == ("POST", "/base/a/b?q=1&q=2", "text")
    assert (told["headers"]["X-Mine"], told["headers"]["X-Stage"]) == ("1", "dev")
    assert told["headers"]["X-Amzn-Apigateway-Api-Id"] == api
    assert reply.headers["x-backend"] == "yes"
    assert call(cloud, api, "/dev/missing").status == 404


def test_http_goes_through_templates(cloud: CloudUnderTest, apis: Apis, backend: str) -> None:
    api = apis.document({"/": {"get": {"x-amazon-apigateway-integration": {
        "type": "http", "httpMethod": "POST", "uri": backend + "/${stageVariables.where}",
        "requestParameters": {"integration.request.querystring.from": "'api'"},
        "requestTemplates": {"application/json": '{"q": "$input.params(\'q\')"}'},
        "responses": {"default": {"statusCode": "200", "responseTemplates": {"application/json": "$input.json('$')"}},
                      "404": {"statusCode": "404", "responseTemplates": {"application/json": '{"gone": true}'}}}}}}})
    apis.client.update_stage(restApiId=api, stageName="dev", patchOperations=[
        {"op": "replace", "path": "/variables/where", "value": "here"}])
    told = call(cloud, api, "/dev?q=x").json()
    assert (told["method"], told["path"], told["body"]) == ("POST", "/here?from=api", '{"q": "x"}')
    assert told["headers"]["User-Agent"] == f"AmazonAPIGateway_{api}"
    apis.client.update_stage(restApiId=api, stageName="dev", patchOperations=[
        {"op": "replace", "path": "/variables/where", "value": "missing"}])
    assert call(cloud, api, "/dev").error == (404, "", {"gone": True})


def test_an_endpoint_that_is_not_there(cloud: CloudUnderTest, apis: Apis) -> None:
    api = apis.document({"/": {"get": {"x-amazon-apigateway-integration": {
        "type": "http_proxy", "httpMethod": "GET", "uri": "http://127.0.0.1:9/"}}}})
    assert call(cloud, api, "/dev").error == INTERNAL


def test_validators_as_recorded(cloud: CloudUnderTest, apis: Apis) -> None:
    schema = {"type": "object", "properties": {"a": {"type": "number"}, "b": {"type": "string", "pattern": "^x"}},
              "required": ["a"]}
    ok = mock({"default": {"statusCode": "200", "responseTemplates": {"application/json": "{}"}}})
    api = apis.document(
        {"/{test}": {"post": {
            **ok, "x-amazon-apigateway-request-validator": "all",
            "parameters": [{"name": "x-header-param", "in": "header", "required": True},
                           {"name": "qs1", "in": "query", "required": True},
                           {"name": "issuer", "in": "path", "required": True}],
            "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}},
         "/body": {"post": {
             **ok, "x-amazon-apigateway-request-validator": "body",
             "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Outer"}}}}}}},
        components={"schemas": {"Thing": schema, "Outer": {
            "type": "object", "properties": {"thing": {"$ref": "#/components/schemas/Thing"}}, "required": ["thing"]}}},
        **{"x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True},
            "body": {"validateRequestBody": True, "validateRequestParameters": False}}})
    assert call(cloud, api, "/dev/x", "POST", '{"a": 1}').error == (400, "BadRequestException", {
        "message": "Missing required request parameters: [x-header-param, issuer, qs1]"})
    bad = (400, "BadRequestException", {"message": "Invalid request body"})
    kind = {"Content-Type": "application/json"}
    for body in ("", "not JSON", '{"thing": {}}', '{"thing": {"a": "text"}}', '{"thing": {"a": 1, "b": "y"}}', "[" * 5000):
        assert call(cloud, api, "/dev/body", "POST", body, kind).error == bad, body[:40]
    assert call(cloud, api, "/dev/body", "POST", '{"thing": {"a": 1, "b": "xy"}}', kind).status == 200


def test_compression_both_ways(cloud: CloudUnderTest, apis: Apis) -> None:
    api = apis.document({"/": {"post": {"x-amazon-apigateway-integration": apis.proxied(apis.function("echo"))}}},
                        **{"x-amazon-apigateway-minimum-compression-size": 10})
    for size in (100, 200_000):
        packed = gzip.compress(b"x" * size)
        reply = call(cloud, api, "/dev", "POST", packed, {"Content-Encoding": "gzip", "Accept-Encoding": "gzip"})
        assert reply.headers["content-encoding"] == "gzip"
        told = json.loads(gzip.decompress(reply.body))
        assert told["body"] == "x" * size
        assert "Content-Encoding" not in told["headers"]
    assert "content-encoding" not in call(cloud, api, "/dev", "POST", "x").headers
    refusal = call(cloud, api, "/dev", "POST", b"not packed", {"Content-Encoding": "gzip"})
    assert refusal.error == (400, "BadRequestException", {"message": "Invalid request body"})
    bomb = gzip.compress(b"\0" * (11 << 20))
    assert call(cloud, api, "/dev", "POST", bomb, {"Content-Encoding": "gzip"}).status == 413


def test_gateway_responses_customised(cloud: CloudUnderTest, apis: Apis) -> None:
    ok = mock({"default": {"statusCode": "200"}})
    api = apis.document({"/": {"get": ok}}, **{"x-amazon-apigateway-gateway-responses": {
        "MISSING_AUTHENTICATION_TOKEN": {
            "statusCode": 404,
            "responseParameters": {"gatewayresponse.header.X-Asked": "method.request.header.X-Ask",
                                   "gatewayresponse.header.X-Static": "'yes'"},
            "responseTemplates": {"application/json":
                                  '{"m": $context.error.messageString, "t": "$context.error.responseType"}'}},
        "DEFAULT_4XX": {"responseParameters": {"gatewayresponse.header.Access-Control-Allow-Origin": "'*'"}}}})
    reply = call(cloud, api, "/dev/no", headers={"X-Ask": "asked"})
    assert (reply.status, reply.json()) == (
        404, {"m": "Missing Authentication Token", "t": "MISSING_AUTHENTICATION_TOKEN"})
    assert (reply.headers["x-asked"], reply.headers["x-static"]) == ("asked", "yes")
    apis.client.delete_gateway_response(restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN")
    assert call(cloud, api, "/dev/no").status == 404
    apis.client.create_deployment(restApiId=api, stageName="dev")
    plain = call(cloud, api, "/dev/no")
    assert (plain.status, plain.headers["access-control-allow-origin"]) == (403, "*")


def test_a_stage_serves_its_deployment(cloud: CloudUnderTest, apis: Apis) -> None:
    def answer(text: str) -> dict[str, Any]:
        return mock({"default": {"statusCode": "200", "responseTemplates": {"application/json": f'"{text}"'}}})

    api = apis.document({"/": {"get": answer("old")}})
    body = {"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": {"/": {"get": answer("new")}}}
    apis.client.put_rest_api(restApiId=api, mode="overwrite", body=json.dumps(body).encode())
    assert call(cloud, api, "/dev").json() == "old"
    deployment = apis.client.create_deployment(restApiId=api)["id"]
    assert call(cloud, api, "/dev").json() == "old"
    apis.client.update_stage(restApiId=api, stageName="dev", patchOperations=[
        {"op": "replace", "path": "/deploymentId", "value": deployment}])
    assert call(cloud, api, "/dev").json() == "new"
    apis.client.update_rest_api(restApiId=api, patchOperations=[
        {"op": "replace", "path": "/disableExecuteApiEndpoint", "value": "true"}])
    assert call(cloud, api, "/dev").error == (403, "ForbiddenException", {"message": "Forbidden"})


def test_execution_and_access_logs(cloud: CloudUnderTest, apis: Apis) -> None:
    api = apis.document({"/a": {"get": mock({"default": {"statusCode": "200"}})}})
    assert refused(apis.client.update_stage, restApiId=api, stageName="dev", patchOperations=[
        {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"}]) == (
        "BadRequestException", "CloudWatch Logs role ARN must be set in account settings to enable logging")
    apis.client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": apis.role}])
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:access"
    apis.client.update_stage(restApiId=api, stageName="dev", patchOperations=[
        {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"},
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": group},
        {"op": "replace", "path": "/accessLogSettings/format",
         "value": '{"id": "$context.requestId", "status": $context.status, "who": "$context.identity.userArn"}'}])
    request = call(cloud, api, "/dev/a").headers["x-amzn-requestid"]
    logs = cloud.client("logs")
    deadline = time.monotonic() + 5
    while not logs.describe_log_groups(logGroupNamePrefix="access")["logGroups"]:
        assert time.monotonic() < deadline
    while not (events := logs.filter_log_events(logGroupName="access")["events"]):
        assert time.monotonic() < deadline
    assert json.loads(events[0]["message"]) == {"id": request, "status": 200, "who": "-"}
    lines = [e["message"] for e in logs.filter_log_events(logGroupName=f"API-Gateway-Execution-Logs_{api}/dev")["events"]]
    assert lines[1] == f"({request}) Starting execution for request: {request}"
    assert lines[-1] == f"({request}) Method completed with status: 200"


def test_other_services_are_called_as_the_integrations_role(cloud: CloudUnderTest, apis: Apis) -> None:
    role = service_role(cloud)
    cloud.client("s3").create_bucket(Bucket="api-bucket")
    cloud.client("ssm").put_parameter(Name="shown", Value="a value", Type="String")
    both = {"default": {"statusCode": "200", "responseParameters": {
        "method.response.header.ETag": "integration.response.header.ETag"}}, "404": {"statusCode": "404"},
        "403": {"statusCode": "403"}}
    objects = {"type": "aws", "uri": f"arn:aws:apigateway:{REGION}:s3:path/api-bucket/{{key}}", "credentials": role,
               "requestParameters": {"integration.request.path.key": "method.request.path.key",
                                     "integration.request.header.x-amz-meta-from": "'api'"}, "responses": both}
    parameter = {"type": "aws", "httpMethod": "POST", "uri": f"arn:aws:apigateway:{REGION}:ssm:action/GetParameter",
                 "credentials": role, "requestTemplates": {"application/json": '{"Name": "$input.params(\'name\')"}'},
                 "responses": {"default": {"statusCode": "200", "responseTemplates": {
                     "application/json": "$input.json('$.Parameter.Value')"}}, "4\\d{2}": {"statusCode": "404"}}}
    keyed = {"parameters": [{"name": "key", "in": "path", "required": True}]}
    api = apis.document({
        "/{key}": {"put": {**keyed, "x-amazon-apigateway-integration": {**objects, "httpMethod": "PUT"}},
                   "get": {**keyed, "x-amazon-apigateway-integration": {**objects, "httpMethod": "GET"}}},
        "/parameter": {"get": {"x-amazon-apigateway-integration": parameter}},
        "/other": {"get": {"x-amazon-apigateway-integration": {
            **objects, "httpMethod": "GET", "credentials": role + "-none"}}}})
    put = call(cloud, api, "/dev/a%20b", "PUT", "text", {"Content-Type": "text/plain"})
    assert (put.status, put.headers["etag"]) == (200, '"1cb251ec0d568de6a929b520c4aed8d1"')
    got = call(cloud, api, "/dev/a%20b")
    assert (got.status, got.body) == (200, b"text")
    raw = bytes(range(256))
    assert call(cloud, api, "/dev/raw", "PUT", raw, {"Content-Type": "image/png"}).status == 200
    assert call(cloud, api, "/dev/raw", headers={"Accept": "image/png"}).body == raw
    assert cloud.client("s3").head_object(Bucket="api-bucket", Key="a b")["Metadata"] == {"from": "api"}
    assert call(cloud, api, "/dev/none").status == 404
    assert call(cloud, api, "/dev/parameter?name=shown").json() == "a value"
    assert call(cloud, api, "/dev/parameter?name=none").status == 404
    assert call(cloud, api, "/dev/other").error == INTERNAL


def service_role(cloud: CloudUnderTest) -> str:
    iam = cloud.client("iam")
    role = iam.create_role(RoleName="integration", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": ["s3:*", "ssm:GetParameter"], "Resource": "*"}
    iam.put_role_policy(RoleName="integration", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [allowed]}))
    return str(role)


def test_a_method_is_tried_as_recorded(apis: Apis) -> None:
    template = '{"petId": "$input.params(\'petId\')"}'
    api = apis.document({
        "/pets/{petId}": {"get": mock({"default": {"statusCode": "200", "responseTemplates": {
            "application/json": template}}})},
        "/bad": {"get": {"x-amazon-apigateway-integration": {
            "type": "http", "httpMethod": "GET", "uri": "http://${stageVariables.host}/",
            "responses": {"default": {"statusCode": "200"}}}}}})
    resources = {r["path"]: r["id"] for r in apis.client.get_resources(restApiId=api)["items"]}

    def attempt(path: str, **more: Any) -> dict[str, Any]:
        where = {"restApiId": api, "resourceId": resources[path], "httpMethod": "GET"}
        answer: dict[str, Any] = apis.client.test_invoke_method(**where, **more)
        return answer

    good = attempt("/pets/{petId}", pathWithQueryString="/pets/123?foo=bar")
    assert (good["status"], good["body"], good["headers"]) == (
        200, '{"petId": "123"}', {"Content-Type": "application/json"})
    assert good["multiValueHeaders"] == {"Content-Type": ["application/json"]}
    lines = good["log"].split("\n")
    request = lines[0].removeprefix("Execution log for request ")
    assert [line.partition(" : ")[2] for line in lines[1:]] == [
        f"Starting execution for request: {request}", "HTTP Method: GET, Resource Path: /pets/123",
        "Method request path: {petId=123}", "Method request query string: {foo=bar}", "Method request headers: {}",
        "Method request body before transformations: ",
        'Method response body after transformations: {"petId": "123"}',
        "Method response headers: {Content-Type=application/json}", "Successfully completed execution",
        "Method completed with status: 200", ""]
    assert attempt("/pets/{petId}")["body"] == '{"petId": "{petId}"}'
    assert attempt("/pets/{petId}", pathWithQueryString="/random/test")["body"] == '{"petId": ""}'
    bad = attempt("/bad")
    assert (bad["status"], json.loads(bad["body"]), bad["headers"]) == (
        500, INTERNAL[2], {"x-amzn-ErrorType": "InternalServerErrorException"})
    assert bad["log"].split("\n")[-3].endswith("Execution failed due to configuration error: Invalid endpoint address")
    assert refused(apis.client.test_invoke_method, restApiId=api, resourceId=resources["/bad"], httpMethod="PUT") == (
        "NotFoundException", "Invalid Method identifier specified")
