"""CloudFormation's types of ECR."""

from __future__ import annotations

import json
from typing import Any

from fogbank.api import AwsError, Provisioned, ResourceCall, ResourceType
from fogbank.services.ecr import ecr


@ecr.resource_type
class RepositoryResource(ResourceType):
    type_name = "AWS::ECR::Repository"
    properties = frozenset({
        "EmptyOnDelete", "EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability",
        "ImageTagMutabilityExclusionFilters", "LifecyclePolicy", "RepositoryName", "RepositoryPolicyText", "Tags",
    })
    create_only = frozenset({"RepositoryName", "EncryptionConfiguration"})

    async def create(self, call: ResourceCall, props: dict[str, Any]) -> Provisioned:
        name = props.get("RepositoryName") or call.generate_name(256, lower=True)
        encryption = props.get("EncryptionConfiguration")
        params = {
            "repositoryName": name,
            "tags": _tags(call, props),
            "imageScanningConfiguration": _scanning(props),
            "encryptionConfiguration": _lower(encryption) if encryption else None,
            **_mutability(props),
        }
        try:
            answer = await call("ecr", "CreateRepository", {k: v for k, v in params.items() if v is not None})
            repository = answer["repository"]
        except AwsError as error:
            if error.code != "RepositoryAlreadyExistsException" or props.get("RepositoryName"):
                raise
            repository = (await call("ecr", "DescribeRepositories", {"repositoryNames": [name]}))["repositories"][0]
        await _policies(call, name, {}, props)
        return Provisioned(name, {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]})

    async def update(
        self, call: ResourceCall, old: dict[str, Any], new: dict[str, Any], current: Provisioned
    ) -> Provisioned:
        target = {"repositoryName": current.physical_id}
        if _mutability(old) != _mutability(new):
            await call("ecr", "PutImageTagMutability", {**target, **_mutability(new)})
        if _scanning(old) != _scanning(new):
            await call("ecr", "PutImageScanningConfiguration", {**target, "imageScanningConfiguration": _scanning(new)})
        await _policies(call, current.physical_id, old, new)
        arn, had, wanted = current.attributes["Arn"], _plain(old), _tags(call, new)
        if gone := [key for key in had if key not in {tag["Key"] for tag in wanted}]:
            await call("ecr", "UntagResource", {"resourceArn": arn, "tagKeys": gone})
        if wanted:
            await call("ecr", "TagResource", {"resourceArn": arn, "tags": wanted})
        return current

    async def delete(self, call: ResourceCall, props: dict[str, Any], current: Provisioned) -> None:
        force = str(props.get("EmptyOnDelete", "")).lower() == "true"
        try:
            await call("ecr", "DeleteRepository", {"repositoryName": current.physical_id, "force": force})
        except AwsError as error:
            if error.code != "RepositoryNotFoundException":
                raise


async def _policies(call: ResourceCall, name: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    target = {"repositoryName": name}
    had, wanted = old.get("RepositoryPolicyText"), new.get("RepositoryPolicyText")
    if wanted and wanted != had:
        text = wanted if isinstance(wanted, str) else json.dumps(wanted)
        await call("ecr", "SetRepositoryPolicy", {**target, "policyText": text})
    elif had and not wanted:
        await call("ecr", "DeleteRepositoryPolicy", target)
    had, wanted = (p.get("LifecyclePolicy") or {} for p in (old, new))
    if wanted.get("LifecyclePolicyText") and wanted != had:
        await call("ecr", "PutLifecyclePolicy", {**target, "lifecyclePolicyText": wanted["LifecyclePolicyText"].strip()})
    elif had.get("LifecyclePolicyText") and not wanted.get("LifecyclePolicyText"):
        await call("ecr", "DeleteLifecyclePolicy", target)


def _scanning(props: dict[str, Any]) -> dict[str, bool]:
    wanted = (props.get("ImageScanningConfiguration") or {}).get("ScanOnPush", False)
    return {"scanOnPush": str(wanted).lower() == "true"}


def _mutability(props: dict[str, Any]) -> dict[str, Any]:
    prefix = "ImageTagMutabilityExclusionFilter"
    given = props.get(f"{prefix}s") or []
    filters = [{"filterType": item[f"{prefix}Type"], "filter": item[f"{prefix}Value"]} for item in given]
    return {
        "imageTagMutability": props.get("ImageTagMutability") or "MUTABLE",
        **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
    }


def _lower(value: dict[str, Any]) -> dict[str, Any]:
    return {key[:1].lower() + key[1:]: inner for key, inner in value.items()}


def _plain(props: dict[str, Any]) -> dict[str, str]:
    """Tags of a template, which CloudFormation hands over as a list or a map."""
    tags = props.get("Tags") or {}
    return dict(tags) if isinstance(tags, dict) else {tag["Key"]: tag["Value"] for tag in tags}


def _tags(call: ResourceCall, props: dict[str, Any]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": str(value)} for key, value in {**call.tags, **_plain(props)}.items()]
