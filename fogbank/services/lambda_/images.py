"""Functions from container images: found in ECR when they are deployed, unpacked once, named by their digest.

Lambda pulls in its own name, so the repository's policy must let it. As on AWS, a caller who may change that policy has
it changed. https://docs.aws.amazon.com/lambda/latest/dg/images-create.html
"""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fogbank.api import AwsError, Context
from fogbank.engine.spec import ImageConfig
from fogbank.iam.principal import service
from fogbank.kit import image_uri
from fogbank.kit.image_uri import ImageUri
from fogbank.kit.layers import BadImage, ImageTooLarge
from fogbank.services.lambda_ import errors, image_trees
from fogbank.services.lambda_.names import FunctionName
from fogbank.services.lambda_.records import Code, Settings

_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)
_STATEMENT = "LambdaECRImageRetrievalPolicy"
_NEEDED = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
_PATIENCE = 30.0
"""Seconds that CreateFunction takes for an image; clients wait for 60."""


async def receive(ctx: Context, name: FunctionName, uri: str) -> Code:
    """The image at `uri`, pulled and unpacked.

    Raises InvalidParameterValueException for an address or an image that Lambda cannot use, AccessDeniedException.
    """
    address = image_uri.parse(uri)
    if address is None or (address.region or name.region) != name.region:
        raise errors.invalid(f"Source image {uri} is not valid. Provide a valid source image.")
    manifest, digest = await _manifest(ctx, name, address, uri)
    code = Code(blob="", sha256=digest.removeprefix("sha256:"), size=0, image_uri=uri)
    with suppress(TimeoutError):  # of a very large image, the first invocation waits for the rest
        await asyncio.wait_for(_restore(ctx, name, address, code, manifest), _PATIENCE)
    return code


async def config(ctx: Context, name: FunctionName, settings: Settings) -> ImageConfig:
    """What the engine runs: the image's own configuration, with the function's over it. Unpacks what is gone."""
    code = settings.code
    folder = image_trees.folder(ctx, code)
    if not folder.is_dir():
        address = image_uri.parse(resolved(code))
        assert address is not None
        manifest, _ = await _manifest(ctx, name, address, resolved(code))
        await _restore(ctx, name, address, code, manifest)
    own = image_trees.entry(folder)
    given = settings.image_config or {}
    return ImageConfig(
        rootfs=folder / "rootfs",
        entrypoint=tuple(given.get("EntryPoint") or own["entrypoint"]),
        command=tuple(given.get("Command") or own["command"]),
        environment=own["environment"],
        workdir=given.get("WorkingDirectory") or own["workdir"] or "/",
    )


def resolved(code: Code) -> str:
    """The address by digest of what was deployed, whatever the tag points at now."""
    address = image_uri.parse(code.image_uri)
    return f"{address.base}@sha256:{code.sha256}" if address else code.image_uri


def check_source(source: dict[str, Any], package_type: str, doing: str) -> None:
    """The code is of the function's package type. `doing` is `updating` or `creating`."""
    if package_type == "Image" and not source.get("ImageUri"):
        raise errors.invalid(f"Please provide ImageUri when {doing} a function with packageType Image.")
    if package_type == "Zip" and source.get("ImageUri"):
        raise errors.invalid(f"Please don't provide ImageUri when {doing} a function with packageType Zip.")


# --- pulling


async def _manifest(ctx: Context, name: FunctionName, address: ImageUri, uri: str) -> tuple[dict[str, Any], str]:
    """The manifest and its digest. Raises InvalidParameterValueException, AccessDeniedException."""
    image_id = {"imageDigest": address.digest} if address.digest else {"imageTag": address.tag}
    try:
        try:
            answer = await _pull(ctx, name, address, "BatchGetImage", imageIds=[image_id])
        except AwsError as error:
            if not error.code.startswith("AccessDenied"):
                raise
            await ctx.transact(lambda c: _let_in(c, name, address))
            answer = await _pull(ctx, name, address, "BatchGetImage", imageIds=[image_id])
    except AwsError as error:
        if error.code == "RepositoryNotFoundException":
            raise _missing(uri) from None
        raise
    if not answer["images"]:
        raise _missing(uri)
    image = answer["images"][0]
    if image["imageManifestMediaType"] not in _MANIFESTS:  # of a list, Lambda would not know which
        raise _unsupported(uri)
    return json.loads(image["imageManifest"]), image["imageId"]["imageDigest"]


