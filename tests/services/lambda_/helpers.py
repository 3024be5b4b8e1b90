"""Functions made quickly: a role, a package, a client."""

from __future__ import annotations

import io
import json
import sys
import zipfile
from typing import Any

from tests.cloud import CloudUnderTest

PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
LOGGING = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
ECHO = "def handler(event, context):\n    return event\n"


def package(source: str, name: str = "app.py") -> bytes:
    """A zip with one file."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source)  # the same bytes each time
    return archive.getvalue()


def role(cloud: CloudUnderTest, name: str, *policies: str) -> str:
    """The ARN of a role that Lambda may assume, with managed policies attached."""
    iam = cloud.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    for policy in policies:
        iam.attach_role_policy(RoleName=name, PolicyArn=policy)
    return arn


def create(cloud: CloudUnderTest, name: str, source: str = ECHO, **settings: Any) -> Any:
    """A Python function with a role of its own, which may write logs."""
    given = {
        "Runtime": PYTHON,
        "Handler": "app.handler",
        "Timeout": 10,
        "Code": {"ZipFile": package(source)},
        **settings,
    }
    if "Role" not in given:
        given["Role"] = role(cloud, f"{name}-role", LOGGING)
    return cloud.client("lambda").create_function(FunctionName=name, **given)


def invoke(cloud: CloudUnderTest, name: str, event: Any = None, **options: Any) -> Any:
    """The function's answer; the whole response is under `raw` of the returned mapping where it failed."""
    response = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode(), **options)
    answer = json.load(response["Payload"])
    return {"raw": response, "error": answer} if response.get("FunctionError") else answer
