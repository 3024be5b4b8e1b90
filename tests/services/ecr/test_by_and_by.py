"""What happens by and by: images that expire, layers that nobody needs, uploads that nobody finished, unused trees."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st

from fogbank.api import AwsError, Context
from fogbank.api.cloud import Settings
from fogbank.app import Platform
from fogbank.iam.principal import root
from fogbank.services.ecr import lifecycle, manifests, sweeping, uploads
from fogbank.services.ecr.images import put
from fogbank.services.ecr.lifecycle import DAY, expired
from fogbank.services.ecr.records import Image, Layer, Upload
from fogbank.services.ecr.uploads import append, finish
from fogbank.services.lambda_ import image_trees
from fogbank.services.lambda_.records import Code
from fogbank.store import Store
from fogbank.wire import Codecs
from fogbank.work import SimulatedClock
from tests.services.ecr import oci

KEY = ("111111111111", "eu-west-1", "app")
START = 1_700_000_000.0


class Bench:
    def __init__(self, platform: Platform) -> None:
        self.clock = SimulatedClock(START)
        platform.clock = self.clock  # type: ignore[assignment]
        self.store = platform.store
        self.ctx: Context = platform.context("ecr", KEY[0], KEY[1], root(KEY[0]))

    async def run(self, function: Any, *arguments: Any) -> Any:
        return await self.ctx.transact(lambda c: function(c, *arguments))

    async def call(self, operation: str, **params: Any) -> Any:
        return await self.ctx.call_async("ecr", operation, params)

    async def layer(self, data: bytes) -> Layer:
        upload = await self.run(uploads.begin, KEY)
        await append(self.ctx, KEY, upload.id, data)
        return await finish(self.ctx, KEY, upload.id, [oci.digest_of(data)])

    async def push(self, content: bytes, tag: str | None = None) -> str:
        image = oci.Image([oci.layer({"f": content})])
        for data in image.blobs.values():
            await self.layer(data)
        await self.run(put, KEY, manifests.parse(image.manifest), tag)
        return image.digest

    def rows(self, kind: Any) -> list[Any]:
        return self.store.run(lambda tx: list(tx.scan(kind)))[0]


@pytest_asyncio.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    store = await Store.open(tmp_path)
    try:
        made = Bench(Platform(Settings(tmp_path), store, Codecs(tmp_path / "cache")))
        await made.call("CreateRepository", repositoryName="app")
        yield made
    finally:
        await store.close()


def rule(priority: int, status: str, count: int, **more: Any) -> dict[str, Any]:
    kind = {"countType": "imageCountMoreThan"} if "days" not in more else {
        "countType": "sinceImagePushed", "countUnit": more.pop("days")}
    return {"rulePriority": priority, "selection": {"tagStatus": status, "countNumber": count, **kind, **more},
            "action": {"type": "expire"}}


def image(digest: str, pushed: float, *tags: str) -> Image:
    return Image(account="", region="", repository="", digest=digest, manifest="", media_type="", size=0, pushed=pushed,
                 tags=list(tags))


def test_rules_of_expiry() -> None:
    images = [image("a", 1 * DAY, "v1"), image("b", 2 * DAY, "v2"), image("c", 3 * DAY), image("d", 9 * DAY)]
    images.append(image("e", 9.5 * DAY))
    assert expired([rule(1, "untagged", 1)], images, 10 * DAY) == ["d", "c"]
    assert expired([rule(1, "untagged", 3, days="days")], images, 10 * DAY) == ["c"]
    assert expired([rule(1, "tagged", 1, tagPrefixList=["v"])], images, 10 * DAY) == ["a"]
    assert expired([rule(1, "tagged", 1, tagPatternList=["*1"])], images, 10 * DAY) == []
    # The first rule that an image meets decides, though it spares it.
    assert expired([rule(1, "tagged", 5, tagPrefixList=["v"]), rule(2, "any", 1)], images, 10 * DAY) == ["d", "c"]


@pytest.mark.parametrize("text", [
    "", "[]", "{}", '{"rules": []}', '{"rules": 5}', '{"rules": [5]}', "[" * 10_000,
    json.dumps({"rules": [rule(1, "tagged", 1)]}),
    json.dumps({"rules": [rule(1, "some", 1)]}),
    json.dumps({"rules": [rule(1, "any", 0)]}),
    json.dumps({"rules": [rule(0, "any", 1)]}),
    json.dumps({"rules": [rule(1, "any", 1, days="weeks")]}),
    json.dumps({"rules": [rule(1, "any", 1), rule(1, "untagged", 1)]}),
])
def test_policies_that_are_none(text: str) -> None:
    with pytest.raises(AwsError, match="InvalidParameterException"):
        lifecycle.rules(text)


@given(st.recursive(st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
       | st.dictionaries(st.sampled_from(["rules", "rulePriority", "selection", "action", "type", "tagStatus"]), inner)))
def test_any_document_is_a_policy_or_refused(document: Any) -> None:
    try:
        assert lifecycle.rules(json.dumps(document))
    except AwsError as error:
        assert error.code == "InvalidParameterException"


async def test_expiry_is_carried_out(bench: Bench) -> None:
    old = await bench.push(b"old", "v1")
    await bench.clock.advance(5 * DAY)
    new = await bench.push(b"new", "v2")
    text = json.dumps({"rules": [rule(1, "any", 3, days="days")]})
    await bench.call("PutLifecyclePolicy", repositoryName="app", lifecyclePolicyText=text)
    await bench.run(lifecycle.expire, {"key": list(KEY)})
    assert [i.digest for i in bench.rows(Image)] == [new]
    answer = await bench.call("GetLifecyclePolicy", repositoryName="app")
    assert answer["lastEvaluatedAt"] == START + 5 * DAY
    assert (await bench.call("BatchGetImage", repositoryName="app", imageIds=[{"imageDigest": old}]))["failures"]


async def test_layers_that_no_image_needs_go(bench: Bench) -> None:
    kept = await bench.push(b"kept", "kept")
    gone = await bench.push(b"gone", "gone")
    loose = await bench.layer(b"loose")
    await bench.clock.advance(sweeping.SPARED + 1)
    young = await bench.layer(b"young")
    await bench.call("BatchDeleteImage", repositoryName="app", imageIds=[{"imageDigest": gone}])
    before = {layer.digest: layer.blob for layer in bench.rows(Layer)}
    await bench.run(sweeping.sweep, {"key": list(KEY)})
    left = {layer.digest for layer in bench.rows(Layer)}
    needed = set(bench.rows(Image)[0].blobs)
    assert bench.rows(Image)[0].digest == kept
    assert left == needed | {young.digest}
    for blob in before.values():
        await sweeping.delete_blob(bench.ctx, {"blob": blob})
    assert {digest for digest, blob in before.items() if bench.ctx.blobs.path(blob).exists()} == left
    assert loose.digest not in left


async def test_an_upload_that_nobody_finished_goes(bench: Bench) -> None:
    upload = await bench.run(uploads.begin, KEY)
    await append(bench.ctx, KEY, upload.id, b"half")
    blob = bench.rows(Upload)[0].parts[0].blob
    await bench.run(sweeping.abandon, {"key": [*KEY, upload.id]})
    assert bench.rows(Upload) == []
    await sweeping.delete_blob(bench.ctx, {"blob": blob})
    assert not bench.ctx.blobs.path(blob).exists()
    with pytest.raises(AwsError, match="UploadNotFoundException"):
        await append(bench.ctx, KEY, upload.id, b"more")


async def test_the_tree_of_an_image_that_nobody_runs_goes(bench: Bench) -> None:
    code = Code(blob="", sha256="ab" * 32, size=0)
    tree = image_trees.folder(bench.ctx, code)
    (tree / "rootfs").mkdir(parents=True)
    await image_trees.forget_now(bench.ctx, {"sha256": code.sha256})
    assert not tree.exists()
    await image_trees.forget_now(bench.ctx, {"sha256": code.sha256})
