"""UploadPart, UploadPartCopy, ListParts."""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.services.s3 import bodies, copies, drafts, objects, s3, shown
from fogbank.services.s3.access import Rights, condition_keys, on_object, require_bucket
from fogbank.services.s3.errors import invalid_argument, invalid_request
from fogbank.services.s3.multipart import MAX_PARTS, people, require_upload, segments_of
from fogbank.services.s3.records import Segment, Upload, UploadedPart
from fogbank.services.s3.rules import checksums, listing, names
from fogbank.services.s3.rules.ranges import Span, copy_span


@s3.operation(action="s3:PutObject", access=on_object("PutObject"), anonymous=True)
async def upload_part(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    _check_number(req["PartNumber"])
    md5 = checksums.content_md5(req.get("ContentMD5"))
    expected = objects.Expected.of(ctx, req)
    upload = await ctx.transact(lambda inner: _check(inner, req, expected))
    algorithm = upload.checksum_algorithm or expected.algorithm
    taken = await bodies.take(
        ctx, req.get("Body") or b"", {algorithm, checksums.DEFAULT},
        lambda t: expected.verify(t, md5, req, part=True),
    )  # fmt: skip
    try:
        return await ctx.transact(lambda inner: _keep(inner, req, taken, algorithm, expected))
    except BaseException:
        await bodies.discard(ctx, taken)
        raise


def _check_number(number: int) -> None:
    if not 1 <= number <= MAX_PARTS:
        raise invalid_argument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", number)


def _check(ctx: Context, req: dict[str, Any], expected: objects.Expected) -> Upload:
    require_bucket(ctx, req)
    upload = require_upload(ctx, req)
    wanted = upload.checksum_algorithm.lower()
    if expected.stated and wanted and expected.algorithm.lower() != wanted:
        raise invalid_request(
            f"Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual checksum Type: "
            f"{expected.algorithm.lower()}"
        )
    if wanted and not expected.stated:
        if upload.checksum_type == "COMPOSITE":
            raise invalid_request(
                f"Checksum Type mismatch occurred, expected checksum Type: {wanted}, actual checksum Type: null"
            )
        expected.algorithm = upload.checksum_algorithm
    _check_customer_key(upload, req)
    return upload


def _check_customer_key(upload: Upload, req: dict[str, Any]) -> None:
    wanted = upload.draft["encryption"].get("SSECustomerKeyMD5")
    given = drafts.customer_key(req)
    if (wanted is None) != (given is None):
        raise invalid_request(
            "The multipart upload initiate requested encryption. Subsequent part requests must include the "
            "appropriate encryption parameters."
        )
    if wanted != given:
        raise invalid_request("The provided encryption parameters did not match the ones used originally.")


def _keep(
    ctx: Context, req: dict[str, Any], taken: bodies.Taken, algorithm: str, expected: objects.Expected
) -> dict[str, Any]:
    upload = require_upload(ctx, req)
    part = _put(
        ctx, upload, req["PartNumber"], taken, algorithm, segments_of(bodies.keep(ctx, taken), taken.size)
    )
    return {
        "ETag": f'"{part.etag}"',
        checksums.member(expected.algorithm): taken.sums[expected.algorithm],
        **upload.draft["encryption"],
    }


def _put(
    ctx: Context, upload: Upload, number: int, taken: bodies.Taken, algorithm: str, segments: list[Segment]
) -> UploadedPart:
    """Keeps a part in the place of the one with its number, if there is one."""
    old = ctx.tx.get(UploadedPart, upload.upload_id, number)
    if old is not None:
        bodies.release_segments(ctx, old.segments)
    part = UploadedPart(
        upload_id=upload.upload_id, number=number, size=taken.size,
        etag=shown.etag_of(ctx, taken.etag, upload.draft["encryption"]), modified=ctx.now,
        checksum_algorithm=algorithm, checksum=taken.sums[algorithm], crc64=taken.sums[checksums.DEFAULT],
        segments=segments,
    )  # fmt: skip
    ctx.tx.put(part)
    return part


def _copy_rights(ctx: Context, req: dict[str, Any]) -> Rights:
    names.check_key(req["Key"])
    bucket = require_bucket(ctx, req)
    put = ("s3:PutObject", names.object_arn(bucket.name, req["Key"]), condition_keys(req, bucket))
    return [*copies.source_rights(ctx, req), put]


@s3.operation(action="s3:PutObject", access=_copy_rights, anonymous=True)
async def upload_part_copy(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    """The part is one more user of the source's bytes; they are read once, for their hashes."""
    _check_number(req["PartNumber"])
    found, algorithm, content = await ctx.transact(lambda inner: _source(inner, req))
    digest = bodies.Digest({algorithm, checksums.DEFAULT})
    async for piece in bodies.read(content):
        await bodies.in_thread(digest.update, piece)
    taken = digest.taken()
    return await ctx.transact(lambda inner: _keep_copy(inner, req, taken, algorithm, found))


def _source(ctx: Context, req: dict[str, Any]) -> tuple[str, str, Any]:
    """The body's name, the algorithm to hash with, and the bytes."""
    upload = require_upload(ctx, req)
    _check_customer_key(upload, req)
    _, found = copies.find_source(ctx, req)
    return found.body, upload.checksum_algorithm or checksums.DEFAULT, bodies.open_span(ctx, found, _span(req, found))


def _span(req: dict[str, Any], found: Any) -> Span:
    given = req.get("CopySourceRange")
    span = Span(0, found.size) if given is None else copy_span(given, found.size)
    if span.length > bodies.MAX_UPLOAD:
        raise invalid_request(
            "The specified copy source is larger than the maximum allowable size for a copy source: "
            f"{bodies.MAX_UPLOAD}"
        )
    return span


def _keep_copy(
    ctx: Context, req: dict[str, Any], taken: bodies.Taken, algorithm: str, body: str
) -> dict[str, Any]:
    upload = require_upload(ctx, req)
    bucket, found = copies.find_source(ctx, req)
    if found.body != body:
        raise invalid_request("The copy source changed while it was being copied.")
    segments = bodies.cut(bodies.segments(ctx, found.body, found.size), _span(req, found))
    for segment in segments:
        bodies.share(ctx, segment.body)
    part = _put(ctx, upload, req["PartNumber"], taken, algorithm, segments)
    result: dict[str, Any] = {"ETag": f'"{part.etag}"', "LastModified": part.modified}
    if upload.checksum_algorithm:
        result[checksums.member(algorithm)] = part.checksum
    return {
        "CopyPartResult": result,
        "CopySourceVersionId": shown.version_id(bucket, found),
        **upload.draft["encryption"],
    }


@s3.operation(action="s3:ListMultipartUploadParts", access=on_object("ListMultipartUploadParts"), anonymous=True)
def list_parts(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    upload = require_upload(ctx, req)
    limit = listing.check_limit(req.get("MaxParts"), "max-parts")
    marker = _marker(req.get("PartNumberMarker"))
    found = list(ctx.tx.scan(UploadedPart, upload.upload_id, after=marker, limit=limit + 1))
    page = found[:limit]
    return {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "PartNumberMarker": marker,
        "NextPartNumberMarker": page[-1].number if page else 0,
        "MaxParts": limit,
        "IsTruncated": len(found) > limit,
        "StorageClass": upload.draft["storage_class"],
        **people(upload),
        "ChecksumAlgorithm": upload.checksum_algorithm or None,
        "ChecksumType": upload.checksum_type or None,
        "Parts": [_shown(upload, part) for part in page],
    }


def _marker(text: Any) -> int:
    if text in (None, ""):
        return 0
    try:
        return max(int(text), 0)
    except ValueError:
        raise invalid_argument(
            "Provided part-number-marker not an integer or within integer range", "part-number-marker", text
        ) from None


def _shown(upload: Upload, part: UploadedPart) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "PartNumber": part.number, "ETag": f'"{part.etag}"', "Size": part.size, "LastModified": part.modified
    }
    if upload.checksum_algorithm:
        shown[checksums.member(upload.checksum_algorithm)] = part.checksum
    return shown