async def _pull(ctx: Context, name: FunctionName, address: ImageUri, operation: str, **params: Any) -> dict[str, Any]:
    """A call to ECR in Lambda's own name."""
    principal = service("lambda.amazonaws.com", source_arn=name.unqualified().arn, source_account=name.account)
    account = address.account or name.account
    target = {"registryId": account, "repositoryName": address.repository}
    return await ctx.call_async(
        "ecr", operation, {**target, **params}, principal=principal, account=account, region=name.region
    )


def _let_in(ctx: Context, name: FunctionName, address: ImageUri) -> None:
    """Adds Lambda to the repository's policy in the caller's name. Raises AccessDeniedException."""
    account = address.account or name.account
    target = {"registryId": account, "repositoryName": address.repository}
    functions = f"arn:{ctx.partition}:lambda:{name.region}:{name.account}:function:*"
    statement = {
        "Sid": _STATEMENT, "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": _NEEDED,
        "Condition": {"StringLike": {"aws:sourceArn": functions}},
    }
    try:
        document: dict[str, Any] = {"Version": "2008-10-17", "Statement": []}
        try:
            document = json.loads(ctx.call("ecr", "GetRepositoryPolicy", target)["policyText"])
        except AwsError as error:
            if error.code != "RepositoryPolicyNotFoundException":
                raise
        before = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        kept = [each for each in before if each.get("Sid") != _STATEMENT]
        text = json.dumps({**document, "Statement": [*kept, statement]})
        ctx.call("ecr", "SetRepositoryPolicy", {**target, "policyText": text})
    except AwsError as error:
        if not error.code.startswith("AccessDenied"):
            raise
        raise AwsError(
            "AccessDeniedException",
            "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
            status=403,
        ) from None


async def _blob(ctx: Context, name: FunctionName, address: ImageUri, digest: str) -> Path:
    """The file of a layer: ECR's download address ends with the blob's id, and the blobs are this cloud's own."""
    answer = await _pull(ctx, name, address, "GetDownloadUrlForLayer", layerDigest=digest)
    return ctx.blobs.path(urlsplit(answer["downloadUrl"]).path.rpartition("/")[2])


async def _restore(ctx: Context, name: FunctionName, address: ImageUri, code: Code, manifest: dict[str, Any]) -> None:
    """Unpacks the image, unless it is."""
    if image_trees.folder(ctx, code).is_dir():
        return
    try:
        source = await _blob(ctx, name, address, manifest["config"]["digest"])
        paths = [await _blob(ctx, name, address, layer["digest"]) for layer in manifest["layers"]]
        await ctx.component(image_trees.Trees).make(image_trees.folder(ctx, code), source, paths)
    except ImageTooLarge as error:
        raise errors.invalid(f"Source image {code.image_uri} is larger than 10 GB uncompressed.") from error
    except BadImage as error:
        raise _unsupported(code.image_uri, str(error)) from error
    except AwsError as error:
        if error.code == "LayersNotFoundException":  # of those that may not be pushed: Windows' base layers
            raise _unsupported(code.image_uri, "a layer is not in the repository") from error
        raise


def _missing(uri: str) -> AwsError:
    return errors.invalid(f"Source image {uri} does not exist. Provide a valid source image.")


def _unsupported(uri: str, why: str = "") -> AwsError:
    message = f"The image manifest, config or layer media type for the source image {uri} is not supported."
    return errors.invalid(f"{message} ({why})" if why else message)
