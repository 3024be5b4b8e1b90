"""How repositories and images are addressed: ARNs, repository URIs, what a client may call them.

`docs/decisions/ecr-addresses.md` says why a repository's URI has the form that it has.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from fogbank.api import Context
from fogbank.kit import arn as arns

_HOST = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NAME = re.compile(r"(?:[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*/)*[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")


def registry_host(ctx: Context) -> str:
    """Where container tools reach the registry: host and port."""
    return ctx.cloud.endpoint.partition("://")[2]


def registry_path(account: str, region: str) -> str:
    """The first part of a repository's path there."""
    return f"{account}.dkr.ecr.{region}"


def repository_uri(ctx: Context, account: str, name: str) -> str:
    return f"{registry_host(ctx)}/{registry_path(account, ctx.region)}/{name}"


def split_path(path: str) -> tuple[str, str, str]:
    """Account, region and repository of a path at the registry; the first two empty where the path names none."""
    first, slash, rest = path.partition("/")
    match = _HOST.fullmatch(first)
    if match is None or not slash:
        return "", "", path
    return match[1], match[2], rest


def own_name(name: str) -> str:
    """A repository's name as an API call gives it: clients that cut an URI at its first slash leave our path on it."""
    return split_path(name)[2]


def repository_arn(ctx: Context, account: str, name: str) -> str:
    return ctx.arn(f"repository/{name}", service="ecr", account=account)


def scope(ctx: Context, req: dict[str, Any]) -> tuple[str, str, str]:
    """The key of the repository that a request names."""
    return req.get("registryId") or ctx.account, ctx.region, own_name(req["repositoryName"])


def from_arn(ctx: Context, arn: str) -> tuple[str, str, str] | None:
    """The key of the repository whose ARN it is."""
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "ecr" or parsed.type != "repository" or not parsed.id:
        return None
    return parsed.account, parsed.region, parsed.id


def access(action: str) -> Callable[[Context, dict[str, Any]], list[tuple[str, str]]]:
    """The check of an operation on the repository that the request names."""

    def rule(ctx: Context, req: dict[str, Any]) -> list[tuple[str, str]]:
        account, _, name = scope(ctx, req)
        return [(f"ecr:{action}", repository_arn(ctx, account, name))]

    return rule


def is_digest(text: str) -> bool:
    return bool(_DIGEST.fullmatch(text))


def is_tag(text: str) -> bool:
    return bool(_TAG.fullmatch(text))


def is_name(text: str) -> bool:
    return 2 <= len(text) <= 256 and bool(_NAME.fullmatch(text))
