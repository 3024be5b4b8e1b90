"""Where a request's template comes from: its body, an S3 object, or the stack itself.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html (TemplateBody, TemplateURL)
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from fogbank.api import AwsError, Context, FileBody
from fogbank.services.cloudformation.documents import MAX_BODY, MAX_OBJECT
from fogbank.services.cloudformation.errors import validation

_S3_HOST = re.compile(
    r"(?:(?P<bucket>.+)\.)?s3(?:[.-](?:dualstack\.)?(?P<region>[a-z]{2}(?:-[a-z]+)+-\d))?\."
    r"(?:amazonaws\.com(?:\.cn)?|localhost(?:\.localstack\.cloud)?)\Z"
)
_LOCAL = re.compile(r"(?:localhost(?:\.localstack\.cloud)?|127\.0\.0\.1|\[::1\])\Z")


async def text_of(ctx: Context, req: dict[str, Any], previous: str | None = None) -> str:
    """The template's text. `previous` is the stack's own, for `UsePreviousTemplate`. Raises AwsError."""
    body, url = req.get("TemplateBody"), req.get("TemplateURL")
    if body is not None and url is not None:
        raise validation("Only one of TemplateBody or TemplateURL can be specified")
    if req.get("UsePreviousTemplate"):
        if body is not None or url is not None:
            raise validation("Cannot specify both usePreviousTemplate and Template URL or Template Body.")
        if previous is None:
            raise validation("Cannot specify usePreviousTemplate as true for a stack that has no template")
        return previous
    if body is not None:
        if len(body.encode()) > MAX_BODY:
            raise validation(
                f"1 validation error detected: Value '{body[:200]}' at 'templateBody' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_BODY}"
            )
        return str(body)
    if url is None:
        raise validation("Either Template URL or Template Body must be specified.")
    return await fetch(ctx, url)


async def fetch(ctx: Context, url: str, limit: int = MAX_OBJECT) -> str:
    """The text of an S3 object, read as the caller."""
    bucket, key, version = locate(ctx, url)
    params = {"Bucket": bucket, "Key": key}
    if version:
        params["VersionId"] = version
    try:
        answer = await ctx.call_async("s3", "GetObject", params)
    except AwsError as error:
        if error.code in ("NoSuchKey", "NoSuchBucket", "NoSuchVersion"):
            raise validation(
                f"S3 error: {error.message}\nFor more information check "
                "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
            ) from error
        raise validation(f"S3 error: {error.message}") from error
    data = await gather(answer.get("Body", b""), limit)
    if data is None:
        raise validation(f"Template may not exceed {limit} bytes in size.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise validation("Template format error: the template is not encoded in UTF-8") from error


async def gather(body: bytes | FileBody | AsyncIterator[bytes], limit: int) -> bytes | None:
    """A streamed output member as bytes; None where it is longer than `limit`."""
    if isinstance(body, bytes):
        return body if len(body) <= limit else None
    if isinstance(body, FileBody):
        if body.length > limit:
            return None
        with open(body.path, "rb") as file:
            file.seek(body.offset)
            return file.read(body.length)
    data = bytearray()
    async for chunk in body:
        data += chunk
        if len(data) > limit:
            return None
    return bytes(data)


def locate(ctx: Context, url: str) -> tuple[str, str, str]:
    """Bucket, key and version of an S3 address in any of its forms. Raises AwsError(`ValidationError`)."""
    parts = urlsplit(url)
    version = (parse_qs(parts.query).get("versionId") or [""])[0]
    path = unquote(parts.path)
    if parts.scheme == "s3":
        raise validation(f"S3 error: Domain name specified in {parts.netloc} is not a valid S3 domain")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise validation("TemplateURL must be a supported URL.")
    match = _S3_HOST.match(parts.hostname)
    if match is None and not _LOCAL.match(parts.hostname) and parts.hostname not in ctx.cloud.endpoint:
        raise validation("TemplateURL must be a supported URL.")
    if match is not None and match["bucket"]:
        return match["bucket"], path.lstrip("/"), version
    bucket, _, key = path.lstrip("/").partition("/")
    if not bucket or not key:
        raise validation("TemplateURL must be a supported URL.")
    return bucket, key, version


async def include(ctx: Context, location: Any) -> str:
    """The text of a snippet that AWS::Include names as `s3://bucket/key`."""
    if not isinstance(location, str) or not location.startswith("s3://"):
        raise validation("Transform AWS::Include failed with: The location parameter is not a valid S3 URI.")
    bucket, _, key = location[5:].partition("/")
    try:
        answer = await ctx.call_async("s3", "GetObject", {"Bucket": bucket, "Key": key})
    except AwsError as error:
        if error.code == "NoSuchBucket":
            raise validation(f"Transform AWS::Include failed with: S3 bucket [{bucket}] does not exist.") from error
        if error.code == "NoSuchKey":
            raise validation(
                f"Transform AWS::Include failed with: S3 object [{key}] does not exist in S3 bucket [{bucket}]."
            ) from error
        raise validation(f"Transform AWS::Include failed with: {error.message}") from error
    data = await gather(answer.get("Body", b""), MAX_OBJECT)
    if data is None:
        raise validation("Transform AWS::Include failed with: The snippet is too large.")
    return data.decode("utf-8", "replace")
