"""Access control lists: canned ones, grants in headers and documents, and what they allow.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fogbank.services.s3.errors import invalid_argument, invalid_request, s3_error
from fogbank.services.s3.rules.names import account_of

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
_GROUPS = (ALL_USERS, AUTHENTICATED_USERS, LOG_DELIVERY)
_PERMISSIONS = ("FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP")
_HEADERS = {
    "GrantFullControl": ("x-amz-grant-full-control", "FULL_CONTROL"),
    "GrantRead": ("x-amz-grant-read", "READ"),
    "GrantReadACP": ("x-amz-grant-read-acp", "READ_ACP"),
    "GrantWrite": ("x-amz-grant-write", "WRITE"),
    "GrantWriteACP": ("x-amz-grant-write-acp", "WRITE_ACP"),
}
_BUCKET_CANNED = ("private", "public-read", "public-read-write", "authenticated-read", "log-delivery-write")
_OBJECT_CANNED = (
    "private", "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read",
    "bucket-owner-full-control",
)

Grant = dict[str, Any]


def user(canonical: str) -> dict[str, str]:
    return {"Type": "CanonicalUser", "ID": canonical}


def group(uri: str) -> dict[str, str]:
    return {"Type": "Group", "URI": uri}


def private(owner: str) -> list[Grant]:
    """The default list: the owner (canonical id) may do everything."""
    return [{"Grantee": user(owner), "Permission": "FULL_CONTROL"}]


def canned(name: str, owner: str, bucket_owner: str) -> list[Grant]:
    grants = private(owner)
    if name in ("public-read", "public-read-write"):
        grants.append({"Grantee": group(ALL_USERS), "Permission": "READ"})
    if name == "public-read-write":
        grants.append({"Grantee": group(ALL_USERS), "Permission": "WRITE"})
    if name == "authenticated-read":
        grants.append({"Grantee": group(AUTHENTICATED_USERS), "Permission": "READ"})
    if name == "log-delivery-write":
        grants.append({"Grantee": group(LOG_DELIVERY), "Permission": "WRITE"})
        grants.append({"Grantee": group(LOG_DELIVERY), "Permission": "READ_ACP"})
    if bucket_owner != owner and name in ("bucket-owner-read", "bucket-owner-full-control"):
        permission = "READ" if name == "bucket-owner-read" else "FULL_CONTROL"
        grants.append({"Grantee": user(bucket_owner), "Permission": permission})
    return grants


def requested(req: Mapping[str, Any], owner: str, bucket_owner: str, *, of_bucket: bool) -> list[Grant] | None:
    """The grants that a request's ACL headers ask for, None where it has none. Raises InvalidArgument, -Request."""
    name = req.get("ACL")
    with_headers = [member for member in _HEADERS if req.get(member) is not None]
    if name is not None:
        if with_headers:
            raise invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
        if name not in (_BUCKET_CANNED if of_bucket else _OBJECT_CANNED):
            raise invalid_argument(None, "x-amz-acl", name)
        return canned(name, owner, bucket_owner)
    if not with_headers:
        return None
    return [grant for member in with_headers for grant in _header_grants(member, req[member])]


def _header_grants(member: str, value: str) -> list[Grant]:
    """The grants of `id="...", uri="..."`."""
    header, permission = _HEADERS[member]
    grants: list[Grant] = []
    for item in value.split(","):
        kind, equals, name = item.strip().partition("=")
        name = name.strip().strip('"')
        kind = kind.strip()
        if not equals or kind.lower() not in ("id", "uri", "emailaddress"):
            raise invalid_argument("Argument format not recognized", header, item.strip())
        grantee = _grantee({kind.lower(): name}, "id", "uri")
        grants.append({"Grantee": grantee, "Permission": permission})
    return grants


