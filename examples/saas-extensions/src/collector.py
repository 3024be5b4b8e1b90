"""The destination of asynchronous events: writes each result under its tenant's prefix.

A tenant's code may call this function too, as its role must be able to. But only by the alias with its own name:
what it says of itself in the record decides nothing, so it can make up results of its own at most.
"""

import json
import os

import boto3

s3 = boto3.client("s3")


def handler(record, context):
    tenant_id = context.invoked_function_arn.rpartition(":")[2]
    about = record["requestContext"]
    document = {"condition": about["condition"], "event": record["requestPayload"]["event"]}
    answer = record.get("responsePayload")
    if about["condition"] == "Success":
        document["answer"] = answer
    else:
        document["error"] = (answer or {}).get("errorMessage")
    s3.put_object(Bucket=os.environ["RESULTS"], Key=f"{tenant_id}/{about['requestId']}.json", Body=json.dumps(document))
