"""Stack policies: what an update may do to which resource.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/protect-stack-resources.html
"""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from fogbank.services.cloudformation.errors import validation

_ACTIONS = frozenset(("update:modify", "update:replace", "update:delete", "update:*"))
MAX_BODY = 16_384


def parse(body: str) -> str:
    """The policy's text, checked. Raises AwsError(`ValidationError`)."""
    invalid = validation("Error validating stack policy: Invalid stack policy")
    if len(body) > MAX_BODY:
        raise invalid
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise invalid from error
    if document == {}:
        return body
    statements = _statements(document) if isinstance(document, dict) else None
    if not statements:
        raise invalid
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise invalid
        actions = _list(statement.get("Action", statement.get("NotAction")))
        if not actions or not all(isinstance(action, str) and action.lower() in _ACTIONS for action in actions):
            raise invalid
        if statement.get("Principal") not in ("*", {"AWS": "*"}) and "NotPrincipal" not in statement:
            raise invalid
        if not _list(statement.get("Resource", statement.get("NotResource"))):
            raise invalid
    return body


def check(policy: str, logical_id: str, resource_type: str, verb: str) -> None:
    """Raises AwsError(`ValidationError`) unless the policy lets an update `Modify`, `Replace` or `Delete` the resource.

    A stack without a policy allows everything; with one, what it does not allow is denied.
    """
    if not policy:
        return
    document = json.loads(policy)
    if not document:
        return
    allowed = False
    for number, statement in enumerate(_statements(document), 1):
        if not _applies(statement, logical_id, resource_type, f"update:{verb.lower()}"):
            continue
        if statement["Effect"] == "Deny":
            raise _denied(f"Statement [#{number}] does not allow [{_first_action(statement)}]", logical_id)
        allowed = True
    if not allowed:
        raise _denied(f"no statement allows [Update:{verb}]", logical_id)


def _denied(why: str, logical_id: str) -> Exception:
    return validation(f"Action denied by stack policy: {why} for resource [LogicalResourceId/{logical_id}]")


def _first_action(statement: dict[str, Any]) -> str:
    return str(_list(statement.get("Action", statement.get("NotAction")))[0])


def _applies(statement: dict[str, Any], logical_id: str, resource_type: str, action: str) -> bool:
    inverse = "NotAction" in statement
    actions = [item.lower() for item in _list(statement.get("Action", statement.get("NotAction")))]
    if (action in actions or "update:*" in actions) == inverse:
        return False
    inverse = "NotResource" in statement
    resources = _list(statement.get("Resource", statement.get("NotResource")))
    name = f"LogicalResourceId/{logical_id}"
    matched = any(item == "*" or fnmatch.fnmatchcase(name, str(item)) for item in resources)
    if matched == inverse:
        return False
    condition = statement.get("Condition")
    if isinstance(condition, dict):
        for operator, keys in condition.items():
            for key, values in keys.items() if isinstance(keys, dict) else ():
                if key == "ResourceType" and not any(
                    fnmatch.fnmatchcase(resource_type, value) if operator == "StringLike" else resource_type == value
                    for value in _list(values)
                ):
                    return False
    return True


def _statements(document: dict[str, Any]) -> list[Any]:
    return _list(document.get("Statement"))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
