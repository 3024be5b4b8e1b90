"""Multipart uploads."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from tests.cloud import CloudUnderTest
from tests.services.s3.errors import refused
from tests.services.s3.test_checksums import sum_of

MB = 1 << 20
PART = bytes(range(256)) * (5 * MB // 256)
LAST = b"the last part"


def upload(s3: Any, bucket: str, parts: list[bytes], key: str = "k", **params: Any) -> tuple[str, list[dict[str, Any]]]:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key=key, **params)["UploadId"]
    done = []
    for number, body in enumerate(parts, 1):
        answer = s3.upload_part(
            Bucket=bucket, Key=key, UploadId=upload_id, PartNumber=number, Body=body,
            **({"ChecksumAlgorithm": params["ChecksumAlgorithm"]} if "ChecksumAlgorithm" in params else {}),
        )  # fmt: skip
        entry = {"PartNumber": number, "ETag": answer["ETag"]}
        if "ChecksumAlgorithm" in params:
            member = f"Checksum{params['ChecksumAlgorithm']}"
            entry[member] = answer[member]
        done.append(entry)
    return upload_id, done


def etag_of(parts: list[bytes]) -> str:
    joined = b"".join(hashlib.md5(part).digest() for part in parts)
    return f'"{hashlib.md5(joined).hexdigest()}-{len(parts)}"'


def test_from_begin_to_end(s3: Any, bucket: str) -> None:
    upload_id, parts = upload(s3, bucket, [PART, LAST], ContentType="text/plain", Metadata={"m": "v"})
    answer = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id, MultipartUpload={"Parts": parts})
    assert answer["ETag"] == etag_of([PART, LAST])
    assert (answer["Bucket"], answer["Key"], answer["ServerSideEncryption"]) == (bucket, "k", "AES256")
    assert answer["Location"].endswith(f"/{bucket}/k")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == PART + LAST
    assert (got["ContentType"], got["Metadata"], got["ETag"]) == ("text/plain", {"m": "v"}, answer["ETag"])
    assert got["ContentLength"] == len(PART) + len(LAST)
    middle = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={len(PART) - 5}-{len(PART) + 5}")
    assert middle["Body"].read() == PART[-5:] + LAST[:6]
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (LAST, 2)
    size = len(PART) + len(LAST)
    assert second["ContentRange"] == f"bytes {len(PART)}-{size - 1}/{size}"
    error = refused(s3.get_object, Bucket=bucket, Key="k", PartNumber=3)
    assert (error["Code"], error["ActualPartCount"], error["status"]) == ("InvalidPartNumber", "2", 416)
    error = refused(s3.get_object, Bucket=bucket, Key="k", PartNumber=1, Range="bytes=0-1")
    assert error["Message"] == "Cannot specify both Range header and partNumber query parameter"
    gone = refused(s3.list_parts, Bucket=bucket, Key="k", UploadId=upload_id)
    assert (gone["Code"], gone["UploadId"]) == ("NoSuchUpload", upload_id)


@pytest.mark.parametrize(("algorithm", "kind"), [
    ("CRC32", "COMPOSITE"), ("CRC32", "FULL_OBJECT"), ("CRC32C", "COMPOSITE"), ("CRC32C", "FULL_OBJECT"),
    ("CRC64NVME", "FULL_OBJECT"), ("SHA1", "COMPOSITE"), ("SHA256", "COMPOSITE"),
])  # fmt: skip
def test_checksums(s3: Any, bucket: str, algorithm: str, kind: str) -> None:
    member = f"Checksum{algorithm}"
    upload_id, parts = upload(s3, bucket, [PART, LAST], ChecksumAlgorithm=algorithm, ChecksumType=kind)
    assert s3.list_parts(Bucket=bucket, Key="k", UploadId=upload_id)["ChecksumType"] == kind
    answer = s3.complete_multipart_upload(Bucket=bucket, Key="k", UploadId=upload_id, MultipartUpload={"Parts": parts})
    if kind == "FULL_OBJECT":
        expected = sum_of(algorithm, PART + LAST)
    else:
        digests = b"".join(base64.b64decode(sum_of(algorithm, part)) for part in (PART, LAST))
        expected = f"{sum_of(algorithm, digests)}-2"
    assert (answer[member], answer["ChecksumType"]) == (expected, kind)
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert (head[member], head["ChecksumType"]) == (expected, kind)
    assert s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["Body"].read() == PART + LAST
    found = s3.get_object_attributes(Bucket=bucket, Key="k", ObjectAttributes=["Checksum", "ObjectParts"])
    assert found["Checksum"] == {member: expected.split("-")[0], "ChecksumType": kind}
    assert found["ObjectParts"]["TotalPartsCount"] == 2
    assert ("Parts" in found["ObjectParts"]) == (kind == "COMPOSITE")
    copied = s3.copy_object(Bucket=bucket, Key="copy", CopySource={"Bucket": bucket, "Key": "k"})["CopyObjectResult"]
    assert copied["ETag"] == f'"{hashlib.md5(PART + LAST).hexdigest()}"'
    assert (copied[member], copied["ChecksumType"]) == (sum_of(algorithm, PART + LAST), "FULL_OBJECT")


def test_the_default_checksum(cloud: CloudUnderTest, bucket: str) -> None:
    plain = cloud.client("s3", request_checksum_calculation="when_required")
    upload_id, parts = upload(plain, bucket, [PART, LAST])
    answer = plain.complete_multipart_upload(
        Bucket=bucket, Key="k", UploadId=upload_id, MultipartUpload={"Parts": parts}
    )
    assert answer["ChecksumCRC64NVME"] == sum_of("CRC64NVME", PART + LAST)


def test_algorithm_and_type_must_go_together(s3: Any, bucket: str) -> None:
    def said(**params: Any) -> str:
        return str(refused(s3.create_multipart_upload, Bucket=bucket, Key="k", **params)["Message"])

    assert said(ChecksumType="COMPOSITE") == (
        "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header."
    )
    assert said(ChecksumAlgorithm="CRC64NVME", ChecksumType="COMPOSITE") == (
        "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm."
    )
    assert said(ChecksumAlgorithm="SHA1", ChecksumType="FULL_OBJECT") == (
        "The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm."
    )
    assert said(ChecksumAlgorithm="TEST").startswith("Checksum algorithm provided is unsupported.")
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload_id}
    error = refused(s3.upload_part, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32", **named)
    assert error["Message"] == "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32"
    part = s3.upload_part(PartNumber=1, Body=b"x", ChecksumAlgorithm="SHA256", **named)
    entry = {"PartNumber": 1, "ETag": part["ETag"]}
    error = refused(s3.complete_multipart_upload, MultipartUpload={"Parts": [entry]}, **named)
    assert error["Message"].endswith("It was missing for part 1 in the request.")
    entry["ChecksumSHA256"] = part["ChecksumSHA256"]
    error = refused(
        s3.complete_multipart_upload, MultipartUpload={"Parts": [entry]}, ChecksumType="FULL_OBJECT", **named
    )
    assert error["Message"].startswith("The upload was created using the COMPOSITE checksum mode.")


def test_what_completion_refuses(s3: Any, bucket: str) -> None:
    upload_id, parts = upload(s3, bucket, [b"small", LAST])
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload_id}

    def error(chosen: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return refused(s3.complete_multipart_upload, MultipartUpload={"Parts": chosen}, **named, **more)

    assert error([])["Message"] == "You must specify at least one part"
    assert error(parts[::-1])["Code"] == "InvalidPartOrder"
    small = error(parts)
    assert (small["Code"], small["ProposedSize"], small["MinSizeAllowed"]) == ("EntityTooSmall", "5", "5242880")
    assert (small["PartNumber"], small["ETag"]) == ("1", hashlib.md5(b"small").hexdigest())
    wrong = error([{"PartNumber": 3, "ETag": parts[0]["ETag"]}])
    assert (wrong["Code"], wrong["PartNumber"], wrong["UploadId"]) == ("InvalidPart", "3", upload_id)
    assert error([{"PartNumber": 1, "ETag": '"d41d8cd98f00b204e9800998ecf8427e"'}])["Code"] == "InvalidPart"
    size = error(parts[1:], MpuObjectSize=5)
    assert size["Message"] == "The provided 'x-amz-mp-object-size' header value 5 does not match what was computed: 13"
    bad = refused(s3.upload_part, PartNumber=0, Body=b"", **named)
    assert bad["Message"] == "Part number must be an integer between 1 and 10000, inclusive"
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts[1:]}, **named)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == LAST


def test_uploads_under_way(s3: Any, bucket: str) -> None:
    empty = s3.list_multipart_uploads(Bucket=bucket)
    assert (empty["NextKeyMarker"], empty["MaxUploads"], empty["IsTruncated"]) == ("", 1000, False)
    made = [(key, s3.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]) for key in ("a", "a", "b/1", "b/2", "c")]
    page = s3.list_multipart_uploads(Bucket=bucket)
    assert [(u["Key"], u["UploadId"]) for u in page["Uploads"]] == made
    assert (page["NextKeyMarker"], page["NextUploadIdMarker"]) == made[-1]
    assert page["Uploads"][0]["StorageClass"] == "STANDARD"
    grouped = s3.list_multipart_uploads(Bucket=bucket, Delimiter="/")
    assert [u["Key"] for u in grouped["Uploads"]] == ["a", "a", "c"]
    assert grouped["CommonPrefixes"] == [{"Prefix": "b/"}]
    found, markers = [], {}
    while True:
        page = s3.list_multipart_uploads(Bucket=bucket, MaxUploads=1, **markers)
        found += [(u["Key"], u["UploadId"]) for u in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        markers = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert found == made
    error = refused(s3.list_multipart_uploads, Bucket=bucket, KeyMarker="a", UploadIdMarker=made[-1][1])
    assert error["Message"] == "Invalid uploadId marker"
    for key, upload_id in made:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload_id)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    error = refused(s3.abort_multipart_upload, Bucket=bucket, Key="a", UploadId=made[0][1])
    assert error["Code"] == "NoSuchUpload"


def test_listing_parts(s3: Any, bucket: str) -> None:
    upload_id, _ = upload(s3, bucket, [b"one", b"two", b"three"])
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload_id}
    page = s3.list_parts(**named)
    assert [(p["PartNumber"], p["Size"]) for p in page["Parts"]] == [(1, 3), (2, 3), (3, 5)]
    assert (page["PartNumberMarker"], page["NextPartNumberMarker"], page["IsTruncated"]) == (0, 3, False)
    assert "ChecksumCRC32" not in page["Parts"][0]
    page = s3.list_parts(MaxParts=1, PartNumberMarker=1, **named)
    assert ([p["PartNumber"] for p in page["Parts"]], page["IsTruncated"]) == ([2], True)
    s3.upload_part(PartNumber=2, Body=b"replaced" * 10_000, **named)
    assert s3.list_parts(**named)["Parts"][1]["Size"] == 80_000


def test_parts_copied_from_objects(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=PART + LAST)
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload_id, "CopySource": {"Bucket": bucket, "Key": "source"}}
    one = s3.upload_part_copy(PartNumber=1, **named)["CopyPartResult"]
    two = s3.upload_part_copy(PartNumber=2, CopySourceRange="bytes=10-19", **named)["CopyPartResult"]
    assert two["ETag"] == f'"{hashlib.md5(PART[10:20]).hexdigest()}"'
    for given in ("0-8", "bytes=1-0", "bytes=-2", "bytes=1-"):
        error = refused(s3.upload_part_copy, PartNumber=3, CopySourceRange=given, **named)
        assert (error["ArgumentName"], error["ArgumentValue"]) == ("x-amz-copy-source-range", given)
    size = len(PART) + len(LAST)
    error = refused(s3.upload_part_copy, PartNumber=3, CopySourceRange=f"bytes=0-{size}", **named)
    assert error["Message"] == f"Range specified is not valid for source object of size: {size}"
    error = refused(s3.upload_part_copy, PartNumber=3, CopySourceRange=f"bytes={size}-{size + 1}", **named)
    assert error["Message"] == "The specified copy range is invalid for the source object size"
    s3.delete_object(Bucket=bucket, Key="source")
    del named["CopySource"]
    parts = [{"PartNumber": n, "ETag": p["ETag"]} for n, p in ((1, one), (2, two))]
    s3.complete_multipart_upload(MultipartUpload={"Parts": parts}, **named)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == PART + LAST + PART[10:20]


def test_completion_on_condition(s3: Any, bucket: str) -> None:
    def attempt(**condition: Any) -> Any:
        upload_id, parts = upload(s3, bucket, [LAST])
        return {"Bucket": bucket, "Key": "k", "UploadId": upload_id, "MultipartUpload": {"Parts": parts}, **condition}

    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    late = attempt(IfNoneMatch="*")
    assert refused(s3.complete_multipart_upload, **late)["Condition"] == "If-None-Match"
    s3.delete_object(Bucket=bucket, Key="k")
    error = refused(s3.complete_multipart_upload, **late)
    assert (error["Code"], error["Condition"], error["status"]) == ("ConditionalRequestConflict", "If-None-Match", 409)
    etag = s3.complete_multipart_upload(**attempt(IfNoneMatch="*"))["ETag"]
    during = attempt(IfMatch=etag)
    s3.put_object(Bucket=bucket, Key="k", Body=b"other")
    assert refused(s3.complete_multipart_upload, **during)["Code"] == "PreconditionFailed"
