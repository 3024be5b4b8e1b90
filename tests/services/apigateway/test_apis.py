"""The control plane, against what AWS was recorded to answer."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION, CloudUnderTest
from tests.services.apigateway.conftest import refused

BAD, MISSING, CONFLICT = "BadRequestException", "NotFoundException", "ConflictException"
NO_RESOURCE = (MISSING, "Invalid Resource identifier specified")
NO_METHOD = (MISSING, "Invalid Method identifier specified")


@pytest.fixture(scope="module")
def client(cloud: CloudUnderTest) -> Any:
    return cloud.client("apigateway")


@pytest.fixture
def api(client: Any) -> Iterator[str]:
    made = client.create_rest_api(name="test", description="this is my api")["id"]
    yield made
    client.delete_rest_api(restApiId=made)


@pytest.fixture
def root(client: Any, api: str) -> str:
    return str(client.get_rest_api(restApiId=api)["rootResourceId"])


def stripped(answer: dict[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in ("ResponseMetadata", "createdDate", *names)}


def patch(op: str, path: str, value: str | None = None) -> dict[str, str]:
    return {"op": op, "path": path, **({} if value is None else {"value": value})}


def test_create_answers_as_recorded(client: Any) -> None:
    made = client.create_rest_api(name="x", description="this is my api")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert stripped(made, "id", "rootResourceId") == {
        "name": "x", "description": "this is my api", "apiKeySource": "HEADER",
        "endpointConfiguration": {"types": ["EDGE"], "ipAddressType": "ipv4"}, "disableExecuteApiEndpoint": False}
    assert len(made["id"]) == 10
    assert client.delete_rest_api(restApiId=made["id"])["ResponseMetadata"]["HTTPStatusCode"] == 202


def test_what_create_refuses(client: Any) -> None:
    assert refused(client.create_rest_api, name="x", description="") == (BAD, "Description cannot be an empty string")
    assert refused(client.create_rest_api, name="x", minimumCompressionSize=-1) == (
        BAD, "Invalid minimum compression size, must be between 0 and 10485760")
    both = {"types": ["EDGE", "REGIONAL"]}
    assert refused(client.create_rest_api, name="x", endpointConfiguration=both) == (
        BAD, "Cannot create an api with multiple Endpoint Types.")
    wrong = {"types": ["wrong"], "ipAddressType": "wrong"}
    assert refused(client.create_rest_api, name="x", endpointConfiguration=wrong) == (
        "ValidationException",
        "2 validation errors detected: "
        "Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' failed to satisfy constraint: Member must "
        "satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, REGIONAL]]; "
        "Value 'wrong' at 'createRestApiInput.endpointConfiguration.ipAddressType' failed to satisfy constraint: Member "
        "must satisfy enum value set: [ipv4, dualstack]")
    assert refused(client.get_rest_api, restApiId="nope") == (
        MISSING, f"Invalid API identifier specified {ACCOUNT}:nope")


def test_another_account_or_region_does_not_see_it(cloud: CloudUnderTest, api: str) -> None:
    for other in (cloud.client("apigateway", key="111111111111"), cloud.client("apigateway", region="eu-west-1")):
        assert refused(other.get_rest_api, restApiId=api)[0] == MISSING
        assert other.get_rest_apis()["items"] == []


def test_update_by_patches(client: Any, api: str) -> None:
    def update(*operations: dict[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = client.update_rest_api(restApiId=api, patchOperations=list(operations))
        return answer

    added = update(patch("add", "/binaryMediaTypes/image~1png"), patch("add", "/binaryMediaTypes/image~1jpeg"))
    assert (added["binaryMediaTypes"], added["tags"]) == (["image/png", "image/jpeg"], {})
    assert update(patch("replace", "/binaryMediaTypes/image~1png", "image/gif"))["binaryMediaTypes"] == [
        "image/jpeg", "image/gif"]
    removed = update(patch("remove", "/binaryMediaTypes/image~1gif"), patch("remove", "/description"))
    assert (removed["binaryMediaTypes"], "description" in removed) == (["image/jpeg"], False)
    assert update(patch("replace", "/minimumCompressionSize", "10"))["minimumCompressionSize"] == 10
    assert "minimumCompressionSize" not in update(patch("replace", "/minimumCompressionSize"))

    def wrong(*operations: dict[str, str]) -> tuple[str, str]:
        return refused(client.update_rest_api, restApiId=api, patchOperations=list(operations))

    assert wrong(patch("replace", "/minimumCompressionSize", "-1")) == (
        BAD, "Invalid minimum compression size, must be between 0 and 10485760")
    assert wrong(patch("add", "/minimumCompressionSize", "10")) == (
        BAD, "Invalid patch operation specified. Must be one of: [replace]")
    assert wrong(patch("add", "/binaryMediaTypes", "x")) == (BAD, "Invalid patch path /binaryMediaTypes")
    assert wrong(patch("replace", "/endpointConfiguration/ipAddressType", "wrong")) == (
        BAD, "ipAddressType must be either ipv4 or dualstack.")


def test_resources(client: Any, api: str, root: str) -> None:
    def create(part: str, parent: str = root) -> str:
        return str(client.create_resource(restApiId=api, parentId=parent, pathPart=part)["id"])

    pets = create("pets")
    sub = create("subpets", pets)
    listed = client.get_resources(restApiId=api)["items"]
    assert [r["path"] for r in listed] == ["/", "/pets", "/pets/subpets"]
    assert listed[2] == {"id": sub, "parentId": pets, "pathPart": "subpets", "path": "/pets/subpets"}
    moved = client.update_resource(restApiId=api, resourceId=pets, patchOperations=[patch("replace", "/pathPart", "dogs")])
    assert moved["path"] == "/dogs"
    assert client.get_resource(restApiId=api, resourceId=sub)["path"] == "/dogs/subpets"

    def update(resource: str, *operations: dict[str, str]) -> tuple[str, str]:
        return refused(client.update_resource, restApiId=api, resourceId=resource, patchOperations=list(operations))

    assert update(sub, patch("replace", "/invalid", "x")) == (
        BAD, "Invalid patch path  '/invalid' specified for op 'replace'. Must be one of: [/parentId, /pathPart]")
    assert update(sub, patch("remove", "/pathPart")) == (
        BAD, "Invalid patch path  '/pathPart' specified for op 'remove'. Please choose supported operations")
    assert update(pets, patch("replace", "/parentId", sub)) == (BAD, "Resources cannot be cyclical.")
    assert update(root, patch("replace", "/pathPart", "x")) == (BAD, "Root resource cannot update its pathPart.")
    assert update("nope", patch("replace", "/pathPart", "x")) == NO_RESOURCE
    assert refused(create, part="dogs") == (
        CONFLICT, "Another resource with the same parent already has this name: dogs")
    greedy = create("{proxy+}")
    assert refused(create, part="{name}") == (
        BAD, "A sibling ({proxy+}) of this resource already has a variable path part -- only one is allowed")
    assert refused(create, part="x", parent=greedy) == (
        BAD, "Cannot create a child of a resource with a greedy path variable: {proxy+}")
    assert refused(create, part="a/b")[0] == BAD
    client.delete_resource(restApiId=api, resourceId=pets)
    assert refused(client.get_resource, restApiId=api, resourceId=sub) == NO_RESOURCE


def test_methods(client: Any, api: str, root: str) -> None:
    where = {"restApiId": api, "resourceId": root, "httpMethod": "ANY"}
    made = client.put_method(**where, authorizationType="NONE")
    assert stripped(made) == {"httpMethod": "ANY", "authorizationType": "NONE", "apiKeyRequired": False}

    def update(*operations: dict[str, str]) -> dict[str, Any]:
        return stripped(client.update_method(**where, patchOperations=list(operations)))

    assert update(patch("add", "/requestParameters/method.request.querystring.optional", "true"),
                  patch("add", "/requestModels/application~1json", "Empty")) == {
        **stripped(made), "requestModels": {"application/json": "Empty"},
        "requestParameters": {"method.request.querystring.optional": True}}
    replaced = update(patch("replace", "/authorizationType", "AWS_IAM"), patch("replace", "/apiKeyRequired", "true"))
    assert (replaced["authorizationType"], replaced["apiKeyRequired"]) == ("AWS_IAM", True)

    def wrong(*operations: dict[str, str]) -> tuple[str, str]:
        return refused(client.update_method, **where, patchOperations=list(operations))

    authorizer = ("Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS requires "
                  "a valid authorizer.")
    assert wrong(patch("replace", "/authorizationType", "CUSTOM")) == (BAD, authorizer)
    assert wrong(patch("replace", "/httpMethod", "GET")) == (BAD, "Invalid patch path /httpMethod")
    assert wrong(patch("add", "/apiKeyRequired", "true")) == (
        BAD, "Invalid patch operation specified. Must be one of: [replace]")
    assert wrong(patch("replace", "/requestValidatorId", "nope")) == (BAD, "Invalid Request Validator identifier specified")
    assert refused(client.put_method, **{**where, "httpMethod": "WRONG"}, authorizationType="NONE") == (
        BAD, "Invalid HttpMethod specified. Valid options are GET,PUT,POST,DELETE,PATCH,OPTIONS,HEAD,ANY")
    assert refused(client.put_method, **{**where, "httpMethod": "GET"}, authorizationType="NONE",
                   requestModels={"application/json": "petModel"}) == (BAD, "Invalid model identifier specified: petModel")
    assert refused(client.put_method, **{**where, "httpMethod": "GET"}, authorizationType="NONE", requestParameters={
        "method.request.querystring.q": True, "method.request.header.q": True}) == (
        BAD, "Parameter names must be unique across querystring, header and path")
    assert refused(client.put_method, **{**where, "restApiId": "nope"}, authorizationType="NONE") == NO_RESOURCE
    client.delete_method(**where)
    assert refused(client.get_method, **where) == NO_METHOD
    assert refused(client.delete_method, **where) == NO_METHOD


def test_integrations(client: Any, api: str, root: str) -> None:
    where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    assert refused(client.put_integration, **where, type="MOCK") == NO_METHOD
    client.put_method(**where, authorizationType="NONE")
    missing = (MISSING, "Invalid Integration identifier specified")
    assert refused(client.get_integration, **where) == missing
    for kind in ("HTTP", "HTTP_PROXY", "AWS"):
        assert refused(client.put_integration, **where, type=kind, uri="http://example.com") == (
            BAD, "Enumeration value for HttpMethod must be non-empty")

    def put(kind: str, uri: str) -> dict[str, Any]:
        return stripped(client.put_integration(**where, type=kind, integrationHttpMethod="POST", uri=uri))

    prefix = f"arn:aws:apigateway:{REGION}:"
    assert refused(put, kind="HTTP", uri="non-sense") == (BAD, "Invalid HTTP endpoint specified for URI")
    assert refused(put, kind="AWS", uri="non-sense") == (BAD, "Invalid ARN specified in the request")
    assert refused(put, kind="AWS", uri=prefix + "firehose:x") == (
        BAD, "AWS ARN for integration must contain path or action")
    assert refused(put, kind="AWS_PROXY", uri=prefix + "s3:path/b/k") == (
        BAD, "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations.")
    assert put("HTTP", "http://example.com") == {
        "type": "HTTP", "httpMethod": "POST", "uri": "http://example.com", "connectionType": "INTERNET",
        "passthroughBehavior": "WHEN_NO_MATCH", "timeoutInMillis": 29000, "cacheNamespace": root, "cacheKeyParameters": []}
    response = client.put_integration_response(
        **where, statusCode="200", selectionPattern="", responseTemplates={"application/json": '"created"'})
    assert stripped(response) == {
        "statusCode": "200", "selectionPattern": "", "responseTemplates": {"application/json": '"created"'}}
    no_status = (MISSING, "Invalid Response status code specified")
    assert refused(client.get_integration_response, **where, statusCode="404") == no_status
    client.put_method_response(**where, statusCode="200", responseModels={}, responseParameters={})
    assert refused(client.update_method_response, **where, statusCode="200", patchOperations=[
        patch("replace", "/responseParameters/method.response.header.x", "true")]) == (
        MISSING, "Invalid parameter name specified")
    assert refused(client.get_method_response, **where, statusCode="300") == no_status
    method = client.get_method(**where)
    assert list(method["methodIntegration"]["integrationResponses"]) == ["200"]
    client.delete_integration(**where)
    assert refused(client.get_integration, **where) == missing


def test_deployments_and_stages(client: Any, api: str, root: str) -> None:
    assert refused(client.create_deployment, restApiId=api) == (BAD, "The REST API doesn't contain any methods")
    where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    client.put_method(**where, authorizationType="NONE")
    assert refused(client.create_deployment, restApiId=api) == (BAD, "No integration defined for method")
    client.put_integration(**where, type="MOCK")
    first = client.create_deployment(restApiId=api, description="one")["id"]
    made = client.create_stage(restApiId=api, stageName="s1", deploymentId=first, description="my stage")
    assert stripped(made, "lastUpdatedDate") == {
        "deploymentId": first, "stageName": "s1", "description": "my stage", "cacheClusterEnabled": False,
        "cacheClusterStatus": "NOT_AVAILABLE", "methodSettings": {}, "tracingEnabled": False}
    assert refused(client.create_stage, restApiId=api, stageName="s1", deploymentId=first) == (
        CONFLICT, "Stage already exists")
    assert refused(client.delete_deployment, restApiId=api, deploymentId=first) == (
        BAD, "Active stages pointing to this deployment must be moved or deleted")
    second = client.create_deployment(restApiId=api, stageName="s1")["id"]
    assert client.get_stage(restApiId=api, stageName="s1")["deploymentId"] == second
    assert client.get_stages(restApiId=api, deploymentId=first)["item"] == []
    client.delete_deployment(restApiId=api, deploymentId=first)

    def update(*operations: dict[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = client.update_stage(restApiId=api, stageName="s1", patchOperations=list(operations))
        return answer

    changed = update(patch("replace", "/*/*/throttling/burstLimit", "123"), patch("replace", "/*/*/caching/enabled", "true"),
                     patch("replace", "/test/GET/throttling/burstLimit", "124"), patch("replace", "/variables/v", "1"))
    setting = {"metricsEnabled": False, "dataTraceEnabled": False, "throttlingBurstLimit": 123,
               "throttlingRateLimit": 10000.0, "cachingEnabled": True, "cacheTtlInSeconds": 300,
               "cacheDataEncrypted": False, "requireAuthorizationForCacheControl": True,
               "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER"}
    assert changed["methodSettings"] == {
        "*/*": setting, "test/GET": {**setting, "throttlingBurstLimit": 124, "cachingEnabled": False}}
    assert changed["variables"] == {"v": "1"}
    assert update(patch("remove", "/*/*"), patch("remove", "/test/GET"))["methodSettings"] == {}
    with pytest.raises(client.exceptions.BadRequestException) as caught:
        update(patch("remove", "/*/*"))
    assert caught.value.response["Error"]["Message"] == (
        "Cannot remove method setting */* because there is no method setting for this method ")
    with pytest.raises(client.exceptions.BadRequestException) as caught:
        update(patch("replace", "/tags/tag1", "x"))
    assert caught.value.response["Error"]["Message"].startswith(
        "Invalid method setting path: /tags/tag1. Must be one of: [/deploymentId, /description, /cacheClusterEnabled,")


def test_models(client: Any, api: str, root: str) -> None:
    assert [m["name"] for m in client.get_models(restApiId=api)["items"]] == ["Empty", "Error"]
    schema = json.dumps({"title": "Calc", "type": "object"})
    client.create_model(restApiId=api, name="Calc", contentType="application/json", schema=schema)

    def create(**params: Any) -> tuple[str, str]:
        return refused(client.create_model, **{"restApiId": api, "contentType": "application/json", **params})

    empty = (BAD, "Model schema must have at least 1 property or array items defined")
    assert create(name="Calc", schema=schema) == (CONFLICT, "Model name already exists for this REST API")
    assert create(name="", schema=schema) == (BAD, "Model name must be non-empty")
    assert create(name="x", schema="{}") == empty
    assert create(name="x") == empty
    assert refused(client.get_model, restApiId=api, modelName="No") == (MISSING, "Invalid model name specified: No")
    rename = [patch("replace", "/name", "x")]
    assert refused(client.update_model, restApiId=api, modelName="Calc", patchOperations=rename) == (
        BAD, "Invalid patch path  '/name' specified for op 'replace'. Must be one of: [/description, /schema]")
    client.put_method(restApiId=api, resourceId=root, httpMethod="ANY", authorizationType="NONE",
                      requestModels={"application/json": "Calc"})
    assert refused(client.delete_model, restApiId=api, modelName="Calc") == (
        CONFLICT, "Cannot delete model 'Calc', is referenced in method request: //ANY")


def test_request_validators(client: Any, api: str) -> None:
    made = client.create_request_validator(restApiId=api, name="v")
    where = {"restApiId": api, "requestValidatorId": made["id"]}
    assert stripped(made, "id") == {"name": "v", "validateRequestBody": False, "validateRequestParameters": False}
    assert client.update_request_validator(**where, patchOperations=[
        patch("replace", "/validateRequestBody", "true")])["validateRequestBody"] is True
    assert refused(client.update_request_validator, **where, patchOperations=[patch("replace", "/name", "")]) == (
        BAD, "Request Validator name cannot be blank")
    assert refused(client.create_request_validator, restApiId="nope", name="v") == (
        BAD, "Invalid REST API identifier specified")
    client.delete_request_validator(**where)
    assert refused(client.get_request_validator, **where) == (MISSING, "Invalid Request Validator identifier specified")


def test_gateway_responses(client: Any, api: str) -> None:
    default = {"responseType": "DEFAULT_4XX", "responseParameters": {}, "defaultResponse": True,
               "responseTemplates": {"application/json": '{"message":$context.error.messageString}'}}
    assert stripped(client.get_gateway_response(restApiId=api, responseType="DEFAULT_4XX")) == default
    assert stripped(client.update_gateway_response(restApiId=api, responseType="DEFAULT_4XX", patchOperations=[
        patch("replace", "/statusCode", "444")])) == {**default, "defaultResponse": False, "statusCode": "444"}
    assert refused(client.delete_gateway_response, restApiId=api, responseType="THROTTLED") == (
        MISSING, "Gateway response type not defined on api")
    assert refused(client.update_gateway_response, restApiId=api, responseType="THROTTLED", patchOperations=[
        patch("add", "/statusCode", "400")]) == (BAD, "Invalid patch path /statusCode")
    assert len(client.get_gateway_responses(restApiId=api)["items"]) == 21


def test_usage_plans_as_recorded(client: Any, api: str, root: str) -> None:
    where = {"restApiId": api, "resourceId": root, "httpMethod": "GET"}
    client.put_method(**where, authorizationType="NONE")
    client.put_integration(**where, type="MOCK")
    client.create_deployment(restApiId=api, stageName="dev")
    made = client.create_usage_plan(name="p", apiStages=[{"apiId": api, "stage": "dev"}])
    plan = made["id"]
    updated = client.update_usage_plan(usagePlanId=plan, patchOperations=[
        patch("replace", "/throttle/burstLimit", "100"), patch("replace", "/throttle/rateLimit", "200"),
        patch("replace", "/quota/limit", "5000")])
    assert stripped(updated) == {
        "id": plan, "name": "p", "apiStages": [{"apiId": api, "stage": "dev"}], "tags": {},
        "quota": {"limit": 5000, "offset": 0, "period": "MONTH"}, "throttle": {"burstLimit": 100, "rateLimit": 200.0}}

    def wrong(value: str) -> tuple[str, str]:
        return refused(client.update_usage_plan, usagePlanId=plan, patchOperations=[patch("add", "/apiStages", value)])

    assert wrong("nonsense") == (BAD, "Invalid API Stage specified")
    assert wrong(f"{api}:fakestagename") == (
        MISSING, f"Invalid API Stage {{api: {api}, stage: fakestagename}} specified for usageplan {plan}")
    assert refused(client.get_usage_plan, usagePlanId="nope") == (MISSING, "Invalid Usage Plan ID specified")
    client.update_usage_plan(usagePlanId=plan, patchOperations=[patch("remove", "/apiStages", f"{api}:dev")])
    client.delete_usage_plan(usagePlanId=plan)


def test_tags_by_arn(client: Any, api: str) -> None:
    arn = f"arn:aws:apigateway:{REGION}::/restapis/{api}"
    client.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.get_tags(resourceArn=arn)["tags"] == {"b": "2"}
    assert client.get_rest_api(restApiId=api)["tags"] == {"b": "2"}


def test_a_user_may_do_what_its_policy_says(cloud: CloudUnderTest, client: Any, api: str) -> None:
    iam = cloud.client("iam")
    iam.create_user(UserName="builder")
    key = iam.create_access_key(UserName="builder")["AccessKey"]
    allowed = {"Effect": "Allow", "Action": "apigateway:GET", "Resource": f"arn:aws:apigateway:{REGION}::/restapis/{api}*"}
    iam.put_user_policy(UserName="builder", PolicyName="p", PolicyDocument=json.dumps(
        {"Version": "2012-10-17", "Statement": [allowed]}))
    theirs = cloud.client("apigateway", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    assert theirs.get_resources(restApiId=api)["items"][0]["path"] == "/"
    assert refused(theirs.delete_rest_api, restApiId=api) == (
        "AccessDeniedException",
        f"User: arn:aws:iam::{ACCOUNT}:user/builder is not authorized to perform: apigateway:DELETE on resource: "
        f"arn:aws:apigateway:{REGION}::/restapis/{api} because no identity-based policy allows the apigateway:DELETE action")


def document(**more: Any) -> bytes:
    return json.dumps({"swagger": "2.0", "info": {"title": "PetStore", "version": "1.0"}, "basePath": "/base/v1",
                       "paths": {"/pets/{petId}": {"get": {
                           "operationId": "GetPet",
                           "parameters": [{"name": "petId", "in": "path", "required": True, "type": "string"}],
                           "responses": {"200": {"description": "", "schema": {"$ref": "#/definitions/Pet"},
                                                 "headers": {"X-A": {"type": "string"}}}},
                           "x-amazon-apigateway-integration": {
                               "type": "http", "httpMethod": "GET", "uri": "http://example.com/{petId}",
                               "responses": {"default": {"statusCode": 200}, "4\\d{2}": {"statusCode": "404"}},
                               "requestParameters": {"integration.request.path.petId": "method.request.path.petId"}}}}},
                       "definitions": {"Pet": {"type": "object", "properties": {"next": {"$ref": "#/definitions/Pet"}}}},
                       **more}).encode()


@pytest.mark.parametrize(("mode", "path"), [
    ("ignore", "/pets/{petId}"), ("prepend", "/base/v1/pets/{petId}"), ("split", "/v1/pets/{petId}")])
def test_import(client: Any, mode: str, path: str) -> None:
    api = client.import_rest_api(body=document(), parameters={"basepath": mode, "endpointConfigurationTypes": "REGIONAL"})
    assert (api["name"], api["version"], api["endpointConfiguration"]["types"]) == ("PetStore", "1.0", ["REGIONAL"])
    resource = client.get_resources(restApiId=api["id"])["items"][-1]
    assert (resource["path"], resource["resourceMethods"]) == (path, {"GET": {}})
    method = client.get_method(restApiId=api["id"], resourceId=resource["id"], httpMethod="GET")
    assert stripped(method) == {
        "httpMethod": "GET", "authorizationType": "NONE", "apiKeyRequired": False, "operationName": "GetPet",
        "requestParameters": {"method.request.path.petId": True},
        "methodResponses": {"200": {"statusCode": "200", "responseModels": {"application/json": "Pet"},
                                    "responseParameters": {"method.response.header.X-A": False}}},
        "methodIntegration": {
            "type": "HTTP", "httpMethod": "GET", "uri": "http://example.com/{petId}", "connectionType": "INTERNET",
            "requestParameters": {"integration.request.path.petId": "method.request.path.petId"},
            "passthroughBehavior": "WHEN_NO_MATCH", "timeoutInMillis": 29000, "cacheNamespace": resource["id"],
            "cacheKeyParameters": [], "integrationResponses": {
                "200": {"statusCode": "200"}, "404": {"statusCode": "404", "selectionPattern": "4\\d{2}"}}}}
    [model] = client.get_models(restApiId=api["id"])["items"]
    reference = f"https://apigateway.amazonaws.com/restapis/{api['id']}/models/Pet"
    assert json.loads(model["schema"])["properties"] == {"next": {"$ref": reference}}


def test_put_merges_or_overwrites(client: Any) -> None:
    kinds = {"x-amazon-apigateway-binary-media-types": ["image/png"]}
    api = client.create_rest_api(name="x", binaryMediaTypes=["image/heif"])["id"]
    assert client.put_rest_api(restApiId=api, mode="merge", body=document(**kinds))["binaryMediaTypes"] == [
        "image/heif", "image/png"]
    before = {r["path"]: r["id"] for r in client.get_resources(restApiId=api)["items"]}
    answer = client.put_rest_api(restApiId=api, mode="overwrite", body=document(**kinds))
    assert (answer["binaryMediaTypes"], answer["name"], answer["tags"]) == (["image/png"], "PetStore", {})
    assert {r["path"]: r["id"] for r in client.get_resources(restApiId=api)["items"]} == before
    client.put_rest_api(restApiId=api, mode="overwrite", body=document(paths={"/other": {"get": {}}}))
    assert [r["path"] for r in client.get_resources(restApiId=api)["items"]] == ["/", "/other"]


BOMB = "swagger: '2.0'\na: &a [x,x]\nb: &b [*a,*a]\n"


@pytest.mark.parametrize("body", [b"{", b"- a", b"not: openapi", b"\xff\xfe", BOMB.encode(), b"[" * 10_000, b"{" * 100_000])
def test_import_refuses_what_is_no_document(client: Any, body: bytes) -> None:
    assert refused(client.import_rest_api, body=body) == (BAD, "Invalid OpenAPI input.")


def test_import_makes_authorizers_and_validators(client: Any) -> None:
    function = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"
    uri = f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"
    more = {
        "securityDefinitions": {
            "auth": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "oauth2",
                     "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": uri,
                                                        "authorizerResultTtlInSeconds": 60}},
            "iam": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"},
            "api_key": {"type": "apiKey", "name": "x-api-key", "in": "header"}},
        "x-amazon-apigateway-request-validators": {"v": {"validateRequestBody": True, "validateRequestParameters": False}},
        "x-amazon-apigateway-request-validator": "v",
        "security": [{"auth": []}],
        "paths": {"/": {"get": {}, "post": {"security": [{"iam": []}, {"api_key": []}]}, "put": {"security": []}}},
    }
    api = client.import_rest_api(body=document(**more))["id"]
    [authorizer] = client.get_authorizers(restApiId=api)["items"]
    identifier = authorizer.pop("id")
    assert authorizer == {
        "name": "auth", "type": "TOKEN", "authType": "oauth2", "authorizerUri": uri, "authorizerResultTtlInSeconds": 60,
        "identitySource": "method.request.header.Authorization"}
    [resource] = client.get_resources(restApiId=api, embed=["methods"])["items"]
    methods = resource["resourceMethods"]
    assert (methods["GET"]["authorizationType"], methods["GET"]["authorizerId"]) == ("CUSTOM", identifier)
    assert (methods["POST"]["authorizationType"], methods["POST"]["apiKeyRequired"]) == ("AWS_IAM", True)
    assert methods["PUT"]["authorizationType"] == "NONE"
    [validator] = client.get_request_validators(restApiId=api)["items"]
    assert methods["GET"]["requestValidatorId"] == validator["id"]
