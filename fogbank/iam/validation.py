"""Is this a policy document that IAM takes? If not, `MalformedPolicyDocument` with the words that AWS has for it.

Two parsers of AWS's answer here: one for permissions (inline and managed policies, boundaries, session policies), one
for trust policies, each with messages of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from fogbank.iam.policy import compile
from fogbank.kit.errors import AwsError

SYNTAX = "Syntax errors in policy."
_VENDOR_MISSING = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
_VERSIONS = ("2012-10-17", "2008-10-17")
_TOP = frozenset({"Version", "Id", "Statement"})
_STATEMENT = frozenset(
    {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"}
)
_KNOWN_PARTITIONS = frozenset(
    {"aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"}
)
_SERVICE = re.compile(r"(\*|[a-z0-9][a-z0-9.-]*\.(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal|aws\.com))")
_ACCOUNT = re.compile(r"\d{12}")
_UNIQUE_ID = re.compile(r"A(IDA|ROA|GPA)[A-Z0-9]{12,124}")


def malformed(message: str) -> AwsError:
    return AwsError("MalformedPolicyDocument", message)


def check_permissions(text: str) -> None:
    """Raises AwsError(`MalformedPolicyDocument`) unless `text` is a document of permissions."""
    document = _parse(text, SYNTAX)
    statements = _statements(document)
    # The SAM's policy templates name no version, and AWS takes them.
    if document.get("Version", "2012-10-17") != "2012-10-17":
        raise malformed("Policy document must be version 2012-10-17 or greater.")
    for statement in statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
    for statement in statements:
        _check_actions(statement)
    for statement in statements:
        _check_resources(statement)
    _check_sids(statements)
    _check_compiles(text)


def check_trust(text: str, exists: Callable[[str], bool] = lambda arn: True) -> None:
    """Raises AwsError(`MalformedPolicyDocument`) unless `text` is a trust policy.

    `exists` tells whether there is a user or a role of an ARN: AWS takes no others for principals.
    """
    document = _parse(text, "This policy contains invalid Json")
    for field in document:
        if field not in _TOP:
            raise malformed(f"Unknown field {field}")
    if "Statement" not in document:
        raise malformed("Missing required field Statement")
    if document["Statement"] in ([], {}):
        raise malformed("Could not parse the policy: Statement is empty!")
    statements = _listed(document["Statement"])
    if document.get("Version", "2008-10-17") not in _VERSIONS:
        raise malformed(f"The policy contains invalid version {document['Version']}")
    for statement in statements:
        _check_trust_statement(statement, exists)
    _check_sids(statements)
    _check_compiles(text)


def _parse(text: str, otherwise: str) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise malformed(otherwise) from None
    if not isinstance(document, dict):
        raise malformed(otherwise)
    return document


def _listed(statements: Any) -> list[dict[str, Any]]:
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not all(isinstance(statement, dict) for statement in statements):
        raise malformed(SYNTAX)
    return statements


def _statements(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The statements, once their grammar is right."""
    if not document.keys() <= _TOP or document.get("Version", "2008-10-17") not in _VERSIONS:
        raise malformed(SYNTAX)
    statements = _listed(document.get("Statement"))
    if not statements or not isinstance(document.get("Id", ""), str):
        raise malformed(SYNTAX)
    for statement in statements:
        _check_grammar(statement)
    return statements


def _check_grammar(statement: Mapping[str, Any]) -> None:
    right = (
        statement.keys() <= _STATEMENT
        and statement.get("Effect") in ("Allow", "Deny")
        and isinstance(statement.get("Sid", ""), str)
        and not ("Action" in statement and "NotAction" in statement)
        and not ("Resource" in statement and "NotResource" in statement)
        and all(_texts(statement[name]) for name in ("Action", "NotAction", "Resource", "NotResource")
                if name in statement)
        and _is_condition(statement.get("Condition", {}))
    )
    if not right:
        raise malformed(SYNTAX)


def _texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))


def _is_condition(block: Any) -> bool:
    return isinstance(block, dict) and all(
        isinstance(keys, dict) and all(_is_value(value) for value in keys.values()) for keys in block.values()
    )


def _is_value(value: Any) -> bool:
    scalars = (str, bool, int, float)
    return isinstance(value, scalars) or (isinstance(value, list) and all(isinstance(item, scalars) for item in value))


def _values(statement: Mapping[str, Any], *names: str) -> Sequence[str]:
    for name in names:
        if name in statement:
            value = statement[name]
            return value if isinstance(value, list) else [value]
    return []


