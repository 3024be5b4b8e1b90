"""CORS: a bucket's rules against a browser's request.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/cors.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fogbank.services.s3.errors import invalid_request, s3_error

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD")
_VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def check_rules(rules: Sequence[dict[str, Any]]) -> None:
    """Raises MalformedXML, InvalidRequest for what PutBucketCors refuses."""
    if not 1 <= len(rules) <= 100:
        raise s3_error("MalformedXML")
    for rule in rules:
        if not rule.get("AllowedMethods") or not rule.get("AllowedOrigins"):
            raise s3_error("MalformedXML")
        for method in rule["AllowedMethods"]:
            if method not in METHODS:
                raise invalid_request(f"Found unsupported HTTP method in CORS config. Unsupported method is {method}")
        for origin in rule["AllowedOrigins"]:
            if origin.count("*") > 1:
                raise invalid_request(f'AllowedOrigin "{origin}" can not have more than one wildcard.')
        for header in rule.get("AllowedHeaders") or ():
            if header.count("*") > 1:
                raise invalid_request(f'AllowedHeader "{header}" can not have more than one wildcard.')
        for header in rule.get("ExposeHeaders") or ():
            if "*" in header:
                raise invalid_request(
                    f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.'
                )


def response_headers(
    rules: Sequence[dict[str, Any]], origin: str, method: str, requested: str | None = None
) -> list[tuple[str, str]] | None:
    """The headers that the first matching rule gives, None where no rule matches.

    `requested` is Access-Control-Request-Headers.
    """
    wanted = [name.strip().lower() for name in (requested or "").split(",") if name.strip()]
    for rule in rules:
        if method not in rule["AllowedMethods"]:
            continue
        matched = next((allowed for allowed in rule["AllowedOrigins"] if _matches(allowed, origin)), None)
        if matched is None:
            continue
        patterns = [pattern.lower() for pattern in rule.get("AllowedHeaders") or ()]
        if not all(any(_matches(pattern, name) for pattern in patterns) for name in wanted):
            continue
        return _headers(rule, origin, matched == "*", wanted)
    return None


def _headers(rule: dict[str, Any], origin: str, any_origin: bool, wanted: list[str]) -> list[tuple[str, str]]:
    headers = [
        ("Access-Control-Allow-Origin", "*" if any_origin else origin),
        ("Access-Control-Allow-Methods", ", ".join(rule["AllowedMethods"])),
    ]
    if not any_origin:
        headers.append(("Access-Control-Allow-Credentials", "true"))
    if wanted:
        headers.append(("Access-Control-Allow-Headers", ", ".join(wanted)))
    if rule.get("ExposeHeaders"):
        headers.append(("Access-Control-Expose-Headers", ", ".join(rule["ExposeHeaders"])))
    if rule.get("MaxAgeSeconds") is not None:
        headers.append(("Access-Control-Max-Age", str(rule["MaxAgeSeconds"])))
    headers.append(("Vary", _VARY))
    return headers


def _matches(pattern: str, value: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == value
    return len(value) >= len(before) + len(after) and value.startswith(before) and value.endswith(after)
