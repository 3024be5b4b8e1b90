"""PutObject, and what the other ways to write an object share with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fogbank.api import Context
from fogbank.services.s3 import bodies, drafts, events, s3, shown, versions
from fogbank.services.s3.access import WRITING, on_object, require_bucket
from fogbank.services.s3.records import Bucket, Object
from fogbank.services.s3.rules import checksums, preconditions


@s3.operation(access=on_object("PutObject", "", *WRITING), anonymous=True)
async def put_object(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    preconditions.check_write_headers(req.get("IfMatch"), req.get("IfNoneMatch"))
    md5 = checksums.content_md5(req.get("ContentMD5"))
    expected = Expected.of(ctx, req)
    body = req.get("Body") or b""
    if not bodies.is_small(body):
        await ctx.transact(lambda inner: _check_put(inner, req))
    taken = await bodies.take(ctx, body, [expected.algorithm], lambda t: expected.verify(t, md5, req))
    try:
        return await ctx.transact(lambda inner: commit(inner, req, taken, expected.algorithm, "s3:ObjectCreated:Put"))
    except BaseException:
        await bodies.discard(ctx, taken)
        raise


def _check_put(ctx: Context, req: dict[str, Any]) -> None:
    """Refuses before a big body has come what would be refused after it."""
    bucket = require_bucket(ctx, req)
    drafts.draft(ctx, bucket, req)
    _check_write(ctx, bucket, req)


def _check_write(ctx: Context, bucket: Bucket, req: dict[str, Any]) -> None:
    if req.get("IfMatch") is not None or req.get("IfNoneMatch") is not None:
        current = ctx.tx.get(Object, bucket.name, req["Key"])
        preconditions.check_write(
            req["Key"], current.etag if current else None, req.get("IfMatch"), req.get("IfNoneMatch")
        )


def commit(ctx: Context, req: dict[str, Any], taken: bodies.Taken, algorithm: str, event: str) -> dict[str, Any]:
    """Makes a body that has been taken in the current version of its key."""
    bucket = require_bucket(ctx, req)
    _check_write(ctx, bucket, req)
    fields = drafts.draft(ctx, bucket, req)
    new = Object(
        bucket=bucket.name, key=req["Key"], sequence=int(ctx.now * 1e6), modified=ctx.now, size=taken.size,
        etag=shown.etag_of(ctx, taken.etag, fields["encryption"]), body=bodies.keep(ctx, taken),
        checksum_algorithm=algorithm, checksum=taken.sums[algorithm], checksum_type="FULL_OBJECT", **fields,
    )  # fmt: skip
    versions.put(ctx, bucket, new)
    events.emit(ctx, bucket, event, new)
    return {
        "ETag": f'"{new.etag}"',
        **shown.checksum(new),
        **shown.encryption(new),
        "VersionId": new.version_id if bucket.versioning == "Enabled" else None,
        "Expiration": shown.expiration(ctx, bucket, new),
    }


class Expected:
    """The checksum that a request announces: by header, by trailer, or none, and then the default is computed."""

    def __init__(self, algorithm: str, value: str | None, *, trailer: bool = False, stated: bool = True) -> None:
        self.algorithm = algorithm
        self.value = value
        self.stated = stated
        """Whether the request names the algorithm."""
        self._trailer = trailer

    @classmethod
    def of(cls, ctx: Context, req: Mapping[str, Any]) -> Expected:
        """Raises InvalidRequest."""
        given = checksums.given(req)
        announced = ctx.request.headers.get("x-amz-trailer") if ctx.request else None
        trailer = checksums.declared_in_trailer(announced)
        if given is not None:
            return cls(*given)
        named = req.get("ChecksumAlgorithm")
        checksums.check_algorithm(named)
        if trailer is not None:
            return cls(trailer, None, trailer=True)
        return cls(named or checksums.DEFAULT, None, stated=named is not None)

    def verify(self, taken: bodies.Taken, md5: bytes | None, req: Mapping[str, Any], *, part: bool = False) -> None:
        """Raises BadDigest, InvalidRequest."""
        checksums.check_md5(md5, taken.md5, part=part)
        value = self.value
        if self._trailer:
            value = _trailer(req.get("Body"), checksums.header(self.algorithm))
            if value is not None:
                checksums.check_value(self.algorithm, value)
        if value is not None and value != taken.sums[self.algorithm]:
            raise checksums.mismatch(self.algorithm)
        self.value = value


def _trailer(body: Any, name: str) -> str | None:
    trailers: Mapping[str, str] = getattr(body, "trailers", None) or {}
    return trailers.get(name)
