"""What the SaaS's functions share: who calls, what belongs to a tenant, and how a request is answered."""

import json
import os
import re
from functools import lru_cache

import boto3
from botocore.config import Config

STACK = os.environ["STACK"]
FUNCTIONS = f"{STACK}-tenant-"  # begins the name of each tenant's function; nothing else is named so

_ssm = boto3.client("ssm")


def client(service):
    """A client that tells a refusal at once, instead of trying again while the tenant waits."""
    return boto3.client(service, config=Config(retries={"total_max_attempts": 1}))


class Refused(Exception):
    """Becomes the answer."""

    def __init__(self, status, message):
        super().__init__(message)
        self.status = status


def function_of(tenant_id):
    return FUNCTIONS + tenant_id


def log_group_of(tenant_id):
    return f"/aws/lambda/{function_of(tenant_id)}"


def parameter_of(tenant_id):
    return f"/{STACK}/tenants/{tenant_id}"


@lru_cache(maxsize=10_000)  # a tenant's name, plan and key never change
def _tenant(tenant_id):
    return json.loads(_ssm.get_parameter(Name=parameter_of(tenant_id))["Parameter"]["Value"])


def caller(event):
    """The tenant of the path, if the request bears that tenant's API key. API Gateway has checked that the key is valid."""
    tenant_id = event["pathParameters"]["id"]
    try:
        tenant = _tenant(tenant_id) if re.fullmatch("t[0-9a-f]{8}", tenant_id) else None
    except _ssm.exceptions.ParameterNotFound:
        tenant = None
    if tenant is None or tenant["key"] != event["requestContext"]["identity"].get("apiKeyId"):
        raise Refused(403, "The API key is not this tenant's.")
    return {"id": tenant_id, **tenant}


def body(event, kind=object):
    try:
        document = json.loads(event["body"] or "null")
    except ValueError:
        raise Refused(400, "The body is not JSON.") from None
    if not isinstance(document, kind):
        raise Refused(400, "The body is not a JSON object.")
    return document


def answering(routes):
    """A handler of API Gateway's requests; a route is (method, path) and gives (status, document)."""

    def handler(event, context):
        try:
            status, document = routes[event["httpMethod"], event["resource"]](event)
        except Refused as refused:
            status, document = refused.status, {"error": str(refused)}
        return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(document)}

    return handler
