"""Deployment packages: received, checked, kept as a blob, and unpacked once into a tree named by its content."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from fogbank.api import AwsError, Context, FileBody, Request, Response
from fogbank.kit.archives import BadArchive, unzip
from fogbank.services.lambda_ import errors, lambda_
from fogbank.services.lambda_.records import Code

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
DIRECT_LIMIT = 50 * 1024 * 1024
UNZIPPED_LIMIT = 262_144_000


def tree(ctx: Context, code: Code) -> Path:
    """The folder of the unpacked code."""
    return ctx.cloud.settings.data_dir / "code" / base64.b64decode(code.sha256).hex()


async def receive(ctx: Context, source: dict[str, Any]) -> Code:
    """Takes in `Code` or `Content` of a request: a zip given directly or by its place in S3.

    Raises InvalidParameterValueException for what is no zip or too large unpacked.
    """
    data = source["ZipFile"] if source.get("ZipFile") is not None else await _from_s3(ctx, source)
    if source.get("ZipFile") is not None and len(data) > DIRECT_LIMIT:
        raise AwsError("RequestEntityTooLargeException", f"Zipped size must be smaller than {DIRECT_LIMIT} bytes", status=413)
    digest = await asyncio.get_running_loop().run_in_executor(None, lambda: hashlib.sha256(data))
    code = Code(blob="", sha256=base64.b64encode(digest.digest()).decode(), size=len(data))
    await _unpack(ctx, data, tree(ctx, code))
    code.blob = str((await ctx.blobs.write(data)).id)
    return code


async def restore(ctx: Context, code: Code) -> Path:
    """The unpacked tree, made again from the blob where it is gone."""
    folder = tree(ctx, code)
    if not folder.is_dir():
        await _unpack(ctx, ctx.blobs.path(code.blob).read_bytes(), folder)
    return folder


async def _from_s3(ctx: Context, source: dict[str, Any]) -> bytes:
    if not source.get("S3Bucket") or not source.get("S3Key"):
        raise errors.invalid("Please provide a source for function code.")
    params = {"Bucket": source["S3Bucket"], "Key": source["S3Key"], "VersionId": source.get("S3ObjectVersion")}
    try:
        answer = await ctx.call_async("s3", "GetObject", {k: v for k, v in params.items() if v})
    except AwsError as error:
        if error.code in ("AccessDenied", "AccessDeniedException"):
            raise AwsError(
                "AccessDeniedException",
                "Your access has been denied by S3, please make sure your request credentials have permission to "
                f"GetObject for {source['S3Bucket']}/{source['S3Key']}. S3 Error Code: {error.code}. "
                f"S3 Error Message: {error.message}",
                status=403,
            ) from error
        raise errors.invalid(
            f"Error occurred while GetObject. S3 Error Code: {error.code}. S3 Error Message: {error.message}"
        ) from error
    return await _whole(answer["Body"])


async def _whole(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    if hasattr(body, "offset"):
        with open(body.path, "rb") as file:
            file.seek(body.offset)
            return file.read(body.length)
    return b"".join([chunk async for chunk in body])


async def _unpack(ctx: Context, data: bytes, folder: Path) -> None:
    if folder.is_dir():
        return
    try:
        await asyncio.get_running_loop().run_in_executor(None, _unpack_now, data, folder)
    except BadArchive as error:
        if "past the limit" in str(error):
            raise errors.invalid(f"Unzipped size must be smaller than {UNZIPPED_LIMIT} bytes") from error
        raise errors.invalid(
            "Could not unzip uploaded file. Please check your file, then try to upload again."
        ) from error


def _unpack_now(data: bytes, folder: Path) -> None:
    """Unpacks beside its place and renames: a crash leaves no half of a tree under a good name."""
    import io

    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
    work = Path(tempfile.mkdtemp(prefix=".unpacking-", dir=folder.parent))
    try:
        os.chmod(work, 0o755)
        unzip(io.BytesIO(data), work, limit=UNZIPPED_LIMIT)
        try:
            os.rename(work, folder)
        except OSError:
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)


def location(ctx: Context, code: Code) -> str:
    """A link from which the package can be downloaded for ten minutes, as GetFunction gives one."""
    proof = ctx.cloud.seal(f"lambda-code:{code.blob}", int(ctx.now) + 600)
    return f"{ctx.cloud.endpoint}/_fogbank/lambda/code/{code.blob}?{proof}"


@lambda_.endpoint("internal")
async def download(ctx: Context, request: Request) -> Response:
    """Answers what `location` gave out."""
    prefix, _, blob = request.path.rpartition("/")
    if prefix != "/_fogbank/lambda/code" or not ctx.cloud.sealed(f"lambda-code:{blob}", request.query):
        raise AwsError("AccessDenied", "Request has expired", status=403)
    path = ctx.blobs.path(blob)
    if not path.is_file():
        raise AwsError("NoSuchKey", "The specified key does not exist.", status=404)
    headers = [("content-type", "application/zip"), ("content-disposition", "attachment")]
    return Response(200, headers, FileBody(path, 0, path.stat().st_size))
