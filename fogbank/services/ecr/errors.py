"""The errors of ECR with AWS's texts."""

from __future__ import annotations

from collections.abc import Iterable

from fogbank.api import AwsError

Key = tuple[str, str, str]
"""Account, region and name of a repository."""


def invalid(member: str, constraint: str) -> AwsError:
    return AwsError(
        "InvalidParameterException", f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"
    )


def repository_not_found(key: Key) -> AwsError:
    return AwsError(
        "RepositoryNotFoundException",
        f"The repository with name '{key[2]}' does not exist in the registry with id '{key[0]}'",
    )


def repository_exists(key: Key) -> AwsError:
    return AwsError(
        "RepositoryAlreadyExistsException",
        f"The repository with name '{key[2]}' already exists in the registry with id '{key[0]}'",
    )


def repository_not_empty(key: Key) -> AwsError:
    return AwsError(
        "RepositoryNotEmptyException",
        f"The repository with name '{key[2]}' in registry with id '{key[0]}' cannot be deleted because it still contains "
        "images",
    )


def no_policy(key: Key) -> AwsError:
    return AwsError(
        "RepositoryPolicyNotFoundException",
        f"Repository policy does not exist for the repository with name '{key[2]}' in the registry with id '{key[0]}'",
    )


def no_lifecycle_policy(key: Key) -> AwsError:
    return AwsError(
        "LifecyclePolicyNotFoundException",
        f"Lifecycle policy does not exist for the repository with name '{key[2]}' in the registry with id '{key[0]}'",
    )


def image_not_found(key: Key, digest: str | None, tag: str | None) -> AwsError:
    return AwsError(
        "ImageNotFoundException",
        f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'}} does not exist within "
        f"the repository with name '{key[2]}' in the registry with id '{key[0]}'",
    )


def image_exists(key: Key, digest: str, tag: str | None) -> AwsError:
    return AwsError(
        "ImageAlreadyExistsException",
        f"Image with digest '{digest}' and tag '{tag or 'null'}' already exists in the repository with name '{key[2]}' in "
        f"registry with id '{key[0]}'",
    )


def tag_immutable(key: Key, tag: str) -> AwsError:
    return AwsError(
        "ImageTagAlreadyExistsException",
        f"The image tag '{tag}' already exists in the '{key[2]}' repository and cannot be overwritten because the tag is "
        "immutable.",
    )


def digest_differs(given: str, computed: str) -> AwsError:
    return AwsError(
        "ImageDigestDoesNotMatchException",
        f"The digest '{given}' does not match the digest '{computed}' calculated of the image manifest.",
    )


def layers_not_found(key: Key, digests: Iterable[str]) -> AwsError:
    return AwsError(
        "LayersNotFoundException",
        f"Layers with digests '[{', '.join(digests)}]' required for pushing image into repository with name '{key[2]}' in "
        f"the registry with id '{key[0]}' do not exist",
    )


def layer_inaccessible(key: Key, digest: str) -> AwsError:
    return AwsError(
        "LayersNotFoundException",
        f"The layer with digest '{digest}' does not exist in the repository with name '{key[2]}' in registry with id "
        f"'{key[0]}'",
    )


def images_not_found(key: Key, digests: Iterable[str]) -> AwsError:
    return AwsError(
        "ReferencedImagesNotFoundException",
        f"Images with digests '[{', '.join(digests)}]' required for pushing image into repository with name '{key[2]}' in "
        f"the registry with id '{key[0]}' do not exist",
    )


def upload_not_found(key: Key, upload: str) -> AwsError:
    return AwsError(
        "UploadNotFoundException",
        f"The upload with id '{upload}' in the repository with name '{key[2]}' in registry with id '{key[0]}' does not "
        "exist",
    )


def layer_exists(key: Key, digest: str) -> AwsError:
    return AwsError(
        "LayerAlreadyExistsException",
        f"The layer with digest '{digest}' already exists in the repository with name '{key[2]}' in registry with id "
        f"'{key[0]}'",
    )


def wrong_layer(computed: str, given: Iterable[str]) -> AwsError:
    return AwsError(
        "InvalidLayerException",
        f"The digest of the layer that was uploaded, '{computed}', is none of those given: '[{', '.join(given)}]'",
    )


def empty_upload(key: Key, upload: str) -> AwsError:
    return AwsError(
        "EmptyUploadException", f"The upload with id '{upload}' in the repository with name '{key[2]}' has no layer parts"
    )
