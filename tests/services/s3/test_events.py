"""Notifications all the way: from a put to the function that it starts."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any

from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused

CODE = """
import boto3, json
def handler(event, context):
    found = event["Records"][0]["s3"]
    boto3.client("s3").put_object(
        Bucket=found["bucket"]["name"], Key="out/" + found["object"]["key"], Body=json.dumps(event).encode())
"""


def test_a_put_starts_a_function(cloud: CloudUnderTest, s3: Any, bucket: str) -> None:
    iam, functions = cloud.client("iam"), cloud.client("lambda")
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(
        RoleName="events", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    )["Role"]["Arn"]
    allowed = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/out/*"}
    iam.put_role_policy(
        RoleName="events", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    )
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("m.py", CODE)
    arn = functions.create_function(
        FunctionName="on-put", Runtime="python3.11", Role=role, Handler="m.handler", Timeout=20,
        Code={"ZipFile": package.getvalue()},
    )["FunctionArn"]  # fmt: skip
    entry = {
        "LambdaFunctionArn": arn, "Events": ["s3:ObjectCreated:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "in/"}]}},
    }  # fmt: skip
    params = {"Bucket": bucket, "NotificationConfiguration": {"LambdaFunctionConfigurations": [entry]}}
    error = refused(s3.put_bucket_notification_configuration, **params)
    assert error["Message"] == "Unable to validate the following destination configurations"
    assert error["ArgumentName1"] == f"{arn}, null"
    assert error["ArgumentValue1"] == f"Not authorized to invoke function [{arn}]"
    functions.add_permission(
        FunctionName="on-put", StatementId="s3", Action="lambda:InvokeFunction", Principal="s3.amazonaws.com",
        SourceArn=f"arn:aws:s3:::{bucket}", SourceAccount="000000000000",
    )  # fmt: skip
    s3.put_bucket_notification_configuration(**params)
    s3.put_object(Bucket=bucket, Key="in/a b", Body=b"12345")
    deadline = time.monotonic() + 60
    while not (found := s3.list_objects_v2(Bucket=bucket, Prefix="out/").get("Contents")):
        assert time.monotonic() < deadline, cloud.output()
        time.sleep(0.05)
    assert [entry["Key"] for entry in found] == ["out/in/a+b"]
    event = json.loads(s3.get_object(Bucket=bucket, Key="out/in/a+b")["Body"].read())
    assert event["Records"][0]["eventName"] == "ObjectCreated:Put"
    assert event["Records"][0]["s3"]["object"]["size"] == 5
