"""Dynamic references: `{{resolve:ssm:name:version}}`, `ssm-secure`, `secretsmanager`, found and replaced in values.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fogbank.services.cloudformation.errors import validation

_REFERENCE = re.compile(r"\{\{resolve:([a-z-]+):([^{}]+)\}\}")

# Where a secure string may stand; anywhere else it would be readable.
_SECURE_PROPERTIES = {
    "AWS::DirectoryService::MicrosoftAD": {"Password"},
    "AWS::DirectoryService::SimpleAD": {"Password"},
    "AWS::ElastiCache::ReplicationGroup": {"AuthToken"},
    "AWS::IAM::User": {"LoginProfile"},
    "AWS::KinesisFirehose::DeliveryStream": {"RedshiftDestinationConfiguration"},
    "AWS::OpsWorks::App": {"AppSource", "SslConfiguration"},
    "AWS::OpsWorks::Stack": {"CustomCookbooksSource", "RdsDbInstances"},
    "AWS::RDS::DBCluster": {"MasterUserPassword"},
    "AWS::RDS::DBInstance": {"MasterUserPassword"},
    "AWS::Redshift::Cluster": {"MasterUserPassword"},
}


@dataclass(frozen=True, slots=True)
class Reference:
    """One reference; `text` is the whole of it, braces included."""

    text: str
    service: str
    name: str
    version: str = ""
    json_key: str = ""
    stage: str = ""


def references(value: Any) -> Iterator[Reference]:
    """Every distinct reference within a value. Raises AwsError(`ValidationError`) for a malformed one."""
    seen: set[str] = set()
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            stack.extend(item.values())
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, str) and "{{resolve:" in item:
            for match in _REFERENCE.finditer(item):
                if match[0] not in seen:
                    seen.add(match[0])
                    yield parse(match[0], match[1], match[2])


def parse(text: str, service: str, rest: str) -> Reference:
    if service in ("ssm", "ssm-secure"):
        # A parameter may be named by ARN, whose colons are no separators.
        name, version = rest, ""
        head, _, tail = rest.rpartition(":")
        if head and tail.isdigit() and (not rest.startswith("arn:") or rest.count(":") == 6):
            name, version = head, tail
        if not re.fullmatch(r"[a-zA-Z0-9_.:/-]+", name):
            raise validation(f"Incorrect format is used in the following SSM reference: [{text}]")
        return Reference(text, service, name, version)
    if service == "secretsmanager":
        parts = rest.split(":")
        secret, parts = (":".join(parts[:7]), parts[7:]) if rest.startswith("arn:") else (parts[0], parts[1:])
        parts += [""] * (4 - len(parts))
        if not secret or parts[0] not in ("", "SecretString") or len(parts) > 4 or (parts[2] and parts[3]):
            raise validation(f"Incorrect format is used in the following SecretsManager reference: [{text}]")
        return Reference(text, service, secret, parts[3], parts[1], parts[2])
    raise validation(
        f"Could not resolve dynamic reference {text}: only the services ssm, ssm-secure and secretsmanager can be referenced"
    )


def check_secure(resource_type: str, properties: dict[str, Any]) -> None:
    """Refuses `ssm-secure` in a property where AWS does not take it."""
    for name, value in properties.items():
        if name in _SECURE_PROPERTIES.get(resource_type, ()):
            continue
        if any(reference.service == "ssm-secure" for reference in references(value)):
            raise validation(f"SSM Secure reference is not supported in: [{resource_type}/Properties/{name}]")


def substitute(value: Any, answers: Mapping[str, str]) -> Any:
    """The value with each reference in `answers` (by its text) replaced."""
    if isinstance(value, dict):
        return {key: substitute(item, answers) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, answers) for item in value]
    if isinstance(value, str) and "{{resolve:" in value:
        return _REFERENCE.sub(lambda match: answers.get(match[0], match[0]), value)
    return value


def from_secret(reference: Reference, secret: str) -> str:
    """The part of a secret's string that the reference asks for."""
    if not reference.json_key:
        return secret
    try:
        document = json.loads(secret)
        value = document[reference.json_key]
    except (ValueError, TypeError, KeyError) as error:
        raise validation(f"Could not find a value associated with JSONKey in SecretString: {reference.json_key}") from error
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
