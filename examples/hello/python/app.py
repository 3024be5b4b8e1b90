"""Counts greetings in the bucket, and answers with the number."""

import json
import os

import boto3

s3 = boto3.client("s3")


def handler(event, context):
    name = (event.get("queryStringParameters") or {}).get("name", "world")
    s3.put_object(Bucket=os.environ["BUCKET"], Key=f"greetings/{context.aws_request_id}", Body=name.encode())
    count = s3.list_objects_v2(Bucket=os.environ["BUCKET"], Prefix="greetings/")["KeyCount"]
    return {"statusCode": 200, "body": json.dumps({"message": f"hello {name}", "greetings": count})}
