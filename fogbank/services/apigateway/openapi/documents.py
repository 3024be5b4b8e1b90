"""Reading the document that strangers wrote: JSON or YAML, without the aliases that make a small one huge."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

import yaml

from fogbank.services.apigateway import errors

INVALID = "Invalid OpenAPI input."
MOST_BYTES = 6 << 20
_VERBS = {"get", "put", "post", "delete", "patch", "options", "head", "x-amazon-apigateway-any-method"}

Node = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """Safe, in libyaml's speed."""


# A date in a document (`2012-10-17` of a policy) is text, as it is in JSON.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def parse(body: bytes) -> Node:
    """Raises BadRequestException for what is no OpenAPI document."""
    if len(body) > MOST_BYTES:
        raise errors.bad_request("The OpenAPI document is past the size limit of 6 MB.")
    try:
        text = body.decode("utf-8-sig")
        document = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise errors.bad_request(INVALID) from error
    if not isinstance(document, dict) or not ({"swagger", "openapi"} & document.keys()):
        raise errors.bad_request(INVALID)
    if not isinstance(document.get("paths", {}) or {}, dict):
        raise errors.bad_request(INVALID)
    return document


def _yaml(text: str) -> Any:
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, _Loader)):
        raise yaml.YAMLError("aliases are refused")
    return yaml.load(text, _Loader)


def node(value: Any) -> Node:
    """`value` where it is an object, else an empty one: what is missing and what is nonsense read alike."""
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    """`value` as text, None where it is none or something with parts."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, (str, int, float)) else None


def texts(value: Any) -> list[str]:
    return [found for item in items(value) if (found := text(item)) is not None]


def pairs(value: Any) -> dict[str, str]:
    """A map of text: what has other values in it is left out."""
    return {str(key): found for key, item in node(value).items() if (found := text(item)) is not None}


def status(value: Any) -> str | None:
    """A status code as text, None for what cannot be one."""
    found = text(value) or ""
    return found if re.fullmatch(r"[1-5]\d\d", found) else None


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def resolved(document: Node, value: Any) -> Node:
    """Follows a reference within the document (`#/parameters/Id`), a few steps at most."""
    for _ in range(10):
        reference = node(value).get("$ref")
        if not isinstance(reference, str) or not reference.startswith("#/"):
            break
        value = document
        for part in reference[2:].split("/"):
            value = node(value).get(part.replace("~1", "/").replace("~0", "~"))
    return node(value)


def operations(item: Node) -> dict[str, Node]:
    """The operations of a path, by HTTP method; `ANY` for any method."""
    found = {name: node(value) for name, value in item.items() if str(name).lower() in _VERBS}
    return {"ANY" if name.startswith("x-") else name.upper(): value for name, value in found.items()}


def base_path(document: Node, mode: str) -> str:
    """What goes before every path: nothing (`ignore`), the base path (`prepend`), or it less its first part (`split`)."""
    if mode not in ("prepend", "split"):
        return ""
    path = str(document.get("basePath") or "")
    if "openapi" in document:
        servers = items(document.get("servers"))
        server = node(servers[0]) if servers else {}
        variables = node(server.get("variables"))
        if "basePath" in variables:
            path = str(node(variables["basePath"]).get("default") or "")
        else:
            url = re.sub(r"\{[^}]*\}", "", str(server.get("url") or ""))
            path = urlsplit(url).path
    parts = [part for part in path.split("/") if part]
    if mode == "split":
        parts = parts[1:]
    return "".join(f"/{part}" for part in parts)
