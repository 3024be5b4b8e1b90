"""APIs and functions under test."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest

from tests.cloud import ACCOUNT, REGION, CloudUnderTest

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow",
        "Principal": {"Service": ["lambda.amazonaws.com", "apigateway.amazonaws.com"]},
        "Action": "sts:AssumeRole",
    }],
}
CODE = '''
import base64, json, time

def echo(event, context):
    """Answers what the request's body, or its query, asks for; else the event itself."""
    asked = (event.get("queryStringParameters") or {}).get("answer")
    if asked:
        return json.loads(asked)
    if (event.get("queryStringParameters") or {}).get("raise"):
        raise Exception("as asked")
    if (event.get("queryStringParameters") or {}).get("sleep"):
        time.sleep(float(event["queryStringParameters"]["sleep"]))
    return {"statusCode": 200, "headers": {"X-From": "echo"}, "body": json.dumps(event)}

def custom(event, context):
    if event.get("fail"):
        raise Exception("Error: " + event["fail"])
    return event

calls = 0

def token(event, context):
    global calls
    calls += 1
    said = event.get("authorizationToken") or (event.get("headers") or {}).get("X-Who")
    if said == "unauthorized":
        raise Exception("Unauthorized")
    if said == "broken":
        return {"nothing": True}
    effect = "Deny" if said == "deny" else "Allow"
    resource = "arn:aws:execute-api:*:*:*/other" if said == "elsewhere" else event["methodArn"].split("/")[0] + "/*"
    return {
        "principalId": "user|" + said,
        "policyDocument": {"Version": "2012-10-17", "Statement": [
            {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}]},
        "context": {"said": said, "number": 1, "flag": True, "calls": calls},
        "usageIdentifierKey": "key-of-the-authorizers-own",
    }
'''


class Apis:
    """Makes functions, and APIs with a few calls."""

    def __init__(self, cloud: CloudUnderTest) -> None:
        self.cloud = cloud
        self.client = cloud.client("apigateway")
        iam = cloud.client("iam")
        self.role: str = iam.create_role(RoleName="any", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
        allowed = {"Effect": "Allow", "Action": ["logs:*", "lambda:InvokeFunction"], "Resource": "*"}
        iam.put_role_policy(RoleName="any", PolicyName="any", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [allowed]}))
        self.functions: dict[str, str] = {}

    def function(self, handler: str, *, permitted: bool = True) -> str:
        """The ARN of a function with that handler of CODE, which API Gateway may invoke."""
        name = handler if permitted else f"{handler}-private"
        if name not in self.functions:
            archive = io.BytesIO()
            with zipfile.ZipFile(archive, "w") as file:
                file.writestr("app.py", CODE)
            client = self.cloud.client("lambda")
            self.functions[name] = client.create_function(
                FunctionName=name, Runtime="python3.11", Role=self.role, Handler=f"app.{handler}", Timeout=20,
                Code={"ZipFile": archive.getvalue()})["FunctionArn"]
            if permitted:
                client.add_permission(
                    FunctionName=name, StatementId="all", Action="lambda:InvokeFunction",
                    Principal="apigateway.amazonaws.com", SourceArn=f"arn:aws:execute-api:{REGION}:{ACCOUNT}:*")
        return self.functions[name]

    def uri(self, function: str) -> str:
        return f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{function}/invocations"

    def proxied(self, function: str) -> dict[str, Any]:
        """An integration for `document`."""
        return {"type": "aws_proxy", "httpMethod": "POST", "uri": self.uri(function)}

    def document(self, paths: dict[str, Any], **more: Any) -> str:
        """Deploys an OpenAPI document of these paths as stage `dev`; returns the API's id."""
        body = {"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": paths, **more}
        api: str = self.client.import_rest_api(body=json.dumps(body).encode())["id"]
        self.client.create_deployment(restApiId=api, stageName="dev")
        return api


@pytest.fixture(scope="module")
def apis(cloud: CloudUnderTest) -> Apis:
    return Apis(cloud)


def refused(call: Any, **params: Any) -> tuple[str, str]:
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
