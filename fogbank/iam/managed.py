"""AWS managed policies: those that templates and examples name, with the documents that AWS publishes.

The data is `managed.json`, by policy name: path, default version, dates, description, document.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

PREFIX = "arn:aws:iam::aws:policy"


class AwsPolicy(msgspec.Struct, frozen=True):
    name: str
    document: dict[str, Any]
    path: str = "/"
    version: int = 1
    created: str = "2015-02-06T18:40:00Z"
    updated: str = ""
    description: str = ""

    @property
    def arn(self) -> str:
        return f"{PREFIX}{self.path}{self.name}"

    @property
    def id(self) -> str:
        """Made of the name, so that it is the same in every cloud."""
        return "ANPA" + base64.b32encode(hashlib.sha256(self.name.encode()).digest()).decode()[:17]

    @property
    def created_at(self) -> float:
        return datetime.fromisoformat(self.created).timestamp()

    @property
    def updated_at(self) -> float:
        return datetime.fromisoformat(self.updated or self.created).timestamp()

    @property
    def text(self) -> str:
        return msgspec.json.encode(self.document).decode()


@lru_cache(maxsize=1)
def all_policies() -> dict[str, AwsPolicy]:
    """By ARN, in the order of their names."""
    data = Path(__file__).with_name("managed.json").read_bytes()
    policies = msgspec.json.decode(data, type=list[AwsPolicy])
    return {policy.arn: policy for policy in sorted(policies, key=lambda policy: policy.name.lower())}


def is_aws_arn(arn: str) -> bool:
    return arn.startswith("arn:aws:iam::aws:")


@lru_cache(maxsize=512)
def document(arn: str) -> str | None:
    """The JSON of the AWS managed policy of that ARN, or None where there is none."""
    policy = all_policies().get(arn)
    return policy.text if policy else None
