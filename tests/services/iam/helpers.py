"""What the tests of IAM and STS share."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import CloudUnderTest


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any, resource: Any = "*", **more: Any) -> str:
    return document({"Effect": "Allow", "Action": action, "Resource": resource, **more})


def trust(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> str:
    return document({"Effect": "Allow", "Principal": principal, "Action": action, **more})


def error_of(call: Callable[..., Any], **params: Any) -> tuple[str, str]:
    """Code and message of the error that the call must raise."""
    with pytest.raises(ClientError) as raised:
        call(**params)
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


class User:
    """A user with a key, in an account, and clients in its name."""

    def __init__(self, cloud: CloudUnderTest, account: str, name: str, *policies: str) -> None:
        self.cloud, self.name = cloud, name
        self.root = cloud.client("iam", key=account)
        self.arn = self.root.create_user(UserName=name)["User"]["Arn"]
        for number, policy in enumerate(policies):
            self.root.put_user_policy(UserName=name, PolicyName=f"p{number}", PolicyDocument=policy)
        self.key = self.root.create_access_key(UserName=name)["AccessKey"]

    def client(self, service: str) -> Any:
        return self.cloud.client(service, key=self.key["AccessKeyId"], secret=self.key["SecretAccessKey"])


def session_client(cloud: CloudUnderTest, service: str, credentials: dict[str, Any]) -> Any:
    return cloud.client(
        service, key=credentials["AccessKeyId"], secret=credentials["SecretAccessKey"],
        token=credentials["SessionToken"],
    )
