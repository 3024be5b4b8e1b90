"""Repositories: create, describe, delete, and how they treat tags and scans."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import paging
from fogbank.services.ecr import ecr, errors, sweeping
from fogbank.services.ecr.errors import Key
from fogbank.services.ecr.names import access, repository_arn, repository_uri, scope
from fogbank.services.ecr.records import Image, Repository
from fogbank.services.ecr.tags import merged


@ecr.operation(access=access("CreateRepository"))
def create_repository(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    if ctx.tx.get(Repository, *key):
        raise errors.repository_exists(key)
    repository = Repository(
        account=key[0], region=key[1], name=key[2], created=ctx.now,
        scan_on_push=bool((req.get("imageScanningConfiguration") or {}).get("scanOnPush")),
        encryption=_encryption(req.get("encryptionConfiguration")),
        tags=merged({}, req.get("tags") or []),
    )
    _set_mutability(repository, req.get("imageTagMutability") or "MUTABLE", req)
    ctx.tx.put(repository)
    return {"repository": view(ctx, repository)}


@ecr.operation(access=lambda ctx, req: [
    ("ecr:DescribeRepositories", repository_arn(ctx, req.get("registryId") or ctx.account, name))
    for name in req.get("repositoryNames") or ["*"]
])
def describe_repositories(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    account = req.get("registryId") or ctx.account
    if req.get("repositoryNames"):
        if req.get("nextToken") or req.get("maxResults"):
            raise errors.invalid("repositoryNames", "cannot be used together with nextToken or maxResults")
        found = [require(ctx, scope(ctx, {**req, "repositoryName": name})) for name in req["repositoryNames"]]
        return {"repositories": [view(ctx, repository) for repository in found]}
    limit = req.get("maxResults") or 100
    after = position(req.get("nextToken"))
    page = list(ctx.tx.scan(Repository, account, ctx.region, after=after, limit=limit + 1))
    more = len(page) > limit
    return {
        "repositories": [view(ctx, repository) for repository in page[:limit]],
        "nextToken": paging.encode(page[limit - 1].name) if more else None,
    }


@ecr.operation(access=access("DeleteRepository"))
def delete_repository(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    repository = require(ctx, key)
    if not req.get("force") and ctx.tx.count(Image, *key):
        raise errors.repository_not_empty(key)
    sweeping.clear(ctx, key)
    ctx.tx.delete(Repository, *key)
    return {"repository": view(ctx, repository)}


@ecr.operation(access=access("PutImageTagMutability"))
def put_image_tag_mutability(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    repository = require(ctx, key)
    _set_mutability(repository, req["imageTagMutability"], req)
    ctx.tx.put(repository)
    return {**named(key), **_mutability(repository)}


@ecr.operation(access=access("PutImageScanningConfiguration"))
def put_image_scanning_configuration(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    key = scope(ctx, req)
    repository = require(ctx, key)
    repository.scan_on_push = bool(req["imageScanningConfiguration"].get("scanOnPush"))
    ctx.tx.put(repository)
    return {**named(key), "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push}}


def require(ctx: Context, key: Key) -> Repository:
    """Raises RepositoryNotFoundException."""
    repository = ctx.tx.get(Repository, *key)
    if repository is None:
        raise errors.repository_not_found(key)
    return repository


def named(key: Key) -> dict[str, str]:
    return {"registryId": key[0], "repositoryName": key[2]}


def view(ctx: Context, repository: Repository) -> dict[str, Any]:
    return {
        "repositoryArn": repository_arn(ctx, repository.account, repository.name),
        "registryId": repository.account,
        "repositoryName": repository.name,
        "repositoryUri": repository_uri(ctx, repository.account, repository.name),
        "createdAt": round(repository.created, 3),
        **_mutability(repository),
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
    }


def position(token: str | None) -> Any:
    """Where a listing goes on. Raises InvalidParameterException."""
    if not token:
        return None
    try:
        after = paging.decode(token)
    except ValueError:
        after = None
    if not isinstance(after, str):
        raise errors.invalid("nextToken", "invalid token")
    return after


def _set_mutability(repository: Repository, mutability: str, req: dict[str, Any]) -> None:
    filters = [item["filter"] for item in req.get("imageTagMutabilityExclusionFilters") or []]
    if bool(filters) != mutability.endswith("_WITH_EXCLUSION"):
        raise errors.invalid(
            "imageTagMutabilityExclusionFilters",
            "exclusion filters must be given with IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION, and only then",
        )
    repository.mutability, repository.exclusions = mutability, filters


def _mutability(repository: Repository) -> dict[str, Any]:
    filters = [{"filterType": "WILDCARD", "filter": text} for text in repository.exclusions]
    return {
        "imageTagMutability": repository.mutability,
        "imageTagMutabilityExclusionFilters": filters or None,
    }


def _encryption(config: dict[str, Any] | None) -> dict[str, str]:
    if not config:
        return {"encryptionType": "AES256"}
    if config.get("kmsKey") and config["encryptionType"] == "AES256":
        raise errors.invalid("encryptionConfiguration", "kmsKey is only allowed with KMS encryption")
    return {key: value for key, value in config.items() if value}
