"""Records as IAM's answers show them. What a listing leaves out, it leaves out here too."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fogbank.iam.managed import AwsPolicy
from fogbank.iam.records import Group, InstanceProfile, ManagedPolicy, PolicyVersion, Role, User


def encoded(document: str) -> str:
    """Policy documents travel percent-encoded (RFC 3986)."""
    return quote(document, safe="")


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def boundary(arn: str) -> dict[str, str] | None:
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn} if arn else None


def user(user: User, *, full: bool = False) -> dict[str, Any]:
    view: dict[str, Any] = {
        "Path": user.path, "UserName": user.name, "UserId": user.id, "Arn": user.arn, "CreateDate": user.created,
    }
    if full:
        view["Tags"] = tag_list(user.tags) or None
        view["PermissionsBoundary"] = boundary(user.boundary)
    return view


def group(group: Group) -> dict[str, Any]:
    return {
        "Path": group.path, "GroupName": group.name, "GroupId": group.id, "Arn": group.arn,
        "CreateDate": group.created,
    }


def role(role: Role) -> dict[str, Any]:
    """As CreateRole answers and instance profiles hold it."""
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": encoded(role.trust),
    }


def listed_role(found: Role) -> dict[str, Any]:
    return {**role(found), "Description": found.description, "MaxSessionDuration": found.max_session}


def full_role(found: Role) -> dict[str, Any]:
    return {
        **listed_role(found),
        "Tags": tag_list(found.tags) or None,
        "PermissionsBoundary": boundary(found.boundary),
        "RoleLastUsed": {},
    }


def policy(found: ManagedPolicy | AwsPolicy, attachments: int, boundaries: int) -> dict[str, Any]:
    if isinstance(found, AwsPolicy):
        version, created, updated = f"v{found.version}", found.created_at, found.updated_at
    else:
        version, created, updated = found.default_version, found.created, found.updated
    return {
        "PolicyName": found.name,
        "PolicyId": found.id,
        "Arn": found.arn,
        "Path": found.path,
        "DefaultVersionId": version,
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": boundaries,
        "IsAttachable": not found.path.startswith("/aws-service-role/"),
        "CreateDate": created,
        "UpdateDate": updated,
    }


def policy_version(version: PolicyVersion, default: str, *, document: bool) -> dict[str, Any]:
    return {
        "Document": encoded(version.document) if document else None,
        "VersionId": version.version_id,
        "IsDefaultVersion": version.version_id == default,
        "CreateDate": version.created,
    }


def instance_profile(profile: InstanceProfile, attached: Role | None) -> dict[str, Any]:
    return {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": [role(attached)] if attached else [],
        "Tags": tag_list(profile.tags) or None,
    }
