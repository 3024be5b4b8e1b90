"""Tenant isolation through the API: who may be named, and that no environment meets two tenants."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudUnderTest
from tests.services.lambda_.helpers import LOGGING, PYTHON, create, role

SEEN = """
seen = []
def handler(event, context):
    seen.append(context.tenant_id)
    print("for", context.tenant_id)
    return seen
"""
MISSING = "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again."
ISOLATED = {"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}


def invoke(cloud: CloudUnderTest, tenant: str) -> Any:
    return json.load(cloud.client("lambda").invoke(FunctionName="shared", TenantId=tenant)["Payload"])


def refused(call: Any, **members: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**members)
    assert error.value.response["Error"]["Code"] == "InvalidParameterValueException"
    return str(error.value.response["Error"]["Message"])


def test_each_tenant_has_environments_of_its_own(cloud: CloudUnderTest) -> None:
    made = create(cloud, "shared", SEEN, **ISOLATED)
    assert made["TenancyConfig"] == ISOLATED["TenancyConfig"]
    assert [invoke(cloud, "blue"), invoke(cloud, "green"), invoke(cloud, "blue")] == [["blue"], ["green"], ["blue", "blue"]]
    cloud.restart()
    assert cloud.client("lambda").get_function_configuration(FunctionName="shared")["TenancyConfig"] == ISOLATED["TenancyConfig"]
    assert invoke(cloud, "blue") == ["blue"]


def test_a_queued_event_keeps_its_tenant(cloud: CloudUnderTest) -> None:
    create(cloud, "queued", SEEN, **ISOLATED)
    functions, logs = cloud.client("lambda"), cloud.client("logs")
    functions.invoke(FunctionName="queued", TenantId="blue", InvocationType="Event")
    deadline, found = time.monotonic() + 30, []
    while not found:
        assert time.monotonic() < deadline
        time.sleep(0.1)
        if logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/queued")["logGroups"]:
            found = logs.filter_log_events(logGroupName="/aws/lambda/queued", filterPattern='"for blue"')["events"]
    assert len(found) == 1


def test_a_tenant_is_named_where_tenants_are_kept_apart_and_only_there(cloud: CloudUnderTest) -> None:
    create(cloud, "apart", **ISOLATED)
    create(cloud, "together")
    functions = cloud.client("lambda")
    for kind in ("RequestResponse", "Event", "DryRun"):
        assert refused(functions.invoke, FunctionName="apart", InvocationType=kind) == MISSING
        assert "not enabled with tenancy" in refused(
            functions.invoke, FunctionName="together", InvocationType=kind, TenantId="blue"
        )
    refused(functions.invoke_with_response_stream, FunctionName="apart")


def test_what_such_a_function_cannot_have(cloud: CloudUnderTest) -> None:
    create(cloud, "alone", Publish=True, **ISOLATED)
    functions = cloud.client("lambda")
    assert "Function URL" in refused(functions.create_function_url_config, FunctionName="alone", AuthType="NONE")
    wanted = {"FunctionName": "alone", "Qualifier": "1", "ProvisionedConcurrentExecutions": 1}
    assert "Provisioned" in refused(functions.put_provisioned_concurrency_config, **wanted)
    snap = {"FunctionName": "alone", "SnapStart": {"ApplyOn": "PublishedVersions"}}
    assert "SnapStart" in refused(functions.update_function_configuration, **snap)


def test_cloudformation_makes_one(cloud: CloudUnderTest) -> None:
    properties = {
        "FunctionName": "stacked", "Role": role(cloud, "stacked", LOGGING), "Runtime": PYTHON, "Handler": "index.handler",
        "Code": {"ZipFile": "def handler(event, context): return context.tenant_id"}, **ISOLATED,
    }  # fmt: skip
    stacks = cloud.client("cloudformation")
    body = json.dumps({"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": properties}}})
    stacks.create_stack(StackName="tenants", TemplateBody=body)
    stacks.get_waiter("stack_create_complete").wait(StackName="tenants", WaiterConfig={"Delay": 1, "MaxAttempts": 60})
    answer = cloud.client("lambda").invoke(FunctionName="stacked", TenantId="blue")
    assert json.load(answer["Payload"]) == "blue"


def test_an_api_maps_what_it_knows_of_the_client_to_the_tenant(cloud: CloudUnderTest) -> None:
    code = "import json\ndef handler(event, context): return {'statusCode': 200, 'body': context.tenant_id}"
    arn = create(cloud, "behind", code, **ISOLATED)["FunctionArn"]
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    mapped = {"integration.request.header.X-Amz-Tenant-Id": "method.request.header.x-customer"}
    integration = {"type": "aws_proxy", "httpMethod": "POST", "uri": uri, "requestParameters": mapped}
    parameters = [{"name": "x-customer", "in": "header", "schema": {"type": "string"}}]
    method = {"parameters": parameters, "responses": {}, "x-amazon-apigateway-integration": integration}
    document = {"openapi": "3.0.1", "info": {"title": "tenants", "version": "1"}, "paths": {"/": {"get": method}}}
    apis = cloud.client("apigateway")
    api = apis.import_rest_api(body=json.dumps(document).encode())["id"]
    apis.create_deployment(restApiId=api, stageName="s")
    cloud.client("lambda").add_permission(
        FunctionName="behind", StatementId="api", Action="lambda:InvokeFunction", Principal="apigateway.amazonaws.com"
    )
    address = f"{cloud.endpoint}/_aws/execute-api/{api}/s/"

    def get(**headers: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    assert get(**{"x-customer": "blue"}) == (200, "blue")
    status, body = get(**{"x-amz-tenant-id": "blue"})
    assert (status, json.loads(body)["message"]) == (400, MISSING)
