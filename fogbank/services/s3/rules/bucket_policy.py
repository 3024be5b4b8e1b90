"""Bucket policies: what PutBucketPolicy refuses, and which of them are public."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

from fogbank.services.s3.errors import s3_error

MAX_BYTES = 20 * 1024
_ACTION = re.compile(r"s3(-object-lambda)?:[A-Za-z*?]+|\*", re.IGNORECASE)
_RESOURCE = re.compile(r"arn:aws[a-z-]*:s3:::([^/]+)(?:/.*)?", re.DOTALL)
_PRINCIPAL = re.compile(r"\*|\d{12}|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+|A(IDA|ROA)[A-Z0-9]+")
_RESTRICTING = {
    "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourceaccount", "aws:sourceowner", "aws:sourceip",
    "aws:userid", "aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn",
    "aws:vpcsourceip", "s3:dataaccesspointaccount", "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
}
"""Condition keys with a fixed value of which keep a policy for everyone from being public.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""


def check(text: str, bucket: str) -> dict[str, Any]:
    """The document. Raises MalformedPolicy with S3's reasons."""
    if not text.startswith("{"):
        raise _malformed("Policies must be valid JSON and the first byte must be '{'")
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise _malformed("Policy exceeds the maximum allowed document size.")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _malformed("Policies must be valid JSON and the first byte must be '{'") from error
    unknown = set(document) - {"Version", "Id", "Statement"}
    if unknown:
        raise _malformed(f"Unknown field {sorted(unknown)[0]}")
    if document.get("Version", "2012-10-17") not in ("2012-10-17", "2008-10-17"):
        raise _malformed("The policy must contain a valid version string")
    if "Statement" not in document:
        raise _malformed("Missing required field Statement")
    statements = statements_of(document)
    if not statements:
        raise _malformed("Could not parse the policy: Statement is empty!")
    for statement in statements:
        _check_statement(statement, bucket)
    return dict(document)


def statements_of(document: dict[str, Any]) -> list[Any]:
    statements = document["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _check_statement(statement: Any, bucket: str) -> None:
    if not isinstance(statement, dict):
        raise _malformed("Statement must be an object")
    for field, opposite in (("Effect", ""), ("Principal", "NotPrincipal"), ("Action", "NotAction"),
                            ("Resource", "NotResource")):  # fmt: skip
        if field not in statement and opposite not in statement:
            raise _malformed(f"Missing required field {field}")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise _malformed(f"Invalid effect: {statement['Effect']}")
    for principal in _principals(statement.get("Principal", statement.get("NotPrincipal"))):
        if not _PRINCIPAL.fullmatch(principal):
            raise _malformed("Invalid principal in policy")
    actions = _texts(statement.get("Action", statement.get("NotAction")), "action")
    if not all(_ACTION.fullmatch(action) for action in actions):
        raise _malformed("Policy has invalid action")
    resources = _texts(statement.get("Resource", statement.get("NotResource")), "resource")
    for resource in resources:
        named = _RESOURCE.fullmatch(resource)
        if named is None or not fnmatchcase(bucket, named[1].replace("[", "[[]")):
            raise _malformed("Policy has invalid resource")
    if "Resource" in statement and "Action" in statement and not any(
        _applies(action, resource) for action in actions for resource in resources
    ):
        raise _malformed("Action does not apply to any resource(s) in statement")
    condition = statement.get("Condition", {})
    if not isinstance(condition, dict) or not all(isinstance(keys, dict) for keys in condition.values()):
        raise _malformed("Invalid Condition")


_OBJECT_ACTION = re.compile(
    r"s3:(get|put|delete|restore|replicate|bypass|abort|listmultipartuploadparts|initiate)\w*"
    r"(object|upload|retention|parts|delete|tags)\w*",
    re.IGNORECASE,
)
_BUCKET_ACTION = re.compile(r"s3:(\w*bucket\w*|listbucket\w*|get\w+configuration|put\w+configuration)", re.IGNORECASE)


def _applies(action: str, resource: str) -> bool:
    """Whether an action of a known kind can have such a resource; patterns and unknown ones are let pass."""
    if "*" in action or "?" in action:
        return True
    of_object = "/" in resource or resource.endswith("*")
    if _BUCKET_ACTION.fullmatch(action) and not _OBJECT_ACTION.fullmatch(action):
        return "/" not in resource or resource.endswith("*")
    if _OBJECT_ACTION.fullmatch(action) and "bucket" not in action.lower():
        return of_object or "configuration" in action.lower()
    return True


def _principals(value: Any) -> list[str]:
    if value == "*":
        return []
    if not isinstance(value, dict) or not value:
        raise _malformed("Invalid policy syntax.")
    named: list[str] = []
    for kind, names in value.items():
        if kind not in ("AWS", "Service", "Federated", "CanonicalUser"):
            raise _malformed("Invalid principal in policy")
        if kind == "AWS":
            named += _texts(names, "principal")
    return named


def _texts(value: Any, what: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(item, str) for item in values):
        raise _malformed(f"Policy has invalid {what}")
    return values


def is_public(document: dict[str, Any] | None) -> bool:
    """Whether some statement allows something to everyone without a condition that narrows who."""
    return document is not None and any(_public_statement(s) for s in statements_of(document))


def _public_statement(statement: dict[str, Any]) -> bool:
    if statement.get("Effect") != "Allow":
        return False
    principal = statement.get("Principal")
    everyone = principal == "*" or (
        isinstance(principal, dict) and "*" in (principal.get("AWS"), *_listed(principal.get("AWS")))
    )
    if not everyone and "NotPrincipal" not in statement:
        return False
    for operator, keys in statement.get("Condition", {}).items():
        if "Not" in operator or operator.startswith("Null"):
            continue
        for key, value in keys.items():
            values = value if isinstance(value, list) else [value]
            if key.lower() in _RESTRICTING and not any(v in ("*", "0.0.0.0/0", "::/0") for v in values):
                return False
    return True


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _malformed(reason: str) -> Exception:
    return s3_error("MalformedPolicy", reason)
