"""Multipart uploads: begun, given up, completed. The parts themselves are in `parts.py`.

Completing writes a list of the parts, never their bytes.
"""

from __future__ import annotations

from typing import Any

from fogbank.api import Context
from fogbank.kit import ids
from fogbank.services.s3 import bodies, drafts, events, s3, shown, versions
from fogbank.services.s3.access import WRITING, on_bucket, on_object, require_bucket
from fogbank.services.s3.errors import invalid_argument, invalid_request, s3_error
from fogbank.services.s3.records import Bucket, Manifest, Object, Part, Segment, Upload, UploadedPart
from fogbank.services.s3.rules import checksums, listing, names, preconditions

MIN_PART = 5 << 20
MAX_PARTS = 10_000


def require_upload(ctx: Context, req: dict[str, Any]) -> Upload:
    """Raises NoSuchUpload."""
    found = next(iter(ctx.tx.find(Upload, "id", req["UploadId"], limit=1)), None)
    if found is None or (found.bucket, found.key) != (req["Bucket"], req["Key"]):
        raise s3_error("NoSuchUpload", UploadId=req["UploadId"])
    return found


@s3.operation(action="s3:PutObject", access=on_object("PutObject", "", *WRITING), anonymous=True)
def create_multipart_upload(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    kind = checksums.multipart_type(req.get("ChecksumAlgorithm"), req.get("ChecksumType"))
    draft = drafts.draft(ctx, bucket, req)
    latest = next(iter(ctx.tx.scan(Upload, bucket.name, req["Key"], limit=1, reverse=True)), None)
    upload = Upload(
        bucket=bucket.name, key=req["Key"], upload_id=names.new_upload_id(ctx.random), started=ctx.now,
        sequence=max(int(ctx.now * 1e6), latest.sequence + 1 if latest else 0), initiator=ctx.principal.arn,
        initiator_name=ctx.principal.name or ctx.principal.account, draft=draft,
        checksum_algorithm=req.get("ChecksumAlgorithm") or "", checksum_type=kind or "",
    )  # fmt: skip
    ctx.tx.insert(upload)
    return {
        "Bucket": bucket.name,
        "Key": upload.key,
        "UploadId": upload.upload_id,
        "ChecksumAlgorithm": upload.checksum_algorithm or None,
        "ChecksumType": upload.checksum_type or None,
        **draft["encryption"],
    }


@s3.operation(access=on_object("AbortMultipartUpload"), anonymous=True)
def abort_multipart_upload(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    require_bucket(ctx, req)
    upload = require_upload(ctx, req)
    ctx.tx.delete(Upload, upload.bucket, upload.key, upload.sequence)
    for part in list(ctx.tx.scan(UploadedPart, upload.upload_id)):
        bodies.drop_part(ctx, part)
    return {}


@s3.operation(action="s3:PutObject", access=on_object("PutObject"), anonymous=True)
def complete_multipart_upload(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    bucket = require_bucket(ctx, req)
    preconditions.check_write_headers(req.get("IfMatch"), req.get("IfNoneMatch"))
    upload = require_upload(ctx, req)
    wanted = (req.get("MultipartUpload") or {}).get("Parts") or []
    _check_order(upload, wanted)
    _check_conditions(ctx, req, upload)
    uploaded = {part.number: part for part in ctx.tx.scan(UploadedPart, upload.upload_id)}
    chosen = [_choose(upload, uploaded.pop(item["PartNumber"], None), item) for item in wanted]
    _check_sizes(req, chosen)
    algorithm, checksum, kind = _checksum(req, upload, chosen)
    new = Object(
        bucket=bucket.name, key=upload.key, sequence=int(ctx.now * 1e6), modified=ctx.now,
        size=sum(part.size for part in chosen), etag=checksums.multipart_etag(part.etag for part in chosen),
        body=_assemble(ctx, upload, chosen), parts=len(chosen), checksum_algorithm=algorithm, checksum=checksum,
        checksum_type=kind, **upload.draft,
    )  # fmt: skip
    for left in uploaded.values():
        bodies.drop_part(ctx, left)
    for part in chosen:
        ctx.tx.delete(UploadedPart, upload.upload_id, part.number)
    ctx.tx.delete(Upload, upload.bucket, upload.key, upload.sequence)
    versions.put(ctx, bucket, new)
    events.emit(ctx, bucket, "s3:ObjectCreated:CompleteMultipartUpload", new)
    # Recorded: with KMS the answer leaves the checksum out, though the object has it.
    told = shown.checksum(new) if new.encryption.get("ServerSideEncryption") == "AES256" else {}
    return {
        "Bucket": bucket.name,
        "Key": new.key,
        "Location": shown.location(ctx, bucket.name, new.key),
        "ETag": f'"{new.etag}"',
        **told,
        **shown.encryption(new),
        "VersionId": new.version_id if bucket.versioning == "Enabled" else None,
        "Expiration": shown.expiration(ctx, bucket, new),
    }


def _check_order(upload: Upload, wanted: list[dict[str, Any]]) -> None:
    if not wanted:
        raise invalid_request("You must specify at least one part")
    if len(wanted) > MAX_PARTS or any(not item.get("PartNumber") or not item.get("ETag") for item in wanted):
        raise s3_error("MalformedXML")
    numbers = [item["PartNumber"] for item in wanted]
    if any(a >= b for a, b in zip(numbers, numbers[1:], strict=False)):
        raise s3_error("InvalidPartOrder", UploadId=upload.upload_id)


def _check_conditions(ctx: Context, req: dict[str, Any], upload: Upload) -> None:
    """A condition must hold, and the key must not have changed since the upload began."""
    condition = "If-Match" if req.get("IfMatch") is not None else "If-None-Match"
    if req.get("IfMatch") is None and req.get("IfNoneMatch") is None:
        return
    current = ctx.tx.get(Object, upload.bucket, upload.key)
    preconditions.check_write(
        upload.key, current.etag if current else None, req.get("IfMatch"), req.get("IfNoneMatch")
    )
    if upload.disturbed or (current is not None and current.modified > upload.started):
        raise s3_error("ConditionalRequestConflict", Condition=condition, Key=upload.key)


def _choose(upload: Upload, part: UploadedPart | None, item: dict[str, Any]) -> UploadedPart:
    """The uploaded part that an entry of the request means. Raises InvalidPart, InvalidRequest."""
    etag = item["ETag"].strip('"')
    invalid = s3_error("InvalidPart", UploadId=upload.upload_id, PartNumber=str(item["PartNumber"]), ETag=etag)
    if part is None or part.etag != etag:
        raise invalid
    given = {name: item[checksums.member(name)] for name in checksums.ALGORITHMS if item.get(checksums.member(name))}
    algorithm = upload.checksum_algorithm
    if upload.checksum_type == "COMPOSITE" and not given:
        raise invalid_request(
            f"The upload was created using a {algorithm.lower()} checksum. The complete request must include the "
            f"checksum for each part. It was missing for part {part.number} in the request."
        )
    expected = {algorithm: part.checksum} if algorithm else {checksums.DEFAULT: part.crc64}
    if any(expected.get(name) != value for name, value in given.items()):
        raise invalid
    return part


def _check_sizes(req: dict[str, Any], chosen: list[UploadedPart]) -> None:
    for part in chosen[:-1]:
        if part.size < MIN_PART:
            raise s3_error(
                "EntityTooSmall", ETag=part.etag, PartNumber=str(part.number), ProposedSize=str(part.size),
                MinSizeAllowed=str(MIN_PART),
            )  # fmt: skip
    stated, size = req.get("MpuObjectSize"), sum(part.size for part in chosen)
    if stated is not None and stated != size:
        raise invalid_request(
            f"The provided 'x-amz-mp-object-size' header value {stated} does not match what was computed: {size}"
        )


def _checksum(req: dict[str, Any], upload: Upload, chosen: list[UploadedPart]) -> tuple[str, str, str]:
    """Algorithm, value and type of the object's checksum. Raises InvalidRequest, BadDigest."""
    stated = req.get("ChecksumType")
    if stated is not None and stated != upload.checksum_type:
        raise invalid_request(
            f"The upload was created using the {upload.checksum_type or 'null'} checksum mode. The complete request "
            "must use the same checksum mode."
        )
    algorithm = upload.checksum_algorithm
    if upload.checksum_type == "COMPOSITE":
        value = checksums.composite(algorithm, (part.checksum for part in chosen))
    elif algorithm:
        value = checksums.full_object(algorithm, ((part.checksum, part.size) for part in chosen))
    else:
        algorithm = checksums.DEFAULT
        value = checksums.full_object(algorithm, ((part.crc64, part.size) for part in chosen))
    given = req.get(checksums.member(algorithm))
    if given is not None and given.split("-")[0] != value.split("-")[0]:
        raise s3_error("BadDigest", f"The {algorithm.lower()} you specified did not match the calculated checksum.")
    return algorithm, value, upload.checksum_type or "FULL_OBJECT"


def _assemble(ctx: Context, upload: Upload, chosen: list[UploadedPart]) -> str:
    name = ids.hex_id(ctx.random, 32)
    parts = [Part(part.number, part.size, part.etag, part.checksum, list(part.segments)) for part in chosen]
    ctx.tx.insert(Manifest(id=name, parts=parts))
    return f"parts:{name}"


@s3.operation(action="s3:ListBucketMultipartUploads", access=on_bucket("ListBucketMultipartUploads"), anonymous=True)
def list_multipart_uploads(ctx: Context, req: dict[str, Any]) -> dict[str, Any]:
    encoded = listing.check_encoding_type(req.get("EncodingType"))
    name = listing.encode if encoded else listing.plain
    bucket = require_bucket(ctx, req)
    limit = listing.check_limit(req.get("MaxUploads"), "max-uploads")
    key_marker, id_marker = req.get("KeyMarker") or "", req.get("UploadIdMarker") or ""
    delimiter = req.get("Delimiter") or ""
    page = listing.page(
        lambda start: ctx.tx.scan(Upload, bucket.name, since=start, limit=MAX_PARTS), _key,
        prefix=req.get("Prefix") or "", delimiter=delimiter, after=key_marker, limit=limit,
        first=_later_uploads(ctx, bucket, key_marker, id_marker),
    )  # fmt: skip
    last = page.entries[-1] if page.entries else None
    return {
        "Bucket": bucket.name,
        "KeyMarker": name(key_marker),
        "UploadIdMarker": id_marker if key_marker else "",
        "NextKeyMarker": name(last.key) if last else "",
        "NextUploadIdMarker": last.upload_id if last else "",
        "MaxUploads": limit,
        "Prefix": name(req.get("Prefix")),
        "Delimiter": name(delimiter) or None,
        "EncodingType": req.get("EncodingType"),
        "IsTruncated": page.truncated,
        "Uploads": [_shown(bucket, upload, name(upload.key)) for upload in page.entries],
        "CommonPrefixes": [{"Prefix": name(prefix)} for prefix in page.prefixes],
    }


def _key(upload: Upload) -> str:
    return upload.key


def _later_uploads(ctx: Context, bucket: Bucket, key: str, upload_id: str) -> list[Upload]:
    """Uploads of the marker's key that began after the marker. Raises InvalidArgument."""
    if not upload_id or not key:
        return []
    marked = next(iter(ctx.tx.find(Upload, "id", upload_id, limit=1)), None)
    if marked is None or (marked.bucket, marked.key) != (bucket.name, key):
        raise invalid_argument("Invalid uploadId marker", "upload-id-marker", upload_id)
    return list(ctx.tx.scan(Upload, bucket.name, key, after=marked.sequence, limit=1001))


def _shown(bucket: Bucket, upload: Upload, key: str | None) -> dict[str, Any]:
    return {
        "UploadId": upload.upload_id,
        "Key": key,
        "Initiated": upload.started,
        "StorageClass": upload.draft["storage_class"],
        **people(upload),
        "ChecksumAlgorithm": upload.checksum_algorithm or None,
        "ChecksumType": upload.checksum_type or None,
    }


def people(upload: Upload) -> dict[str, Any]:
    return {
        "Owner": {"ID": names.canonical_id(upload.draft["owner"])},
        "Initiator": {"ID": upload.initiator, "DisplayName": upload.initiator_name},
    }


def segments_of(body: str, size: int) -> list[Segment]:
    return [Segment(body, 0, size)] if size else []
