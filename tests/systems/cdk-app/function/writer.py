import os

import boto3


def handler(event, context):
    boto3.client("s3").put_object(Bucket=os.environ["BUCKET"], Key=event["key"], Body=os.environ["GREETING"].encode())
    return {"greeting": os.environ["GREETING"]}
