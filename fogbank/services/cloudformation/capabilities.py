"""Capabilities: what a template may do only when its deployer says so.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (Capabilities)
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fogbank.services.cloudformation.errors import lacks_capabilities

_IAM_NAMES = {
    "AWS::IAM::AccessKey": "",
    "AWS::IAM::Group": "GroupName",
    "AWS::IAM::InstanceProfile": "InstanceProfileName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": "",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::User": "UserName",
    "AWS::IAM::UserToGroupAddition": "",
}
EXPANDING = frozenset(("AWS::CloudFormation::Stack", "AWS::Serverless::Application"))


def needed(raw: dict[str, Any]) -> tuple[list[str], str]:
    """The capabilities that the resources of a document need, and CloudFormation's sentence about why."""
    iam: list[str] = []
    named = False
    for resource in (raw.get("Resources") or {}).values():
        kind = resource.get("Type") if isinstance(resource, dict) else None
        if kind not in _IAM_NAMES:
            continue
        iam.append(kind)
        properties = resource.get("Properties")
        named = named or (isinstance(properties, dict) and _IAM_NAMES[kind] in properties)
    if not iam:
        return [], ""
    kinds = ", ".join(sorted(set(iam)))
    capability = "CAPABILITY_NAMED_IAM" if named else "CAPABILITY_IAM"
    return [capability], f"The following resource(s) require capabilities: [{kinds}]"


def check(raw: dict[str, Any], granted: Iterable[str], *, expands: bool = False) -> None:
    """Raises AwsError(`InsufficientCapabilitiesException`). `expands`: transforms run without a change set to review."""
    have = set(granted)
    if expands and "CAPABILITY_AUTO_EXPAND" not in have:
        raise lacks_capabilities(["CAPABILITY_AUTO_EXPAND"])
    for capability in needed(raw)[0]:
        if capability not in have and "CAPABILITY_NAMED_IAM" not in have:
            raise lacks_capabilities([capability])
