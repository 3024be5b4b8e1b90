"""Static websites: where a rule sends a visitor, and the pages that say what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fogbank.api import AwsError


def key_of(path: str, suffix: str) -> str:
    """The object that a decoded path means: of a folder its index document."""
    key = path.removeprefix("/")
    return key + suffix if not key or key.endswith("/") else key


def matching_rule(rules: Sequence[Mapping[str, Any]], key: str, status: int | None) -> Mapping[str, Any] | None:
    """The first routing rule for a key: before the object is looked up (`status` None), or for an error's status."""
    for rule in rules:
        condition = rule.get("Condition") or {}
        code = condition.get("HttpErrorCodeReturnedEquals")
        if (code is None) != (status is None) or (code is not None and str(code) != str(status)):
            continue
        if key.startswith(condition.get("KeyPrefixEquals") or ""):
            return rule
    return None


def target(rule: Mapping[str, Any], key: str, scheme: str, host: str) -> tuple[int, str]:
    """Status and address of a rule's redirect."""
    redirect = rule["Redirect"]
    prefix = (rule.get("Condition") or {}).get("KeyPrefixEquals") or ""
    if redirect.get("ReplaceKeyWith") is not None:
        key = redirect["ReplaceKeyWith"]
    elif redirect.get("ReplaceKeyPrefixWith") is not None:
        key = redirect["ReplaceKeyPrefixWith"] + key[len(prefix) :]
    scheme = redirect.get("Protocol") or scheme
    host = redirect.get("HostName") or host
    return int(redirect.get("HttpRedirectCode") or 301), f"{scheme}://{host}/{quote(key)}"


def page(error: AwsError, request_id: str, second: AwsError | None = None) -> bytes:
    """The page of an error; `second` is why the custom error document could not be had either."""
    status = error.status or 500
    title = f"{status} {HTTPStatus(status).phrase}"
    lines = [f"<html>\n<head><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n<ul>\n{_items(error)}"]
    lines.append(f"<li>RequestId: {request_id}</li>\n<li>HostId: {request_id}</li>\n</ul>\n")
    if second is not None:
        lines.append("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n")
        lines.append(f"<ul>\n{_items(second)}</ul>\n")
    lines.append("<hr/>\n</body>\n</html>\n")
    return "".join(lines).encode()


def _items(error: AwsError) -> str:
    named = {"Code": error.code, "Message": error.message, **error.members}
    return "".join(f"<li>{escape(name)}: {escape(str(value))}</li>\n" for name, value in named.items())