def _check_actions(statement: Mapping[str, Any]) -> None:
    actions = _values(statement, "Action", "NotAction")
    if not actions:
        raise malformed("Policy statement must contain actions.")
    for action in actions:
        if action == "*":
            continue
        vendor, colon, rest = action.partition(":")
        if not colon:
            raise malformed(_VENDOR_MISSING)
        if not re.fullmatch(r"[a-zA-Z0-9.-]+", vendor):
            raise malformed(f"Vendor {vendor} is not valid")
        if ":" in rest:
            raise malformed("Actions/Condition can contain only one colon.")
    for keys in statement.get("Condition", {}).values():
        for key in keys:
            if ":" not in key:
                raise malformed(_VENDOR_MISSING)


def _check_resources(statement: Mapping[str, Any]) -> None:
    resources = _values(statement, "Resource", "NotResource")
    if not resources:
        raise malformed("Policy statement must contain resources.")
    for resource in resources:
        if resource != "*":
            _check_resource(resource)


def _check_resource(resource: str) -> None:
    scheme, colon, rest = resource.partition(":")
    if not colon:
        raise malformed(f'Resource {resource} must be in ARN format or "*".')
    fields = rest.split(":", 4)
    if scheme == "arn" and len(fields) < 5 and not resource.endswith("*"):
        raise malformed("The policy failed legacy parsing")
    if fields[0] not in _KNOWN_PARTITIONS and not re.search(r"[*?$]", fields[0]):
        shown = ":".join([*fields, *["*"] * (5 - len(fields))])
        raise malformed(f'Partition "{fields[0]}" is not valid for resource "arn:{shown}".')
    if len(fields) > 1 and re.search(r"[*?]", fields[1]) and "${" not in fields[1]:
        raise malformed("Resource vendor must be fully qualified and cannot contain regexes.")


def _check_sids(statements: Sequence[Mapping[str, Any]]) -> None:
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    for sid in sids:
        if not re.fullmatch(r"[0-9A-Za-z]*", sid):
            raise malformed(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression "
                "[0-9A-Za-z]*"
            )
    if len(set(sids)) != len(sids):
        raise malformed("Statement IDs (SID) in a single policy must be unique.")


def _check_compiles(text: str) -> None:
    """Unknown condition operators and values that are not of their operator's type come to light here."""
    try:
        compile(text)
    except ValueError:
        raise malformed(SYNTAX) from None


def _check_trust_statement(statement: Mapping[str, Any], exists: Callable[[str], bool]) -> None:
    for field in statement:
        if field in ("Resource", "NotResource"):
            raise malformed(f"Has prohibited field {field}")
        if field not in _STATEMENT:
            raise malformed(f"Unknown field {field}")
    if "Effect" not in statement:
        raise malformed("Missing required field Effect")
    if "Principal" not in statement and "NotPrincipal" not in statement:
        raise malformed("Missing required field Principal")
    actions = _values(statement, "Action", "NotAction")
    if not actions:
        raise malformed("Missing required field Action")
    _check_grammar(statement)
    for action in actions:
        if not re.match(r"(?i)sts:", action):
            raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")
    element = statement.get("Principal", statement.get("NotPrincipal"))
    if element != "*":
        _check_principal(element, exists)


def _check_principal(element: Any, exists: Callable[[str], bool]) -> None:
    if not isinstance(element, dict) or not element:
        raise malformed("Invalid principal in policy")
    for kind, entries in element.items():
        if kind not in ("AWS", "Service", "Federated", "CanonicalUser") or not _texts(entries):
            raise malformed("Invalid principal in policy")
        for entry in entries if isinstance(entries, list) else [entries]:
            right = {"AWS": _is_aws_principal, "Service": _is_service}.get(kind, _anything)
            if not right(entry, exists):
                raise malformed(f'Invalid principal in policy: "{kind.upper()}":"{entry}"')


def _anything(entry: str, exists: Callable[[str], bool]) -> bool:
    return bool(entry)


def _is_service(entry: str, exists: Callable[[str], bool]) -> bool:
    return _SERVICE.fullmatch(entry) is not None


def _is_aws_principal(entry: str, exists: Callable[[str], bool]) -> bool:
    if entry == "*" or _ACCOUNT.fullmatch(entry) or _UNIQUE_ID.fullmatch(entry):
        return True
    parts = entry.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or parts[3] or not _ACCOUNT.fullmatch(parts[4]):
        return False
    resource = parts[5]
    if parts[2] == "sts":
        return resource.startswith(("assumed-role/", "federated-user/"))
    if parts[2] != "iam" or "*" in resource:
        return False
    return resource == "root" or (resource.startswith(("user/", "role/")) and exists(entry))
