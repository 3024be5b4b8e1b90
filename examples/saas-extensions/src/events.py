"""Events for a tenant's extension, answered within the request or, with `?async=1`, later."""

import json
import os

import boto3
from saas import Refused, answering, body, caller, client, function_of

lambda_ = client("lambda")
s3 = boto3.client("s3")


def send(event):
    tenant, later = caller(event), (event["queryStringParameters"] or {}).get("async") == "1"
    try:
        answer = lambda_.invoke(
            FunctionName=function_of(tenant["id"]), Qualifier="live", Payload=json.dumps({"event": body(event)}),
            InvocationType="Event" if later else "RequestResponse",
        )
    except lambda_.exceptions.TooManyRequestsException:
        raise Refused(429, "The extension already runs as often as its plan allows.") from None
    except lambda_.exceptions.ResourceNotFoundException:
        raise Refused(404, "The tenant has no extension yet.") from None
    if later:
        return 202, {"result": answer["ResponseMetadata"]["RequestId"]}
    document = json.load(answer["Payload"])
    if "FunctionError" in answer:
        return 502, {"error": document.get("errorMessage"), "version": answer["ExecutedVersion"]}
    return 200, {"answer": document, "version": answer["ExecutedVersion"]}


def result(event):
    """What the collector wrote for an asynchronous event; 404 until then."""
    tenant = caller(event)
    key = f"{tenant['id']}/{event['pathParameters']['result']}.json"
    try:
        return 200, json.load(s3.get_object(Bucket=os.environ["RESULTS"], Key=key)["Body"])
    except s3.exceptions.NoSuchKey:
        raise Refused(404, "There is no such result, or not yet.") from None


handler = answering({
    ("POST", "/tenants/{id}/events"): send,
    ("GET", "/tenants/{id}/results/{result}"): result,
})
