"""Lifecycle rules carried out, stored bodies given up, and events committed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from fogbank.services.s3 import bodies, buckets, configurations, copies, deletes, listings, multipart, objects, work
from fogbank.services.s3.records import Inline, Manifest, Object, Shared, UploadedPart
from tests.services.s3.harness import START, Bench

DAY = 86400


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    opened = await Bench.open(tmp_path)
    await opened.run(buckets.create_bucket, {"Bucket": "bkt"})
    yield opened
    await opened.store.close()


async def put(bench: Bench, key: str, body: bytes = b"x", **params: Any) -> dict[str, Any]:
    return await objects.put_object(bench.context(), {"Bucket": "bkt", "Key": key, "Body": body, **params})


async def rules(bench: Bench, *given: dict[str, Any]) -> None:
    stated = [{"Status": "Enabled", "Filter": {}, **rule} for rule in given]
    request = {"Bucket": "bkt", "LifecycleConfiguration": {"Rules": stated}}
    await bench.run(configurations.put_bucket_lifecycle_configuration, request)


async def versioning(bench: Bench, status: str) -> None:
    request = {"Bucket": "bkt", "VersioningConfiguration": {"Status": status}}
    await bench.run(configurations.put_bucket_versioning, request)


async def round_of_expiry(bench: Bench) -> None:
    """Runs the task until it goes to sleep."""
    while True:
        kind, payload, _ = next(task for task in bench.tasks if task[0] == "s3.expire")
        bench.tasks = [task for task in bench.tasks if task[0] != kind]
        await bench.run(work.expire, payload)
        if next(task for task in bench.tasks if task[0] == "s3.expire")[2] > 0:
            return


async def keys(bench: Bench) -> list[str]:
    page = await bench.run(listings.list_objects_v2, {"Bucket": "bkt"})
    return [entry["Key"] for entry in page["Contents"]]


async def versions(bench: Bench) -> list[tuple[str, bool]]:
    """(key, is a delete marker)."""
    page = await bench.run(listings.list_object_versions, {"Bucket": "bkt"})
    return [(v["Key"], False) for v in page["Versions"]] + [(m["Key"], True) for m in page["DeleteMarkers"]]


async def test_objects_expire(bench: Bench) -> None:
    await rules(bench, {"Filter": {"Prefix": "logs/"}, "Expiration": {"Days": 1}})
    for number in range(600):
        await put(bench, f"logs/{number:03d}")
    await put(bench, "kept")
    bench.now = START + DAY - 1
    await round_of_expiry(bench)
    assert len(await keys(bench)) == 601
    bench.now = START + 2 * DAY
    await round_of_expiry(bench)
    assert await keys(bench) == ["kept"]


async def test_versions_expire(bench: Bench) -> None:
    await versioning(bench, "Enabled")
    await rules(
        bench,
        {"Expiration": {"Days": 1}, "NoncurrentVersionExpiration": {"NoncurrentDays": 2}},
        {"Expiration": {"ExpiredObjectDeleteMarker": True}},
    )
    for _ in range(3):
        await put(bench, "k")
    bench.now = START + 3 * DAY
    await round_of_expiry(bench)
    assert await keys(bench) == []
    assert await versions(bench) == [("k", False), ("k", True)]
    bench.now = START + 6 * DAY
    await round_of_expiry(bench)
    await round_of_expiry(bench)
    assert await versions(bench) == []


async def test_newer_noncurrent_versions_are_kept(bench: Bench) -> None:
    await versioning(bench, "Enabled")
    await rules(
        bench, {"NoncurrentVersionExpiration": {"NoncurrentDays": 1, "NewerNoncurrentVersions": 2}}
    )
    for _ in range(5):
        await put(bench, "k")
    bench.now = START + 5 * DAY
    await round_of_expiry(bench)
    assert len(await versions(bench)) == 3


async def test_uploads_expire(bench: Bench) -> None:
    await rules(bench, {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}})
    upload = await bench.run(multipart.create_multipart_upload, {"Bucket": "bkt", "Key": "k"})
    bench.now = START + 3 * DAY
    await round_of_expiry(bench)
    assert (await bench.run(multipart.list_multipart_uploads, {"Bucket": "bkt"}))["Uploads"] == []
    assert ("s3.drop-parts", {"upload_id": upload["UploadId"]}, 0.0) in bench.tasks


async def test_a_body_goes_with_its_last_user(bench: Bench) -> None:
    big = b"z" * (bodies.INLINE + 1)
    await put(bench, "big", big)
    await put(bench, "small", b"small")
    for key in ("big", "small"):
        for copy in ("1", "2"):
            request = {"Bucket": "bkt", "Key": key + copy, "CopySource": f"bkt/{key}"}
            await copies.copy_object(bench.context(), request)

    def left(ctx: Any) -> tuple[int, int]:
        return ctx.tx.count(Inline), ctx.tx.count(Shared)

    assert await bench.run(left) == (1, 2)
    for key in ("big", "small", "big1", "small1"):
        await bench.run(deletes.delete_object, {"Bucket": "bkt", "Key": key})
    assert await bench.run(left) == (1, 0)
    assert not [task for task in bench.tasks if task[0] == "s3.delete-blob"]
    await put(bench, "big2", b"overwritten")
    await bench.run(deletes.delete_object, {"Bucket": "bkt", "Key": "small2"})
    assert await bench.run(left) == (1, 0)
    (task,) = [task for task in bench.tasks if task[0] == "s3.delete-blob"]
    path = bench.store.blobs.path(task[1]["blob"])
    assert path.exists()
    await bodies.delete_blob(bench.context(), task[1])
    assert not path.exists()


async def test_parts_that_are_replaced_or_left_out_go(bench: Bench) -> None:
    from fogbank.services.s3 import parts

    upload = await bench.run(multipart.create_multipart_upload, {"Bucket": "bkt", "Key": "k"})
    named = {"Bucket": "bkt", "Key": "k", "UploadId": upload["UploadId"]}

    async def send(number: int, body: bytes) -> str:
        return str((await parts.upload_part(bench.context(), {**named, "PartNumber": number, "Body": body}))["ETag"])

    await send(1, b"first try")
    etag = await send(1, b"second try")
    await send(2, b"left out")
    chosen = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}
    await bench.run(multipart.complete_multipart_upload, {**named, **chosen})

    def left(ctx: Any) -> tuple[int, int, int]:
        return ctx.tx.count(Inline), ctx.tx.count(UploadedPart), ctx.tx.count(Manifest)

    assert await bench.run(left) == (1, 0, 1)
    await bench.run(deletes.delete_object, {"Bucket": "bkt", "Key": "k"})
    assert await bench.run(left) == (0, 0, 0)


async def test_events_are_committed_with_the_change(bench: Bench) -> None:
    function = "arn:aws:lambda:us-east-1:000000000000:function:f"
    entry = {
        "Id": "cfg", "LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"],
        "Filter": {"Key": {"FilterRules": [{"Name": "suffix", "Value": ".txt"}]}},
    }  # fmt: skip
    request = {"Bucket": "bkt", "NotificationConfiguration": {"LambdaFunctionConfigurations": [entry]}}
    await bench.run(
        configurations.put_bucket_notification_configuration, {**request, "SkipDestinationValidation": True}
    )
    await put(bench, "a b.txt", b"12345")
    await put(bench, "a.jpg")
    await bench.run(deletes.delete_object, {"Bucket": "bkt", "Key": "a b.txt"})
    (target, created), (_, removed) = bench.delivered
    assert target == function
    record = created["Records"][0]
    assert (record["eventName"], record["eventSource"], record["awsRegion"]) == ("ObjectCreated:Put", "aws:s3", "us-east-1")
    assert record["s3"]["configurationId"] == "cfg"
    assert record["s3"]["bucket"]["arn"] == "arn:aws:s3:::bkt"
    stored = record["s3"]["object"]
    assert (stored["key"], stored["size"], stored["eTag"]) == ("a+b.txt", 5, "827ccb0eea8a706c4c34a16891f84e7b")
    assert removed["Records"][0]["eventName"] == "ObjectRemoved:Delete"
    assert "size" not in removed["Records"][0]["s3"]["object"]


async def test_a_refused_put_leaves_nothing(bench: Bench) -> None:
    from fogbank.api import AwsError

    await put(bench, "k")
    with pytest.raises(AwsError, match="PreconditionFailed"):
        await put(bench, "k", b"q" * 100_000, IfNoneMatch="*")
    with pytest.raises(AwsError, match="BadDigest"):
        await put(bench, "other", b"q" * 100_000, ChecksumSHA1="2jmj7l5rSw0yVb/vlWAYkK/YBwk=")
    folder = bench.store.blobs.path("0" * 32).parent.parent
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    assert [o.key for o in await bench.run(lambda ctx: list(ctx.tx.scan(Object, "bkt")))] == ["k"]