def _grantee(names: Mapping[str, str], id_argument: str, uri_argument: str) -> dict[str, str]:
    if "uri" in names:
        if names["uri"] not in _GROUPS:
            raise invalid_argument("Invalid group uri", uri_argument, names["uri"])
        return group(names["uri"])
    if "id" in names:
        if account_of(names["id"]) is None:
            raise invalid_argument("Invalid id", id_argument, names["id"])
        return user(names["id"])
    raise s3_error("UnresolvableGrantByEmailAddress")


def from_document(document: Mapping[str, Any], owner: str) -> list[Grant]:
    """The grants of an AccessControlPolicy element. Raises MalformedACLError, InvalidArgument."""
    named_owner = (document.get("Owner") or {}).get("ID")
    if named_owner is None or document.get("Grants") is None:
        raise s3_error("MalformedACLError")
    grants: list[Grant] = []
    for grant in document["Grants"]:
        grantee, permission = grant.get("Grantee") or {}, grant.get("Permission")
        if permission not in _PERMISSIONS:
            raise s3_error("MalformedACLError")
        if grantee.get("Type") == "CanonicalUser" and grantee.get("ID"):
            resolved = _grantee({"id": grantee["ID"]}, "CanonicalUser/ID", "")
        elif grantee.get("Type") == "Group" and grantee.get("URI"):
            resolved = _grantee({"uri": grantee["URI"]}, "", "Group/URI")
        elif grantee.get("Type") == "AmazonCustomerByEmail" and grantee.get("EmailAddress"):
            raise s3_error("UnresolvableGrantByEmailAddress")
        else:
            raise s3_error("MalformedACLError")
        grants.append({"Grantee": resolved, "Permission": permission})
    if account_of(named_owner) is None:
        raise invalid_argument("Invalid id", "CanonicalUser/ID", named_owner)
    if named_owner != owner:
        raise s3_error("AccessDenied")
    return grants


def is_public(grants: list[Grant] | None) -> bool:
    return any(grant["Grantee"].get("URI") in (ALL_USERS, AUTHENTICATED_USERS) for grant in grants or ())


_BUCKET_ACTIONS = {
    "READ": ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
    "WRITE": ["s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"],
    "READ_ACP": ["s3:GetBucketAcl"],
    "WRITE_ACP": ["s3:PutBucketAcl"],
}
_OBJECT_ACTIONS = {"READ": ["s3:GetObject"], "READ_ACP": ["s3:GetObjectAcl"], "WRITE_ACP": ["s3:PutObjectAcl"]}
"""Of the current version only: the list of one version says nothing about the others."""


def as_statements(
    grants: list[Grant] | None, arn: str, owner: str, *, of_bucket: bool, ignore_public: bool
) -> list[dict[str, Any]]:
    """Policy statements that allow what the grants allow to others than `owner` (a canonical id).

    AWS evaluates lists and policies apart and allows what either does; one policy with both says the same.
    """
    statements: list[dict[str, Any]] = []
    actions = _BUCKET_ACTIONS if of_bucket else _OBJECT_ACTIONS
    for grant in grants or ():
        grantee = grant["Grantee"]
        allowed = actions.get(grant["Permission"], [])
        if grant["Permission"] == "FULL_CONTROL":
            allowed = [action for group_ in actions.values() for action in group_]
        if not allowed or grantee.get("ID") == owner:
            continue
        statement: dict[str, Any] = {"Effect": "Allow", "Action": allowed, "Resource": [arn]}
        if of_bucket:
            statement["Resource"].append(f"{arn}/*")
        if "ID" in grantee:
            statement["Principal"] = {"AWS": account_of(grantee["ID"])}
        elif ignore_public or grantee["URI"] == LOG_DELIVERY:
            continue
        else:
            statement["Principal"] = "*"
            if grantee["URI"] == AUTHENTICATED_USERS:
                statement["Condition"] = {"StringNotEquals": {"aws:PrincipalType": "Anonymous"}}
        statements.append(statement)
    return statements
